/*
 * Branches that are followed: what one farm leaves to the next of it. The farm looks and
 * builds (following.c); whoever runs farms keeps this list, opens the next one when the
 * farm says that a newer snapshot is built, and goes back where that one cannot be
 * fuzzed. One branch moves at a time, so that it is known which one failed.
 *
 * Pure. Thread: the loop.
 */
#ifndef IW_FOLLOW_H
#define IW_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/git.h"

struct farm_follow {
	char adapter[ADAPTER_NAME_MAX + 1];
	int64_t every_ms; /* 0: its branch is not followed */
	/* The snapshot that the next farm opens, without fetching; empty: the last one
	 * that worked of a branch that is followed, else the newest. */
	char commit[IW_GIT_HEX];
	char before[IW_GIT_HEX]; /* the one it took the place of, while it has yet to work
				  */
	char refused[IW_GIT_HEX]; /* a head that is not tried again; empty: none */
	int64_t due_ms;		  /* the next look, monotonic; 0: as the farm sees fit */
	int failures;		  /* looks in a row; only the first was said */
	bool is_old;		  /* the farm opened the last one that worked */
	bool wants_newest;	  /* that one works no more: the next farm fetches */
};

/* One entry for each adapter, in their order; zero-initialised at first. */
struct follow_list {
	struct farm_follow *entries;
	size_t count;
};

/* For a farm of these adapters: what was refused stays so, all else is forgotten.
 * follow_ms is of each, IW_FOLLOW_AS_SAID: said_ms. */
void follow_list_set(struct follow_list *list, struct adapter *const *adapters,
	const int64_t *follow_ms, size_t count, int64_t said_ms);
void follow_list_fini(struct follow_list *list);

/* The farm that was opened could not fuzz: a newer snapshot is refused, and the next farm
 * opens the one before. The entry whose it was; NULL when none was newer. */
const struct farm_follow *follow_list_go_back(struct follow_list *list);
/* Likewise, but it was none: where it opened the last one that worked (the compiler may
 * be another one by now), the next farm opens the newest. False: there is nothing to try.
 */
bool follow_list_go_on(struct follow_list *list);

#endif
