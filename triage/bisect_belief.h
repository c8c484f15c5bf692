/*
 * How sure the answers so far make one of what is about to be said, and which of them is
 * the weakest stone. Private to the bisection; pure.
 */
#ifndef TRIAGE_BISECT_BELIEF_H
#define TRIAGE_BISECT_BELIEF_H

#include <stddef.h>

#include "triage/bisect_tree.h"

/* What is claimed: the merges cause it (together); of a suspect: one of them is a cause. */
struct bisect_claim {
	enum triage_outcome outcome;
	const size_t *merges;
	size_t count;
};

struct bisect_belief {
	double right; /* the chance that the claim is right, given all answers */
	/* The chance that it is wrong because a tree that was called good is bad, and the
	 * index of the tree that would have to be in most of these cases; SIZE_MAX: none
	 * may be asked again. */
	double missed;
	size_t doubtful;
};

/* All 0 for outcomes that claim nothing of a merge. */
struct bisect_belief bisect_believe(
	const struct triage_bisect *b, const struct bisect_claim *claim);

#endif
