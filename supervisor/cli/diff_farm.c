/*
 * What a farm knows already: its corpora, and which lines they reach. It is read and
 * never written, also while the farm runs.
 */
#include <stdlib.h>
#include <string.h>

#include "adapters/coverage_db.h"
#include "adapters/project_db.h"
#include "adapters/staged_place.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/diff_room.h"
#include "corpus/handout.h"
#include "corpus/ingest.h"
#include "cover_report.h"

#include "base/banned.h"

int diff_farm_open(struct diff *d, struct iw_err *err)
{
	int rc = iw_state_open(&d->farm, d->wish.state, IW_STATE_READ, err);

	/* Nobody asked for the user's. */
	if (rc == IW_ENOENT && !d->wish.state) {
		*err = (struct iw_err){0};
		return 0;
	}
	return rc;
}

/* -- its only adapter --------------------------------------------------------------- */

struct only {
	char *name;
	bool has_more;
};

static int note_adapter(void *ctx, const struct project_target_row *row)
{
	struct only *o = ctx;

	if (!o->name)
		o->name = iw_strdup(row->adapter);
	o->has_more |= strcmp(o->name, row->adapter) != 0;
	return 0;
}

int diff_farm_adapter(struct diff *d, char **arg, struct iw_err *err)
{
	struct only o = {0};
	int rc = d->farm.dir ? project_db_targets(d->farm.dbc, 0, note_adapter, &o, err)
			     : 0;

	if (rc == 0 && (!o.name || o.has_more))
		rc = iw_err_set(err, IW_EINVAL,
			"which adapter? %s; 'ironworks diff ADAPTER …' says which",
			o.has_more ? "the farm has several"
				   : "there is no farm that has just one");
	if (rc == 0)
		rc = project_db_adapter_arg(d->farm.dbc, o.name, arg, err);
	free(o.name);
	return rc;
}

/* -- targets ------------------------------------------------------------------------ */

struct known {
	char *name;
	int64_t id;
	bool is_seen, is_near; /* its coverage was looked at; and comes near */
};

struct taking {
	struct diff *d;
	struct iw_state *own;
	int64_t adapter_id; /* the farm's row */
	struct staged_changes changes;
	struct staged_places places; /* on what coverage was looked at */
	struct known *targets;
	size_t count, cap;
	struct corpus_packs *from, *to;
};

static int note_target(void *ctx, const struct project_target_row *row)
{
	struct taking *t = ctx;
	const char *only = t->d->wish.target;

	if (strcmp(row->adapter, t->d->adapter->name) != 0 || row->offline_ms ||
		(only && strcmp(row->name, only) != 0))
		return 0;
	iw_grow(t->targets, t->count, t->cap);
	t->targets[t->count++] =
		(struct known){.name = iw_strdup(row->name), .id = row->id};
	return 0;
}

/* Reports that are damaged, or gone, say nothing. */
static void look_at(const struct taking *t, struct known *target)
{
	_auto_free_ char *path = iw_fmt("%s/%s/targets/%s/lcov.info", t->d->farm.coverage,
		t->d->adapter->name, target->name);
	struct san_lcov lcov;

	if (cover_report_lcov(path, &lcov, NULL) < 0)
		return;
	target->is_seen = true;
	target->is_near = staged_places_near(&t->places, 0, &lcov);
	san_lcov_fini(&lcov);
}

/* Where no target is known to come near, all are tried; one that nobody has looked at may
 * come near, too. */
static void sort_out(struct taking *t)
{
	struct diff *d = t->d;
	bool is_any = false;
	size_t i;

	for (i = 0; i < t->count; i++)
		is_any |= t->targets[i].is_near;
	if (!is_any)
		return;
	d->far = iw_calloc(t->count + 1, sizeof *d->far);
	for (i = 0; i < t->count; i++)
		if (t->targets[i].is_seen && !t->targets[i].is_near)
			d->far[d->far_count++] = iw_strdup(t->targets[i].name);
}

/* What the change touches, and where that was on the commit that coverage was looked at on;
 * of one that left since, about where it is on the base. */
static int find_places(struct taking *t, struct iw_git_repo *repo, const char *covered,
	struct iw_err *err)
{
	const struct change *c = &t->d->change;
	char tree[IW_GIT_HEX];
	int rc = staged_changes_of(repo, c->tree, &c->diff, &t->changes, err);

	if (rc < 0)
		return rc;
	if (iw_git_tree(repo, covered, tree, NULL) < 0)
		memcpy(tree, c->base_tree, sizeof tree);
	return staged_places_read(repo, &t->changes, tree, &t->places, err);
}

static int find_near(struct taking *t, struct iw_git_repo *repo, struct iw_err *err)
{
	char snapshot[IW_GIT_HEX];
	int64_t units;
	size_t i;
	int rc = coverage_db_whole(t->d->farm.dbc, t->adapter_id, snapshot, &units, err);

	if (rc <= 0)
		return rc;
	rc = find_places(t, repo, snapshot, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < t->count; i++)
		look_at(t, &t->targets[i]);
	sort_out(t);
	return 0;
}

/* -- corpora ------------------------------------------------------------------------ */

static bool is_far(const struct diff *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->far_count; i++)
		if (strcmp(d->far[i], name) == 0)
			return true;
	return false;
}

/* The fewest units that reach what the whole corpus does, by way of a folder. */
static int copy_units(struct taking *t, const struct known *target, int64_t own_adapter,
	const char *dir, struct iw_err *err)
{
	struct corpus_handout handout = {.db_path = t->d->farm.db,
		.packs = t->from,
		.target_id = target->id,
		.dir = dir};
	struct corpus_swept swept = {0};
	int64_t own_target;
	int rc = project_db_reference(t->d->farm.dbc, target->id, &handout.build_id, err);

	if (rc < 0 || handout.build_id < 0)
		return rc;
	rc = corpus_handout(&handout, err);
	if (rc == 0)
		rc = project_db_target(
			t->own->dbc, own_adapter, target->name, &own_target, err);
	if (rc == 0)
		rc = corpus_ingest_dir_sync(t->own->dbc, t->to, own_target,
			CORPUS_ORIGIN_IMPORT, dir, &swept, err);
	t->d->seeds += swept.added;
	free(swept.ids);
	return rc;
}

static int copy_corpora(struct taking *t, struct iw_err *err)
{
	const struct adapter *adapter = t->d->adapter;
	_auto_free_ char *dir = iw_path_join(t->own->dir, "seeds");
	int64_t own_adapter;
	size_t i;
	int rc = corpus_packs_open(&t->from, t->d->farm.units, err);

	if (rc == 0)
		rc = corpus_packs_open(&t->to, t->own->units, err);
	if (rc == 0)
		rc = corpus_units_begin(t->own->dbc, t->to, err);
	if (rc == 0)
		rc = project_db_adapter(t->own->dbc, adapter->name, adapter->dir,
			adapter->parameters, &own_adapter, err);
	for (i = 0; rc == 0 && i < t->count; i++) {
		_auto_free_ char *place = iw_path_join(dir, t->targets[i].name);

		if (!is_far(t->d, t->targets[i].name))
			rc = copy_units(t, &t->targets[i], own_adapter, place, err);
	}
	iw_dir_remove(dir, NULL);
	return rc;
}

/* Other parameters make another project of it. */
static int find_adapter(struct taking *t, struct iw_err *err)
{
	const struct adapter *adapter = t->d->adapter;
	_auto_free_ char *arg = NULL, *where = NULL, *parameters = NULL;
	int rc =
		project_db_adapter_id(t->d->farm.dbc, adapter->name, &t->adapter_id, err);

	if (rc == 0)
		rc = project_db_adapter_arg(t->d->farm.dbc, adapter->name, &arg, err);
	if (rc == 0)
		rc = adapter_parse_arg(arg, &where, &parameters, err);
	if (rc == 0 && strcmp(parameters ? parameters : "", adapter->parameters) != 0)
		rc = IW_ENOENT;
	return rc;
}

static void fini(struct taking *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->targets[i].name);
	free(t->targets);
	staged_places_fini(&t->places);
	staged_changes_fini(&t->changes);
	corpus_packs_close(t->from);
	corpus_packs_close(t->to);
}

int diff_farm_take(struct diff *d, struct iw_git_repo *repo, struct iw_state *own,
	struct iw_err *err)
{
	struct taking t = {.d = d, .own = own};
	int rc = find_adapter(&t, err);

	if (rc == IW_ENOENT) {
		*err = (struct iw_err){0};
		return 0;
	}
	if (rc == 0)
		rc = project_db_targets(d->farm.dbc, 0, note_target, &t, err);
	if (rc == 0)
		rc = find_near(&t, repo, err);
	if (rc == 0)
		rc = copy_corpora(&t, err);
	fini(&t);
	return rc < 0 ? iw_err_wrap(err, "what the farm in '%s' knows", d->farm.dir) : 0;
}
