/*
 * Which targets are near what is staged, before anything of a snapshot was run: those
 * whose corpus reaches functions that a pull request changes, by the lines that were
 * reached when somebody looked last. Its reports lie below coverage/.
 *
 *	ASKING (which snapshot was looked at) --> READING (git: places, then the report of
 *	each target) --> KEEPING (rows for people, marks for policy) --> done
 *
 * The failures: nobody has looked, or git has forgotten that snapshot: no target is near
 * anything. A report that cannot be read leaves its target out. None of them ends more.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/coverage_db.h"
#include "adapters/staged_db.h"
#include "adapters/staged_place.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cover_report.h"
#include "farm_room.h"

#include "base/banned.h"

/* Of core time on the new snapshot, in which targets near what is new have more. */
#define BOOST_MS ((int64_t)60 * 60 * 1000)
#define WEIGHT_NEW 4
#define WEIGHT_STAGED 2

/* What was found of one target. */
struct found {
	char *target;
	bool *near; /* of each entry of the snapshot */
};

struct nearing {
	struct farm_project *project;
	struct iw_db_req db_req;
	struct iw_git_req git_req;
	char covered[IW_GIT_HEX]; /* commit; empty: nobody has looked */
	char *dir;		  /* coverage/<adapter>/targets */
	bool *is_new;		  /* entries that were not in that snapshot */
	struct found *found;
	size_t count, cap;
};

static const struct staging_snapshot *snapshot_of(const struct nearing *n)
{
	return project_snapshot(n->project->project);
}

static void end(struct nearing *n)
{
	struct farm *farm = n->project->farm;
	size_t i;

	for (i = 0; i < n->count; i++) {
		free(n->found[i].target);
		free(n->found[i].near);
	}
	free(n->found);
	free(n->is_new);
	free(n->dir);
	free(n);
	farm->requests--;
	farm_advance(farm);
}

/* -- keeping ------------------------------------------------------------------------ */

/* The newest pull request that is near, those that are new first; NULL: none. */
static const struct staged_pr *nearest(
	const struct nearing *n, const struct found *found, bool is_new)
{
	size_t i;

	for (i = snapshot_of(n)->count; i-- > 0;)
		if (found->near[i] && n->is_new[i] == is_new)
			return &snapshot_of(n)->prs[i];
	return NULL;
}

static void mark(struct nearing *n, const struct found *found)
{
	struct farm_project *p = n->project;
	const struct staged_pr *fresh = nearest(n, found, true);
	const struct staged_pr *staged = fresh ? fresh : nearest(n, found, false);

	if (!staged)
		return;
	iw_grow(p->near, p->near_count, p->near_cap);
	p->near[p->near_count++] = (struct farm_near){
		.target = iw_strdup(found->target),
		.pr = staged->number,
		.is_new = fresh != NULL,
	};
}

static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct nearing *n = ctx;
	const struct staging_snapshot *s = snapshot_of(n);
	int64_t id = project_id(n->project->project);
	size_t i, k;
	int rc = 0;

	for (i = 0; i < n->count; i++)
		for (k = 0; rc == 0 && k < s->count; k++)
			if (staging_is_staged(s, k))
				rc = staged_db_put_target(dbc, id, &s->prs[k],
					n->found[i].target, n->found[i].near[k], -1, err);
	return rc;
}

static void on_stored(struct iw_db_req *req)
{
	struct nearing *n = req->ctx;
	struct farm_project *p = n->project;
	size_t i;

	if (req->err.code)
		iw_warn("targets near what is staged are not stored",
			S("error", req->err.msg));
	farm_near_fini(p);
	for (i = 0; i < n->count; i++)
		mark(n, &n->found[i]);
	for (i = 0; i < p->target_count; i++)
		farm_near_mark(p->targets[i]);
	end(n);
}

static void on_read(struct iw_git_req *req)
{
	struct nearing *n = req->ctx;

	if (req->rc < 0) {
		iw_info("what is near staged changes is not known",
			S("error", req->err.msg));
		end(n);
		return;
	}
	n->db_req = (struct iw_db_req){.run = store, .ctx = n, .done = on_stored};
	iw_db_submit(n->project->farm->db, &n->db_req);
}

/* -- reading, on the git thread ----------------------------------------------------- */

static void read_target(
	struct nearing *n, const struct staged_places *places, const char *target)
{
	_auto_free_ char *path = iw_fmt("%s/%s/lcov.info", n->dir, target);
	struct found found = {.near = NULL};
	struct san_lcov lcov;
	struct iw_err err;
	size_t i;

	if (cover_report_lcov(path, &lcov, &err) < 0) {
		iw_info("a coverage report is left out", S("error", err.msg));
		return;
	}
	found.near = iw_calloc(snapshot_of(n)->count + 1, sizeof *found.near);
	for (i = 0; i < snapshot_of(n)->count; i++)
		found.near[i] = staging_is_staged(snapshot_of(n), i) &&
			staged_places_near(places, i, &lcov);
	san_lcov_fini(&lcov);
	found.target = iw_strdup(target);
	iw_grow(n->found, n->count, n->cap);
	n->found[n->count++] = found;
}

static void read_targets(struct nearing *n, const struct staged_places *places)
{
	DIR *dir = opendir(n->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			read_target(n, places, entry->d_name);
	if (dir)
		closedir(dir);
}

static bool was_there(const struct staging_snapshot *before, const struct staged_pr *pr)
{
	size_t i;

	for (i = 0; i < before->count; i++)
		if (before->prs[i].number == pr->number &&
			strcmp(before->prs[i].head, pr->head) == 0)
			return before->prs[i].staged_as != STAGING_NOT;
	return false;
}

static int read_near(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct nearing *n = ctx;
	const struct project *project = n->project->project;
	const char *base = project_adapter(project)->source.base;
	_auto_(staging_freep) struct staging_snapshot *before = NULL;
	struct staged_places places;
	size_t i;
	int rc = staging_read(repo, n->covered, base, &before, err);

	if (rc == 0)
		rc = staged_places_read(
			repo, project_changes(project), before->tree, &places, err);
	if (rc < 0)
		return rc;
	n->is_new = iw_calloc(snapshot_of(n)->count + 1, sizeof *n->is_new);
	for (i = 0; i < snapshot_of(n)->count; i++)
		n->is_new[i] = !was_there(before, &snapshot_of(n)->prs[i]);
	read_targets(n, &places);
	staged_places_fini(&places);
	return 0;
}

/* -- asking ------------------------------------------------------------------------- */

static int ask(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct nearing *n = ctx;
	int64_t units;
	int rc = coverage_db_whole(
		dbc, project_id(n->project->project), n->covered, &units, err);

	return rc < 0 ? rc : 0;
}

static void on_asked(struct iw_db_req *req)
{
	struct nearing *n = req->ctx;

	if (req->err.code || !*n->covered || snapshot_of(n)->count == 0) {
		end(n);
		return;
	}
	n->git_req = (struct iw_git_req){.run = read_near, .ctx = n, .done = on_read};
	iw_git_submit(project_git(n->project->project), &n->git_req);
}

void farm_near_look(struct farm_project *p)
{
	struct nearing *n = iw_calloc(1, sizeof *n);

	n->project = p;
	n->dir = iw_fmt("%s/%s/targets", p->farm->world.state->coverage,
		project_adapter(p->project)->name);
	n->db_req = (struct iw_db_req){.run = ask, .ctx = n, .done = on_asked};
	p->farm->requests++;
	iw_db_submit(p->farm->db, &n->db_req);
}

/* -- the farm's side ---------------------------------------------------------------- */

void farm_near_mark(struct farm_target *t)
{
	const struct farm_project *p = t->owner;
	size_t i;

	t->near = NULL;
	for (i = 0; i < p->near_count; i++)
		if (strcmp(p->near[i].target, t->spec.name) == 0)
			t->near = &p->near[i];
}

void farm_near_fini(struct farm_project *p)
{
	size_t i;

	for (i = 0; i < p->near_count; i++)
		free(p->near[i].target);
	free(p->near);
	p->near = NULL;
	p->near_count = p->near_cap = 0;
	for (i = 0; i < p->target_count; i++)
		p->targets[i]->near = NULL;
}

int farm_near_weight(const struct farm_target *t)
{
	if (!t->near)
		return 1;
	return t->near->is_new && t->core_ms < BOOST_MS ? WEIGHT_NEW : WEIGHT_STAGED;
}
