#include "base/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/banned.h"

int iw_loop_init(struct iw_loop *loop, struct iw_err *err)
{
	int rc = uv_loop_init(&loop->uv);

	loop->holds = 0;
	if (rc < 0)
		return iw_err_set(
			err, IW_EIO, "cannot start the event loop: %s", uv_strerror(rc));
	return 0;
}

void iw_loop_run(struct iw_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void iw_loop_run_until(struct iw_loop *loop, const bool *is_done)
{
	while (!*is_done && uv_run(&loop->uv, UV_RUN_ONCE))
		;
}

void iw_loop_fini(struct iw_loop *loop)
{
	int rc;

	assert(loop->holds == 0);
	rc = uv_loop_close(&loop->uv);
	assert(rc == 0);
	(void)rc;
}

void iw_loop_hold(struct iw_loop *loop)
{
	loop->holds++;
}

void iw_loop_release(struct iw_loop *loop)
{
	assert(loop->holds > 0);
	loop->holds--;
}

bool iw_loop_held(const struct iw_loop *loop)
{
	return loop->holds > 0;
}

static void on_work(uv_work_t *req)
{
	struct iw_work *work = req->data;

	work->work(work);
}

static void on_work_done(uv_work_t *req, int status)
{
	struct iw_work *work = req->data;

	(void)status; /* we never cancel */
	iw_loop_release(work->loop);
	work->done(work);
}

void iw_work_submit(
	struct iw_loop *loop, struct iw_work *work, iw_work_cb run, iw_work_cb done)
{
	int rc;

	work->loop = loop;
	work->work = run;
	work->done = done;
	work->req.data = work;
	iw_loop_hold(loop);
	rc = uv_queue_work(&loop->uv, &work->req, on_work, on_work_done);
	assert(rc == 0);
	(void)rc;
}

struct iw_timer {
	uv_timer_t uv;
	iw_timer_cb cb;
	void *ctx;
};

static void on_timer(uv_timer_t *uv)
{
	struct iw_timer *timer = uv->data;

	timer->cb(timer->ctx);
}

struct iw_timer *iw_timer_new(struct iw_loop *loop, iw_timer_cb cb, void *ctx)
{
	struct iw_timer *timer = iw_calloc(1, sizeof *timer);

	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	timer->cb = cb;
	timer->ctx = ctx;
	return timer;
}

void iw_timer_start(struct iw_timer *timer, uint64_t ms, uint64_t repeat_ms)
{
	/* libuv's idea of now is that of the last wake-up; a callback may have been slow.
	 */
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, on_timer, ms, repeat_ms);
}

void iw_timer_stop(struct iw_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void iw_timer_free(struct iw_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}
