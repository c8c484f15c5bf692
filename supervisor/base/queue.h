/*
 * A thread of its own with a queue before it: requests run there in order, their done
 * callbacks on the loop. What SQLite's writer and each git repository stand on.
 *
 * A request embeds struct iw_queue_item, is the caller's, and lives until done, which
 * fires exactly once and always later. Thread: the loop, but for the run callback.
 */
#ifndef IW_BASE_QUEUE_H
#define IW_BASE_QUEUE_H

#include "base/err.h"
#include "base/loop.h"

struct iw_queue;

struct iw_queue_item {
	/* below: private */
	struct iw_queue_item *next;
};

struct iw_queue_ops {
	void *ctx;
	const char *name; /* for the error when there is no thread */
	void (*run)(void *ctx, struct iw_queue_item *item);  /* on the thread */
	void (*done)(void *ctx, struct iw_queue_item *item); /* on the loop */
	/* Nothing is left, the thread is gone: frees what ctx is. On the loop. Comes
	 * after a failed start, too. */
	void (*ended)(void *ctx);
};

int iw_queue_start(struct iw_queue **out, struct iw_loop *loop,
	const struct iw_queue_ops *ops, struct iw_err *err);
void iw_queue_submit(struct iw_queue *queue, struct iw_queue_item *item);
/* What was submitted before is still run and done; then ended is called. */
void iw_queue_stop(struct iw_queue *queue);

#endif
