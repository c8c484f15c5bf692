/*
 * The happy path: new makes jobs/<id>/ and work/; submit asks the gate; grant writes spec
 * and about and spawns the keeper with a status pipe on descriptor 3; "ok" on the pipe
 * says that the command runs; the keeper's exit says that the record is written; it is
 * read, classified and handed to done.
 *
 * The failures: what goes wrong before the keeper runs (disk full, no keeper) becomes an
 * exit of class SPAWN_FAILED, delivered from a timer so that done is always later. A
 * keeper that dies without a record (SIGKILL) leaves LOST; its job died with it.
 *
 *	NEW --submit--> WAITING --grant--> RUNNING --keeper exits--> ENDED
 *	                   |  stop                                     ^
 *	                   +-------------> ENDING --timer--------------+
 */
#include "base/job.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/job_record.h"
#include "base/job_room.h"
#include "base/keeper_format.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define STOP_AGAIN_MS 100
/* What a keeper may need beyond its own deadlines (it reaps for 10 s at most). One that
 * takes longer was stopped itself, and is woken; then it is killed, and its job with it.
 */
#define ANSWER_MS 20000

static const char *const purpose_names[IW_PURPOSE_COUNT] = {
	[IW_PURPOSE_REPRODUCE] = "reproduce",
	[IW_PURPOSE_MINIMIZE] = "minimize",
	[IW_PURPOSE_BISECT] = "bisect",
	[IW_PURPOSE_SYMBOLIZE] = "symbolize",
	[IW_PURPOSE_FETCH] = "fetch",
	[IW_PURPOSE_BUILD] = "build",
	[IW_PURPOSE_MEASURE] = "measure",
	[IW_PURPOSE_REPLAY] = "replay",
	[IW_PURPOSE_DISTIL] = "distil",
	[IW_PURPOSE_COVER] = "cover",
	[IW_PURPOSE_FUZZ] = "fuzz",
};

const char *iw_purpose_name(enum iw_purpose purpose)
{
	return purpose_names[purpose];
}

int64_t iw_exit_cpu_us(const struct iw_exit *exit)
{
	return exit->user_us + exit->sys_us;
}

static void words_add(struct words *w, const char *word)
{
	/* One NULL stays behind the last, so that items is an argv. */
	w->items = iw_reallocarray(w->items, w->count + 2, sizeof *w->items);
	w->items[w->count++] = iw_strdup(word);
	w->items[w->count] = NULL;
}

static void words_fini(struct words *w)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		free(w->items[i]);
	free(w->items);
}

int iw_jobs_open(struct iw_jobs **out, struct iw_loop *loop,
	const struct iw_jobs_config *config, struct iw_err *err)
{
	struct iw_jobs *jobs;
	int rc = iw_dir_make(config->dir, err);

	if (rc < 0)
		return rc;
	if (access(config->keeper, X_OK) < 0)
		return iw_err_set(err, IW_ETOOL,
			"the job keeper '%s' is missing; build or install Ironworks "
			"whole",
			config->keeper);
	jobs = iw_calloc(1, sizeof *jobs);
	jobs->loop = loop;
	jobs->dir = iw_strdup(config->dir);
	jobs->keeper = iw_strdup(config->keeper);
	jobs->sandbox = config->sandbox;
	if (config->sandbox.kind != IW_SANDBOX_OFF) {
		rc = iw_seccomp_filter(&jobs->filter, err);
		if (rc < 0) {
			iw_jobs_close(jobs);
			return rc;
		}
	}
	/* Ids grow over restarts, so a name is never used twice. */
	jobs->next_id = iw_time_wall_ms();
	*out = jobs;
	return 0;
}

void iw_jobs_gate(struct iw_jobs *jobs, const struct iw_job_gate *gate)
{
	jobs->gate = *gate;
	jobs->has_gate = true;
}

const struct iw_sandbox *iw_jobs_sandbox(const struct iw_jobs *jobs)
{
	return &jobs->sandbox;
}

static bool reads(const struct iw_job *job, const char *path)
{
	size_t i;

	for (i = 0; i < job->reads.count; i++)
		if (strcmp(job->reads.items[i], path) == 0)
			return true;
	return false;
}

int iw_jobs_readers(const struct iw_jobs *jobs, const char *path)
{
	const struct iw_job *job;
	int n = 0;

	for (job = jobs->list; job; job = job->next)
		n += reads(job, path);
	return n;
}

struct iw_loop *iw_jobs_loop(const struct iw_jobs *jobs)
{
	return jobs->loop;
}

void iw_jobs_close(struct iw_jobs *jobs)
{
	if (!jobs)
		return;
	assert(jobs->count == 0);
	free(jobs->dir);
	free(jobs->keeper);
	iw_buf_fini(&jobs->filter);
	free(jobs);
}

/* A folder that was left behind keeps its name, also when the clock went back since. */
static void name_job(struct iw_job *job)
{
	struct iw_jobs *jobs = job->jobs;

	do {
		free(job->dir);
		snprintf(job->id, sizeof job->id, "%s-%lld",
			iw_purpose_name(job->spec.purpose), (long long)jobs->next_id++);
		job->dir = iw_path_join(jobs->dir, job->id);
	} while (iw_file_exists(job->dir));
}

int iw_job_new(struct iw_job **out, struct iw_jobs *jobs, const struct iw_job_spec *spec,
	struct iw_err *err)
{
	struct iw_job *job = iw_calloc(1, sizeof *job);
	size_t i;
	int rc;

	job->jobs = jobs;
	job->spec = *spec;
	job->about = spec->about ? iw_strdup(spec->about) : NULL;
	iw_job_set_what(job, spec->what ? spec->what : "");
	job->core = job->pidfd = -1;
	name_job(job);
	job->work = iw_path_join(job->dir, "work");
	for (i = 0; spec->reads && spec->reads[i]; i++)
		words_add(&job->reads, spec->reads[i]);
	for (i = 0; spec->writes && spec->writes[i]; i++)
		words_add(&job->writes, spec->writes[i]);
	jobs->count++;
	job->next = jobs->list;
	jobs->list = job;
	rc = iw_dir_make(job->work, err);
	if (rc == 0 && job->about) {
		_auto_free_ char *path = iw_path_join(job->dir, "about");

		rc = iw_file_write(path, job->about, strlen(job->about), 0644, err);
	}
	if (rc < 0) {
		iw_job_free(job);
		iw_err_wrap(err, "making a %s job", iw_purpose_name(spec->purpose));
		return rc;
	}
	*out = job;
	return 0;
}

const char *iw_job_id(const struct iw_job *job)
{
	return job->id;
}

const char *iw_job_dir(const struct iw_job *job)
{
	return job->dir;
}

const char *iw_job_work(const struct iw_job *job)
{
	return job->work;
}

enum iw_purpose iw_job_purpose(const struct iw_job *job)
{
	return job->spec.purpose;
}

const char *iw_job_what(const struct iw_job *job)
{
	return job->what;
}

void iw_job_set_what(struct iw_job *job, const char *what)
{
	char *copy = iw_strdup(what);

	free(job->what);
	job->what = copy;
}

bool iw_job_is_urgent(const struct iw_job *job)
{
	return job->spec.is_urgent;
}

int64_t iw_job_since_ms(const struct iw_job *job)
{
	return job->since_ms;
}

const struct iw_exit *iw_job_exit(const struct iw_job *job)
{
	return &job->exit;
}

void iw_job_arg(struct iw_job *job, const char *arg)
{
	words_add(&job->args, arg);
}

void iw_job_argf(struct iw_job *job, const char *fmt, ...)
{
	_auto_free_ char *arg = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&arg, fmt, ap) < 0)
		abort();
	va_end(ap);
	words_add(&job->args, arg);
}

void iw_job_env(struct iw_job *job, const char *name, const char *value)
{
	_auto_free_ char *pair = iw_fmt("%s=%s", name, value);

	words_add(&job->env, pair);
}

void iw_job_read(struct iw_job *job, const char *path)
{
	words_add(&job->reads, path);
}

int iw_job_log_read(const struct iw_job *job, size_t max, char **data, size_t *len,
	struct iw_err *err)
{
	return iw_job_record_log(job->dir, max, data, len, err);
}

bool iw_job_is_running(const struct iw_job *job)
{
	return job->state == RUNNING && !job->has_exited;
}

void iw_job_leave_gate(struct iw_job *job)
{
	struct iw_jobs *jobs = job->jobs;

	if (!jobs->has_gate || job->is_gone)
		return;
	job->is_gone = true;
	jobs->gate.gone(jobs->gate.ctx, job);
}

/* The end of every job that was submitted. */
void iw_job_finish(struct iw_job *job)
{
	struct iw_jobs *jobs = job->jobs;

	job->state = ENDED;
	iw_timer_free(job->later);
	iw_timer_free(job->overdue);
	job->later = job->overdue = NULL;
	iw_loop_release(jobs->loop);
	iw_job_leave_gate(job);
	iw_debug("job ended", S("job", job->id), S("how", job->exit.words),
		I("cpu_ms", iw_exit_cpu_us(&job->exit) / 1000));
	job->done(job, &job->exit, job->ctx);
}

static void on_later(void *ctx)
{
	iw_job_finish(ctx);
}

/* Ends a job that never ran, from the loop and not from the caller's own call. */
static void end_later(struct iw_job *job, enum iw_exit_class class, const char *words)
{
	job->state = ENDING;
	job->exit = (struct iw_exit){.class = class, .code = -1};
	snprintf(job->exit.words, sizeof job->exit.words, "%s", words);
	job->later = iw_timer_new(job->jobs->loop, on_later, job);
	iw_timer_start(job->later, 0, 0);
}

void iw_job_submit(struct iw_job *job, iw_job_done_cb done, void *ctx)
{
	struct iw_jobs *jobs = job->jobs;

	assert(job->state == NEW);
	job->done = done;
	job->ctx = ctx;
	job->state = WAITING;
	iw_loop_hold(jobs->loop);
	if (jobs->has_gate && !job->spec.is_service)
		jobs->gate.want(jobs->gate.ctx, job);
	else
		iw_job_grant(job, -1);
}

/* Both the pipe and the poll handle must be closed before the job may be freed. */
void iw_job_on_handle_closed(uv_handle_t *handle)
{
	struct iw_job *job = handle->data;

	if (--job->open_handles > 0)
		return;
	if (job->is_let_go) {
		job->state = ENDED;
		iw_loop_release(job->jobs->loop);
		iw_job_leave(job);
	} else if (job->has_exited) {
		iw_job_record_read(
			job->dir, job->status_text, job->stops > 0, &job->exit);
		iw_job_finish(job);
	}
}

/* A keeper that was stopped (SIGSTOP) takes a signal only when it goes on. */
static void ask_to_end(struct iw_job *job)
{
	iw_job_signal_keeper(job, SIGTERM);
	iw_job_signal_keeper(job, SIGCONT);
}

static void on_overdue(void *ctx);

/* The job is to end within ms, its keeper a little later. */
void iw_job_expect_end(struct iw_job *job, int64_t ms)
{
	if (!job->overdue)
		job->overdue = iw_timer_new(job->jobs->loop, on_overdue, job);
	iw_timer_start(
		job->overdue, (uint64_t)(ms + iw_job_grace_ms(job) + ANSWER_MS), 0);
}

static void on_overdue(void *ctx)
{
	struct iw_job *job = ctx;

	if (job->has_exited)
		return;
	iw_warn("a keeper does not answer", S("job", job->id),
		S("next", job->is_asked ? "it is killed" : "it is woken"));
	if (job->is_asked) {
		iw_job_signal_keeper(job, SIGKILL);
		return;
	}
	job->is_asked = true;
	ask_to_end(job);
	iw_job_expect_end(job, 0);
}

void iw_job_grant(struct iw_job *job, int core)
{
	struct iw_err err = IW_ERR_INIT;
	int rc;

	assert(job->state == WAITING);
	job->core = core;
	job->since_ms = iw_time_wall_ms();
	if (iw_job_write_spec(job, &err) < 0) {
		end_later(job, IW_EXIT_SPAWN_FAILED, err.msg);
		return;
	}
	job->state = RUNNING;
	rc = iw_job_spawn_keeper(job);
	if (rc < 0) {
		_auto_free_ char *words =
			iw_fmt("cannot start the keeper: %s", uv_strerror(rc));

		end_later(job, IW_EXIT_SPAWN_FAILED, words);
		return;
	}
	iw_debug("job started", S("job", job->id), I("core", core),
		I("keeper", job->keeper));
	if (job->spec.timeout_ms)
		iw_job_expect_end(job, job->spec.timeout_ms);
}

static void stop_again(void *ctx)
{
	struct iw_job *job = ctx;

	if (!job->has_exited)
		iw_job_signal_keeper(job, SIGTERM);
}

void iw_job_stop(struct iw_job *job)
{
	if (job->state == WAITING) {
		/* The gate must not grant what is about to end. */
		iw_job_leave_gate(job);
		end_later(job, IW_EXIT_STOPPED, "stopped before it started");
	} else if (job->state == RUNNING && !job->has_exited) {
		job->stops++;
		ask_to_end(job);
		job->is_asked = true;
		iw_job_expect_end(job, 0);
		/* Signals do not queue: two close together are one to the keeper. */
		if (job->stops == 2) {
			job->later = iw_timer_new(job->jobs->loop, stop_again, job);
			iw_timer_start(job->later, STOP_AGAIN_MS, STOP_AGAIN_MS);
		}
	}
}

static void unlist(struct iw_job *job)
{
	struct iw_job **at;

	for (at = &job->jobs->list; *at != job; at = &(*at)->next)
		;
	*at = job->next;
}

void iw_job_leave(struct iw_job *job)
{
	if (!job)
		return;
	assert(job->state == NEW || job->state == ENDED);
	job->jobs->count--;
	unlist(job);
	words_fini(&job->args);
	words_fini(&job->env);
	words_fini(&job->reads);
	words_fini(&job->writes);
	free(job->about);
	free(job->what);
	free(job->dir);
	free(job->work);
	if (job->pidfd >= 0)
		close(job->pidfd);
	free(job);
}

void iw_job_free(struct iw_job *job)
{
	struct iw_err err = IW_ERR_INIT;

	if (job && iw_dir_remove(job->dir, &err) < 0)
		iw_warn("job folder stays", S("error", err.msg));
	iw_job_leave(job);
}
