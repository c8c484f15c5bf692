#include "triage/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

void triage_known_init(struct triage_known *known, struct triage *t)
{
	*known = (struct triage_known){.triage = t};
	known->end = &known->bugs;
	known->clusters = triage_clusters_new();
}

static void free_bug(struct triage_bug *bug)
{
	triage_signature_fini(&bug->signature);
	free(bug);
}

void triage_known_fini(struct triage_known *known)
{
	struct triage_bug *bug;

	while ((bug = known->bugs) != NULL) {
		known->bugs = bug->next;
		free_bug(bug);
	}
	triage_clusters_free(known->clusters);
	free(known->targets);
}

struct triage_bug *triage_bug_survivor(struct triage_bug *bug)
{
	while (bug->merged_into)
		bug = bug->merged_into;
	return bug;
}

static const struct triage_target *target_of(
	const struct triage_known *known, int64_t target_id)
{
	size_t i;

	for (i = 0; i < known->target_count; i++)
		if (known->targets[i]->id == target_id)
			return known->targets[i];
	return NULL;
}

/* By each name that it ever had. */
static void add_looks(struct triage_known *known, struct triage_bug *bug)
{
	const struct triage_signature *sig;

	for (sig = &bug->signature; sig; sig = sig->former)
		triage_clusters_add(known->clusters, sig, bug);
}

void triage_known_rename(
	struct triage_known *known, struct triage_bug *bug, struct triage_signature *sig)
{
	triage_clusters_remove(known->clusters, bug);
	triage_signature_fini(&bug->signature);
	bug->signature = *sig;
	*sig = (struct triage_signature){0};
	add_looks(known, bug);
}

struct triage_bug *triage_known_add(struct triage_known *known, int64_t id,
	int64_t adapter_id, int64_t target_id, struct triage_signature *sig)
{
	struct triage_bug *bug = iw_calloc(1, sizeof *bug);

	bug->triage = known->triage;
	bug->id = id;
	bug->adapter_id = adapter_id;
	bug->target_id = target_id;
	bug->target = target_of(known, target_id);
	bug->signature = *sig;
	*sig = (struct triage_signature){0};
	add_looks(known, bug);
	*known->end = bug;
	known->end = &bug->next;
	return bug;
}

void triage_known_remove(struct triage_known *known, struct triage_bug *bug)
{
	struct triage_bug **at = &known->bugs;

	while (*at != bug)
		at = &(*at)->next;
	*at = bug->next;
	if (known->end == &bug->next)
		known->end = at;
	triage_clusters_remove(known->clusters, bug);
	free_bug(bug);
}

struct triage_bug *triage_known_find(const struct triage_known *known, int64_t id)
{
	struct triage_bug *bug = known->bugs;

	while (bug && bug->id != id)
		bug = bug->next;
	return bug;
}

struct triage_bug *triage_known_add_row(
	struct triage_known *known, const struct bug_row *row, struct iw_err *err)
{
	struct triage_signature sig = {0};
	struct triage_bug *bug;

	if (triage_signature_parse(&sig, row->type, row->frames, err) < 0)
		return NULL;
	bug = triage_known_add(known, row->id, row->adapter_id, row->target_id, &sig);
	bug->has_issue = row->issue != NULL;
	bug->is_fixed = strcmp(row->state, "fixed") == 0;
	return bug;
}

/* A bug may be merged into one that comes later. */
struct merge {
	struct triage_bug *bug;
	int64_t into;
};

struct loading {
	struct triage_known *known;
	struct iw_err *err;
	struct merge *merges;
	size_t count, cap;
};

static int load_bug(void *ctx, const struct bug_row *row)
{
	struct loading *l = ctx;
	struct triage_bug *bug = triage_known_add_row(l->known, row, l->err);

	if (!bug)
		return IW_EINVAL;
	if (row->merged_into >= 0) {
		iw_grow(l->merges, l->count, l->cap);
		l->merges[l->count++] = (struct merge){bug, row->merged_into};
	}
	return 0;
}

int triage_known_load(struct triage_known *known, struct iw_dbc *dbc, struct iw_err *err)
{
	struct loading l = {.known = known, .err = err};
	int rc = bug_db_list(dbc, 0, load_bug, &l, err);
	size_t i;

	for (i = 0; rc == 0 && i < l.count; i++)
		l.merges[i].bug->merged_into = triage_known_find(known, l.merges[i].into);
	free(l.merges);
	return rc;
}

void triage_known_announce(struct triage_known *known, const struct triage_target *target)
{
	struct triage_bug *bug;

	iw_grow(known->targets, known->target_count, known->target_cap);
	known->targets[known->target_count++] = target;
	for (bug = known->bugs; bug; bug = bug->next)
		if (bug->target_id == target->id)
			bug->target = target;
}

struct matching {
	const struct triage_target *target;
	bool is_stackless;
	struct triage_nearest nearest;
};

static void on_alike(void *ctx, void *owner, double similarity)
{
	struct matching *m = ctx;
	struct triage_bug *bug = owner;

	if (bug->adapter_id != project_id(m->target->project))
		return;
	/* Without frames a type alone says nothing across targets. */
	if (m->is_stackless && bug->target_id != m->target->id)
		return;
	triage_nearest_take(&m->nearest, bug, triage_bug_survivor(bug), similarity);
}

struct triage_nearest triage_known_match(const struct triage_known *known,
	const struct triage_target *target, const struct triage_signature *sig)
{
	struct matching m = {.target = target, .is_stackless = sig->frames.count == 0};

	triage_clusters_find(known->clusters, sig, on_alike, &m);
	return m.nearest;
}
