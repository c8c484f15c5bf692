/*
 * libFuzzer: one process, no fork mode (it costs two thirds of the executions), restarted
 * by the farm after a finding. Options: https://llvm.org/docs/LibFuzzer.html
 */
#include "engine/engine.h"

#include <string.h>

#include "base/mem.h"
#include "engine/number.h"
#include "engine/shield.h"

#include "base/banned.h"

/* libFuzzer's own exit codes, FuzzerOptions.h: timeout 70, out of memory 71, and 77 for
 * what it detected itself. All of them leave an artifact. */

#define CORPUS "corpus"
#define ARTIFACTS "artifacts"

static void add_limits(struct iw_job *job, const struct engine_slice *slice)
{
	if (slice->timeout_s)
		iw_job_argf(job, "-timeout=%lld", (long long)slice->timeout_s);
	if (slice->rss_limit_mb)
		iw_job_argf(job, "-rss_limit_mb=%lld", (long long)slice->rss_limit_mb);
	if (slice->malloc_limit_mb)
		iw_job_argf(
			job, "-malloc_limit_mb=%lld", (long long)slice->malloc_limit_mb);
	iw_job_argf(job, "-detect_leaks=%d", slice->check_leaks);
}

/* Set by env(1) inside the sandbox: bubblewrap itself must not load it. */
static void add_shield(struct iw_job *job, const struct engine_slice *slice)
{
	iw_job_read(job, slice->driver);
	iw_job_arg(job, "/usr/bin/env");
	iw_job_argf(job, "LD_PRELOAD=%s", slice->driver);
	iw_job_argf(job, IW_SHIELD_ENV "=%s/" ENGINE_SHIELD_DIR, iw_job_work(job));
}

static void command(struct iw_job *job, const struct engine_slice *slice)
{
	const char *work = iw_job_work(job);

	if (slice->has_shield)
		add_shield(job, slice);
	iw_job_arg(job, slice->binary);
	iw_job_argf(job, "-artifact_prefix=%s/%s/", work, ARTIFACTS);
	iw_job_argf(job, "-max_total_time=%lld", (long long)slice->seconds);
	iw_job_argf(job, "-seed=%u", slice->seed);
	if (slice->max_len)
		iw_job_argf(job, "-max_len=%lld", (long long)slice->max_len);
	if (slice->dictionary)
		iw_job_argf(job, "-dict=%s", slice->dictionary);
	add_limits(job, slice);
	/* Slow units would fill the artifacts; timeouts are what we look for. */
	iw_job_arg(job, "-report_slow_units=1000000");
	iw_job_arg(job, "-print_final_stats=1");
	iw_job_argf(job, "%s/%s", work, CORPUS);
}

static void reproduce(
	struct iw_job *job, const struct engine_slice *slice, const char *input)
{
	iw_job_arg(job, slice->binary);
	add_limits(job, slice);
	/* With a file to run it means how often, not how many mutants. */
	if (slice->repeat)
		iw_job_argf(job, "-runs=%lld", (long long)slice->repeat);
	/* Only the two together list the functions of a single run. */
	if (slice->tells_functions) {
		iw_job_arg(job, "-print_coverage=1");
		iw_job_arg(job, "-print_full_coverage=1");
	}
	iw_job_arg(job, input);
}

/*
 * Counts what a reload brought: the corpus has grown since the status line before. Each
 * line is looked at once, by its number of executions, which grows.
 */
static void count_kept(const char *log, size_t len, struct engine_progress *out)
{
	const char *p = log, *end = log + len, *eol;

	for (; (eol = memchr(p, '\n', (size_t)(end - p))) != NULL; p = eol + 1) {
		static const char corp[] = "corp: ";
		const char *at = memmem(p, (size_t)(eol - p), corp, strlen(corp));
		const char *rest;
		int64_t line, units;

		if (*p != '#' || !at || !engine_number(p + 1, eol, &line, &rest) ||
			!engine_number(at + strlen(corp), eol, &units, NULL) ||
			line < out->line)
			continue;
		if (line > out->line && out->units && units > out->units &&
			memmem(rest, (size_t)(at - rest), "RELOAD", strlen("RELOAD")))
			out->kept += units - out->units;
		out->line = line;
		out->units = units;
	}
}

/* Status lines look like "#4096\tNEW    cov: 12 ft: 34 corp: 5/6b exec/s: 2048 …". */
static void progress(const struct engine_said *said, struct engine_progress *out)
{
	const char *log = said->log;
	size_t len = said->log_len;

	if (!engine_last_number(
		    log, len, "stat::number_of_executed_units:", &out->executions))
		engine_last_number(log, len, "\n#", &out->executions);
	engine_last_number(log, len, "exec/s:", &out->per_second);
	count_kept(log, len, out);
}

static enum engine_artifact artifact(const char *dir, const char *name)
{
	static const struct {
		const char *prefix;
		enum engine_artifact kind;
	} rows[] = {
		{"crash-", ENGINE_ARTIFACT_CRASH},
		{"timeout-", ENGINE_ARTIFACT_TIMEOUT},
		{"oom-", ENGINE_ARTIFACT_OOM},
		{"leak-", ENGINE_ARTIFACT_LEAK},
	};
	size_t i;

	(void)dir;
	for (i = 0; i < IW_COUNT(rows); i++)
		if (strncmp(name, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].kind;
	return ENGINE_ARTIFACT_NONE;
}

/* Its names say nothing; the store knows which units are new. */
static enum engine_unit unit(const char *name)
{
	(void)name;
	return ENGINE_UNIT_FOUND;
}

static enum engine_end end(const struct iw_exit *exit, bool has_artifact)
{
	if (has_artifact)
		return ENGINE_END_FOUND;
	switch (exit->class) {
	case IW_EXIT_CLEAN:
	case IW_EXIT_STOPPED:
	case IW_EXIT_TIMEOUT: /* our own deadline, a little behind -max_total_time */
		return ENGINE_END_SLICE;
	default:
		return ENGINE_END_FAILED;
	}
}

static const char *const artifact_dirs[] = {ARTIFACTS, NULL};

const struct engine_ops engine_libfuzzer = {
	.name = "libfuzzer",
	.corpus_dir = CORPUS,
	.find_dir = CORPUS,
	/* -reload=1, its default: it reads the folder again every second. */
	.inbox_dir = CORPUS,
	.artifact_dirs = artifact_dirs,
	.command = command,
	.progress = progress,
	.artifact = artifact,
	.unit = unit,
	.end = end,
	.reproduce = reproduce,
};
