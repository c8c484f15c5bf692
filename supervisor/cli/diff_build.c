/*
 * The reference builds of both sides before anything else is built: does the change build,
 * and is the wanted target there?
 */
#include <stdlib.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/build_log.h"
#include "adapters/project_db.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/build_alone.h"
#include "cli/diff_room.h"
#include "cli/near_name.h"

#include "base/banned.h"

const char *const diff_side_names[] = {"base", "change"};

static const char *commit_of(const struct diff *d, enum diff_side side)
{
	return side == DIFF_BASE ? d->change.base : d->change.merge;
}

/* -- one build ---------------------------------------------------------------------- */

struct looking {
	const struct diff *diff;
	const char *tree, *builds_dir;
	bool is_there, is_ok;
	char *error, *log;
	char **names; /* of its targets */
	size_t count, cap;
};

static void looking_fini(struct looking *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		free(l->names[i]);
	free(l->names);
	free(l->error);
	free(l->log);
}

static void add_name(struct looking *l, const char *name)
{
	iw_grow(l->names, l->count, l->cap);
	l->names[l->count++] = iw_strdup(name);
}

struct discovering {
	struct looking *looking;
	const char *dir;
};

static int take_program(void *ctx, const char *name)
{
	struct discovering *d = ctx;

	if (target_is_discovered(d->looking->diff->adapter, d->dir, name))
		add_name(d->looking, name);
	return 0;
}

static void list_targets(struct looking *l, const struct iw_build *row)
{
	const struct adapter *adapter = l->diff->adapter;
	_auto_free_ char *dir = iw_path_join(l->builds_dir, row->closure);
	struct discovering discovering = {l, dir};
	struct iw_build build = *row;
	size_t i;

	build.dir = dir;
	for (i = 0; i < adapter->target_count; i++) {
		_auto_free_ char *binary = target_binary(&build, &adapter->targets[i]);

		if (binary)
			add_name(l, adapter->targets[i].name);
	}
	iw_dir_each(dir, take_program, &discovering, NULL);
}

static void take_build(void *ctx, const struct iw_build *build)
{
	struct looking *l = ctx;

	if (strcmp(build->tree, l->tree) != 0 ||
		strcmp(build->flavour, ADAPTER_REFERENCE) != 0)
		return;
	l->is_there = true;
	l->is_ok = build->is_ok;
	l->error = build_error_words(build);
	l->log = build_log_path(l->builds_dir, build->closure);
	if (build->is_ok)
		list_targets(l, build);
}

/* The caller frees with looking_fini(), also after an error. */
static int look_at(
	const struct diff *d, enum diff_side side, struct looking *l, struct iw_err *err)
{
	struct iw_state state;
	int64_t adapter_id;
	int rc = iw_state_open(&state, d->dir, IW_STATE_READ, err);

	*l = (struct looking){.diff = d,
		.tree = side == DIFF_BASE ? d->change.base_tree : d->change.tree};
	if (rc < 0)
		return rc;
	l->builds_dir = state.builds;
	rc = project_db_adapter_id(state.dbc, d->adapter->name, &adapter_id, err);
	if (rc == 0)
		rc = build_db_list(state.dbc, adapter_id, take_build, l, err);
	iw_state_close(&state);
	return rc;
}

/* IW_EJOB where it does not build; 1: nobody has tried, or got an answer. */
static int judge(
	struct diff *d, enum diff_side side, const struct looking *l, struct iw_err *err)
{
	if (l->is_ok)
		return 0;
	if (!l->is_there)
		return 1;
	d->stays = true;
	return iw_err_set(err, IW_EJOB,
		"the %s, commit %.12s, does not build: %s; 'zstdcat %s' shows all of it",
		diff_side_names[side],
		side == DIFF_BASE ? d->change.base : d->change.head, l->error, l->log);
}

int diff_check_built(struct diff *d, enum diff_side side, struct iw_err *err)
{
	struct looking l;
	int rc = look_at(d, side, &l, err);

	if (rc == 0)
		rc = judge(d, side, &l, err);
	looking_fini(&l);
	return rc;
}

/* -- before all others -------------------------------------------------------------- */

/* Where nobody knows, the side's farm tries it again, and says why not. */
static int build(
	struct diff *d, enum diff_side side, struct looking *l, struct iw_err *err)
{
	const char *flavour = ADAPTER_REFERENCE;
	struct build_wish wish = {
		.adapter = d->adapter_arg,
		.commit = commit_of(d, side),
		.flavours = &flavour,
		.flavour_count = 1,
		.state = d->dir,
		.cores = (int)d->wish.cores,
		.is_apart = true,
	};
	json_t *answer = NULL;
	int rc = build_alone(&wish, &answer, err);

	json_decref(answer);
	*l = (struct looking){0};
	if (rc == 0)
		rc = look_at(d, side, l, err);
	return rc < 0 ? rc : judge(d, side, l, err);
}

static bool has_wanted(const struct diff *d, const struct looking *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strcmp(l->names[i], d->wish.target) == 0)
			return true;
	return false;
}

/* Both sides' targets are known, and it is none of them. */
static int refuse_target(const struct diff *d, struct looking *base,
	const struct looking *change, struct iw_err *err)
{
	_auto_free_ char *words = NULL;
	size_t i;

	for (i = 0; i < change->count; i++)
		add_name(base, change->names[i]);
	words = cli_near_names(
		d->wish.target, (const char *const *)base->names, base->count);
	return iw_err_set(err, IW_EINVAL,
		"neither the base nor the change builds a target '%.60s'; they have %s",
		d->wish.target, words);
}

/* The change takes it away, or nobody has it. */
static int look_on_base(struct diff *d, const struct looking *change, struct iw_err *err)
{
	struct looking base;
	int rc = build(d, DIFF_BASE, &base, err);

	if (rc == 0 && !has_wanted(d, &base))
		rc = refuse_target(d, &base, change, err);
	looking_fini(&base);
	return rc;
}

int diff_build_first(struct diff *d, struct iw_err *err)
{
	struct looking change;
	int rc = build(d, DIFF_CHANGE, &change, err);

	if (rc == 0 && d->wish.target && !has_wanted(d, &change))
		rc = look_on_base(d, &change, err);
	looking_fini(&change);
	return rc < 0 ? rc : 0;
}
