/*
 * The decision is a function of the answers so far: after each answer decide() runs from
 * the start, reads what is known and stops at the first tree that is not. So the code
 * below reads like the procedure itself, there is no state to get wrong, and a restart
 * replays. It is quick: at most 64 trees, each looked up a few times.
 *
 * Happy path: decide, search, judge. The rest: find_partners (interactions), meet_gap,
 * conclude_unknown_past, judge_unapplied, contradict.
 */
#include "triage/bisect.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "triage/bisect_tree.h"

#include "base/banned.h"

/* A bug that hides in so many of TRIAGE_BISECT_RUNS runs proves nothing by hiding. */
#define MISS_HOPELESS 0.1
/* So many merges of an untestable gap are tried one by one. */
#define GAP_MAX 8
/* So far around a tree that does not build others are asked while none is good. */
#define EARLY_NEIGHBOURS 2
/* Other merges to try one on that does not build alone. */
#define STRANGERS 3

struct set {
	size_t merges[TRIAGE_BISECT_SET];
	size_t count;
};

/* Between the last tree on the good side and the first bad one. */
struct border {
	size_t lo, hi;
	bool is_lo_good; /* else untestable */
};

static struct triage_question prefix_of(size_t k)
{
	return (struct triage_question){.kind = TRIAGE_PREFIX, .prefix = k};
}

static struct triage_question with_set(size_t k, const struct set *set)
{
	struct triage_question q = {.kind = TRIAGE_PREFIX_WITH, .prefix = k};

	memcpy(q.merges, set->merges, set->count * sizeof set->merges[0]);
	q.merge_count = set->count;
	return q;
}

static struct triage_question without(size_t merge)
{
	return (struct triage_question){
		.kind = TRIAGE_WITHOUT, .merges = {merge}, .merge_count = 1};
}

static struct triage_question alone(size_t merge)
{
	return (struct triage_question){
		.kind = TRIAGE_ALONE, .merges = {merge}, .merge_count = 1};
}

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* takes reason. */
static void conclude(struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count, char *reason)
{
	size_t i;

	b->is_decided = true;
	b->merges = iw_calloc(count + 1, sizeof *b->merges);
	b->result_prs = iw_calloc(count + 1, sizeof *b->result_prs);
	if (count)
		memcpy(b->merges, merges, count * sizeof *merges);
	qsort(b->merges, count, sizeof *b->merges, by_number);
	for (i = 0; i < count; i++)
		b->result_prs[i] = b->prs[b->merges[i] - 1];
	b->reason = reason;
	b->result.outcome = outcome;
	b->result.merges = b->merges;
	b->result.prs = b->result_prs;
	b->result.count = count;
	b->result.reason = b->reason;
	b->result.runs = b->total_runs;
	bisect_say(b, "%s: %s", triage_outcome_word(outcome), reason);
}

/* All merges after lo up to hi are in question. */
static void conclude_range(
	struct triage_bisect *b, const struct border *border, char *reason)
{
	size_t range[GAP_MAX], count = border->hi - border->lo, i;

	if (count > GAP_MAX)
		count = 0; /* too many names are no hint */
	for (i = 0; i < count; i++)
		range[i] = border->lo + 1 + i;
	conclude(b, TRIAGE_SUSPECT, range, count, reason);
}

static int pr(const struct triage_bisect *b, size_t merge)
{
	return b->prs[merge - 1];
}

/* The tree cannot be tested because what it needs is not there yet: older ones cannot
 * either. A build that fails may be this tree's own bad luck. */
static bool is_too_early(const struct tree *tree)
{
	return tree->why == TRIAGE_WHY_TARGET || tree->why == TRIAGE_WHY_CONFLICT;
}

/* One step of a binary search for the smallest k whose tree is bad (extra merged on it):
 * 1 moved, 0 it has ended, -1 a question is on its way. Untestable middles give way to
 * their neighbours. While nothing good is known they count as too early, at once or when
 * their nearest neighbours are no better. */
static int narrow(struct triage_bisect *b, struct border *border, const struct set *extra)
{
	size_t mid = border->lo + (border->hi - border->lo) / 2, d;

	for (d = 0; d < border->hi - border->lo; d++) {
		int side;

		for (side = 1; side >= (d ? -1 : 1); side -= 2) {
			size_t k = side > 0 ? mid + d : mid - d;
			struct triage_question q = with_set(k, extra);
			const struct tree *tree;
			bool is_untestable;

			if (k <= border->lo || k >= border->hi || k > mid + d)
				continue;
			if (!bisect_ask(b, &q, &tree))
				return -1;
			is_untestable = tree->state == TREE_UNTESTABLE;
			if (is_untestable &&
				(border->is_lo_good ||
					(d < EARLY_NEIGHBOURS && !is_too_early(tree))))
				continue;
			if (tree->state == TREE_BAD) {
				border->hi = k;
			} else {
				border->lo = k;
				border->is_lo_good = !is_untestable;
			}
			return 1;
		}
	}
	return 0;
}

static void conclude_staged(struct triage_bisect *b, size_t merge, const char *how)
{
	conclude(b, TRIAGE_STAGED, &merge, 1,
		iw_fmt("PR #%d causes it: %s", pr(b, merge), how));
}

/* Good answers that cannot be true together with a hit: the most doubtful are asked
 * again. A bad answer changes everything that decide() reads next time; if all stay good,
 * either the bug is flaky beyond its rate or there is a second cause. */
static void contradict(
	struct triage_bisect *b, size_t merge, size_t before, const char *what)
{
	struct triage_question doubtful[] = {prefix_of(before), alone(merge)};
	const struct tree *tree;
	size_t i;

	bisect_say(b, "PR #%d: %s; the good answers are asked again", pr(b, merge), what);
	for (i = 0; i < IW_COUNT(doubtful); i++) {
		const struct tree *known = bisect_find(b, &doubtful[i]);

		if (!known || known->state == TREE_UNTESTABLE)
			continue;
		if (!bisect_recheck(b, &doubtful[i], &tree))
			return;
	}
	if (b->hits < b->runs)
		conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_fmt("the answers contradict each other around PR #%d: %s",
				pr(b, merge), what));
	else
		conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("PR #%d turns it bad, yet %s: there is a second cause",
				pr(b, merge), what));
}

/* The set is bad on the base (or on the smallest tree it applies to); each member but the
 * first was found because it is needed there. Needed in the snapshot too? */
static void verify_set(struct triage_bisect *b, const struct set *set, size_t before)
{
	struct iw_buf names = {0};
	const struct tree *tree;
	size_t i;

	for (i = 1; i < set->count; i++) {
		struct triage_question q = without(set->merges[i]);

		if (!bisect_ask(b, &q, &tree))
			return;
		if (tree->state == TREE_BAD) {
			contradict(b, set->merges[0], before,
				"it needs a partner that the snapshot does not need");
			return;
		}
		if (tree->state == TREE_UNTESTABLE)
			bisect_say(b,
				"PR #%d cannot be taken out of the snapshot; "
				"that it is needed is shown on the base only",
				pr(b, set->merges[i]));
	}
	for (i = set->count; i-- > 0;)
		iw_buf_addf(&names, "PR #%d%s", pr(b, set->merges[i]),
			i == 1	    ? " and "
				: i ? ", "
				    : "");
	conclude(b, TRIAGE_INTERACTION, set->merges, set->count,
		iw_fmt("%s cause it together, none of them alone", names.data));
	iw_buf_fini(&names);
}

/* Shows on the tree at hi and with one stranger alone: what both have in common is only
 * merge. 1 it does, 0 not shown, -1 a question is on its way. */
static int is_bad_elsewhere(struct triage_bisect *b, size_t merge, size_t hi)
{
	size_t stranger;

	for (stranger = hi + 1; stranger <= hi + STRANGERS && stranger <= b->count;
		stranger++) {
		struct set set = {.merges = {merge, stranger}, .count = 2};
		struct triage_question q = with_set(0, &set);
		const struct tree *tree;

		if (stranger == merge)
			continue;
		if (!bisect_ask(b, &q, &tree))
			return -1;
		if (tree->state != TREE_UNTESTABLE)
			return tree->state == TREE_BAD;
	}
	return 0;
}

/* The merge shows on the tree at hi, and no tree older than that is good with it. */
static void judge_unapplied(struct triage_bisect *b, size_t merge, size_t hi)
{
	struct set set = {.merges = {merge}, .count = 1};
	unsigned untestable = 0;
	bool is_early = false;
	size_t k;
	int rc;

	for (k = 0; k < hi || k == 0; k++) {
		struct triage_question q = with_set(k, &set);
		const struct tree *tree = bisect_find(b, &q);

		if (!tree || tree->state != TREE_UNTESTABLE)
			continue;
		untestable++;
		is_early = is_early || is_too_early(tree);
	}
	if (is_early || untestable > 1) {
		conclude_staged(b, merge,
			"the tree before it and the snapshot without it are good, and it "
			"is "
			"bad on the oldest tree that it can be put on");
		return;
	}
	rc = is_bad_elsewhere(b, merge, hi);
	if (rc > 0)
		conclude_staged(b, merge,
			"the tree before it and the snapshot without it are good, and it "
			"is "
			"bad on two trees that share nothing else");
	else if (rc == 0)
		conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("PR #%d is the first bad one and the snapshot without it "
			       "is "
			       "good, but alone it cannot be tested",
				pr(b, merge)));
}

/* Which merge of the gap makes the set bad on the good tree before the gap, or on the
 * base where that cannot be tested: 1 found, 0 none, -1 a question is on its way. */
static int pick(struct triage_bisect *b, const struct border *gap, const struct set *set,
	size_t *found)
{
	size_t on[] = {gap->lo, 0}, i;
	struct set more = *set;

	more.count++;
	if (gap->hi - gap->lo > GAP_MAX)
		return 0;
	for (*found = gap->hi; *found > gap->lo; (*found)--) {
		const struct tree *tree;

		more.merges[set->count] = *found;
		for (i = 0; i < IW_COUNT(on); i++) {
			struct triage_question q = with_set(on[i], &more);

			if (!bisect_ask(b, &q, &tree))
				return -1;
			if (tree->state == TREE_BAD)
				return 1;
			if (tree->state == TREE_GOOD)
				break;
		}
	}
	return 0;
}

/* The newest merge that the set needs on the base, where it is good, given that it is bad
 * on the tree at border->hi: 1 found, else as narrow. Concludes when it cannot tell. */
static int find_partner(struct triage_bisect *b, const struct set *set,
	struct border *border, size_t *partner)
{
	int rc;

	while ((rc = narrow(b, border, set)) > 0)
		;
	if (rc < 0)
		return rc;
	*partner = border->hi;
	if (!border->is_lo_good) {
		judge_unapplied(b, set->merges[0], border->hi);
		return 0;
	}
	if (border->hi - border->lo == 1)
		return 1;
	rc = pick(b, border, set, partner);
	if (rc == 0)
		conclude(b, TRIAGE_SUSPECT, set->merges, set->count,
			iw_fmt("it needs one of the merges from PR #%d to PR #%d, which "
			       "cannot be told apart",
				pr(b, border->lo + 1), pr(b, border->hi)));
	else
		border->hi = border->lo + 1; /* bad with it on the tree before the gap */
	return rc;
}

/* The set is not enough on the base; on the tree at `before` it is bad. Adds what is
 * missing, from the newest to the oldest; each addition is the last merge of the smallest
 * prefix that will do, without which it is good: so the set stays minimal. */
static void find_partners(
	struct triage_bisect *b, size_t merge, size_t before, bool is_base_good)
{
	struct set set = {.merges = {merge}, .count = 1};
	struct border border = {.hi = before, .is_lo_good = is_base_good};

	for (;;) {
		struct triage_question q;
		const struct tree *tree;
		size_t partner;

		if (find_partner(b, &set, &border, &partner) <= 0)
			return;
		set.merges[set.count++] = partner;
		bisect_say(b, "PR #%d needs PR #%d", pr(b, set.merges[set.count - 2]),
			pr(b, partner));
		q = with_set(0, &set);
		if (!bisect_ask(b, &q, &tree))
			return;
		if (tree->state == TREE_UNTESTABLE)
			bisect_say(b,
				"these alone cannot be tested; older merges may be "
				"needed as well");
		if (tree->state != TREE_GOOD) {
			verify_set(b, &set, before);
			return;
		}
		border = (struct border){.hi = border.hi - 1, .is_lo_good = true};
		if (set.count == TRIAGE_BISECT_SET || border.hi == 0) {
			conclude(b, TRIAGE_SUSPECT, set.merges, set.count,
				iw_strdup("more merges are needed than can be told"));
			return;
		}
	}
}

/* Before the rare paths: is the snapshot still bad? No build, it is there. */
static bool is_snapshot_bad(struct triage_bisect *b)
{
	struct triage_question q = prefix_of(b->count);
	const struct tree *tree;

	if (!bisect_ask(b, &q, &tree))
		return false;
	if (tree->state != TREE_GOOD)
		return true;
	conclude(b, TRIAGE_FLAKY, NULL, 0,
		iw_strdup("the snapshot does not show the bug any more"));
	return false;
}

/* The tree at `before` is good, and with merge on it it is bad. */
static void judge(struct triage_bisect *b, size_t merge, size_t before)
{
	struct triage_question out = without(merge), only = alone(merge);
	const struct tree *taken, *apart;

	if (!bisect_ask(b, &out, &taken) || !bisect_ask(b, &only, &apart))
		return;
	taken = bisect_find(b, &out); /* the second ask may have moved it */
	if (taken->state == TREE_BAD && apart->state == TREE_BAD) {
		conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("PR #%d alone shows it, but so does the snapshot without "
			       "it: there is a second cause",
				pr(b, merge)));
	} else if (taken->state == TREE_BAD) {
		contradict(b, merge, before, "the snapshot is bad without it too");
	} else if (taken->state == TREE_UNTESTABLE && apart->state == TREE_BAD) {
		conclude_staged(b, merge,
			"the tree before it is good and the base with it "
			"alone is bad; its revert conflicts");
	} else if (apart->state == TREE_BAD) {
		conclude_staged(b, merge,
			"the snapshot without it is good and the base "
			"with it alone is bad");
	} else if (apart->state == TREE_GOOD) {
		if (is_snapshot_bad(b))
			find_partners(b, merge, before, true);
	} else if (taken->state == TREE_UNTESTABLE) {
		conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("PR #%d is the first bad one, but it can be tested "
			       "neither "
			       "alone nor taken out",
				pr(b, merge)));
	} else {
		find_partners(b, merge, before, false);
	}
}

/* Trees between a good and a bad one cannot be tested: each merge among them is put on
 * the good one. */
static void meet_gap(struct triage_bisect *b, const struct border *border)
{
	struct set none = {.count = 0};
	int from = pr(b, border->lo + 1), to = pr(b, border->hi), rc;
	size_t merge;

	bisect_say(b, "the first bad one is among PR #%d to PR #%d", from, to);
	rc = pick(b, border, &none, &merge);
	if (rc > 0)
		judge(b, merge, border->lo);
	else if (rc == 0)
		conclude_range(b, border,
			iw_fmt("the trees between PR #%d and PR #%d cannot be tested",
				from, to));
}

/* No tree before the first bad one is good. */
static void conclude_unknown_past(
	struct triage_bisect *b, const struct border *border, const struct tree *base)
{
	struct triage_question q = prefix_of(border->lo);
	const struct tree *before = border->lo ? bisect_find(b, &q) : base;
	int first = pr(b, border->hi);

	if (before && before->why == TRIAGE_WHY_TARGET && border->hi - border->lo == 1)
		conclude_range(b, border,
			iw_fmt("the target does not exist before PR #%d, so older code "
			       "may "
			       "be at fault",
				first));
	else
		conclude_range(
			b, border, iw_fmt("no tree before PR #%d can be tested", first));
}

static void search(struct triage_bisect *b, const struct tree *base)
{
	struct border border = {
		.lo = 0, .hi = b->count, .is_lo_good = base->state == TREE_GOOD};
	struct set none = {.count = 0};
	struct triage_question q = prefix_of(0);
	int rc;

	while ((rc = narrow(b, &border, &none)) > 0)
		;
	if (rc < 0)
		return;
	if (!border.is_lo_good)
		conclude_unknown_past(b, &border, bisect_find(b, &q));
	else if (border.hi - border.lo > 1)
		meet_gap(b, &border);
	else {
		bisect_say(b, "PR #%d is the first bad of %zu merges", pr(b, border.hi),
			b->count);
		judge(b, border.hi, border.lo);
	}
}

static void decide(struct triage_bisect *b)
{
	struct triage_question q = prefix_of(0);
	const struct tree *base;

	if (b->count == 0) {
		conclude(b, TRIAGE_PRE_EXISTING, NULL, 0,
			iw_strdup("nothing is staged: the snapshot is the base"));
	} else if (b->hits == 0) {
		conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_strdup("it does not reproduce on the snapshot"));
	} else if (bisect_miss(b->hits, b->runs, TRIAGE_BISECT_RUNS) > MISS_HOPELESS) {
		conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_fmt("it shows in %u of %u runs: too rare to tell good from "
			       "bad",
				b->hits, b->runs));
	} else if (!bisect_ask(b, &q, &base)) {
		return;
	} else if (base->state == TREE_BAD) {
		conclude(b, TRIAGE_PRE_EXISTING, NULL, 0,
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
			conclude(b, TRIAGE_OUTCOME_INFRA, NULL, 0,
				iw_strdup("our own machines failed, not the code"));
		else
			decide(b);
		if (!b->is_decided && !b->has_question)
			conclude(b, TRIAGE_SUSPECT, NULL, 0,
				iw_fmt("not decided within %u builds", b->max_builds));
	}
	if (b->is_decided)
		return 0;
	tree = &b->trees[b->asked];
	*question = tree->question;
	question->runs = tree->wanted - tree->runs;
	return 1;
}
