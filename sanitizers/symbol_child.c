#include "sanitizers/symbol_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "sanitizers/symbol.h"

#include "base/banned.h"

/* The debug information of a node's program takes some hundred. */
#define RSS_MAX_MB 4096
#define GRACE_MS 500 /* it has nothing to save */
#define CHUNK ((size_t)64 << 10)

struct san_child {
	struct san_child_events events;
	struct iw_job *job;
	uv_pipe_t ask, answer;
	int open_handles;
	bool is_stopped, has_ended;
	struct iw_buf partial; /* an answer that is not whole yet */
	char chunk[CHUNK];
	char why[160];
};

/* What is being written: the request and its bytes are one piece. */
struct writing {
	uv_write_t req;
	char data[];
};

static void finish(struct san_child *child)
{
	if (!child->has_ended || child->open_handles > 0)
		return;
	iw_job_free(child->job);
	child->events.gone(child->events.ctx, child->why);
	iw_buf_fini(&child->partial);
	free(child);
}

static void on_closed(uv_handle_t *handle)
{
	struct san_child *child = handle->data;

	child->open_handles--;
	finish(child);
}

static void on_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct san_child *child = ctx;

	(void)job;
	child->has_ended = child->is_stopped = true;
	if (!child->why[0])
		snprintf(child->why, sizeof child->why, "%s", exit->words);
	uv_close((uv_handle_t *)&child->ask, on_closed);
	uv_close((uv_handle_t *)&child->answer, on_closed);
}

static void take_lines(struct san_child *child)
{
	struct iw_buf *b = &child->partial;
	size_t at = 0;
	char *nl;

	while (!child->is_stopped && at < b->len &&
		(nl = memchr(b->data + at, '\n', b->len - at)) != NULL) {
		size_t len = (size_t)(nl - b->data) - at;

		child->events.line(child->events.ctx, b->data + at, len);
		at += len + 1;
	}
	if (at > 0) {
		memmove(b->data, b->data + at, b->len - at);
		b->len -= at;
	}
	if (b->len > SAN_ANSWER_MAX)
		san_child_stop(child, "an answer of it is too long");
}

static void on_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct san_child *child = handle->data;

	(void)suggested;
	*buf = uv_buf_init(child->chunk, sizeof child->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct san_child *child = stream->data;

	if (n > 0) {
		iw_buf_add(&child->partial, buf->base, (size_t)n);
		take_lines(child);
	} else if (n < 0) {
		uv_read_stop(stream);
		san_child_stop(child, uv_strerror((int)n));
	}
}

static void on_written(uv_write_t *req, int status)
{
	struct san_child *child = req->handle->data;

	/* Of a child that has ended nothing else is to be expected. */
	if (status < 0 && !child->has_ended)
		san_child_stop(child, uv_strerror(status));
	free(req);
}

void san_child_ask(struct san_child *child, const struct iw_buf *lines)
{
	struct writing *w = iw_malloc(sizeof *w + lines->len);
	uv_buf_t buf = uv_buf_init(w->data, (unsigned)lines->len);

	memcpy(w->data, lines->data, lines->len);
	if (uv_write(&w->req, (uv_stream_t *)&child->ask, &buf, 1, on_written) == 0)
		return;
	free(w);
	san_child_stop(child, "it cannot be written to");
}

void san_child_stop(struct san_child *child, const char *why)
{
	if (why && !child->why[0])
		snprintf(child->why, sizeof child->why, "%s", why);
	child->is_stopped = true;
	if (!child->has_ended)
		iw_job_stop(child->job);
}

static void open_pipe(
	struct san_child *child, struct iw_loop *loop, uv_pipe_t *pipe, int fd)
{
	int rc;

	uv_pipe_init(&loop->uv, pipe, 0);
	pipe->data = child;
	child->open_handles++;
	rc = uv_pipe_open(pipe, fd);
	if (rc < 0) {
		close(fd);
		san_child_stop(child, uv_strerror(rc));
	}
}

static void add_command(struct iw_job *job, const char *program)
{
	iw_job_arg(job, program);
	/* As the runtimes of the sanitizers ask it, but for the form of the answers. */
	iw_job_arg(job, "--demangle");
	iw_job_arg(job, "--inlines");
	iw_job_arg(job, "--output-style=JSON");
	iw_job_env(job, "PATH", "/usr/bin:/bin");
}

int san_child_start(struct san_child **out, struct iw_jobs *jobs, const char *program,
	const char *dir, const struct san_child_events *events, struct iw_err *err)
{
	const char *reads[] = {dir, NULL};
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_SYMBOLIZE,
		.what = iw_path_base(dir),
		.reads = reads,
		.rss_limit_mb = RSS_MAX_MB,
		.grace_ms = GRACE_MS,
		.is_service = true,
	};
	struct san_child *child = iw_calloc(1, sizeof *child);
	int ask, answer;
	int rc = iw_job_new(&child->job, jobs, &spec, err);

	if (rc == 0)
		rc = iw_job_channel(child->job, &ask, &answer, err);
	if (rc < 0) {
		iw_job_free(child->job);
		free(child);
		return rc;
	}
	child->events = *events;
	add_command(child->job, program);
	iw_job_submit(child->job, on_ended, child);
	open_pipe(child, iw_jobs_loop(jobs), &child->ask, ask);
	open_pipe(child, iw_jobs_loop(jobs), &child->answer, answer);
	uv_read_start((uv_stream_t *)&child->answer, on_buf, on_read);
	*out = child;
	return 0;
}
