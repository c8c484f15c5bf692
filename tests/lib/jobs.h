/* Real jobs under the real keeper of the build, for tests: shell scripts on a loop. */
#ifndef TESTS_LIB_JOBS_H
#define TESTS_LIB_JOBS_H

#include "tests/lib/temp.h"

#include "base/job.h"
#include "base/json.h"
#include "base/keeper_format.h"
#include "base/sandbox.h"

struct jobs_test {
	struct temp t;
	struct iw_loop loop;
	struct iw_jobs *jobs;
	char *dir;
};

static inline void jobs_open(struct jobs_test *j, const struct iw_sandbox *sandbox)
{
	struct iw_jobs_config config = {.keeper = TEST_KEEPER};

	temp_open(&j->t);
	j->dir = temp_path(&j->t, "jobs");
	config.dir = j->dir;
	if (sandbox)
		config.sandbox = *sandbox;
	temp_ok(&j->t.err, iw_loop_init(&j->loop, &j->t.err));
	temp_ok(&j->t.err, iw_jobs_open(&j->jobs, &j->loop, &config, &j->t.err));
}

static inline void jobs_close(struct jobs_test *j)
{
	iw_loop_run(&j->loop);
	assert_false(iw_loop_held(&j->loop));
	iw_jobs_close(j->jobs);
	iw_loop_fini(&j->loop);
	free(j->dir);
	temp_close(&j->t);
}

/* The sandbox of this machine; false, and said why, where there is none. */
static inline bool jobs_probe(struct iw_sandbox *sandbox)
{
	struct iw_err err = IW_ERR_INIT;

	if (iw_sandbox_probe(sandbox, &err) == 0)
		return true;
	print_message("without sandbox: %s\n", err.msg);
	return false;
}

static inline struct iw_job *jobs_shell(
	struct jobs_test *j, const struct iw_job_spec *spec, const char *script)
{
	static const struct iw_job_spec zero;
	struct iw_job *job;

	temp_ok(&j->t.err, iw_job_new(&job, j->jobs, spec ? spec : &zero, &j->t.err));
	iw_job_arg(job, "/bin/sh");
	iw_job_arg(job, "-c");
	iw_job_arg(job, script);
	iw_job_env(job, "PATH", "/usr/bin:/bin");
	return job;
}

/* How a job ended, and how often it said so. */
struct jobs_end {
	struct iw_exit exit;
	int calls;
};

static inline void jobs_done(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct jobs_end *end = ctx;

	(void)job;
	end->exit = *exit;
	end->calls++;
}

static inline void jobs_expect(
	const struct jobs_end *end, enum iw_exit_class class, int code, const char *words)
{
	if (end->exit.class != class)
		print_error("it ended so: %s\n", end->exit.words);
	assert_int_equal(end->calls, 1);
	assert_int_equal(end->exit.class, class);
	assert_int_equal(end->exit.code, code);
	if (words)
		assert_string_equal(end->exit.words, words);
}

/* Calls act once when the job has printed "ready"; the job must live long enough. */
struct jobs_watch {
	struct iw_job *job;
	void (*act)(struct jobs_watch *watch);
	void *ctx;
	struct iw_timer *timer;
	int looks;
};

static inline bool jobs_is_ready(const struct iw_job *job)
{
	_auto_free_ char *log = NULL;
	size_t len;

	return iw_job_log_read(job, 4096, &log, &len, NULL) == 0 && strstr(log, "ready");
}

static inline void jobs_look(void *ctx)
{
	struct jobs_watch *w = ctx;

	assert_true(++w->looks < 3000);
	if (!jobs_is_ready(w->job))
		return;
	iw_timer_free(w->timer);
	w->timer = NULL;
	w->act(w);
}

static inline void jobs_watch(struct jobs_test *j, struct jobs_watch *w)
{
	w->timer = iw_timer_new(&j->loop, jobs_look, w);
	iw_timer_start(w->timer, 10, 10);
}

static inline pid_t jobs_keeper_pid(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_RECORD);
	_auto_(iw_json_freep) json_t *record = NULL;

	assert_int_equal(iw_json_load(path, &record, NULL), 0);
	return (pid_t)json_integer_value(json_object_get(record, "pid"));
}

#endif
