/*
 *	order_start --> RESOLVING the commit --> BUILDING its flavours --> LOOKING whether
 *	                        |                       target_files fit --> done
 *	                        \--> there is none: done, with an error
 */
#include "adapters/order.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/linkage.h"
#include "base/mem.h"

#include "base/banned.h"

struct part {
	struct iw_build_req req;
	struct order *order;
	const char *state; /* as in order_json() */
	char closure[IW_SHA256_HEX];
	char *dir, *log;
	char error[512];
	char note[BUILD_NOTE_MAX]; /* about a good one */
	int64_t core_ms, bytes;
};

struct order {
	struct project *project;
	struct order_events events;
	char *wanted; /* commit as it was said; NULL: the snapshot */
	char commit[IW_GIT_HEX], tree[IW_GIT_HEX];
	struct part *parts;
	size_t count, pending;
	struct iw_git_req git_req;
	struct iw_timer *later;
	char *misfit; /* as in order_json(), or NULL */
	bool is_stopped, is_done;
	struct iw_err err;
};

static json_t *part_json(const struct part *p)
{
	bool is_known = *p->closure != '\0';

	return json_pack("{ss ss ss? ss? ss? ss? sI sI so}", "flavour", p->req.flavour,
		"state", p->state, "closure", is_known ? p->closure : NULL, "dir",
		strcmp(p->state, "failed") == 0 ? NULL : p->dir, "log", p->log, "note",
		*p->note ? p->note : NULL, "core_ms", (json_int_t)p->core_ms, "bytes",
		(json_int_t)p->bytes, "error",
		*p->error ? json_stringn_nocheck(p->error, strlen(p->error))
			  : json_null());
}

json_t *order_json(const struct order *o)
{
	json_t *builds = json_array();
	size_t i;

	for (i = 0; i < o->count; i++)
		json_array_append_new(builds, part_json(&o->parts[i]));
	return json_pack("{ss ss? ss? sb so so}", "adapter",
		project_adapter(o->project)->name, "commit",
		*o->commit ? o->commit : NULL, "tree", *o->tree ? o->tree : NULL, "done",
		(int)o->is_done, "builds", builds, "note",
		o->misfit ? json_stringn_nocheck(o->misfit, strlen(o->misfit))
			  : json_null());
}

const struct iw_err *order_error(const struct order *o)
{
	return o->err.code ? &o->err : NULL;
}

static void finish(struct order *o)
{
	o->is_done = true;
	o->events.done(o->events.ctx, o);
}

/* On the git thread. */
static int look_at_files(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct order *o = ctx;
	const char *dir = NULL;
	size_t i;

	(void)err;
	for (i = 0; !dir && i < o->count; i++)
		if (!*o->parts[i].error)
			dir = o->parts[i].dir;
	if (dir)
		o->misfit = fit_files(repo, o->tree, project_adapter(o->project), dir);
	return 0;
}

static void on_files(struct iw_git_req *req)
{
	finish(req->ctx);
}

/* All have their answers. */
static void end(struct order *o)
{
	o->git_req =
		(struct iw_git_req){.run = look_at_files, .ctx = o, .done = on_files};
	iw_git_submit(project_git(o->project), &o->git_req);
}

static void tell(struct part *p, const char *state)
{
	struct order *o = p->order;
	json_t *json;

	p->state = state;
	if (!o->events.told)
		return;
	json = part_json(p);
	o->events.told(o->events.ctx, json);
	json_decref(json);
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct part *p = req->ctx;
	struct order *o = p->order;

	if (!build) {
		snprintf(p->error, sizeof p->error, "%.500s", err->msg);
		tell(p, "unknown");
	} else {
		memcpy(p->closure, build->closure, sizeof p->closure);
		p->dir = iw_strdup(build->dir);
		p->log = iw_strdup(build->log);
		p->core_ms = build->core_ms;
		p->bytes = build->bytes;
		if (build->is_ok)
			build_note(build, p->note);
		snprintf(p->error, sizeof p->error, "%s",
			build->is_ok ? "" : build->error);
		tell(p, !build->is_ok ? "failed" : req->is_made ? "built" : "cached");
	}
	if (--o->pending == 0)
		end(o);
}

static void build_all(struct order *o)
{
	const struct san_toolchain *tools = project_world_of(o->project)->tools;
	struct iw_builder builder = project_builder(o->project);
	size_t i;

	/* One more, so that the last answer cannot come before the last question. */
	o->pending = 1;
	for (i = 0; i < o->count; i++) {
		struct part *p = &o->parts[i];
		const char *lacks =
			san_toolchain_lacks(tools, san_flavour_find(p->req.flavour));

		if (lacks) {
			snprintf(p->error, sizeof p->error, "%s", lacks);
			tell(p, "impossible");
			continue;
		}
		p->req.adapter_id = project_id(o->project);
		p->req.done = on_built;
		p->req.ctx = p;
		p->req.again = true;
		memcpy(p->req.tree, o->tree, sizeof p->req.tree);
		o->pending++;
		builder.build(builder.ctx, &p->req);
	}
	if (--o->pending == 0)
		end(o);
}

/* On the git thread. */
static int resolve(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct order *o = ctx;
	int rc = iw_git_resolve(repo, o->wanted, o->commit, err);

	if (rc == 0)
		return iw_git_tree(repo, o->commit, o->tree, err);
	/* Bugs and builds name trees, also some that no commit has. */
	*o->commit = '\0';
	if (strlen(o->wanted) != IW_GIT_HEX - 1 ||
		strspn(o->wanted, "0123456789abcdef") != IW_GIT_HEX - 1)
		return rc;
	memcpy(o->tree, o->wanted, IW_GIT_HEX);
	*err = (struct iw_err){0};
	return 0;
}

static void on_resolved(struct iw_git_req *req)
{
	struct order *o = req->ctx;

	if (req->rc < 0) {
		o->err = req->err;
		iw_err_wrap(&o->err, "commit '%.100s' of adapter '%s'", o->wanted,
			project_adapter(o->project)->name);
		finish(o);
	} else if (o->is_stopped) {
		iw_err_set(&o->err, IW_ECANCELED, "the build was stopped");
		finish(o);
	} else {
		build_all(o);
	}
}

static void on_later(void *ctx)
{
	struct order *o = ctx;

	iw_timer_free(iw_steal(&o->later));
	build_all(o);
}

static int take_flavour(struct order *o, const char *name, struct iw_err *err)
{
	const struct adapter *adapter = project_adapter(o->project);
	struct part *p = &o->parts[o->count];
	size_t i;

	for (i = 0; i < adapter->flavour_count; i++)
		if (strcmp(adapter->flavours[i], name) == 0)
			break;
	if (i == adapter->flavour_count)
		return iw_err_set(err, IW_EINVAL,
			"adapter '%s' does not declare flavour '%.60s'; 'flavours' in "
			"%s/adapter.json lists those that it has",
			adapter->name, name, adapter->dir);
	for (i = 0; i < o->count; i++)
		if (strcmp(o->parts[i].req.flavour, name) == 0)
			return 0;
	p->order = o;
	p->state = "waiting";
	snprintf(p->req.flavour, sizeof p->req.flavour, "%s", name);
	o->count++;
	return 0;
}

static int take_flavours(
	struct order *o, const struct order_spec *spec, struct iw_err *err)
{
	const struct adapter *adapter = project_adapter(o->project);
	bool is_all = !spec->flavours;
	const char *const *names = is_all ? adapter->flavours : spec->flavours;
	size_t i, count = is_all ? adapter->flavour_count : spec->flavour_count;
	int rc = 0;

	o->parts = iw_calloc(count + 1, sizeof *o->parts);
	for (i = 0; rc == 0 && i < count; i++)
		rc = take_flavour(o, names[i], err);
	return rc;
}

int order_start(struct order **out, const struct order_spec *spec,
	const struct order_events *events, struct iw_err *err)
{
	const struct staging_snapshot *snapshot = project_snapshot(spec->project);
	struct order *o = iw_calloc(1, sizeof *o);
	int rc;

	o->project = spec->project;
	o->events = *events;
	rc = take_flavours(o, spec, err);
	if (rc < 0) {
		o->is_done = true;
		order_free(o);
		return rc;
	}
	if (spec->commit) {
		o->wanted = iw_strdup(spec->commit);
		o->git_req = (struct iw_git_req){
			.run = resolve, .ctx = o, .done = on_resolved};
		iw_git_submit(project_git(spec->project), &o->git_req);
	} else {
		memcpy(o->commit, snapshot->commit, sizeof o->commit);
		memcpy(o->tree, snapshot->tree, sizeof o->tree);
		o->later =
			iw_timer_new(project_world_of(spec->project)->loop, on_later, o);
		iw_timer_start(o->later, 0, 0);
	}
	*out = o;
	return 0;
}

void order_stop(struct order *o)
{
	struct iw_builder builder = project_builder(o->project);
	size_t i;

	o->is_stopped = true;
	for (i = 0; i < o->count; i++)
		if (strcmp(o->parts[i].state, "waiting") == 0)
			builder.stop(builder.ctx, &o->parts[i].req);
}

void order_free(struct order *o)
{
	size_t i;

	if (!o)
		return;
	assert(o->is_done);
	for (i = 0; i < o->count; i++) {
		free(o->parts[i].dir);
		free(o->parts[i].log);
	}
	free(o->parts);
	free(o->misfit);
	free(o->wanted);
	free(o);
}
