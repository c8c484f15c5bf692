/* The order that a keeper gets: what base/keeper_format.h calls spec. */
#include <stdio.h>

#include "base/file.h"
#include "base/job_room.h"
#include "base/keeper_format.h"
#include "base/mem.h"

#include "base/banned.h"

/* Where a spec says nothing. */
#define GRACE_MS 2000
#define LOG_LIMIT (1 << 20)
#define FILE_LIMIT_MB 2048
#define DISK_LIMIT_MB 4096
#define PROCESS_LIMIT 512
/* Of one process. Each may be something that the keeper has to look at. */
#define FILES_OPEN 4096
#define FILTER "filter"

static void add_pair(struct iw_buf *spec, const char *key, const char *value)
{
	iw_buf_addf(spec, "%s=%s", key, value);
	iw_buf_add(spec, "", 1);
}

static void add_word(void *ctx, const char *arg)
{
	add_pair(ctx, "arg", arg);
}

static void add_number(struct iw_buf *spec, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)value);
	add_pair(spec, key, text);
}

static bool is_sandboxed(const struct iw_job *job)
{
	return !job->spec.is_trusted && job->jobs->sandbox.kind != IW_SANDBOX_OFF;
}

static int64_t or_default(int64_t value, int64_t other)
{
	return value ? value : other;
}

int64_t iw_job_grace_ms(const struct iw_job *job)
{
	return or_default(job->spec.grace_ms, GRACE_MS);
}

/* How far a job gets until its keeper, which looks now and then, has seen that it is over
 * the limit and ends it. Where the kernel stopped it at the limit itself, it would never be
 * over it: processes that cannot fork go on trying, with all of the core. */
static int process_room(const struct iw_job *job)
{
	int limit = (int)or_default(job->spec.process_limit, PROCESS_LIMIT);

	return limit + limit / 2;
}

/* The words before the command, and the filter beside the spec, out of the job's reach.
 */
static int add_sandbox(struct iw_job *job, struct iw_buf *spec, struct iw_err *err)
{
	struct iw_sandbox_spec walls = {
		.work = job->work,
		.reads = (const char *const *)job->reads.items,
		.writes = (const char *const *)job->writes.items,
		.status_fd = IW_KEEPER_BWRAP_FD,
		.filter_fd = IW_KEEPER_SECCOMP_FD,
		.processes = process_room(job),
	};
	const struct iw_buf *filter = &job->jobs->filter;
	_auto_free_ char *path = iw_path_join(job->dir, FILTER);

	iw_sandbox_args(&job->jobs->sandbox, &walls, add_word, spec);
	add_pair(spec, "seccomp", path);
	return iw_file_write(path, filter->data, filter->len, 0644, err);
}

static void add_limits(const struct iw_job *job, struct iw_buf *spec)
{
	const struct iw_job_spec *s = &job->spec;

	add_number(spec, "timeout_ms", s->timeout_ms);
	add_number(spec, "grace_ms", iw_job_grace_ms(job));
	add_number(spec, "stall_ms", s->stall_ms);
	add_number(spec, "log_limit", or_default(s->log_limit, LOG_LIMIT));
	add_number(spec, "rlimit_core", 0);
	add_number(
		spec, "rlimit_fsize", or_default(s->file_limit_mb, FILE_LIMIT_MB) << 20);
	add_number(spec, "rss_limit_mb", s->rss_limit_mb);
	if (s->is_trusted)
		return; /* fetches whole histories */
	add_number(spec, "rlimit_nofile", FILES_OPEN);
	add_number(spec, "disk_limit_mb", or_default(s->disk_limit_mb, DISK_LIMIT_MB));
	add_number(spec, "process_limit", or_default(s->process_limit, PROCESS_LIMIT));
}

int iw_job_write_spec(struct iw_job *job, struct iw_err *err)
{
	const struct iw_job_spec *s = &job->spec;
	_auto_free_ char *path = iw_path_join(job->dir, IW_KEEPER_SPEC);
	struct iw_buf spec = {0};
	size_t i;
	int rc = 0;

	if (is_sandboxed(job))
		rc = add_sandbox(job, &spec, err);
	for (i = 0; i < job->args.count; i++)
		add_pair(&spec, "arg", job->args.items[i]);
	for (i = 0; i < job->env.count; i++)
		add_pair(&spec, "env", job->env.items[i]);
	add_pair(&spec, "cwd", job->work);
	if (job->has_channel) {
		add_pair(&spec, "stdin_fifo", IW_KEEPER_ASK);
		add_pair(&spec, "stdout_fifo", IW_KEEPER_ANSWER);
	}
	add_limits(job, &spec);
	add_number(&spec, "cpu", s->wants_all_cores ? -1 : job->core);
	add_number(&spec, "nice", s->nice);
	add_number(&spec, "no_aslr", s->no_aslr);
	add_number(&spec, "sandboxed", is_sandboxed(job));
	if (rc == 0)
		rc = iw_file_write(path, spec.data, spec.len, 0644, err);
	iw_buf_fini(&spec);
	return rc;
}
