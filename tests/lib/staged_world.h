/*
 * Staged histories whose truth is known, and answers about their trees as builds and runs
 * would give them. For the test and the bench of the bisection.
 */
#ifndef TESTS_LIB_STAGED_WORLD_H
#define TESTS_LIB_STAGED_WORLD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/git.h"
#include "tests/lib/chance.h"
#include "triage/bisect.h"

#define WORLD_MERGES 64
#define WORLD_PR 100 /* merge i is pull request WORLD_PR + i */

/* A history of merges and what is wrong with it. */
struct world {
	size_t count;
	bool is_pre_existing;
	size_t causes[2][3]; /* each: merges that are bad together; 0 ends */
	/* returned[0] brought it, [1] mended it, [2] brought it back: by undoing the mend,
	 * or (is_new) by bringing it once more; 0: no such history */
	size_t returned[3];
	bool is_new;
	size_t undone
		[2];  /* [0] mended it, [1] takes [0] back: together they are nothing */
	bool is_mend; /* what is asked is who mended it; it showed at merge `shown` */
	size_t shown;
	size_t after;	     /* … or who brought it back since this merge mended it */
	size_t target_by;    /* the merge that adds the target; 0: always there */
	bool may_carry;	     /* its files could be put into trees before it */
	size_t conflicts;    /* this merge cannot be reverted; 0: none */
	size_t needs[2];     /* needs[0] does not apply without needs[1] */
	double rate;	     /* of a hit on a bad tree; 0: 1 */
	double told;	     /* the rate that the snapshot showed; 0: rate */
	unsigned told_runs;  /* in so many runs; 0: 25 */
	unsigned untestable; /* per cent of the trees that do not build */
	bool is_gone;	     /* the snapshot does not show it any more */
	const double *costs; /* as the bisection's; below 1: the tree is built already */
	bool is_blind;	     /* … which the bisection is not told */
	uint64_t salt;
};

static inline uint64_t world_all(const struct world *w)
{
	return w->count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << w->count) - 1;
}

/* The merges of the tree in question as a set of bits. */
static inline uint64_t world_tree(const struct world *w, const struct triage_question *q)
{
	uint64_t tree = 0;
	size_t i;

	if (q->prefix)
		tree = q->prefix == 64 ? ~UINT64_C(0) : (UINT64_C(1) << q->prefix) - 1;
	for (i = 0; i < q->merge_count; i++) {
		uint64_t bit;

		if (q->merges[i] < 1 || q->merges[i] > w->count)
			abort();
		bit = UINT64_C(1) << (q->merges[i] - 1);
		tree = q->kind == TRIAGE_WITHOUT ? tree & ~bit : tree | bit;
	}
	return tree;
}

static inline bool world_has(uint64_t tree, size_t merge)
{
	return merge && (tree >> (merge - 1) & 1);
}

/* What git would call it. */
static inline void world_name(const struct world *w, uint64_t tree, char name[IW_GIT_HEX])
{
	if (world_has(tree, w->undone[0]) && world_has(tree, w->undone[1]))
		tree &= ~(UINT64_C(1) << (w->undone[0] - 1) |
			UINT64_C(1) << (w->undone[1] - 1));
	snprintf(name, IW_GIT_HEX, "%016llx", (unsigned long long)tree);
}

static inline bool world_is_bad(const struct world *w, uint64_t tree)
{
	const size_t *r = w->returned;
	size_t c, i;

	for (c = 0; c < 2; c++) {
		bool all = w->causes[c][0] != 0;

		for (i = 0; i < 3 && w->causes[c][i]; i++)
			all = all && world_has(tree, w->causes[c][i]);
		if (all)
			return true;
	}
	if (w->is_new && world_has(tree, r[2]))
		return true;
	if (world_has(tree, w->undone[0]) && !world_has(tree, w->undone[1]))
		return false;
	return (r[0] ? world_has(tree, r[0]) : w->is_pre_existing) &&
		(!world_has(tree, r[1]) || world_has(tree, r[2]));
}

/* The same tree always builds or never does. Base and snapshot do. */
static inline bool world_is_unlucky(const struct world *w, uint64_t tree)
{
	uint64_t h = (tree ^ w->salt) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return w->untestable && tree && tree != world_all(w) &&
		(h >> 33) % 100 < w->untestable;
}

static inline struct triage_answer world_reply(
	const struct world *w, const struct triage_question *q, uint64_t *seed)
{
	uint64_t tree = world_tree(w, q);
	struct triage_answer a = {.kind = TRIAGE_UNTESTABLE};
	bool bad = world_is_bad(w, tree);
	size_t i;

	if (q->runs == 0)
		abort();
	world_name(w, tree, a.tree);
	if (w->target_by && !world_has(tree, w->target_by)) {
		a.why = TRIAGE_WHY_TARGET;
		return a;
	}
	a.why = TRIAGE_WHY_CONFLICT;
	for (i = 0; i < q->merge_count; i++)
		if (q->kind == TRIAGE_WITHOUT && w->conflicts == q->merges[i])
			return a;
	if (world_has(tree, w->needs[0]) && !world_has(tree, w->needs[1]))
		return a;
	a.why = TRIAGE_WHY_BUILD;
	if (world_is_unlucky(w, tree))
		return a;
	if (w->is_gone)
		bad = false;
	for (a.runs = 0; a.runs < q->runs && !a.hits; a.runs++)
		a.hits = bad && (w->rate == 0 || test_chance(seed) < w->rate);
	a.kind = a.hits ? TRIAGE_BAD : TRIAGE_GOOD;
	return a;
}

/* What the snapshot shows before anything is asked: at least one hit. */
static inline void world_tell(
	const struct world *w, struct triage_bisect_spec *spec, uint64_t *seed)
{
	double rate = w->told > 0 ? w->told : w->rate;
	unsigned runs = w->told_runs ? w->told_runs : 25;

	/* What always fails is run five times (triage/rate.h). */
	spec->hits = spec->runs = 5;
	if (rate <= 0)
		return;
	for (spec->hits = spec->runs = 0; spec->runs < runs || !spec->hits; spec->runs++)
		spec->hits += test_chance(seed) < rate;
}

/* Runs a history to its end; the caller frees. */
static inline struct triage_bisect *world_run(const struct world *w, uint64_t *seed)
{
	struct triage_bisect_spec spec = {.count = w->count,
		.costs = w->is_blind ? NULL : w->costs,
		.may_carry = w->may_carry,
		.is_mend = w->is_mend,
		.shown = w->shown,
		.after = w->after};
	struct triage_question q;
	struct triage_bisect *b;
	int prs[WORLD_MERGES], guard = 0;
	size_t i;

	for (i = 0; i < w->count; i++)
		prs[i] = WORLD_PR + (int)i + 1;
	spec.prs = prs;
	world_tell(w, &spec, seed);
	b = triage_bisect_new(&spec);
	while (triage_bisect_next(b, &q) > 0) {
		struct triage_answer a = world_reply(w, &q, seed);

		if (guard++ > 400)
			abort();
		triage_bisect_answer(b, &a);
	}
	return b;
}

static inline bool world_names(const struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count)
{
	const struct triage_attribution *r = triage_bisect_result(b);

	return r->outcome == outcome && r->count == count &&
		(count == 0 || memcmp(r->merges, merges, count * sizeof *merges) == 0);
}

#endif
