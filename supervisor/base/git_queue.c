/*
 * A repository on its own thread: base/queue.h does the work. A request that fails
 * carries its error; there is nothing to roll back, for the requests only read or add
 * objects.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/git.h"
#include "base/mem.h"

#include "base/banned.h"

struct iw_git {
	struct iw_git_repo *repo;
	struct iw_queue *queue;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

static struct iw_git_req *req_of(struct iw_queue_item *item)
{
	return (struct iw_git_req *)((char *)item - offsetof(struct iw_git_req, item));
}

static void run_request(void *ctx, struct iw_queue_item *item)
{
	struct iw_git *git = ctx;
	struct iw_git_req *req = req_of(item);

	req->err.code = 0;
	req->rc = req->run(git->repo, req->ctx, &req->err);
}

static void end_request(void *ctx, struct iw_queue_item *item)
{
	struct iw_git_req *req = req_of(item);

	(void)ctx;
	req->done(req);
}

static void on_ended(void *ctx)
{
	struct iw_git *git = ctx;
	void (*stopped)(void *) = git->stopped;
	void *stopped_ctx = git->stopped_ctx;

	iw_git_close(git->repo);
	free(git);
	if (stopped)
		stopped(stopped_ctx);
}

int iw_git_start(struct iw_git **out, struct iw_loop *loop, struct iw_git_repo *repo,
	struct iw_err *err)
{
	struct iw_git *git = iw_calloc(1, sizeof *git);
	struct iw_queue_ops ops = {
		.ctx = git,
		.name = "git",
		.run = run_request,
		.done = end_request,
		.ended = on_ended,
	};
	int rc;

	git->repo = repo;
	rc = iw_queue_start(&git->queue, loop, &ops, err);
	if (rc == 0)
		*out = git;
	return rc;
}

void iw_git_submit(struct iw_git *git, struct iw_git_req *req)
{
	assert(req->run && req->done);
	iw_queue_submit(git->queue, &req->item);
}

void iw_git_stop(struct iw_git *git, void (*stopped)(void *ctx), void *ctx)
{
	git->stopped = stopped;
	git->stopped_ctx = ctx;
	iw_queue_stop(git->queue);
}
