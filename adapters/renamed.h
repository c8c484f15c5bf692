/*
 * Functions that have another name in a newer tree. Git knows renames of files only; of a
 * function its text decides, as git's does for a file: the old name has gone with its
 * definition, the new one came with one, and most lines of both are equal.
 *
 * Only where nothing is ambiguous: a name that is defined twice in what differs between the
 * trees, or in both of them, is not told. Functions are found by adapters/outline.h.
 *
 * Texts and names are foreign.
 */
#ifndef ADAPTERS_RENAMED_H
#define ADAPTERS_RENAMED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/git.h"

/* As a stack names them: "space::Class::from(int)" is known by "from". */
struct renamed_pair {
	const char *from, *to; /* borrowed */
};

/* 1: each of these is one function that was called `from` in the old tree and is called `to`
 * in the new one; 0: not all of them are, or it cannot be told. Thread: the repository's. */
int renamed_check(struct iw_git_repo *repo, const char *old_tree, const char *new_tree,
	const struct renamed_pair *pairs, size_t count, struct iw_err *err);

/* Whether two texts of functions are alike in most lines, where each calls itself by its own
 * name. Pure. Thread: any. */
bool renamed_is_alike(const char *old_text, size_t old_len, const char *new_text,
	size_t new_len, const struct renamed_pair *pair);

#endif
