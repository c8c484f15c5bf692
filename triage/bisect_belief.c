/*
 * Bayes over every history that the base, one merge or two merges can explain, or one that
 * another mended and a third brought back. A history says of each tree whether it is bad; a
 * bad one shows the bug with the same unknown rate each time, a good one never. So a history
 * that calls a tree with hits good is out, and else its weight is
 *
 *	prior × E[ rate^hits × (1 - rate)^misses ]	over its bad trees
 *
 * and so is one that calls the same files good in one place and bad in another. The rate is
 * as the snapshot showed it, or, at ESTIMATE_WRONG, any rate: machines differ, and one
 * estimate holds for all trees, so that a wrong one makes all good answers doubtful at once.
 *
 * Merges that stand in the same trees cannot be told apart by any answer: they are one
 * group, and there are few groups however many merges.
 */
#include "triage/bisect_belief.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* The snapshot's rate says nothing about the trees. */
#define ESTIMATE_WRONG 0.01
/* What causes bugs, before anything is known. */
#define PRIOR_BASE 0.3
#define PRIOR_ONE 0.6
#define PRIOR_BOTH 0.08
#define PRIOR_EITHER 0.01
#define PRIOR_MORE 0.01
#define PRIOR_RETURNED 0.005
/* Beyond it the model itself is what may be wrong. */
#define BELIEF_MAX 0.999
#define TREES_MAX 64

/* Merges that stand in the same trees. */
struct group {
	uint64_t trees;
	double count;
	bool is_named; /* one merge of the claim */
};

struct history {
	uint64_t bad; /* trees */
	double log_weight;
	bool is_claimed;
};

struct belief {
	const struct triage_bisect *b;
	const struct bisect_claim *claim;
	const struct tree *trees[TREES_MAX]; /* that have been run */
	size_t same_as[TREES_MAX];	     /* the first of the same files; itself */
	size_t tree_count;
	struct group *groups;
	size_t group_count, group_cap;
	struct history *histories;
	size_t history_count, history_cap;
};

static double log_beta(double a, double b)
{
	return lgamma(a) + lgamma(b) - lgamma(a + b);
}

/* ln E[rate^hits × (1 - rate)^misses], the rate being Beta(had_hits + 1, had_misses + 1). */
static double log_chance(double had_hits, double had_misses, double hits, double misses)
{
	return log_beta(had_hits + hits + 1, had_misses + misses + 1) -
		log_beta(had_hits + 1, had_misses + 1);
}

static double log_sum(double a, double b)
{
	double max = a > b ? a : b;

	return isinf(max) ? max : max + log(exp(a - max) + exp(b - max));
}

static bool has(const struct triage_question *q, size_t merge)
{
	size_t i;

	for (i = 0; i < q->merge_count; i++)
		if (q->merges[i] == merge)
			return q->kind != TRIAGE_WITHOUT;
	return merge <= q->prefix;
}

static void add_history(struct belief *f, uint64_t bad, double prior, bool is_claimed)
{
	double had_misses = f->b->runs - f->b->hits, hits = 0, misses = 0;
	size_t i;

	for (i = 0; i < f->tree_count; i++) {
		const struct tree *t = f->trees[i];

		/* The same files, with the same runs: only that they cannot be both good
		 * and bad is told once more. */
		if (f->same_as[i] != i) {
			if ((bad >> i & 1) != (bad >> f->same_as[i] & 1))
				return;
		} else if (bad >> i & 1) {
			hits += t->hits;
			misses += t->runs - t->hits;
		} else if (t->hits > 0) {
			return;
		}
	}
	iw_grow(f->histories, f->history_count, f->history_cap);
	f->histories[f->history_count++] = (struct history){.bad = bad,
		.is_claimed = is_claimed,
		.log_weight = log(prior) +
			log_sum(log(1 - ESTIMATE_WRONG) +
					log_chance(f->b->hits, had_misses, hits, misses),
				log(ESTIMATE_WRONG) + log_chance(0, 0, hits, misses))};
}

static void add_merge(struct belief *f, size_t merge)
{
	struct group fresh = {.count = 1};
	size_t i;

	for (i = 0; i < f->tree_count; i++)
		if (has(&f->trees[i]->question, merge))
			fresh.trees |= UINT64_C(1) << i;
	for (i = 0; i < f->claim->count; i++)
		fresh.is_named = fresh.is_named || f->claim->merges[i] == merge;
	for (i = 0; i < f->group_count && !fresh.is_named; i++) {
		if (f->groups[i].trees == fresh.trees && !f->groups[i].is_named) {
			f->groups[i].count++;
			return;
		}
	}
	iw_grow(f->groups, f->group_count, f->group_cap);
	f->groups[f->group_count++] = fresh;
}

static void add_pairs(struct belief *f, const struct group *a, const struct group *b)
{
	double n = (double)f->b->count, all = n * (n - 1) / 2;
	double pairs = a == b ? a->count * (a->count - 1) / 2 : a->count * b->count;
	bool is_suspect =
		f->claim->outcome == TRIAGE_SUSPECT && (a->is_named || b->is_named);
	bool is_claimed = f->claim->outcome == TRIAGE_INTERACTION &&
		f->claim->count == 2 && a->is_named && b->is_named;

	if (pairs < 1)
		return;
	add_history(f, a->trees & b->trees, PRIOR_BOTH * pairs / all,
		is_suspect || is_claimed);
	add_history(f, a->trees | b->trees, PRIOR_EITHER * pairs / all, is_suspect);
}

/* One brought it, another mended it, a third brought it back: by itself, or by undoing the
 * mend. */
static void add_returned(struct belief *f, const struct group *brought,
	const struct group *mended, const struct group *back)
{
	double n = (double)f->b->count;
	double prior = PRIOR_RETURNED * brought->count * mended->count * back->count /
		(n * n * n);
	bool is_one =
		f->claim->outcome == TRIAGE_STAGED || f->claim->outcome == TRIAGE_SUSPECT;
	bool is_both = f->claim->outcome == TRIAGE_INTERACTION && f->claim->count == 2 &&
		brought->is_named;

	if (brought == mended || mended == back || brought == back)
		return;
	add_history(f, (brought->trees & ~mended->trees) | back->trees, prior,
		is_one && back->is_named);
	add_history(f, brought->trees & (~mended->trees | back->trees), prior,
		(is_one && (brought->is_named || back->is_named)) ||
			(is_both && back->is_named));
}

/* The claim itself, where it is of more merges than all other histories have. */
static void add_more(struct belief *f)
{
	double n = (double)f->b->count;
	uint64_t bad = UINT64_MAX;
	size_t i;

	if (f->claim->outcome != TRIAGE_INTERACTION || f->claim->count < 3)
		return;
	for (i = 0; i < f->group_count; i++)
		if (f->groups[i].is_named)
			bad &= f->groups[i].trees;
	add_history(f, bad, PRIOR_MORE * 6 / (n * (n - 1) * (n - 2)), true);
}

/* Taken out, left out, or taken back by the next merge: it is the same tree. */
static void add_tree(struct belief *f, const struct tree *tree)
{
	size_t same = 0;

	while (same < f->tree_count &&
		(!*tree->told.tree ||
			strcmp(f->trees[same]->told.tree, tree->told.tree) != 0))
		same++;
	f->same_as[f->tree_count] = same;
	f->trees[f->tree_count++] = tree;
}

static void add_all(struct belief *f)
{
	enum triage_outcome outcome = f->claim->outcome;
	size_t i, j, k;

	for (i = 0; i < f->b->tree_count && f->tree_count < TREES_MAX; i++)
		if (f->b->trees[i].runs > 0)
			add_tree(f, &f->b->trees[i]);
	for (i = 1; i <= f->b->count; i++)
		add_merge(f, i);
	add_history(f, UINT64_MAX, PRIOR_BASE, outcome == TRIAGE_PRE_EXISTING);
	for (i = 0; i < f->group_count; i++) {
		const struct group *g = &f->groups[i];

		add_history(f, g->trees, PRIOR_ONE * g->count / (double)f->b->count,
			g->is_named &&
				(outcome == TRIAGE_STAGED || outcome == TRIAGE_SUSPECT));
		for (j = i; j < f->group_count; j++)
			add_pairs(f, g, &f->groups[j]);
		for (j = 0; j < f->group_count; j++)
			for (k = 0; k < f->group_count; k++)
				add_returned(f, g, &f->groups[j], &f->groups[k]);
	}
	add_more(f);
}

static struct bisect_belief judge(const struct belief *f)
{
	struct bisect_belief belief = {.doubtful = SIZE_MAX};
	double doubts[TREES_MAX] = {0}, most = 0, all = -INFINITY;
	uint64_t good = 0;
	size_t i, k;

	for (k = 0; k < f->tree_count; k++)
		if (f->trees[k]->state == TREE_GOOD)
			good |= UINT64_C(1) << k;
	for (i = 0; i < f->history_count; i++)
		all = log_sum(all, f->histories[i].log_weight);
	for (i = 0; i < f->history_count; i++) {
		const struct history *h = &f->histories[i];
		double share = exp(h->log_weight - all);

		if (h->is_claimed)
			belief.right += share;
		else if (h->bad & good)
			belief.missed += share;
		for (k = 0; k < f->tree_count && !h->is_claimed; k++)
			if ((h->bad & good) >> k & 1)
				doubts[k] += share;
	}
	for (k = 0; k < f->tree_count; k++) {
		if (doubts[k] <= most || f->trees[k]->rechecks == BISECT_RECHECKS)
			continue;
		most = doubts[k];
		belief.doubtful = (size_t)(f->trees[k] - f->b->trees);
	}
	if (belief.right > BELIEF_MAX)
		belief.right = BELIEF_MAX;
	return belief;
}

struct bisect_belief bisect_believe(
	const struct triage_bisect *b, const struct bisect_claim *claim)
{
	struct bisect_belief belief = {.doubtful = SIZE_MAX};
	struct belief f = {.b = b, .claim = claim};

	if (b->count == 0) {
		belief.right = claim->outcome == TRIAGE_PRE_EXISTING ? BELIEF_MAX : 0;
	} else if (claim->count > 0 || claim->outcome == TRIAGE_PRE_EXISTING) {
		add_all(&f);
		belief = judge(&f);
	}
	free(f.groups);
	free(f.histories);
	return belief;
}
