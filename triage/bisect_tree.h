/*
 * Private to the bisection: its record, that is the trees it asked about, what is known
 * of each, the log and the result. What to ask next is bisect.c's.
 *
 * A tree is a set of merges, written as the longest prefix it begins with and the merges
 * beyond, so that one tree asked in two ways (base + PR 1, the tree at merge 1) is one
 * build. The snapshot with a merge reverted is kept apart: a revert may conflict where
 * leaving the merge out does not.
 */
#ifndef TRIAGE_BISECT_TREE_H
#define TRIAGE_BISECT_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "triage/bisect.h"
#include "triage/bisect_merge.h"

enum tree_state { TREE_UNKNOWN, TREE_BAD, TREE_GOOD, TREE_UNTESTABLE };

struct tree {
	struct triage_question question; /* canonical */
	enum tree_state state;
	enum triage_why why;
	unsigned runs, hits;	   /* of all answers */
	unsigned wanted;	   /* runs without a hit that make it good */
	struct triage_answer told; /* the last answer, for what it says of the tree */
	unsigned rechecks;	   /* so often it was good and was asked again */
};

/* Of one tree at most. */
#define BISECT_RECHECKS 4

struct triage_bisect {
	struct bisect_merge *names; /* of all that are staged */
	double *costs;		    /* of the trees at 0…count; NULL: all the same */
	size_t count;
	/* Of a mend all is seen from the snapshot: merge i is the one that leaves it i-th,
	 * the newest first, and the tree at 0 is the snapshot itself. */
	bool is_mend;
	size_t staged; /* merges that the snapshot really has */
	/* Of one that came back all is seen from the tree at this merge, which is at 0. */
	size_t after;
	unsigned hits, runs, max_builds;
	bool may_carry;
	struct tree *trees;
	size_t tree_count, tree_cap;
	size_t asked; /* index of the tree in question */
	size_t left;  /* merges that the search still has to tell apart */
	bool has_question, is_decided;
	bool is_shown_early; /* of a mend: no staged merge can be it, which is said */
	bool has_infra_failed;
	struct triage_attribution result;
	size_t *merges; /* of the result */
	int *result_prs;
	char *reason;
	char **log;
	size_t log_count, log_cap;
	unsigned total_runs;
};

static inline bool bisect_has_own_words(const struct triage_bisect *b)
{
	return b->is_mend || b->after > 0;
}

/* The question in the words of the snapshot. */
struct triage_question bisect_real(
	const struct triage_bisect *b, const struct triage_question *question);

/* "PR #7", "commit 1a2b3c4d5e6f": a merge as the snapshot counts it. */
const char *bisect_staged_name(const struct triage_bisect *b, size_t merge);

/* Appends a sentence unless the log has it: the decision is derived anew after every
 * answer and says the same things again. */
void bisect_say(struct triage_bisect *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, but not where it is a mend or a return that is searched: its words are another's. */
#define bisect_explain(b, ...)                                                           \
	do {                                                                             \
		if (!bisect_has_own_words(b))                                            \
			bisect_say(b, __VA_ARGS__);                                      \
	} while (0)

/* True: the tree's state is known. False: a question is on its way (or the limit of
 * builds is reached, has_question is false then): return to the caller at once. */
bool bisect_ask(struct triage_bisect *b, const struct triage_question *question,
	const struct tree **tree);
/* Asks a good tree once more, with as many runs as now seem right and at least as many as it
 * had. Same result. */
bool bisect_recheck(struct triage_bisect *b, const struct triage_question *question,
	const struct tree **tree);
/* It was asked again, now or before a restart: then it has the runs of two times. */
bool bisect_is_rechecked(const struct triage_bisect *b, const struct tree *tree);
/* What is known without asking; NULL when it was never asked. */
const struct tree *bisect_find(
	const struct triage_bisect *b, const struct triage_question *question);

/* The chance that a bug with hits of runs shows in none of n. */
double bisect_miss(unsigned hits, unsigned runs, unsigned n);

#endif
