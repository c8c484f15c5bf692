/*
 * Which targets a project's builds have: those that adapter.json lists, and those that it
 * lets be discovered. What was there once and is not now is offline.
 */
#include <stdlib.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/project_db.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

static char *existing(char *path)
{
	if (iw_file_exists(path))
		return path;
	free(path);
	return NULL;
}

/* A companion comes after the flavour that it helps: san_flavours() has them so. */
static void add_lane(struct farm_target *t, const struct iw_build *build)
{
	const char *helps = san_flavour_find(build->flavour)->companion_of;
	size_t i;

	if (!helps) {
		t->lanes[t->lane_count++] =
			(struct farm_lane){.target = t, .build = build, .has_work = true};
		return;
	}
	for (i = 0; i < t->lane_count; i++)
		if (strcmp(t->lanes[i].build->flavour, helps) == 0)
			t->lanes[i].companion = build;
}

/* Of a comparison, some are fuzzed. */
static bool is_wanted(const struct farm_project *p, const char *name)
{
	const struct farm_side *side = p->farm->config.side;
	const char *const *far;

	if (side && side->only)
		return strcmp(side->only, name) == 0;
	for (far = side ? side->far : NULL; far && *far; far++)
		if (strcmp(*far, name) == 0)
			return false;
	return true;
}

static bool is_run(const struct iw_build *build)
{
	return build && !build->is_build_only;
}

static void add_target(struct farm_project *p, const struct adapter_target *spec)
{
	struct farm_target *t = iw_calloc(1, sizeof *t);
	size_t i;

	t->farm = p->farm;
	t->owner = p;
	t->spec = *spec;
	t->triage =
		(struct triage_target){.id = -1, .spec = &t->spec, .project = p->project};
	t->features = corpus_features_new();
	t->backoff_ms = 300;
	for (i = 0; i < p->flavour_count; i++) {
		_auto_free_ char *binary =
			is_run(p->builds[i]) ? target_binary(p->builds[i], spec) : NULL;

		/* A target may not exist under every flavour, and a flavour may not
		 * build; the reference is a must. */
		if (binary)
			add_lane(t, p->builds[i]);
	}
	farm_judges_init(t);
	farm_shares_init(t);
	t->dictionary = existing(iw_fmt("%s/%s.dict", p->builds[0]->dir, spec->binary));
	t->seeds = existing(iw_fmt("%s/%s_seed_corpus", p->builds[0]->dir, spec->binary));
	iw_grow(p->targets, p->target_count, p->target_cap);
	p->targets[p->target_count++] = t;
	farm_near_mark(t);
	p->farm->opening++;
	farm_target_load(t);
}

static int take_discovered(void *ctx, const char *name)
{
	struct farm_project *p = ctx;
	const struct adapter *adapter = project_adapter(p->project);
	struct adapter_target spec = adapter_target_defaults;

	if (!target_is_discovered(adapter, p->builds[0]->dir, name) ||
		!is_wanted(p, name))
		return 0;
	spec.name = spec.binary = iw_arena_strdup(p->farm->arena, name);
	iw_info("target discovered", S("adapter", adapter->name), S("target", name));
	add_target(p, &spec);
	return 0;
}

static int set_offline(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct farm_project *p = ctx;

	return project_db_set_offline(dbc, project_id(p->project), err);
}

static void on_offline(struct iw_db_req *req)
{
	struct farm_project *p = req->ctx;

	p->farm->requests--;
	if (req->err.code)
		farm_fail(p->farm, &req->err);
	farm_advance(p->farm);
}

/* Before those that are there say so, each in a request of its own. */
static void start_offline(struct farm_project *p)
{
	p->offline_req =
		(struct iw_db_req){.run = set_offline, .ctx = p, .done = on_offline};
	p->farm->requests++;
	iw_db_submit(p->farm->db, &p->offline_req);
}

/* Where a branch is followed, or commits are compared: targets come and go with them. */
static bool may_lack(const struct farm_project *p)
{
	return p->farm->config.side ||
		(p->follow && p->follow->every_ms && project_is_known(p->project));
}

/* What adapter.json lists is a must elsewhere. */
static int find_listed(
	struct farm_project *p, const struct adapter_target *spec, struct iw_err *err)
{
	const struct adapter *adapter = project_adapter(p->project);
	_auto_free_ char *binary = target_binary(p->builds[0], spec);

	if (!is_wanted(p, spec->name))
		return 0;
	if (binary) {
		add_target(p, spec);
		return 0;
	}
	if (!may_lack(p))
		return iw_err_set(err, IW_EINVAL,
			"adapter '%s': target '%s': the build made no program '%s'; fix "
			"'binary' in %s/adapter.json or the build command",
			adapter->name, spec->name, spec->binary, adapter->dir);
	farm_say(p->farm, "%s: target %s is offline: commit %.12s does not build it",
		adapter->name, spec->name, project_snapshot(p->project)->commit);
	return 0;
}

/* On the git thread. */
static int look_at_files(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct farm_project *p = ctx;

	(void)err;
	p->misfit = fit_files(repo, project_snapshot(p->project)->tree,
		project_adapter(p->project), p->builds[0]->dir);
	return 0;
}

static void on_files(struct iw_git_req *req)
{
	struct farm_project *p = req->ctx;

	p->farm->requests--;
	farm_say_misfit(p, p->misfit);
	free(iw_steal(&p->misfit));
	farm_advance(p->farm);
}

/* Of a comparison nobody blames anything. */
static void start_files(struct farm_project *p)
{
	if (p->farm->config.side)
		return;
	p->fit_req =
		(struct iw_git_req){.run = look_at_files, .ctx = p, .done = on_files};
	p->farm->requests++;
	iw_git_submit(project_git(p->project), &p->fit_req);
}

void farm_find_targets(struct farm_project *p)
{
	const struct adapter *adapter = project_adapter(p->project);
	struct iw_err err = IW_ERR_INIT;
	size_t i;

	start_offline(p);
	for (i = 0; i < adapter->target_count; i++) {
		if (find_listed(p, &adapter->targets[i], &err) == 0)
			continue;
		farm_fail(p->farm, &err);
		return;
	}
	if (adapter->discover)
		iw_dir_each(p->builds[0]->dir, take_discovered, p, NULL);
	start_files(p);
}
