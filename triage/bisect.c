/*
 * The decision is a function of the answers so far: after each answer decide() runs from
 * the start, reads what is known and stops at the first tree that is not. So the code
 * below reads like the procedure itself, there is no state to get wrong, and a restart
 * replays. It is quick: at most 64 trees, each looked up a few times.
 *
 * Happy path: decide, search, judge. The rest: meet_gap, conclude_unknown_past here,
 * interactions in bisect_partner, a second cause in bisect_second. How it ends, and how
 * sure that is: bisect_step, bisect_belief.
 */
#include "triage/bisect.h"

#include <stdlib.h>

#include "base/mem.h"
#include "triage/bisect_step.h"

#include "base/banned.h"

/* A bug that hides in so many of TRIAGE_BISECT_RUNS runs proves nothing by hiding. */
#define MISS_HOPELESS 0.1
/* More names than that are no hint. */
#define RANGE_MAX 8

/* Whether the target is missing in a tree before a bad one, and its files were not put
 * there, though they could have been. */
static bool wants_files(const struct triage_bisect *b, const struct bisect_border *border)
{
	size_t i;

	for (i = border->lo; b->may_carry && i < border->hi; i++) {
		struct triage_question q = bisect_prefix(i);
		const struct tree *tree = bisect_find(b, &q);

		if (tree && tree->state == TREE_UNTESTABLE &&
			tree->why == TRIAGE_WHY_TARGET && !tree->told.is_carried)
			return true;
	}
	return false;
}

/* All merges after lo up to hi are in question. */
static void conclude_range(
	struct triage_bisect *b, const struct bisect_border *border, char *takes_reason)
{
	char *reason = takes_reason;
	size_t range[RANGE_MAX], count = border->hi - border->lo, i;

	if (count > RANGE_MAX)
		count = 0;
	for (i = 0; i < count; i++)
		range[i] = border->lo + 1 + i;
	if (wants_files(b, border)) {
		reason = iw_fmt("%s; 'target_files' in adapter.json would decide it: "
				"where it names the target's source, older trees are "
				"tested with that",
			takes_reason);
		free(takes_reason);
	}
	bisect_conclude(b, TRIAGE_SUSPECT, range, count, reason);
}

/* Before the rare paths: is the snapshot still bad? No build, it is there. */
static bool is_snapshot_bad(struct triage_bisect *b)
{
	struct triage_question q = bisect_prefix(b->count);
	const struct tree *tree;

	if (!bisect_ask(b, &q, &tree))
		return false;
	if (tree->state != TREE_GOOD)
		return true;
	bisect_conclude(b, TRIAGE_FLAKY, NULL, 0,
		iw_strdup("the snapshot does not show the bug any more"));
	return false;
}

/* The tree at `before` is good, and with merge on it it is bad. */
static void judge(struct triage_bisect *b, size_t merge, size_t before)
{
	struct triage_question out = bisect_without(b, merge), only = bisect_alone(merge);
	const struct tree *taken, *apart;

	if (!bisect_ask(b, &out, &taken) || !bisect_ask(b, &only, &apart))
		return;
	taken = bisect_find(b, &out); /* the second ask may have moved it */
	if (taken->state == TREE_BAD && apart->state == TREE_BAD) {
		bisect_find_second(b, merge, before);
	} else if (taken->state == TREE_BAD) {
		bisect_contradict(b, merge, before, "the snapshot is bad without it too");
	} else if (taken->state == TREE_UNTESTABLE && apart->state == TREE_BAD) {
		bisect_prove_one(b, merge,
			"the tree before it is good and the base with it "
			"alone is bad; its revert conflicts");
	} else if (apart->state == TREE_BAD) {
		bisect_prove_one(b, merge,
			"the snapshot without it is good and the base "
			"with it alone is bad");
	} else if (apart->state == TREE_GOOD) {
		if (is_snapshot_bad(b))
			bisect_find_partners(b, merge, before, true);
	} else if (taken->state == TREE_UNTESTABLE) {
		bisect_conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("%s is the first bad one, but it can be tested "
			       "neither "
			       "alone nor taken out",
				bisect_name(b, merge)));
	} else {
		bisect_find_partners(b, merge, before, false);
	}
}

/* Trees between a good and a bad one cannot be tested: each merge among them is put on
 * the good one. */
static void meet_gap(struct triage_bisect *b, const struct bisect_border *border)
{
	struct bisect_set none = {.count = 0};
	const char *from = bisect_name(b, border->lo + 1);
	const char *to = bisect_name(b, border->hi);
	size_t merge;
	int rc;

	bisect_explain(b, "the first bad one is among %s to %s", from, to);
	rc = bisect_pick(b, border, &none, &merge);
	if (rc > 0)
		judge(b, merge, border->lo);
	else if (rc == 0)
		conclude_range(b, border,
			iw_fmt("the trees between %s and %s cannot be tested", from, to));
}

/* No tree before the first bad one is good. */
static void conclude_unknown_past(struct triage_bisect *b,
	const struct bisect_border *border, const struct tree *base)
{
	struct triage_question q = bisect_prefix(border->lo);
	const struct tree *before = border->lo ? bisect_find(b, &q) : base;
	const char *first = bisect_name(b, border->hi);

	if (before && before->why == TRIAGE_WHY_TARGET && border->hi - border->lo == 1)
		conclude_range(b, border,
			iw_fmt("the target does not exist before %s, so older code "
			       "may "
			       "be at fault",
				first));
	else
		conclude_range(
			b, border, iw_fmt("no tree before %s can be tested", first));
}

static void search(struct triage_bisect *b, const struct tree *base)
{
	struct bisect_border border = {
		.lo = 0, .hi = b->count, .is_lo_good = base->state == TREE_GOOD};
	const struct bisect_line line = {.set = NULL};
	struct triage_question q = bisect_prefix(0);
	int rc;

	while ((rc = bisect_narrow(b, &border, &line)) > 0)
		;
	if (rc < 0)
		return;
	if (!border.is_lo_good)
		conclude_unknown_past(b, &border, bisect_find(b, &q));
	else if (border.hi - border.lo > 1)
		meet_gap(b, &border);
	else {
		bisect_explain(b, "%s is the first bad of %zu merges",
			bisect_name(b, border.hi), b->count);
		judge(b, border.hi, border.lo);
	}
}

/* Of a mend: the tree from which on it is searched has the bug. */
static bool is_there_to_mend(struct triage_bisect *b)
{
	struct triage_question q = bisect_prefix(b->count), real = bisect_real(b, &q);
	const struct tree *tree;

	if (!bisect_ask(b, &q, &tree))
		return false;
	if (tree->state == TREE_BAD)
		return true;
	b->is_shown_early = true;
	if (tree->state == TREE_UNTESTABLE)
		bisect_conclude(b, TRIAGE_SUSPECT, NULL, 0,
			iw_strdup("the oldest tree that had it cannot be tested"));
	else if (real.prefix == 0)
		bisect_conclude(b, TRIAGE_SUSPECT, NULL, 0,
			iw_strdup("the base does not show it any more"));
	else
		bisect_conclude(b, TRIAGE_SUSPECT, NULL, 0,
			iw_fmt("%s itself was changed: the tree at it does not show "
			       "it any more",
				bisect_staged_name(b, real.prefix)));
	return false;
}

static void decide(struct triage_bisect *b)
{
	struct triage_question q = bisect_prefix(0);
	const struct tree *base;

	if (b->is_mend && !is_there_to_mend(b))
		return;
	if (b->count == 0) {
		bisect_conclude(b, TRIAGE_PRE_EXISTING, NULL, 0,
			iw_strdup("nothing is staged: the snapshot is the base"));
	} else if (b->hits == 0) {
		bisect_conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_strdup("it does not reproduce on the snapshot"));
	} else if (bisect_miss(b->hits, b->runs, TRIAGE_BISECT_RUNS) > MISS_HOPELESS) {
		bisect_conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_fmt("it shows in %u of %u runs: too rare to tell good from "
			       "bad",
				b->hits, b->runs));
	} else if (!bisect_ask(b, &q, &base)) {
		return;
	} else if (base->state == TREE_BAD) {
		bisect_conclude(b, TRIAGE_PRE_EXISTING, NULL, 0,
			iw_strdup(
				"the base has the bug without any staged pull request"));
	} else {
		search(b, base);
	}
}

int triage_bisect_next(struct triage_bisect *b, struct triage_question *question)
{
	const struct tree *tree;

	if (!b->is_decided && !b->has_question) {
		if (b->has_infra_failed)
			bisect_conclude(b, TRIAGE_OUTCOME_INFRA, NULL, 0,
				iw_strdup("our own machines failed, not the code"));
		else
			decide(b);
		if (!b->is_decided && !b->has_question)
			bisect_conclude(b, TRIAGE_SUSPECT, NULL, 0,
				iw_fmt("not decided within %u builds", b->max_builds));
	}
	if (b->is_decided)
		return 0;
	tree = &b->trees[b->asked];
	*question = bisect_real(b, &tree->question);
	question->is_again = tree->runs > 0;
	question->runs = tree->wanted - tree->runs;
	return 1;
}
