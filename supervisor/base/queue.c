/*
 * The happy path: submit puts an item on the first row and wakes the thread; the thread
 * runs it and puts it on the second row; an async handle wakes the loop, which calls done
 * for all that is there.
 *
 * Stopping is one more state of the same path: the thread drains the first row, says that
 * it has ended, and the loop joins it after the last done.
 */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/banned.h"

struct row {
	struct iw_queue_item *first, **end;
};

struct iw_queue {
	struct iw_queue_ops ops;
	struct iw_loop *loop;
	pthread_t thread;
	uv_async_t async;

	pthread_mutex_t lock; /* guards what is below */
	pthread_cond_t wake;
	struct row todo, finished;
	bool is_stopping, has_ended;
};

static void row_clear(struct row *row)
{
	row->first = NULL;
	row->end = &row->first;
}

static void row_add(struct row *row, struct iw_queue_item *item)
{
	item->next = NULL;
	*row->end = item;
	row->end = &item->next;
}

static struct iw_queue_item *next_item(struct iw_queue *q)
{
	struct iw_queue_item *item;

	pthread_mutex_lock(&q->lock);
	while (!q->todo.first && !q->is_stopping)
		pthread_cond_wait(&q->wake, &q->lock);
	item = q->todo.first;
	if (item) {
		q->todo.first = item->next;
		if (!q->todo.first)
			row_clear(&q->todo);
	} else {
		q->has_ended = true;
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void *thread_main(void *arg)
{
	struct iw_queue *q = arg;
	struct iw_queue_item *item;

	while ((item = next_item(q)) != NULL) {
		q->ops.run(q->ops.ctx, item);
		pthread_mutex_lock(&q->lock);
		row_add(&q->finished, item);
		pthread_mutex_unlock(&q->lock);
		uv_async_send(&q->async);
	}
	uv_async_send(&q->async);
	return NULL;
}

static void on_closed(uv_handle_t *handle)
{
	struct iw_queue *q = handle->data;
	struct iw_queue_ops ops = q->ops;

	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->wake);
	free(q);
	ops.ended(ops.ctx);
}

static void on_finished(uv_async_t *async)
{
	struct iw_queue *q = async->data;
	struct iw_queue_item *item, *next;
	bool has_ended;

	pthread_mutex_lock(&q->lock);
	item = q->finished.first;
	row_clear(&q->finished);
	has_ended = q->has_ended;
	pthread_mutex_unlock(&q->lock);

	for (; item; item = next) {
		/* done may free the request around it. */
		next = item->next;
		iw_loop_release(q->loop);
		q->ops.done(q->ops.ctx, item);
	}
	if (has_ended) {
		pthread_join(q->thread, NULL);
		uv_close((uv_handle_t *)&q->async, on_closed);
	}
}

int iw_queue_start(struct iw_queue **out, struct iw_loop *loop,
	const struct iw_queue_ops *ops, struct iw_err *err)
{
	struct iw_queue *q = iw_calloc(1, sizeof *q);
	int rc;

	q->ops = *ops;
	q->loop = loop;
	row_clear(&q->todo);
	row_clear(&q->finished);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	uv_async_init(&loop->uv, &q->async, on_finished);
	q->async.data = q;
	rc = pthread_create(&q->thread, NULL, thread_main, q);
	if (rc != 0) {
		uv_close((uv_handle_t *)&q->async, on_closed);
		return iw_err_errno(err, rc, "cannot start the %s thread", ops->name);
	}
	*out = q;
	return 0;
}

void iw_queue_submit(struct iw_queue *q, struct iw_queue_item *item)
{
	iw_loop_hold(q->loop);
	pthread_mutex_lock(&q->lock);
	assert(!q->is_stopping);
	row_add(&q->todo, item);
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void iw_queue_stop(struct iw_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_stopping = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}
