/*
 * What is near a change. A target is when its corpus reaches a function that the change
 * touches; what stands before the first function of a file counts as one, and so does a file
 * in which none is seen (a header with a class). Where those are is read in the tree on
 * which coverage was looked at, so it is known before anything of the change was run.
 *
 * By names of functions: lines move, and a function keeps its name.
 */
#ifndef ADAPTERS_STAGED_PLACE_H
#define ADAPTERS_STAGED_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/staged_change.h"
#include "sanitizers/lcov.h"

struct staged_place {
	size_t pr;	  /* index into the snapshot's prs */
	const char *path; /* of the struct staged_changes, which lives longer */
	uint32_t first, last;
};

struct staged_places {
	struct staged_place *items;
	size_t count, cap;
};

/* tree: of the snapshot that was looked at. A file or a function that is not there has no
 * place. Thread: that of the repository. */
int staged_places_read(struct iw_git_repo *repo, const struct staged_changes *changes,
	const char *tree, struct staged_places *out, struct iw_err *err);
void staged_places_fini(struct staged_places *places);
/* Whether what was reached is in a function that the pull request changes. Thread: any. */
bool staged_places_near(
	const struct staged_places *places, size_t pr, const struct san_lcov *lcov);

#endif
