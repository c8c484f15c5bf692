/*
 * What of each staged pull request's lines something reaches: its lines in the snapshot
 * that can be executed, how many of them were, and where the others are.
 *
 * Thread: any.
 */
#ifndef ADAPTERS_STAGED_REACH_H
#define ADAPTERS_STAGED_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "adapters/staged_lines.h"
#include "sanitizers/lcov.h"

/* Of one pull request; more are counted and not listed. */
#define STAGED_GAPS_MAX 200

/* Lines that nothing reaches, with no other line that can be executed between. */
struct staged_gap {
	const char *path; /* of the struct staged_lines */
	uint32_t first, last;
};

struct staged_reach {
	int64_t lines, reached;	 /* that can be executed */
	struct staged_gap *gaps; /* by path and line */
	size_t gap_count, gap_cap;
	int64_t gaps_left_out;
};

/* One for each of the snapshot's prs, in their order; the caller frees with
 * staged_reach_free(). */
struct staged_reach *staged_reach_new(
	const struct staged_lines *lines, const struct san_lcov *lcov, size_t pr_count);
/* Adds up what all of them have. */
void staged_reach_sum(const struct staged_reach *reach, size_t pr_count, int64_t *lines,
	int64_t *reached);
void staged_reach_free(struct staged_reach *reach, size_t pr_count);

#endif
