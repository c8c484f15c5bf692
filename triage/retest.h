/*
 * A bug on a newer snapshot: how often its best reproducer runs there, and what is said
 * of it then. The runs themselves are retest.c's, too.
 *
 * What is asked is whether it still shows: a few runs say yes, and how often about. No
 * takes so many that a bug of its rate would have been missed with a chance of at most
 * TRIAGE_BISECT_MISS, as in a bisection; where that is more than can be afforded the
 * sentence says what chance is left.
 *
 * Where the chance is that small and the input still reaches the code that failed (reach),
 * the bug is fixed; when it shows again on a newer snapshot it has regressed, and stays the
 * same bug. Everything less leaves its state alone.
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_RETEST_H
#define TRIAGE_RETEST_H

#include <stdbool.h>

#include "triage/reach.h"

/* At most. Of a hang, too: only runs in which it shows cost its timeout. */
#define TRIAGE_RETEST_RUNS 200

struct triage_retest_plan {
	unsigned first; /* all of these are made */
	unsigned all;	/* without a hit so many; else the first hit ends it */
};
/* hits of runs: its rate, from where it was found. */
struct triage_retest_plan triage_retest_plan(unsigned hits, unsigned runs, bool is_hang);

struct triage_retest_seen {
	const char *snapshot; /* how it is called */
	unsigned hits,
		runs;	 /* runs that failed in another way hide it and are not here */
	unsigned others; /* those */
	enum triage_reach reach;     /* where no run failed */
	bool shows_elsewise;	     /* another input of it fails there */
	const char *obstacle;	     /* no run was made: why; or NULL */
	unsigned was_hits, was_runs; /* its rate */
};
/* "still shows on 0123456789ab, 5 of 5"; nothing private is in it. The caller frees. */
char *triage_retest_words(const struct triage_retest_seen *seen);
/* What becomes of a bug in this state: a literal, or state. */
const char *triage_retest_state(const char *state, const struct triage_retest_seen *seen);

#endif
