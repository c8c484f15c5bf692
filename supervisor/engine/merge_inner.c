/*
 * The happy path: a round writes up to 256 units as files and a control file that names
 * them, runs the target on it, and reads the answers that libFuzzer appended: STARTED i,
 * FT i features. Then the next round, until no unit is left.
 *
 * The failures: a target that dies leaves a STARTED without its FT: that unit is the
 * culprit, the log is its report, and the next round begins behind it. A job that dies
 * without having started any unit cannot be measured at all, which ends everything.
 */
#include "engine/merge_inner.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/target_job.h"

#include "base/banned.h"

#define ROUND 256u
#define ANSWER_MAX ((size_t)512 << 20)
#define LOG_MAX ((size_t)2 << 20)
#define REPORT_MAX ((size_t)256 << 10)
#define CONTROL "control"

/* libFuzzer's exit codes. A sanitizer's own is whatever its options say. */
#define CODE_TIMEOUT 70
#define CODE_OOM 71

struct engine_merge_inner {
	struct iw_jobs *jobs;
	const struct engine_driver_spec *spec;
	const struct engine_units *units;
	struct engine_results *results;
	engine_merge_inner_done_cb done;
	void *ctx;

	size_t first, round; /* units of this round */
	size_t measured;
	int64_t culprit;
	uint32_t deaths;
	struct iw_job *job;
	struct iw_exit exit;
	struct iw_work work;
	struct iw_err err; /* of the pool work */
	bool is_stopped;
	int64_t cpu_us;
};

static struct engine_merge_inner *of_work(struct iw_work *work)
{
	return (struct engine_merge_inner *)((char *)work -
		offsetof(struct engine_merge_inner, work));
}

/* A number at *p; false when there is none. */
static bool take_number(const char **p, const char *end, uint64_t *value)
{
	const char *start;

	while (*p < end && **p == ' ')
		(*p)++;
	start = *p;
	for (*value = 0; *p < end && **p >= '0' && **p <= '9' && *p - start < 18; (*p)++)
		*value = *value * 10 + (uint64_t)(**p - '0');
	return *p > start;
}

static bool take_word(const char **p, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *p) < len || memcmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

/* "FT 3 17 25 …" without its first word and number. */
static void take_features(const char *p, const char *end, size_t i, uint64_t limit,
	struct engine_results *r)
{
	uint32_t *numbers = NULL;
	size_t count = 0, cap = 0;
	uint64_t value;

	while (take_number(&p, end, &value)) {
		if (value > UINT32_MAX)
			continue;
		iw_grow(numbers, count, cap);
		numbers[count++] = (uint32_t)value;
	}
	engine_results_add_plain(r, i, numbers, count, limit);
	free(numbers);
}

size_t engine_merge_inner_parse(const char *text, size_t len, size_t first, size_t count,
	uint64_t limit, struct engine_results *results, int64_t *culprit)
{
	const char *p = text, *end = text + len, *eol;
	size_t measured = 0;
	uint64_t i;

	*culprit = -1;
	/* A last line without its end may have been cut off in the middle of a number. */
	for (; (eol = memchr(p, '\n', (size_t)(end - p))) != NULL; p = eol + 1) {
		bool is_start = take_word(&p, eol, "STARTED");

		if (!is_start && !take_word(&p, eol, "FT"))
			continue;
		if (!take_number(&p, eol, &i) || i != measured || i >= count)
			break;
		if (is_start) {
			*culprit = (int64_t)i;
		} else if (*culprit == (int64_t)i) {
			take_features(p, eol, first + i, limit, results);
			*culprit = -1;
			measured++;
		}
	}
	return measured;
}

static int write_unit(struct engine_merge_inner *m, size_t i, struct iw_buf *control,
	struct iw_err *err)
{
	_auto_free_ char *path = iw_fmt("%s/%zu", iw_job_work(m->job), i);
	const void *data;
	size_t len;
	int rc;

	rc = m->units->load(m->units->ctx, m->first + i, &data, &len, err);
	if (rc < 0)
		return rc;
	iw_buf_addf(control, "%s\n", path);
	return iw_file_write(path, data, len, 0644, err);
}

/* Pool. */
static void write_round(struct iw_work *work)
{
	struct engine_merge_inner *m = of_work(work);
	_auto_free_ char *path = iw_path_join(iw_job_work(m->job), CONTROL);
	struct iw_buf control = {0};
	size_t i;
	int rc = 0;

	iw_buf_addf(&control, "%zu\n0\n", m->round);
	for (i = 0; rc == 0 && i < m->round; i++)
		rc = write_unit(m, i, &control, &m->err);
	if (rc == 0)
		iw_file_write(path, control.data, control.len, 0644, &m->err);
	iw_buf_fini(&control);
}

/* "INFO: Loaded 1 modules   (609203 inline 8-bit counters): …": stable features lie below
 * eight times that. */
static uint64_t read_counters(const char *log)
{
	const char *p = strstr(log, "INFO: Loaded ");
	const char *end = p ? strchr(p, '\n') : NULL;
	uint64_t value = 0;

	p = p ? strchr(p, '(') : NULL;
	if (!p || !end || p > end)
		return 0;
	p++;
	if (!take_number(&p, end, &value) ||
		!take_word(&p, end, " inline 8-bit counters"))
		return 0;
	return value;
}

static enum engine_death death_of(const struct iw_exit *exit, const char *log)
{
	if (exit->class == IW_EXIT_OOM || exit->code == CODE_OOM)
		return ENGINE_DEATH_OOM;
	if (exit->class == IW_EXIT_TIMEOUT || exit->code == CODE_TIMEOUT)
		return ENGINE_DEATH_TIMEOUT;
	if (exit->class == IW_EXIT_SIGNALED)
		return ENGINE_DEATH_CRASH;
	/* Every report ends with a summary, that of a target's exit() too. */
	if (strstr(log, "SUMMARY: ") && !strstr(log, "fuzz target exited"))
		return ENGINE_DEATH_CRASH;
	return ENGINE_DEATH_EXIT;
}

static void blame(struct engine_merge_inner *m, const char *log, size_t len)
{
	struct engine_unit_result *unit =
		&m->results->units[m->first + (size_t)m->culprit];
	size_t cut = len > REPORT_MAX ? len - REPORT_MAX : 0;

	unit->outcome = ENGINE_DIED;
	unit->death = death_of(&m->exit, log);
	unit->status = m->exit.class == IW_EXIT_SIGNALED ? m->exit.code
							 : (m->exit.code & 0xff) << 8;
	unit->report = iw_strndup(log + cut, len - cut);
	unit->report_len = strlen(unit->report);
}

/* Pool. */
static void read_round(struct iw_work *work)
{
	struct engine_merge_inner *m = of_work(work);
	_auto_free_ char *path = iw_path_join(iw_job_work(m->job), CONTROL);
	_auto_free_ char *text = NULL, *log = NULL;
	size_t len, log_len = 0;

	m->culprit = -1;
	m->measured = 0;
	if (iw_job_log_read(m->job, LOG_MAX, &log, &log_len, NULL) < 0)
		log = iw_strdup("");
	if (m->results->counters == 0)
		m->results->counters = read_counters(log);
	if (iw_file_read_foreign(path, ANSWER_MAX, &text, &len, &m->err) < 0)
		return;
	m->measured = engine_merge_inner_parse(text, len, m->first, m->round,
		8 * m->results->counters, m->results, &m->culprit);
	if (m->measured == m->round)
		return;
	if (m->culprit >= 0)
		blame(m, log, log_len);
	else if (m->exit.class == IW_EXIT_CLEAN)
		iw_err_set(&m->err, IW_EINVAL,
			"'%s' is no libFuzzer target: it ended without reading its units",
			m->spec->binary);
	else
		iw_err_set(&m->err, IW_EJOB, "libFuzzer measured nothing (%s): %.400s",
			m->exit.words, log_len > 400 ? log + log_len - 400 : log);
}

static void next_round(struct engine_merge_inner *m);

static void finish(struct engine_merge_inner *m)
{
	if (m->is_stopped && !m->err.code)
		iw_err_set(&m->err, IW_ECANCELED, "measuring was stopped");
	m->done(m, m->err.code ? &m->err : NULL, m->ctx);
}

static void on_read(struct iw_work *work)
{
	struct engine_merge_inner *m = of_work(work);

	iw_job_free(m->job);
	m->job = NULL;
	m->first += m->measured;
	if (m->culprit >= 0) {
		m->first++;
		m->deaths++;
	}
	next_round(m);
}

/* Ends that say nothing about a unit. */
static bool is_our_failure(const struct iw_exit *exit)
{
	switch (exit->class) {
	case IW_EXIT_STOPPED:
	case IW_EXIT_SPAWN_FAILED:
	case IW_EXIT_SANDBOX_FAILED:
	case IW_EXIT_LOST:
		return true;
	default:
		return false;
	}
}

static void on_exit_of_job(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct engine_merge_inner *m = ctx;

	(void)job;
	m->exit = *exit;
	m->cpu_us += iw_exit_cpu_us(exit);
	if (is_our_failure(exit)) {
		iw_job_free(m->job);
		m->job = NULL;
		if (exit->class != IW_EXIT_STOPPED)
			iw_err_set(&m->err, IW_EJOB, "measuring: %s", exit->words);
		finish(m);
		return;
	}
	iw_work_submit(iw_jobs_loop(m->jobs), &m->work, read_round, on_read);
}

static void add_limits(struct iw_job *job, const struct engine_driver_spec *spec)
{
	/* Always said: libFuzzer's own defaults are not ours. 0 is none to both. */
	iw_job_argf(job, "-timeout=%" PRId64, (spec->timeout_ms + 999) / 1000);
	iw_job_argf(job, "-rss_limit_mb=%" PRId64, spec->rss_limit_mb);
	if (spec->malloc_limit_mb)
		iw_job_argf(job, "-malloc_limit_mb=%" PRId64, spec->malloc_limit_mb);
}

static void on_written(struct iw_work *work)
{
	struct engine_merge_inner *m = of_work(work);

	if (m->err.code || m->is_stopped) {
		iw_job_free(m->job);
		m->job = NULL;
		finish(m);
		return;
	}
	iw_job_arg(m->job, m->spec->binary);
	iw_job_arg(m->job, "-merge_inner=2");
	iw_job_argf(m->job, "-merge_control_file=%s/" CONTROL, iw_job_work(m->job));
	iw_job_argf(m->job, "-artifact_prefix=%s/", iw_job_work(m->job));
	/* Leaks show at exit, attributed to nobody, and turn a good end into a bad one.
	 */
	iw_job_arg(m->job, "-detect_leaks=0");
	add_limits(m->job, m->spec);
	iw_job_submit(m->job, on_exit_of_job, m);
}

static void do_nothing(struct iw_work *work)
{
	(void)work;
}

static void begin_round(struct engine_merge_inner *m)
{
	m->round = m->units->count - m->first;
	if (m->round > ROUND)
		m->round = ROUND;
	if (engine_target_job(&m->job, m->jobs, m->spec, m->round, &m->err) < 0) {
		/* From the loop, not from the caller's own call. */
		iw_work_submit(iw_jobs_loop(m->jobs), &m->work, do_nothing, on_written);
		return;
	}
	iw_work_submit(iw_jobs_loop(m->jobs), &m->work, write_round, on_written);
}

static void next_round(struct engine_merge_inner *m)
{
	bool is_enough = m->spec->max_deaths && m->deaths >= m->spec->max_deaths;

	if (m->err.code || m->is_stopped || is_enough || m->first == m->units->count)
		finish(m);
	else
		begin_round(m);
}

struct engine_merge_inner *engine_merge_inner_start(struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, const struct engine_units *units,
	struct engine_results *results, engine_merge_inner_done_cb done, void *ctx)
{
	struct engine_merge_inner *m = iw_calloc(1, sizeof *m);

	assert(units->count > 0);
	m->jobs = jobs;
	m->spec = spec;
	m->units = units;
	m->results = results;
	m->done = done;
	m->ctx = ctx;
	results->is_fallback = true;
	begin_round(m);
	return m;
}

void engine_merge_inner_stop(struct engine_merge_inner *merge)
{
	merge->is_stopped = true;
	if (merge->job)
		iw_job_stop(merge->job);
}

int64_t engine_merge_inner_cpu_us(const struct engine_merge_inner *merge)
{
	return merge->cpu_us;
}

void engine_merge_inner_free(struct engine_merge_inner *merge)
{
	if (!merge)
		return;
	assert(!merge->job);
	free(merge);
}
