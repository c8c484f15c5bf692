/*
 * A merge that is not enough on the base: what does it need? Partners are added from the
 * newest to the oldest; each is the last merge of the smallest prefix that will do, without
 * which it is good: so the set stays minimal.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "triage/bisect_step.h"

#include "base/banned.h"

/* So many merges of an untestable gap are tried one by one. */
#define GAP_MAX 8
/* Other merges to try one on that does not build alone. */
#define STRANGERS 3

static void conclude_set(struct triage_bisect *b, const struct bisect_set *set)
{
	struct iw_buf names = {0};
	size_t i;

	for (i = set->count; i-- > 0;)
		iw_buf_addf(&names, "%s%s", bisect_name(b, set->merges[i]),
			i == 1	    ? " and "
				: i ? ", "
				    : "");
	bisect_prove(b, TRIAGE_INTERACTION, set->merges, set->count,
		iw_fmt("%s cause it together, none of them alone", names.data));
	iw_buf_fini(&names);
}

/* A partner is bad on the base by itself, and the tree at `before`, which has it, is good. */
static void judge_returned(struct triage_bisect *b, const struct bisect_set *set,
	size_t partner, size_t before)
{
	struct triage_question doubtful[] = {
		bisect_prefix(before), bisect_without(b, partner)};
	_auto_free_ char *how = NULL;

	if (bisect_recheck_all(b, doubtful, IW_COUNT(doubtful)) < 0)
		return;
	how = iw_fmt("the snapshot without it is good and the base with it alone is bad; "
		     "it was mended on the way, and %s brought it back",
		bisect_name(b, set->merges[0]));
	bisect_prove_one(b, partner, how);
}

/* The set is bad on the base (or on the smallest tree it applies to); each member but the
 * first was found because it is needed there. Needed in the snapshot too, and not enough
 * by itself? */
static void verify_set(
	struct triage_bisect *b, const struct bisect_set *set, size_t before)
{
	const struct tree *tree;
	enum tree_state state;
	size_t i;

	for (i = 1; i < set->count; i++) {
		struct triage_question out = bisect_without(b, set->merges[i]);
		struct triage_question only = bisect_alone(set->merges[i]);

		if (!bisect_ask(b, &out, &tree))
			return;
		state = tree->state;
		if (state == TREE_BAD) {
			bisect_contradict(b, set->merges[0], before,
				"it needs a partner that the snapshot does not need");
			return;
		}
		if (!bisect_ask(b, &only, &tree))
			return;
		if (tree->state == TREE_BAD) {
			judge_returned(b, set, set->merges[i], before);
			return;
		}
		if (state == TREE_UNTESTABLE)
			bisect_explain(b,
				"%s cannot be taken out of the snapshot; "
				"that it is needed is shown on the base only",
				bisect_name(b, set->merges[i]));
	}
	conclude_set(b, set);
}

/* Shows on the tree at hi and with one stranger alone: what both have in common is only
 * merge. 1 it does, 0 not shown, -1 a question is on its way. */
static int is_bad_elsewhere(struct triage_bisect *b, size_t merge, size_t hi)
{
	size_t stranger;

	for (stranger = hi + 1; stranger <= hi + STRANGERS && stranger <= b->count;
		stranger++) {
		struct bisect_set set = {.merges = {merge, stranger}, .count = 2};
		struct triage_question q = bisect_with(0, &set);
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
	struct bisect_set set = {.merges = {merge}, .count = 1};
	unsigned untestable = 0;
	bool is_early = false;
	size_t k;
	int rc;

	for (k = 0; k < hi || k == 0; k++) {
		struct triage_question q = bisect_with(k, &set);
		const struct tree *tree = bisect_find(b, &q);

		if (!tree || tree->state != TREE_UNTESTABLE)
			continue;
		untestable++;
		is_early = is_early || bisect_is_too_early(tree);
	}
	if (is_early || untestable > 1) {
		bisect_prove_one(b, merge,
			"the tree before it and the snapshot without it are good, and it "
			"is bad on the oldest tree that it can be put on");
		return;
	}
	rc = is_bad_elsewhere(b, merge, hi);
	if (rc > 0)
		bisect_prove_one(b, merge,
			"the tree before it and the snapshot without it are good, and it "
			"is bad on two trees that share nothing else");
	else if (rc == 0)
		bisect_conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("%s is the first bad one and the snapshot without it "
			       "is "
			       "good, but alone it cannot be tested",
				bisect_name(b, merge)));
}

int bisect_pick(struct triage_bisect *b, const struct bisect_border *gap,
	const struct bisect_set *set, size_t *found)
{
	size_t on[] = {gap->lo, 0}, i;
	struct bisect_set more = *set;

	more.count++;
	if (gap->hi - gap->lo > GAP_MAX)
		return 0;
	for (*found = gap->hi; *found > gap->lo; (*found)--) {
		const struct tree *tree;

		more.merges[set->count] = *found;
		for (i = 0; i < IW_COUNT(on); i++) {
			struct triage_question q = bisect_with(on[i], &more);

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
static int find_partner(struct triage_bisect *b, const struct bisect_set *set,
	struct bisect_border *border, size_t *partner)
{
	const struct bisect_line line = {.set = set};
	int rc;

	while ((rc = bisect_narrow(b, border, &line)) > 0)
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
	rc = bisect_pick(b, border, set, partner);
	if (rc == 0)
		bisect_conclude(b, TRIAGE_SUSPECT, set->merges, set->count,
			iw_fmt("it needs one of the merges from %s to %s, which "
			       "cannot be told apart",
				bisect_name(b, border->lo + 1),
				bisect_name(b, border->hi)));
	else
		border->hi = border->lo + 1; /* bad with it on the tree before the gap */
	return rc;
}

void bisect_find_partners(
	struct triage_bisect *b, size_t merge, size_t before, bool is_base_good)
{
	struct bisect_set set = {.merges = {merge}, .count = 1};
	struct bisect_border border = {.hi = before, .is_lo_good = is_base_good};

	for (;;) {
		struct triage_question q;
		const struct tree *tree;
		size_t partner;

		if (find_partner(b, &set, &border, &partner) <= 0)
			return;
		set.merges[set.count++] = partner;
		bisect_explain(b, "%s needs %s",
			bisect_name(b, set.merges[set.count - 2]),
			bisect_name(b, partner));
		q = bisect_with(0, &set);
		if (!bisect_ask(b, &q, &tree))
			return;
		if (tree->state == TREE_UNTESTABLE)
			bisect_explain(b,
				"these alone cannot be tested; older merges may be "
				"needed as well");
		if (tree->state != TREE_GOOD) {
			verify_set(b, &set, before);
			return;
		}
		border = (struct bisect_border){.hi = border.hi - 1, .is_lo_good = true};
		if (set.count == TRIAGE_BISECT_SET || border.hi == 0) {
			bisect_conclude(b, TRIAGE_SUSPECT, set.merges, set.count,
				iw_strdup("more merges are needed than can be told"));
			return;
		}
	}
}
