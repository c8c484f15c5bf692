/*
 * AFL++ 4.04c: persistent mode through its libFuzzer-compatible driver, one instance, no
 * other instances. It goes on after a finding. Its queue is handed from slice to slice as
 * the input folder, with what it knows of each file in .state/; it runs each three times
 * (AFL_FAST_CAL) and is where it was.
 *
 * Units that others found come through ironworks-inbox.so, a custom mutator: AFL++'s own
 * synchronisation takes a minute at least.
 */
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/inbox_format.h"
#include "engine/number.h"
#include "engine/shield.h"

#include "base/banned.h"

#define CORPUS "seeds"
#define INBOX "inbox"
/* Below the output folder, which is work/ itself, afl-fuzz calls its only instance so. */
#define OUT "default"
#define CRASHES OUT "/crashes"
#define HANGS OUT "/hangs"

/* Its own timeout, above which a unit is set aside; the target's decides whether it is a
 * hang. Longer only makes each slow unit cost more. */
#define TIMEOUT_MAX_MS 1000
/* It bounds the address space, where the limit is meant for resident memory: room for
 * code, stacks and its shared maps. */
#define MEMORY_EXTRA_MB 1024
/* After so many units in one process a fresh one, for targets that leak. */
#define PROCESS_UNITS 10000

static void add_environment(struct iw_job *job, const struct engine_slice *slice)
{
	static const char *const on[] = {"AFL_NO_UI", /* the log is read by programs */
		/* Below an own pid namespace it takes every core for free; the keeper has
		 * bound it already. */
		"AFL_NO_AFFINITY", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES",
		"AFL_SKIP_CPUFREQ", "AFL_NO_CRASH_README", "AFL_FAST_CAL"};
	_auto_free_ char *hang = iw_fmt("%lld", (long long)slice->timeout_s * 1000);
	_auto_free_ char *inbox = iw_path_join(iw_job_work(job), INBOX);
	_auto_free_ char *shield = iw_path_join(iw_job_work(job), ENGINE_SHIELD_DIR);
	size_t i;

	for (i = 0; i < IW_COUNT(on); i++)
		iw_job_env(job, on[i], "1");
	/* Units of earlier slices went through it then. */
	if (slice->is_resumed)
		iw_job_env(job, "AFL_CMPLOG_ONLY_NEW", "1");
	if (slice->timeout_s)
		iw_job_env(job, "AFL_HANG_TMOUT", hang);
	/* Slow hosts: the first start of the target, in milliseconds. */
	iw_job_env(job, "AFL_FORKSRV_INIT_TMOUT", "60000");
	if (slice->inbox) {
		iw_job_env(job, "AFL_CUSTOM_MUTATOR_LIBRARY", slice->inbox);
		iw_job_env(job, IW_INBOX_ENV, inbox);
		iw_job_read(job, slice->inbox);
	}
	if (slice->has_shield) {
		iw_job_env(job, "AFL_PRELOAD", slice->driver);
		iw_job_env(job, IW_SHIELD_ENV, shield);
		iw_job_read(job, slice->driver);
	}
}

static void command(struct iw_job *job, const struct engine_slice *slice)
{
	const char *work = iw_job_work(job);
	int64_t timeout_ms = slice->timeout_s * 1000;

	if (timeout_ms <= 0 || timeout_ms > TIMEOUT_MAX_MS)
		timeout_ms = TIMEOUT_MAX_MS;
	iw_job_arg(job, slice->program);
	iw_job_arg(job, "-i");
	iw_job_argf(job, "%s/" CORPUS, work);
	iw_job_arg(job, "-o");
	iw_job_arg(job, work);
	iw_job_argf(job, "-V%lld", (long long)slice->seconds);
	iw_job_argf(job, "-s%u", slice->seed);
	iw_job_argf(job, "-t%lld", (long long)timeout_ms);
	if (slice->malloc_limit_mb)
		iw_job_argf(job, "-m%lld",
			(long long)slice->malloc_limit_mb + MEMORY_EXTRA_MB);
	if (slice->max_len)
		iw_job_argf(job, "-G%lld", (long long)slice->max_len);
	if (slice->dictionary) {
		iw_job_arg(job, "-x");
		iw_job_arg(job, slice->dictionary);
	}
	if (slice->companion) {
		iw_job_arg(job, "-c");
		iw_job_arg(job, slice->companion);
	}
	iw_job_arg(job, "--");
	iw_job_arg(job, slice->binary);
	iw_job_argf(job, "-%d", PROCESS_UNITS);
	add_environment(job, slice);
}

/* The last whole line of plot_data, whose fields are separated by ", ". It is written
 * every five seconds, fuzzer_stats once a minute and at the end. */
static void read_plot(const char *text, size_t len, struct engine_progress *out)
{
	enum { CYCLES = 1, PER_SECOND = 10, EXECUTIONS = 11, FIELDS };
	const char *end, *p;
	int64_t values[FIELDS] = {0};
	int i;

	end = len ? memrchr(text, '\n', len) : NULL;
	if (!end)
		return;
	p = memrchr(text, '\n', (size_t)(end - text));
	p = p ? p + 1 : text;
	for (i = 0; i < FIELDS; i++) {
		if (!engine_number(p, end, &values[i], NULL))
			return;
		p = memchr(p, ',', (size_t)(end - p));
		if (!p)
			return;
		p++;
	}
	out->cycles = values[CYCLES];
	out->per_second = values[PER_SECOND];
	if (values[EXECUTIONS] > out->executions)
		out->executions = values[EXECUTIONS];
}

/* Lines like "execs_done        : 132511". */
static void read_stats(const char *text, size_t len, struct engine_progress *out)
{
	int64_t executions, percent;

	if (engine_last_number(text, len, "execs_done        :", &executions) &&
		executions > out->executions)
		out->executions = executions;
	if (engine_last_number(text, len, "stability         :", &percent) &&
		percent <= 100)
		out->stability = percent;
	if (out->cycles < 0)
		engine_last_number(text, len, "cycles_done       :", &out->cycles);
	if (out->per_second == 0)
		engine_last_number(text, len, "execs_per_sec     :", &out->per_second);
}

static void progress(const struct engine_said *said, struct engine_progress *out)
{
	if (said->files[0].text)
		read_plot(said->files[0].text, said->files[0].len, out);
	if (said->files[1].text)
		read_stats(said->files[1].text, said->files[1].len, out);
}

/* Every file it writes is called "id:<number>,…". */
static bool has_id(const char *name)
{
	return strncmp(name, "id:", 3) == 0;
}

/* A hang of AFL++ is one of its build on a host that may have been busy: a candidate. */
static enum engine_artifact artifact(const char *dir, const char *name)
{
	if (!has_id(name))
		return ENGINE_ARTIFACT_NONE;
	return strcmp(dir, HANGS) == 0 ? ENGINE_ARTIFACT_TIMEOUT : ENGINE_ARTIFACT_CRASH;
}

/* "id:000005,src:000001,time:…,execs:…,op:havoc,rep:2,+cov" was found,
 * "id:000000,time:0,execs:0,orig:<file>" was in the input folder, and ",inbox:<file>" is
 * what our mutator adds. */
static enum engine_unit unit(const char *name)
{
	const char *gift = strstr(name, "," IW_INBOX_MARK);

	if (!has_id(name) || strstr(name, ",orig:"))
		return ENGINE_UNIT_GIVEN;
	if (gift)
		return strchr(gift, '-') ? ENGINE_UNIT_KEPT : ENGINE_UNIT_GIVEN;
	return ENGINE_UNIT_FOUND;
}

static enum engine_end end(const struct iw_exit *exit, bool has_artifact)
{
	(void)has_artifact; /* it goes on after them */
	switch (exit->class) {
	case IW_EXIT_CLEAN:
	case IW_EXIT_STOPPED:
	case IW_EXIT_TIMEOUT: /* a large queue takes its time before the clock starts */
		return ENGINE_END_SLICE;
	default:
		return ENGINE_END_FAILED;
	}
}

static const char *const artifact_dirs[] = {CRASHES, HANGS, NULL};
static const char *const progress_files[] = {OUT "/plot_data", OUT "/fuzzer_stats", NULL};

const struct engine_ops engine_aflpp = {
	.name = "aflpp",
	.corpus_dir = CORPUS,
	.find_dir = OUT "/queue",
	.inbox_dir = INBOX,
	.artifact_dirs = artifact_dirs,
	.progress_files = progress_files,
	.first_unit = "\n",
	.goes_on = true,
	.keeps_finds = true,
	.command = command,
	.progress = progress,
	.artifact = artifact,
	.unit = unit,
	.end = end,
};
