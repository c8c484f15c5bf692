/*
 * Distilling: the fewest units that together show every feature the whole corpus shows,
 * and among those few the smallest. A pure function over arrays: the same units in any
 * order give the same answer.
 *
 * Greedy cover (most new features, then fewest bytes, then the smaller hash), then what
 * has become redundant goes, then units make room for others that replace them: two for
 * one, or a large one for a small one.
 *
 * The features are rewritten on the way, for a copy would double the memory. Thread: any;
 * a pool thread for large corpora (8 million features: some 50 ms).
 */
#ifndef CORPUS_DISTIL_H
#define CORPUS_DISTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct corpus_distil_unit {
	uint32_t *features; /* ascending, no number twice; rewritten */
	uint32_t feature_count;
	uint32_t size;
	struct iw_sha256 sha;
};

struct corpus_distil_result {
	size_t features; /* of the whole, all kept */
	size_t chosen;
	uint64_t chosen_bytes;
};

/* chosen[count] gets the answer for each unit. */
struct corpus_distil_result corpus_distil(
	const struct corpus_distil_unit *units, size_t count, bool *chosen);

#endif
