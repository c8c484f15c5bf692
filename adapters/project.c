#include "adapters/project.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "adapters/staged_db.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define FETCH_LOG_MAX ((size_t)256 << 10)

struct project {
	struct project_world world;
	struct adapter *adapter;
	int64_t id;
	char *repo_dir;
	struct iw_job *fetch;
	struct iw_git *git;
	struct iw_git_req git_req;
	struct iw_db_req db_req;
	struct builder *builder;
	struct staging_snapshot *snapshot;
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

struct iw_git *project_git(const struct project *p)
{
	return p->git;
}

struct iw_builder project_builder(const struct project *p)
{
	return builder_ops(p->builder);
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

	int rc = project_db_set_snapshot(dbc, p->id, p->snapshot->commit, err);

	return rc < 0 ? rc : staged_db_open(dbc, p->id, p->snapshot, err);
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

	return staging_read(repo, p->adapter->source.branch, p->adapter->source.base,
		&p->snapshot, err);
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

/* The last line of a failed fetch says most. */
static int fetch_failed(struct project *p, const struct iw_exit *exit)
{
	_auto_free_ char *log = NULL;
	const char *line = "";
	size_t len;

	if (iw_job_log_read(p->fetch, FETCH_LOG_MAX, &log, &len, NULL) == 0) {
		while (len > 0 && log[len - 1] == '\n')
			log[--len] = '\0';
		line = strrchr(log, '\n') ? strrchr(log, '\n') + 1 : log;
	}
	return iw_err_set(&p->err, IW_EJOB, "cannot fetch the source: %s%s%s",
		exit->words, *line ? ": " : "", line);
}

static int keep_fetched(struct project *p)
{
	_auto_free_ char *made = iw_path_join(iw_job_work(p->fetch), "repo");

	/* Updating works in place; a first fetch is moved there when it is whole. */
	if (!iw_file_exists(made))
		return 0;
	if (rename(made, p->repo_dir) < 0)
		return iw_err_errno(
			&p->err, errno, "cannot keep source '%s'", p->repo_dir);
	return iw_dir_sync(p->world.sources_dir, &p->err);
}

static void on_fetched(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct project *p = ctx;
	int rc;

	rc = exit->class == IW_EXIT_CLEAN ? keep_fetched(p) : fetch_failed(p, exit);
	iw_job_free(job);
	p->fetch = NULL;
	if (rc == 0)
		rc = start_git(p, &p->err);
	if (rc < 0)
		ready(p);
}

static void add_fetch_environment(struct iw_job *job)
{
	/* What a fetch needs of the operator's: how to reach the network. */
	static const char *const kept[] = {"PATH", "LANG", "http_proxy", "https_proxy",
		"no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE",
		"GIT_SSL_CAINFO", "SSH_AUTH_SOCK"};
	size_t i;

	for (i = 0; i < IW_COUNT(kept); i++)
		if (getenv(kept[i]))
			iw_job_env(job, kept[i], getenv(kept[i]));
	iw_job_env(job, "HOME", iw_job_work(job));
	iw_job_env(job, "TMPDIR", iw_job_work(job));
	iw_job_env(job, "GIT_TERMINAL_PROMPT", "0");
}

static void add_fetch_command(struct project *p, bool is_update)
{
	const struct adapter_source *s = &p->adapter->source;
	const char *const *word;

	if (s->git && is_update) {
		iw_job_arg(p->fetch, "/usr/bin/git");
		iw_job_argf(p->fetch, "--git-dir=%s", p->repo_dir);
		iw_job_arg(p->fetch, "fetch");
		iw_job_arg(p->fetch, "--quiet");
		iw_job_arg(p->fetch, "--prune");
		/* The URL of today's adapter.json, not the one that was cloned. */
		iw_job_arg(p->fetch, "--");
		iw_job_arg(p->fetch, s->git);
		iw_job_arg(p->fetch, "+refs/*:refs/*");
		return;
	}
	if (s->git) {
		iw_job_arg(p->fetch, "/usr/bin/git");
		iw_job_arg(p->fetch, "clone");
		iw_job_arg(p->fetch, "--quiet");
		iw_job_arg(p->fetch, "--mirror");
		iw_job_arg(p->fetch, "--");
		iw_job_arg(p->fetch, s->git);
	} else {
		iw_job_arg(p->fetch, "/usr/bin/env");
		iw_job_argf(p->fetch, "--chdir=%s", p->adapter->dir);
		for (word = s->command; *word; word++)
			iw_job_arg(p->fetch, *word);
	}
	iw_job_argf(p->fetch, "%s/repo", iw_job_work(p->fetch));
}

static int start_fetch(struct project *p, bool is_update, struct iw_err *err)
{
	_auto_free_ char *what = iw_fmt("the source of %s", p->adapter->name);
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_FETCH,
		.what = what,
		.timeout_ms = FETCH_TIMEOUT_MS,
		.log_limit = FETCH_LOG_MAX,
		.wants_all_cores = true,
		.is_trusted = true,
	};
	int rc = iw_job_new(&p->fetch, p->world.jobs, &spec, err);

	if (rc < 0)
		return rc;
	add_fetch_command(p, is_update);
	add_fetch_environment(p->fetch);
	iw_job_submit(p->fetch, on_fetched, p);
	return 0;
}

static int make_builder(struct project *p, struct iw_dbc *dbc, struct iw_err *err)
{
	struct builder_config config = {
		.jobs = p->world.jobs,
		.db = p->world.db,
		.adapter = p->adapter,
		.tools = p->world.tools,
		.adapter_id = p->id,
		.builds_dir = p->world.builds_dir,
		.cache_dir = p->world.cache_dir,
		.make_jobs = p->world.make_jobs,
	};
	return builder_new(&p->builder, &config, dbc, err);
}

static void free_project(struct project *p)
{
	builder_free(p->builder);
	staging_free(p->snapshot);
	adapter_free(p->adapter);
	free(p->repo_dir);
	free(p);
}

int project_open(struct project **out, const struct project_world *world,
	struct adapter *adapter, struct iw_dbc *dbc, project_ready_cb done, void *ctx,
	struct iw_err *err)
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
	/* What a command made is a function of its parameters and stays; a git source
	 * moves on. */
	if (rc == 0 && exists && adapter->source.command)
		rc = start_git(p, err);
	else if (rc == 0)
		rc = start_fetch(p, exists, err);
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
	assert(!p->fetch);
	if (p->git)
		iw_git_stop(p->git, on_git_stopped, p);
	else
		on_git_stopped(p);
}
