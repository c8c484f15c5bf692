/*
 * The loop: one libuv loop on one thread that never blocks, and work for the pool.
 *
 * iw_loop_run() returns when no open handle and no request under way is left, so shutdown
 * is a state, not an exit().
 *
 * Thread: the loop thread, iw_work's `work` callback excepted.
 */
#ifndef IW_BASE_LOOP_H
#define IW_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct iw_loop {
	uv_loop_t uv;
	/* below: private */
	int holds;
};

int iw_loop_init(struct iw_loop *loop, struct iw_err *err);
/* Runs until nothing is left to wait for. */
void iw_loop_run(struct iw_loop *loop);
/* Until a callback has set *is_done: for commands that do one thing after the other. */
void iw_loop_run_until(struct iw_loop *loop, const bool *is_done);
/* Asserts that no hold and no handle is left. */
void iw_loop_fini(struct iw_loop *loop);

/* Something is under way that must end before the loop may be torn down. Pure counting:
 * iw_loop_held() says whether anything is. */
void iw_loop_hold(struct iw_loop *loop);
void iw_loop_release(struct iw_loop *loop);
bool iw_loop_held(const struct iw_loop *loop);

/*
 * One piece of work for the pool: `work` runs on a pool thread and touches nothing but
 * its own request; `done` runs on the loop, exactly once, always later. The request is
 * the caller's and must live until done.
 */
struct iw_work;
typedef void (*iw_work_cb)(struct iw_work *work);

struct iw_work {
	uv_work_t req;
	struct iw_loop *loop;
	iw_work_cb work;
	iw_work_cb done;
};

void iw_work_submit(
	struct iw_loop *loop, struct iw_work *work, iw_work_cb run, iw_work_cb done);

/*
 * A timer that can be freed with its owner: closing a uv handle is asynchronous, so the
 * handle lives on the heap and outlives us. cb may stop, restart or free the timer.
 */
struct iw_timer;
typedef void (*iw_timer_cb)(void *ctx);

struct iw_timer *iw_timer_new(struct iw_loop *loop, iw_timer_cb cb, void *ctx);
/* Once after ms; repeats every repeat_ms when that is not 0. Restarting is fine. */
void iw_timer_start(struct iw_timer *timer, uint64_t ms, uint64_t repeat_ms);
void iw_timer_stop(struct iw_timer *timer);
void iw_timer_free(struct iw_timer *timer);

#endif
