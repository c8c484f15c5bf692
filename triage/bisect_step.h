/*
 * What the steps of a decision are made of: questions, the search along a line of trees,
 * and the end. Private to the bisection.
 *
 * A step that needs an answer puts the question and returns to the caller of next at once;
 * the decision is derived anew when the answer is there.
 */
#ifndef TRIAGE_BISECT_STEP_H
#define TRIAGE_BISECT_STEP_H

#include "triage/bisect_tree.h"

struct bisect_set {
	size_t merges[TRIAGE_BISECT_SET];
	size_t count;
};

struct triage_question bisect_prefix(size_t k);
/* The tree at k with the set merged on it, or taken out of it. */
struct triage_question bisect_with(size_t k, const struct bisect_set *set);
struct triage_question bisect_out(size_t k, const struct bisect_set *set);
/* The snapshot without one, the base with one alone. */
struct triage_question bisect_without(const struct triage_bisect *b, size_t merge);
struct triage_question bisect_alone(size_t merge);

/* "PR #7": a merge as the search counts it. */
const char *bisect_name(const struct triage_bisect *b, size_t merge);
/* The tree cannot be tested because what it needs is not there yet: older ones cannot
 * either. A build that fails may be this tree's own bad luck. */
bool bisect_is_too_early(const struct tree *tree);

/* Between the last tree on the good side and the first bad one. */
struct bisect_border {
	size_t lo, hi;
	bool is_lo_good; /* else untestable */
};

/* The trees at 0…count, each with the set merged on it or taken out of it. */
struct bisect_line {
	const struct bisect_set *set;
	bool is_out;
};

/* One step of a search for the smallest k whose tree is bad: 1 moved, 0 it has ended, -1 a
 * question is on its way. Untestable trees give way to their neighbours. While nothing good
 * is known they count as too early, at once or when their nearest neighbours are no better.
 */
int bisect_narrow(struct triage_bisect *b, struct bisect_border *border,
	const struct bisect_line *line);

/* Takes reason. */
void bisect_conclude(struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count, char *reason);
/* The same for blame, once the answers make it sure: until then the most doubtful one is
 * asked again. What does not become sure is a suspect. Takes reason. */
void bisect_prove(struct triage_bisect *b, enum triage_outcome outcome,
	const size_t *merges, size_t count, char *reason);
/* `staged`: "PR #7 causes it: how". */
void bisect_prove_one(struct triage_bisect *b, size_t merge, const char *how);

/* Good answers that cannot be true together with a hit are asked once more: 1 all stay
 * good, -1 a question is on its way. A bad answer changes everything that is derived next
 * time. */
int bisect_recheck_all(
	struct triage_bisect *b, const struct triage_question *doubtful, size_t count);

/* They are, and else either the bug is flaky beyond its rate or there is a second cause. */
void bisect_contradict(
	struct triage_bisect *b, size_t merge, size_t before, const char *what);

/* bisect_partner.c: the set's first merge, which is not enough on the base, is bad on the
 * tree at before. Finds what is missing, or whom else to suspect. */
void bisect_find_partners(
	struct triage_bisect *b, size_t merge, size_t before, bool is_base_good);
/* Which merge of the gap makes the set bad on the good tree before the gap, or on the base
 * where that cannot be tested: 1 found, 0 none, -1 a question is on its way. */
int bisect_pick(struct triage_bisect *b, const struct bisect_border *gap,
	const struct bisect_set *set, size_t *found);

/* bisect_second.c: the merge alone shows it, and so does the snapshot without it. */
void bisect_find_second(struct triage_bisect *b, size_t merge, size_t before);

#endif
