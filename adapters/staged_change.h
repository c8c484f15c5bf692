/*
 * What each staged pull request changed: files, how many lines, and in which functions.
 * Of its own diff, by the names of then; where a later version or another way back took
 * its place, all those that are in the snapshot together.
 *
 * Thread: that of the repository; the result belongs to whoever holds it.
 */
#ifndef ADAPTERS_STAGED_CHANGE_H
#define ADAPTERS_STAGED_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/outline.h"
#include "adapters/staging.h"

/* Of one file; more are counted and not named. */
#define STAGED_FUNCTIONS_MAX 200

struct staged_change {
	size_t pr; /* index into the snapshot's prs, of an entry that is staged */
	char *path;
	char *old_path;		/* another one when it was renamed, or NULL */
	int64_t added, removed; /* lines; both 0: binary, or only its name */
	char **functions;	/* by name, each once */
	size_t function_count, function_cap;
	int64_t functions_left_out;
	bool has_top; /* lines before its first function, or it has none */
};

struct staged_changes {
	struct staged_change *items; /* by pr, then by path */
	size_t count, cap;
};

int staged_changes_read(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	struct staged_changes *out, struct iw_err *err);
/* The same of one change that nobody staged, by what it does to the tree before; its pr is
 * 0. tree: the one after. */
int staged_changes_of(struct iw_git_repo *repo, const char *tree,
	const struct iw_git_diff *diff, struct staged_changes *out, struct iw_err *err);
/* The functions of a file of a tree. 1: there is no such file, or it is too large. */
int staged_outline_read(struct iw_git_repo *repo, const char *tree, const char *path,
	struct outline *out, struct iw_err *err);
void staged_changes_fini(struct staged_changes *changes);

#endif
