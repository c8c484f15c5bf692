/*
 * Makes a reproducer small without running anything: it proposes inputs, the caller runs
 * them and says which still show the same bug (triage_signature_same, not just any
 * crash).
 *
 *	s = triage_shrink_new(data, len, NULL);
 *	while ((n = triage_shrink_next(s, batch, IW_COUNT(batch))) > 0) {
 *		run all n, in one process if you can; is_same[i] for each
 *		triage_shrink_feed(s, is_same, n);
 *	}
 *	best = triage_shrink_best(s, &len);
 *
 * The passes: cut the tail, cut the head, cut what lies between words that come again,
 * cut elements and payloads together with their lengths (shrink_shape.h), remove chunks
 * from large to single bytes (the complements of ddmin: Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", TSE 2002), remove two pieces at
 * once, lower a byte that may be a length while removing as many bytes, make bytes plain
 * (0, then 'A'), and finally try edits by chance. A batch is made of edits that do not
 * depend on each other, because one process runs a whole batch; where several succeed,
 * their combinations are proposed in the next batch, never assumed.
 *
 * Promises: deterministic; the best is the start or an input that feed confirmed; it
 * never grows; the same bytes are proposed at most once. A flaky bug needs a caller that
 * runs a candidate several times.
 *
 * Pure and synchronous. Thread: one at a time.
 */
#ifndef TRIAGE_SHRINK_H
#define TRIAGE_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct triage_shrink;

struct triage_shrink_limits {
	size_t candidates; /* at most so many are proposed; 0: 4,000 */
	/* So many fruitless ones by chance (shrink_chance.h) are worth their runs, each
	 * time all else is done. */
	size_t chances;
};

/* Borrowed from the shrink until the next feed or free. */
struct triage_candidate {
	const uint8_t *data;
	size_t len;
};

/* Copies data. limits may be NULL. */
struct triage_shrink *triage_shrink_new(
	const void *data, size_t len, const struct triage_shrink_limits *limits);
void triage_shrink_free(struct triage_shrink *s);
void triage_shrink_freep(struct triage_shrink **s);

/* Up to max candidates; 0 when done. Each answer must be followed by one feed; until then
 * next gives the same batch again. max may differ from call to call; 32 is a good one. */
size_t triage_shrink_next(
	struct triage_shrink *s, struct triage_candidate *batch, size_t max);
/* One answer per candidate of the last batch, in its order. */
void triage_shrink_feed(struct triage_shrink *s, const bool *is_same, size_t count);

/* The smallest confirmed input; borrowed until the next feed. */
const uint8_t *triage_shrink_best(const struct triage_shrink *s, size_t *len);
bool triage_shrink_is_done(const struct triage_shrink *s);
/* Candidates proposed so far, and batches (each is one process of the caller's). */
size_t triage_shrink_candidates(const struct triage_shrink *s);
size_t triage_shrink_batches(const struct triage_shrink *s);

#endif
