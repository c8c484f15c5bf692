/*
 * How alike two signatures are, and every number that decides it.
 *
 * Similarity is a weighted alignment of the stacks. The idea that a matching frame counts
 * less the deeper it lies and the more it moved comes from ReBucket's position dependent
 * model (Dang et al., ICSE 2012), which CASR uses too. Alone it merges two leaf functions
 * under the same callers, so ours adds a veto: the innermost function decides, and when
 * it differs everything else must agree.
 *
 * Names are compared as numbers: a shape is a signature whose names were looked up once.
 *
 * Pure and synchronous. Thread: any, one struct triage_names at a time.
 */
#ifndef TRIAGE_SIMILARITY_H
#define TRIAGE_SIMILARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "triage/crash_type.h"
#include "triage/names.h"
#include "triage/signature.h"

/* What decides. How it was measured is told beside the numbers, in similarity.c. */
struct triage_thresholds {
	double same; /* from this similarity on two crashes are one bug */
	double join; /* so alike must one crash be to both bugs that it joins */
	double innermost;
	double veto, veto_message;
	double inlined, inlined_rest;
	double depth, shift;
	double other_message;
	size_t hang_shared;
	double hang_share, hang_like, hang_unlike;
};

/* The thresholds, and what follows from them. */
struct triage_measure {
	struct triage_thresholds at;
	/* below: private */
	double by_depth[2 * TRIAGE_FRAMES_MAX]; /* of the sum of two depths */
	double by_shift[TRIAGE_FRAMES_MAX];
	double weight[TRIAGE_FRAMES_MAX + 1]; /* of a stack of so many frames */
};

/* Those that everybody uses; ready after the first call. */
const struct triage_measure *triage_measure(void);
/* Others, to find out what they would do. */
void triage_measure_init(
	struct triage_measure *measure, const struct triage_thresholds *thresholds);
extern const struct triage_thresholds triage_thresholds;

struct triage_stack {
	uint32_t *ids; /* innermost first */
	size_t count;
};

struct triage_shape {
	struct triage_crash_type type;
	uint32_t message; /* 0: none */
	uint32_t file;	  /* of the innermost function; 0: unknown */
	struct triage_stack frames, other, inside;
	unsigned samples;
	uint32_t *ids; /* of all three */
};

void triage_shape_init(struct triage_shape *shape, struct triage_names *names,
	const struct triage_signature *sig);
void triage_shape_fini(struct triage_shape *shape);

/* In [0, 1], symmetric, 1 for a shape and itself. Both by the same names. */
double triage_shape_similarity(const struct triage_measure *measure,
	const struct triage_shape *a, const struct triage_shape *b);

#endif
