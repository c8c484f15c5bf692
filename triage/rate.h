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
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_RATE_H
#define TRIAGE_RATE_H

#include <stdbool.h>

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

struct triage_rate {
	double low, high; /* in [0, 1]; 0 and 1 when nothing is known */
};

struct triage_rate triage_rate_of(unsigned hits, unsigned runs);

/* After hits of runs, at least one of them a hit: is one more worth its cost? */
bool triage_rate_wants_more(unsigned hits, unsigned runs, bool is_hang);

/* "5 of 5 runs, at least 41 %", "6 of 30 runs, 4 to 48 %", "0 of 25 runs, at most 19 %";
 * bounds are rounded away from the middle. The caller frees. */
char *triage_rate_words(unsigned hits, unsigned runs);
/* For a column: "5/5 (41-100%)". Likewise. */
char *triage_rate_brief(unsigned hits, unsigned runs);

#endif
