#include "adapters/news.h"

#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

static void finish(struct project_news *n)
{
	if (n->is_stopped && !n->err.code)
		iw_err_set(&n->err, IW_ECANCELED, "stopped");
	if (n->err.code) {
		iw_err_wrap(&n->err, "adapter '%s'", project_adapter(n->project)->name);
		staging_free(iw_steal(&n->snapshot));
	}
	n->done(n, n->err.code ? &n->err : NULL);
}

static void on_later(void *ctx)
{
	struct project_news *n = ctx;

	iw_timer_free(iw_steal(&n->later));
	finish(n);
}

/* Answers come from the loop, never from inside the asker's own call. */
static void finish_later(struct project_news *n)
{
	n->later = iw_timer_new(project_world_of(n->project)->loop, on_later, n);
	iw_timer_start(n->later, 0, 0);
}

static bool is_news(const struct project_news *n, const char *head)
{
	return strcmp(head, project_snapshot(n->project)->commit) != 0 &&
		strcmp(head, n->refused) != 0;
}

/* Git thread. */
static int read_snapshot(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct project_news *n = ctx;
	const struct adapter_source *s = &project_adapter(n->project)->source;
	int rc = iw_git_resolve(repo, s->branch, n->head, err);

	if (rc < 0 || !is_news(n, n->head))
		return rc;
	/* The commit, since the branch may move between two questions. */
	return staging_read(repo, n->head, s->base, &n->snapshot, err);
}

static void on_read(struct iw_git_req *req)
{
	struct project_news *n = req->ctx;

	if (req->rc < 0)
		n->err = req->err;
	finish(n);
}

static void start_reading(struct project_news *n)
{
	n->git = (struct iw_git_req){.run = read_snapshot, .ctx = n, .done = on_read};
	iw_git_submit(project_git(n->project), &n->git);
}

static void on_fetched(struct source_req *req, const struct iw_err *err)
{
	struct project_news *n = req->ctx;

	if (err)
		n->err = *err;
	if (err || n->is_stopped)
		finish(n);
	else
		start_reading(n);
}

static void on_looked(struct source_req *req, const struct iw_err *err)
{
	struct project_news *n = req->ctx;

	if (err)
		n->err = *err;
	if (err || n->is_stopped || !is_news(n, req->head)) {
		finish(n);
		return;
	}
	req->done = on_fetched;
	if (source_fetch(req, &n->err) < 0)
		finish(n);
}

void project_news_look(struct project_news *n)
{
	const struct adapter *adapter = project_adapter(n->project);

	n->snapshot = NULL;
	n->err = (struct iw_err)IW_ERR_INIT;
	n->is_stopped = false;
	if (!adapter->source.git) {
		start_reading(n);
		return;
	}
	n->source = (struct source_req){
		.jobs = project_world_of(n->project)->jobs,
		.adapter = adapter,
		.repo_dir = project_repo_dir(n->project),
		.done = on_looked,
		.ctx = n,
	};
	if (source_look(&n->source, &n->err) < 0)
		finish_later(n);
}

void project_news_stop(struct project_news *n)
{
	n->is_stopped = true;
	source_stop(&n->source);
}
