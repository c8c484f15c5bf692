#include "adapters/project.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/project_db.h"
#include "adapters/source.h"
#include "adapters/staged_db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

struct project {
	struct project_world world;
	struct adapter *adapter;
	int64_t id;
	char *repo_dir;
	char commit[IW_GIT_HEX]; /* that is wished for; empty: the branch's */
	bool may_be_old;
	struct source_req fetch;
	struct iw_git *git;
	struct iw_git_req git_req;
	struct iw_db_req db_req;
	struct builder *builder;
	struct staging_snapshot *snapshot;
	struct staged_changes changes;
	char *misfit; /* of its branches */
	struct iw_err err;
	project_ready_cb done;
	void *ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

const struct adapter *project_adapter(const struct project *p)
{
	return p->adapter;
}

int64_t project_id(const struct project *p)
{
	return p->id;
}

const struct staging_snapshot *project_snapshot(const struct project *p)
{
	return p->snapshot;
}

const struct staged_changes *project_changes(const struct project *p)
{
	return &p->changes;
}

bool project_is_known(const struct project *p)
{
	return *p->commit != '\0';
}

bool project_may_be_old(const struct project *p)
{
	return p->may_be_old;
}

const char *project_misfit(const struct project *p)
{
	return p->misfit;
}

const struct project_world *project_world_of(const struct project *p)
{
	return &p->world;
}

const char *project_repo_dir(const struct project *p)
{
	return p->repo_dir;
}

struct iw_git *project_git(const struct project *p)
{
	return p->git;
}

struct iw_builder project_builder(const struct project *p)
{
	return builder_ops(p->builder);
}

struct builder *project_builds(const struct project *p)
{
	return p->builder;
}

void project_build_counts(const struct project *p, int *made, int *cached)
{
	builder_counts(p->builder, made, cached);
}

static void ready(struct project *p)
{
	if (p->err.code)
		iw_err_wrap(&p->err, "adapter '%s'", p->adapter->name);
	p->done(p, p->err.code ? &p->err : NULL, p->ctx);
}

static int store_snapshot(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct project *p = ctx;

	int rc = project_db_set_snapshot(
		dbc, p->id, p->snapshot->commit, p->snapshot->is_main, err);

	return rc < 0 ? rc : staged_db_open(dbc, p->id, p->snapshot, &p->changes, err);
}

static void on_snapshot_stored(struct iw_db_req *req)
{
	struct project *p = req->ctx;

	p->err = req->err;
	ready(p);
}

static int read_snapshot(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct project *p = ctx;
	const struct adapter_source *s = &p->adapter->source;
	struct iw_err none;
	int rc = -1;

	/* A branch that is made anew leaves commits behind, which git forgets one day. */
	if (*p->commit)
		rc = staging_read(repo, p->commit, s->base, &p->snapshot, &none);
	if (rc < 0)
		rc = staging_read(repo, s->branch, s->base, &p->snapshot, err);
	if (rc < 0)
		return rc;
	p->misfit = fit_branches(repo, s, p->snapshot);
	return staged_changes_read(repo, p->snapshot, &p->changes, err);
}

static void on_snapshot(struct iw_git_req *req)
{
	struct project *p = req->ctx;

	if (req->rc < 0) {
		p->err = req->err;
		ready(p);
		return;
	}
	iw_info("snapshot read", S("adapter", p->adapter->name),
		S("commit", p->snapshot->commit), I("staged", p->snapshot->count));
	p->db_req = (struct iw_db_req){
		.run = store_snapshot, .ctx = p, .done = on_snapshot_stored};
	iw_db_submit(p->world.db, &p->db_req);
}

static int start_git(struct project *p, struct iw_err *err)
{
	struct iw_git_repo *repo;
	int rc = iw_git_open(&repo, p->repo_dir, err);

	if (rc == 0)
		rc = iw_git_start(&p->git, p->world.loop, repo, err);
	if (rc < 0)
		return rc;
	builder_set_git(p->builder, p->git);
	p->git_req =
		(struct iw_git_req){.run = read_snapshot, .ctx = p, .done = on_snapshot};
	iw_git_submit(p->git, &p->git_req);
	return 0;
}

static void on_fetched(struct source_req *req, const struct iw_err *err)
{
	struct project *p = req->ctx;
	int rc = err ? iw_err_copy(&p->err, err) : start_git(p, &p->err);

	if (rc < 0)
		ready(p);
}

static int start_fetch(struct project *p, struct iw_err *err)
{
	p->fetch = (struct source_req){
		.jobs = p->world.jobs,
		.adapter = p->adapter,
		.repo_dir = p->repo_dir,
		.done = on_fetched,
		.ctx = p,
	};
	return source_fetch(&p->fetch, err);
}

static int make_builder(struct project *p, struct iw_dbc *dbc, struct iw_err *err)
{
	/* No adapter's name has a dot. */
	_auto_free_ char *trees = iw_fmt("%s.trees", p->repo_dir);
	struct builder_config config = {
		.jobs = p->world.jobs,
		.db = p->world.db,
		.adapter = p->adapter,
		.tools = p->world.tools,
		.adapter_id = p->id,
		.builds_dir = p->world.builds_dir,
		.trees_dir = trees,
		.cache_dir = p->world.cache_dir,
		.cache_bytes = p->world.cache_bytes,
		.make_jobs = p->world.make_jobs,
		.budget = p->world.budget,
	};
	return builder_new(&p->builder, &config, dbc, err);
}

static void free_project(struct project *p)
{
	builder_free(p->builder);
	staged_changes_fini(&p->changes);
	staging_free(p->snapshot);
	free(p->misfit);
	adapter_free(p->adapter);
	free(p->repo_dir);
	free(p);
}

/* Which commit is opened, and whether there may be a newer one. */
static int choose_commit(struct project *p, const struct project_wish *wish,
	struct iw_dbc *dbc, struct iw_err *err)
{
	int rc;

	if (wish->commit && *wish->commit) {
		snprintf(p->commit, sizeof p->commit, "%s", wish->commit);
		return 0;
	}
	if (!wish->is_steady || !iw_file_exists(p->repo_dir))
		return 0;
	rc = project_db_worked(dbc, p->id, p->commit, err);
	p->may_be_old = *p->commit != '\0';
	return rc;
}

int project_open(struct project **out, const struct project_world *world,
	struct adapter *adapter, const struct project_wish *wish, struct iw_dbc *dbc,
	project_ready_cb done, void *ctx, struct iw_err *err)
{
	struct project *p = iw_calloc(1, sizeof *p);
	bool exists;
	int rc;

	p->world = *world;
	p->adapter = adapter;
	p->done = done;
	p->ctx = ctx;
	p->repo_dir = iw_path_join(world->sources_dir, adapter->name);
	exists = iw_file_exists(p->repo_dir);
	rc = iw_dir_make(world->sources_dir, err);
	if (rc == 0)
		rc = project_db_adapter(dbc, adapter->name, adapter->dir,
			adapter->parameters, &p->id, err);
	if (rc == 0)
		rc = make_builder(p, dbc, err);
	if (rc == 0)
		rc = choose_commit(p, wish, dbc, err);
	/* What a command made is a function of its parameters and stays; a git source
	 * moves on. */
	if (rc == 0 && exists && (adapter->source.command || *p->commit))
		rc = start_git(p, err);
	else if (rc == 0)
		rc = start_fetch(p, err);
	if (rc < 0) {
		iw_err_wrap(err, "adapter '%s'", adapter->name);
		free_project(p);
		return rc;
	}
	*out = p;
	return 0;
}

static void on_git_stopped(void *ctx)
{
	struct project *p = ctx;
	void (*closed)(void *) = p->closed;
	void *closed_ctx = p->closed_ctx;

	free_project(p);
	if (closed)
		closed(closed_ctx);
}

void project_close(struct project *p, void (*closed)(void *ctx), void *ctx)
{
	p->closed = closed;
	p->closed_ctx = ctx;
	assert(!p->fetch.job);
	if (p->git)
		iw_git_stop(p->git, on_git_stopped, p);
	else
		on_git_stopped(p);
}
