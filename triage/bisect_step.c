#include "triage/bisect_step.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "triage/bisect_belief.h"

#include "base/banned.h"

/* Nobody is blamed while it is likelier than that that a tree was called good too early. */
#define MISSED_MAX 0.01
/* So far around a tree that does not build others are asked while none is good. */
#define EARLY_NEIGHBOURS 2

struct triage_question bisect_prefix(size_t k)
{
	return (struct triage_question){.kind = TRIAGE_PREFIX, .prefix = k};
}

static struct triage_question with_merges(
	enum triage_question_kind kind, size_t k, const struct bisect_set *set)
{
	struct triage_question q = {.kind = kind, .prefix = k};

	memcpy(q.merges, set->merges, set->count * sizeof set->merges[0]);
	q.merge_count = set->count;
	return q;
}

struct triage_question bisect_with(size_t k, const struct bisect_set *set)
{
	return with_merges(TRIAGE_PREFIX_WITH, k, set);
}

struct triage_question bisect_out(size_t k, const struct bisect_set *set)
{
	return with_merges(TRIAGE_WITHOUT, k, set);
}

struct triage_question bisect_without(const struct triage_bisect *b, size_t merge)
{
	return bisect_out(b->count, &(struct bisect_set){{merge}, 1});
}

struct triage_question bisect_alone(size_t merge)
{
	return with_merges(TRIAGE_ALONE, 0, &(struct bisect_set){{merge}, 1});
}

/* A merge of the search as the snapshot counts it. */
static size_t staged_merge(const struct triage_bisect *b, size_t merge)
{
	return b->is_mend ? b->staged + 1 - merge : b->after + merge;
}

const char *bisect_name(const struct triage_bisect *b, size_t merge)
{
	return bisect_staged_name(b, staged_merge(b, merge));
}

bool bisect_is_too_early(const struct tree *tree)
{
	return tree->why == TRIAGE_WHY_TARGET || tree->why == TRIAGE_WHY_CONFLICT;
}

/* -- the search ----------------------------------------------------------------------- */

/* Bits that the answer tells, by its cost. */
static double worth(
	const struct triage_bisect *b, const struct bisect_border *border, size_t k)
{
	double p = (double)(k - border->lo) / (double)(border->hi - border->lo);

	return -(p * log2(p) + (1 - p) * log2(1 - p)) / b->costs[k];
}

/* The middle, or what is to be had cheaply and splits nearly as well. */
static size_t best_point(const struct triage_bisect *b,
	const struct bisect_border *border, const struct bisect_line *line)
{
	size_t best = border->lo + (border->hi - border->lo) / 2, k;

	if (!b->costs || line->set || border->hi - border->lo < 2)
		return best;
	for (k = border->lo + 1; k < border->hi; k++)
		if (worth(b, border, k) > worth(b, border, best) + 1e-9)
			best = k;
	return best;
}

static struct triage_question at(const struct bisect_line *line, size_t k)
{
	if (!line->set)
		return bisect_prefix(k);
	return line->is_out ? bisect_out(k, line->set) : bisect_with(k, line->set);
}

/* What an answer of the search leaves open. */
static void say_what_is_left(struct triage_bisect *b, const struct bisect_border *border,
	const struct bisect_line *line)
{
	size_t left = border->hi - border->lo;

	if (line->set)
		return;
	b->left = left;
	if (left < 2)
		return;
	bisect_say(b, "that leaves %zu of %zu: %s to %s", left, b->count,
		bisect_name(b, border->lo + 1), bisect_name(b, border->hi));
}

int bisect_narrow(struct triage_bisect *b, struct bisect_border *border,
	const struct bisect_line *line)
{
	size_t mid = best_point(b, border, line), d;

	for (d = 0; d < border->hi - border->lo; d++) {
		int side;

		for (side = 1; side >= (d ? -1 : 1); side -= 2) {
			size_t k = side > 0 ? mid + d : mid - d;
			struct triage_question q = at(line, k);
			const struct tree *tree;
			bool is_untestable;

			if (k <= border->lo || k >= border->hi || k > mid + d)
				continue;
			if (!bisect_ask(b, &q, &tree))
				return -1;
			is_untestable = tree->state == TREE_UNTESTABLE;
			if (is_untestable &&
				(border->is_lo_good ||
					(d < EARLY_NEIGHBOURS &&
						!bisect_is_too_early(tree))))
				continue;
			if (tree->state == TREE_BAD) {
				border->hi = k;
			} else {
				border->lo = k;
				border->is_lo_good = !is_untestable;
			}
			say_what_is_left(b, border, line);
			return 1;
		}
	}
	return 0;
}

/* -- the end -------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* "PR #7 and PR #9". */
static void add_names(const struct triage_bisect *b, const size_t *merges, size_t count,
	struct iw_buf *out)
{
	size_t i;

	for (i = 0; i < count; i++)
		iw_buf_addf(out, "%s%s", i ? " and " : "", bisect_name(b, merges[i]));
}

/* What a search for a mend has found. */
static char *mend_words(const struct triage_bisect *b, const struct bisect_claim *claim)
{
	struct iw_buf out = {0};

	add_names(b, claim->merges, claim->count, &out);
	if (claim->outcome == TRIAGE_STAGED)
		iw_buf_adds(&out, " mended it: where it is missing the bug shows");
	else if (claim->outcome == TRIAGE_INTERACTION)
		iw_buf_adds(&out, " mended it: where one is missing the bug shows");
	else if (claim->outcome == TRIAGE_PRE_EXISTING)
		iw_buf_adds(&out, "the snapshot still shows it");
	else if (claim->outcome == TRIAGE_SUSPECT && claim->count > 0)
		iw_buf_adds(&out, " may have mended it, which is not shown");
	else
		iw_buf_adds(&out, "which pull request mended it is not known");
	return iw_buf_steal(&out);
}

/* What a search for what brought it back has found. */
static char *return_words(const struct triage_bisect *b, const struct bisect_claim *claim)
{
	const char *mender = bisect_staged_name(b, b->after);
	struct iw_buf out = {0};

	add_names(b, claim->merges, claim->count, &out);
	if (claim->outcome == TRIAGE_STAGED)
		iw_buf_addf(&out,
			" brought it back: where it is missing the bug, which %s mended, "
			"does not show",
			mender);
	else if (claim->outcome == TRIAGE_INTERACTION)
		iw_buf_addf(&out,
			" brought it back together: where one is missing the bug, which "
			"%s mended, does not show",
			mender);
	else if (claim->outcome == TRIAGE_PRE_EXISTING)
		iw_buf_addf(&out, "the tree at %s shows it as well", mender);
	else if (claim->outcome == TRIAGE_SUSPECT && claim->count > 0)
		iw_buf_adds(&out, " may have brought it back, which is not shown");
	else
		iw_buf_adds(&out, "which pull request brought it back is not known");
	return iw_buf_steal(&out);
}

static void conclude(struct triage_bisect *b, const struct bisect_claim *claim,
	double confidence, char *reason)
{
	enum triage_outcome outcome = claim->outcome;
	const size_t *merges = claim->merges;
	size_t count = claim->count, i;

	if (bisect_has_own_words(b) && !b->is_shown_early) {
		free(reason);
		reason = b->is_mend ? mend_words(b, claim) : return_words(b, claim);
	}
	b->is_decided = true;
	b->merges = iw_calloc(count + 1, sizeof *b->merges);
	b->result_prs = iw_calloc(count + 1, sizeof *b->result_prs);
	for (i = 0; i < count; i++)
		b->merges[i] = staged_merge(b, merges[i]);
	qsort(b->merges, count, sizeof *b->merges, by_number);
	for (i = 0; i < count; i++)
		b->result_prs[i] = b->names[b->merges[i] - 1].pr;
	b->reason = reason;
	b->result.outcome = outcome;
	b->result.merges = b->merges;
	b->result.prs = b->result_prs;
	b->result.count = count;
	b->result.reason = b->reason;
	b->result.runs = b->total_runs;
	b->result.confidence = confidence;
	if (bisect_has_own_words(b))
		bisect_say(b, "%s", reason);
	else
		bisect_say(b, "%s: %s", triage_outcome_word(outcome), reason);
	for (i = 0; i < count; i++) {
		_auto_free_ char *words = bisect_merge_words(&b->names[b->merges[i] - 1]);

		if (words)
			bisect_say(b, "%s", words);
	}
}

void bisect_conclude(struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count, char *reason)
{
	struct bisect_claim claim = {
		.outcome = outcome, .merges = merges, .count = count};

	conclude(b, &claim, bisect_believe(b, &claim).right, reason);
}

void bisect_prove(struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count, char *reason)
{
	struct bisect_claim claim = {
		.outcome = outcome, .merges = merges, .count = count};
	struct bisect_belief belief = bisect_believe(b, &claim);
	_auto_free_ char *why = reason;
	const struct tree *tree;

	if (belief.right > 0 && belief.missed <= MISSED_MAX) {
		conclude(b, &claim, belief.right, iw_steal(&why));
	} else if (belief.right > 0 && belief.doubtful != SIZE_MAX) {
		struct triage_question q = b->trees[belief.doubtful].question;
		_auto_free_ char *what = triage_bisect_describe(b, &q);

		bisect_say(b,
			"it is %.1f %% likely that a good answer was luck: %s is asked "
			"again",
			100 * belief.missed, what);
		bisect_recheck(b, &q, &tree);
	} else {
		bisect_conclude(b, TRIAGE_SUSPECT, merges, count,
			iw_fmt("%s; but it is %.1f %% likely that a tree that did not "
			       "show it has it, too",
				why, 100 * belief.missed));
	}
}

void bisect_prove_one(struct triage_bisect *b, size_t merge, const char *how)
{
	bisect_prove(b, TRIAGE_STAGED, &merge, 1,
		iw_fmt("%s causes it: %s", bisect_name(b, merge), how));
}

int bisect_recheck_all(
	struct triage_bisect *b, const struct triage_question *doubtful, size_t count)
{
	const struct tree *tree;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct tree *known = bisect_find(b, &doubtful[i]);

		if (!known || known->state == TREE_UNTESTABLE ||
			bisect_is_rechecked(b, known))
			continue;
		if (!bisect_recheck(b, &doubtful[i], &tree))
			return -1;
	}
	return 1;
}

void bisect_contradict(
	struct triage_bisect *b, size_t merge, size_t before, const char *what)
{
	struct triage_question doubtful[] = {bisect_prefix(before), bisect_alone(merge)};

	bisect_explain(b, "%s: %s; the good answers are asked again",
		bisect_name(b, merge), what);
	if (bisect_recheck_all(b, doubtful, IW_COUNT(doubtful)) < 0)
		return;
	if (b->hits < b->runs)
		bisect_conclude(b, TRIAGE_FLAKY, NULL, 0,
			iw_fmt("the answers contradict each other around %s: %s",
				bisect_name(b, merge), what));
	else
		bisect_conclude(b, TRIAGE_SUSPECT, &merge, 1,
			iw_fmt("%s turns it bad, yet %s: there is a second cause",
				bisect_name(b, merge), what));
}
