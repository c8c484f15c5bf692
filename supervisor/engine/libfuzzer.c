/*
 * libFuzzer: one process, no fork mode (it costs two thirds of the executions), restarted
 * by the farm after a finding. Options: https://llvm.org/docs/LibFuzzer.html
 */
#include "engine/engine.h"

#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* libFuzzer's own exit codes, FuzzerOptions.h: timeout 70, out of memory 71, and 77 for
 * what it detected itself. All of them leave an artifact. */

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

static void command(struct iw_job *job, const struct engine_slice *slice)
{
	const char *work = iw_job_work(job);

	iw_job_arg(job, slice->binary);
	iw_job_argf(job, "-artifact_prefix=%s/%s/", work, engine_libfuzzer.artifact_dir);
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
	iw_job_argf(job, "%s/%s", work, engine_libfuzzer.corpus_dir);
}

static void reproduce(
	struct iw_job *job, const struct engine_slice *slice, const char *input)
{
	iw_job_arg(job, slice->binary);
	add_limits(job, slice);
	iw_job_arg(job, input);
}

/* More than any slice can execute; what claims more is the target's own print. */
#define NUMBER_MAX INT64_C(1000000000000000)

/* The newest whole number behind key: the log may end in the middle of one. */
static bool last_number(const char *log, size_t len, const char *key, int64_t *value)
{
	const char *p = log, *end = log + len;
	size_t key_len = strlen(key);
	bool is_found = false;

	while ((p = memmem(p, (size_t)(end - p), key, key_len)) != NULL) {
		const char *digits = p += key_len;
		int64_t n = 0;

		while (digits < end && *digits == ' ')
			digits++;
		for (p = digits; p < end && *p >= '0' && *p <= '9'; p++)
			n = n < NUMBER_MAX ? 10 * n + (*p - '0') : NUMBER_MAX;
		if (p == digits || p == end || n >= NUMBER_MAX)
			continue;
		*value = n;
		is_found = true;
	}
	return is_found;
}

/* Status lines look like "#4096\tNEW    cov: 12 ft: 34 corp: 5/6b exec/s: 2048 …". */
static void progress(const char *log, size_t len, struct engine_progress *out)
{
	if (!last_number(log, len, "stat::number_of_executed_units:", &out->executions))
		last_number(log, len, "\n#", &out->executions);
	last_number(log, len, "exec/s:", &out->per_second);
}

static enum engine_artifact artifact(const char *name)
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

	for (i = 0; i < IW_COUNT(rows); i++)
		if (strncmp(name, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].kind;
	return ENGINE_ARTIFACT_NONE;
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

const struct engine_ops engine_libfuzzer = {
	.name = "libfuzzer",
	.corpus_dir = "corpus",
	.artifact_dir = "artifacts",
	.command = command,
	.progress = progress,
	.artifact = artifact,
	.end = end,
	.reproduce = reproduce,
};
