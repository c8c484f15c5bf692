/*
 * One merge alone shows the bug, and the snapshot without it shows it as well: something
 * else brought it, too. That is searched along the trees without the first one.
 *
 * The snapshot without the second may be good: then the first was mended on the way and the
 * second brought it back. Else both cause it, each by itself, and none of them is to be
 * blamed alone.
 */
#include "base/mem.h"
#include "triage/bisect_step.h"

#include "base/banned.h"

static void conclude_both(
	struct triage_bisect *b, size_t first, size_t second, const char *words)
{
	const size_t merges[] = {first, second};

	bisect_conclude(b, TRIAGE_SUSPECT, merges, IW_COUNT(merges),
		iw_fmt("%s causes it, and so does %s: %s", bisect_name(b, first),
			bisect_name(b, second), words));
}

static void judge_second(struct triage_bisect *b, size_t first, size_t second)
{
	const struct bisect_set both = {.merges = {first, second}, .count = 2};
	struct triage_question out = bisect_without(b, second);
	struct triage_question only = bisect_alone(second);
	struct triage_question neither = bisect_out(b->count, &both);
	const struct tree *tree;
	enum tree_state taken, apart;

	if (!bisect_ask(b, &out, &tree))
		return;
	taken = tree->state;
	if (!bisect_ask(b, &only, &tree))
		return;
	apart = tree->state;
	if (taken == TREE_GOOD && apart == TREE_BAD) {
		_auto_free_ char *how = iw_fmt(
			"the snapshot without it is good and the base with it alone is "
			"bad; %s had it as well, which was mended on the way",
			bisect_name(b, first));

		bisect_prove_one(b, second, how);
		return;
	}
	if (!bisect_ask(b, &neither, &tree))
		return;
	if (tree->state == TREE_GOOD && taken == TREE_BAD && apart == TREE_BAD)
		conclude_both(b, first, second,
			"each by itself, and without both the snapshot is good");
	else if (tree->state == TREE_BAD)
		conclude_both(
			b, first, second, "and the snapshot without both still shows it");
	else
		conclude_both(b, first, second, "how they go together is not shown");
}

void bisect_find_second(struct triage_bisect *b, size_t merge, size_t before)
{
	/* A base that is bad after all explains as much. */
	struct triage_question doubtful[] = {bisect_prefix(0), bisect_prefix(before)};
	const struct bisect_set first = {.merges = {merge}, .count = 1};
	const struct bisect_line line = {.set = &first, .is_out = true};
	struct bisect_border border = {.lo = before, .hi = b->count, .is_lo_good = true};
	int rc;

	if (bisect_recheck_all(b, doubtful, IW_COUNT(doubtful)) < 0)
		return;
	bisect_explain(b, "%s alone shows it, but so does the snapshot without it",
		bisect_name(b, merge));
	while ((rc = bisect_narrow(b, &border, &line)) > 0)
		;
	if (rc < 0)
		return;
	if (border.hi - border.lo == 1)
		judge_second(b, merge, border.hi);
	else
		bisect_conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("%s alone shows it, but so does the snapshot without "
			       "it: there is a second cause, from %s to %s",
				bisect_name(b, merge), bisect_name(b, border.lo + 1),
				bisect_name(b, border.hi)));
}
