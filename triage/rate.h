/*
 * How often an input fails, and when enough runs have been made to say so.
 *
 * Runs are made one after the other, and whether there is one more depends on what the
 * earlier ones showed. An interval for a fixed number of runs (Clopper and Pearson's,
 * Wilson's) does not keep its promise then: who looks after each run and stops when he
 * likes what he sees is wrong more often. Ours holds at every moment at once, so it may be
 * looked at after each run and added to later. It is the set of all rates p for which
 *
 *	B(h + 1/2, m + 1/2) / B(1/2, 1/2)  <  p^h (1 - p)^m / (1 - TRIAGE_RATE_CONFIDENCE)
 *
 * with h hits and m misses: the left side over p^h (1 - p)^m is a martingale with mean 1
 * under the true rate, which by Ville's inequality ever reaches 1 / alpha with a chance of
 * at most alpha (J. Ville, Étude critique de la notion de collectif, 1939; H. Robbins,
 * Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
 * Statistics 41, 1970; the weight with halves is Krichevsky and Trofimov's, 1981). In a
 * simulation of the rule below the true rate lies inside in 99.7 % and more of all cases.
 *
 * Some runs are dear: what forks without an end holds its slot for ten seconds, a hang
 * for its timeout. So one answer has a price, TRIAGE_RATE_MS, and then it is what was
 * seen so far: few runs and a wide interval, as true as a narrow one. For the
 * martingale needs only that each run fails with the same chance whatever the earlier
 * ones did; how long those took may decide as well as what they showed, also where a
 * failure takes longer than a pass. What it does not bear is a run that is broken off
 * and forgotten: where failures take longer, it would be failures that are missing. So
 * the price is looked at between runs, and each run that has begun is counted. Its own
 * limits end it, and bound what comes on top of the price.
 *
 * The time is that in which runs hold a slot, not CPU time: what forks hides that from
 * whoever waits for it, and what sleeps has none.
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_RATE_H
#define TRIAGE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define TRIAGE_RATE_CONFIDENCE 0.95
/* So many hits in a row, and nothing else, are stable: at least 41 % is stated then. */
#define TRIAGE_RATE_STABLE 5
/* What fails at times is run until its interval is no wider, or so many runs were made. */
#define TRIAGE_RATE_WIDTH 0.4
#define TRIAGE_RATE_RUNS 40
/* The same for a hang, each run of which costs its timeout. */
#define TRIAGE_RATE_HANG_STABLE 3
#define TRIAGE_RATE_HANG_RUNS 8
/* Without any hit: one of one in five is missed in 0.4 %. */
#define TRIAGE_RATE_MISSES 25
/* How often it fails is worth as much as `ironworks triage` and `minimize` give to
 * making it small. 40 runs may take 1.5 s each then, and under a sanitizer they take a
 * tenth to a half: nobody who is not dear himself pays the price, also where three
 * times as much wants to run as can. It is six runs of a hang with the timeout of 10
 * s. */
#define TRIAGE_RATE_MS 60000
/* That it is gone is worth more: 31 runs must pass where one of five failed, and the
 * seven that a fork bomb gets for the price above would leave its bug open for ever. */
#define TRIAGE_RATE_GONE_MS 600000
/* Whatever they cost: one of one is no rate. */
#define TRIAGE_RATE_FEWEST 3

struct triage_rate {
	double low, high; /* in [0, 1]; 0 and 1 when nothing is known */
};

struct triage_rate triage_rate_of(unsigned hits, unsigned runs);

/* After hits of runs, at least one of them a hit, which took ms together: is one more
 * worth its cost? */
bool triage_rate_wants_more(unsigned hits, unsigned runs, int64_t ms, bool is_hang);
/* Whatever they showed: runs that took ms have cost what their answer is worth, one of
 * the two prices above. */
bool triage_rate_is_spent(unsigned runs, int64_t ms, int64_t price_ms);

/* "5 of 5 runs, at least 41 %", "6 of 30 runs, 4 to 48 %", "0 of 25 runs, at most 19 %";
 * bounds are rounded away from the middle. The caller frees. */
char *triage_rate_words(unsigned hits, unsigned runs);
/* For a column: "5/5 (41-100%)". Likewise. */
char *triage_rate_brief(unsigned hits, unsigned runs);

#endif
