/*
 * The happy path of a batch: it is written on the pool, one byte asks for it, one byte
 * answers, the result is read on the pool, done is called. The first asks too; its job
 * starts meanwhile.
 *
 * The failures: a job that ends while a batch runs leaves the units without a record as
 * not run, with a reason; one that ends between batches is replaced. A process that takes
 * far longer than its units may, or answers before it is done, is ended.
 *
 *	         run           written            answer, or the job's end
 *	IDLE ---------> WRITING ---------> RUNNING ----------------> READING --+--> IDLE
 *	                   |                                            |      |
 *	                   +-- unfit --> ONE_SHOT --------------------- | -----+
 *	                                     ^--------- unfit ----------+      |
 *	                                                not whole: ENDING -----+
 */
#include "engine/session.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/driver_batch.h"
#include "engine/target_job.h"

#include "base/banned.h"

/* Of the start and of the way to and fro; units add theirs. */
#define PATIENCE_MS 120000

enum state { IDLE, WRITING, RUNNING, READING, ENDING, ONE_SHOT, CLOSING };

/* Freed by libuv's time, not ours. */
struct pipe {
	uv_pipe_t uv;
	char buf[64];
	struct engine_session *session; /* NULL: closed */
};

struct engine_session {
	struct iw_jobs *jobs;
	struct engine_driver_spec spec;
	struct engine_units units;
	struct engine_results results;
	engine_session_done_cb done;
	void *ctx;

	enum state state;
	bool is_stopped, is_unfit;
	struct iw_job *job;
	bool is_submitted, has_ended; /* the job */
	struct iw_exit exit;
	int ask;
	struct pipe *answer;
	struct iw_timer *patience, *later;
	struct engine_driver *one_shot;
	int64_t cpu_us;

	struct iw_work work;
	struct iw_err err; /* of the pool work, then of the batch */
	enum engine_batch_end end;
	char why[512];

	engine_session_closed_cb closed;
	void *closed_ctx;
};

static struct engine_session *of_work(struct iw_work *work)
{
	return (struct engine_session *)((char *)work -
		offsetof(struct engine_session, work));
}

struct engine_session *engine_session_new(
	struct iw_jobs *jobs, const struct engine_driver_spec *spec)
{
	struct engine_session *s = iw_calloc(1, sizeof *s);

	assert(!spec->collect);
	s->jobs = jobs;
	s->ask = -1;
	engine_spec_copy(&s->spec, spec);
	engine_results_init(&s->results, 0);
	return s;
}

static void on_pipe_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* After the job's end, or before its submit. */
static void drop_job(struct engine_session *s)
{
	if (s->ask >= 0)
		close(s->ask);
	s->ask = -1;
	if (s->answer) {
		s->answer->session = NULL;
		uv_close((uv_handle_t *)&s->answer->uv, on_pipe_closed);
		s->answer = NULL;
	}
	iw_job_free(s->job);
	s->job = NULL;
	s->is_submitted = s->has_ended = false;
}

/* The end of every batch. */
static void finish(struct engine_session *s)
{
	iw_timer_free(iw_steal(&s->patience));
	s->state = IDLE;
	if (s->has_ended)
		drop_job(s);
	if (s->is_stopped)
		iw_err_set(&s->err, IW_ECANCELED, "measuring was stopped");
	s->done(s, s->err.code ? &s->err : NULL, s->ctx);
}

/* -- without a session ---------------------------------------------------------------- */

static void on_one_shot(struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct engine_session *s = ctx;

	(void)driver;
	if (err)
		iw_err_copy(&s->err, err);
	s->cpu_us += engine_driver_cpu_us(s->one_shot);
	finish(s);
}

static void run_one_shot(struct engine_session *s)
{
	struct engine_driver_spec spec = s->spec;

	spec.serves = false;
	s->is_unfit = true;
	s->state = ONE_SHOT;
	s->one_shot = engine_driver_new(s->jobs, &spec);
	engine_driver_start(s->one_shot, &s->units, on_one_shot, s);
}

/* -- a batch -------------------------------------------------------------------------- */

static void judge(struct engine_session *s)
{
	int rc = 0;

	/* What never ran left no result: why it did not is the better sentence. */
	if (s->has_ended && s->exit.class == IW_EXIT_SPAWN_FAILED)
		s->err = (struct iw_err)IW_ERR_INIT;
	if (!s->err.code && !s->is_stopped)
		rc = engine_batch_judge(
			s->end, &s->exit, s->spec.purpose, s->why, &s->err);
	if (rc > 0) {
		drop_job(s);
		engine_results_fini(&s->results);
		run_one_shot(s);
	} else {
		finish(s);
	}
}

/* Pool. */
static void read_batch(struct iw_work *work)
{
	struct engine_session *s = of_work(work);

	engine_batch_read(iw_job_work(s->job), &s->results, &s->end, s->why, &s->err);
}

/* A process whose result is not whole is not asked again. */
static void on_read(struct iw_work *work)
{
	struct engine_session *s = of_work(work);

	if (s->has_ended || (s->end == ENGINE_BATCH_WHOLE && !s->err.code)) {
		judge(s);
		return;
	}
	s->state = ENDING;
	iw_job_stop(s->job);
}

static void take_answer(struct engine_session *s)
{
	s->state = READING;
	iw_work_submit(iw_jobs_loop(s->jobs), &s->work, read_batch, on_read);
}

static void on_answer(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pipe *pipe = stream->data;

	(void)buf;
	if (n > 0 && pipe->session && pipe->session->state == RUNNING)
		take_answer(pipe->session);
}

static void on_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct pipe *pipe = handle->data;

	(void)suggested;
	*buf = uv_buf_init(pipe->buf, sizeof pipe->buf);
}

static void end_closing(struct engine_session *s)
{
	drop_job(s);
	iw_timer_free(s->later);
	if (s->closed)
		s->closed(s->closed_ctx);
	engine_driver_free(s->one_shot);
	engine_results_fini(&s->results);
	engine_spec_fini(&s->spec);
	free(s);
}

static void on_job_done(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct engine_session *s = ctx;

	(void)job;
	s->exit = *exit;
	s->has_ended = true;
	s->cpu_us += iw_exit_cpu_us(exit);
	if (s->state == RUNNING) {
		/* Whoever stopped the job meant this batch. */
		s->is_stopped |= exit->class == IW_EXIT_STOPPED && !s->err.code;
		take_answer(s);
	} else if (s->state == ENDING) {
		judge(s);
	} else if (s->state == CLOSING) {
		end_closing(s);
	}
}

static void open_job(struct engine_session *s)
{
	int answer;

	s->spec.serves = true;
	if (engine_target_job(&s->job, s->jobs, &s->spec, 0, &s->err) < 0 ||
		iw_job_channel(s->job, &s->ask, &answer, &s->err) < 0)
		return;
	engine_target_command(s->job, &s->spec);
	s->answer = iw_calloc(1, sizeof *s->answer);
	s->answer->session = s;
	s->answer->uv.data = s->answer;
	uv_pipe_init(&iw_jobs_loop(s->jobs)->uv, &s->answer->uv, 0);
	uv_pipe_open(&s->answer->uv, answer);
	uv_read_start((uv_stream_t *)&s->answer->uv, on_buf, on_answer);
}

static void start_batch(struct engine_session *s);

static void on_patience_over(void *ctx)
{
	struct engine_session *s = ctx;

	if (s->state != RUNNING || iw_job_since_ms(s->job) == 0)
		return;
	iw_err_set(&s->err, IW_EJOB, "the driver gave no answer in time");
	iw_job_stop(s->job);
}

static void on_written(struct iw_work *work)
{
	struct engine_session *s = of_work(work);
	uint64_t ms = PATIENCE_MS + (uint64_t)s->spec.timeout_ms * s->units.count;

	if (s->err.code || s->is_stopped) {
		/* Nobody has asked yet; a job that never started is none. */
		if (!s->is_submitted)
			drop_job(s);
		finish(s);
		return;
	}
	if (s->has_ended) {
		drop_job(s);
		start_batch(s);
		return;
	}
	s->state = RUNNING;
	if (!s->is_submitted)
		iw_job_submit(s->job, on_job_done, s);
	s->is_submitted = true;
	if (write(s->ask, "?", 1) != 1)
		iw_warn("a driver could not be asked", S("target", s->spec.binary));
	s->patience = iw_timer_new(iw_jobs_loop(s->jobs), on_patience_over, s);
	iw_timer_start(s->patience, ms, ms);
}

/* Pool. */
static void write_batch(struct iw_work *work)
{
	struct engine_session *s = of_work(work);

	if (!s->err.code)
		engine_batch_write(iw_job_work(s->job), &s->spec, &s->units, &s->err);
}

static void start_batch(struct engine_session *s)
{
	s->state = WRITING;
	if (!s->job)
		open_job(s);
	iw_work_submit(iw_jobs_loop(s->jobs), &s->work, write_batch, on_written);
}

void engine_session_run(struct engine_session *s, const struct engine_units *units,
	engine_session_done_cb done, void *ctx)
{
	assert(s->state == IDLE && units->count > 0);
	s->units = *units;
	s->done = done;
	s->ctx = ctx;
	s->err = (struct iw_err)IW_ERR_INIT;
	s->is_stopped = false;
	engine_results_fini(&s->results);
	engine_results_init(&s->results, units->count);
	engine_driver_free(iw_steal(&s->one_shot));
	/* What is no libFuzzer target has no driver at all. */
	if (s->is_unfit || s->spec.args)
		run_one_shot(s);
	else
		start_batch(s);
}

void engine_session_set_cpu(struct engine_session *s, int64_t ms)
{
	s->spec.cpu_ms = ms;
}

void engine_session_stop(struct engine_session *s)
{
	if (s->state == IDLE || s->state == CLOSING)
		return;
	s->is_stopped = true;
	if (s->state == ONE_SHOT)
		engine_driver_stop(s->one_shot);
	else if (s->state == RUNNING)
		iw_job_stop(s->job);
}

const struct engine_results *engine_session_results(const struct engine_session *s)
{
	return s->one_shot ? engine_driver_results(s->one_shot) : &s->results;
}

int64_t engine_session_cpu_us(const struct engine_session *s)
{
	return s->cpu_us;
}

static void on_later(void *ctx)
{
	end_closing(ctx);
}

void engine_session_close(
	struct engine_session *s, engine_session_closed_cb closed, void *ctx)
{
	assert(s->state == IDLE);
	s->state = CLOSING;
	s->closed = closed;
	s->closed_ctx = ctx;
	if (s->job && !s->has_ended) {
		/* Its stdin ends. A target that holds on to the driver is not asked. */
		close(s->ask);
		s->ask = -1;
		iw_job_stop(s->job);
		return;
	}
	s->later = iw_timer_new(iw_jobs_loop(s->jobs), on_later, s);
	iw_timer_start(s->later, 0, 0);
}
