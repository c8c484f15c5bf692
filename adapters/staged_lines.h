/*
 * Which lines of a snapshot each staged pull request wrote: those that it added or
 * changed and no later one took away or wrote anew, by their numbers in the snapshot.
 *
 * Thread: that of the repository; the result belongs to whoever holds it.
 */
#ifndef ADAPTERS_STAGED_LINES_H
#define ADAPTERS_STAGED_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "adapters/staging.h"
#include "base/err.h"
#include "base/git.h"

struct staged_range {
	uint32_t line, count; /* counted from 1; count is never 0 */
	size_t pr; /* index into the snapshot's prs; of a pull request the staged entry */
};

struct staged_file {
	char *path;
	struct staged_range *ranges; /* ascending, none touches another of one commit */
	size_t count;
};

struct staged_lines {
	struct staged_file *files; /* by path */
	size_t count, cap;
};

/* Walks the staged commits from the oldest on. Files without such lines are not listed,
 * nor are binary ones. */
int staged_lines_read(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	struct staged_lines *out, struct iw_err *err);
void staged_lines_fini(struct staged_lines *lines);

#endif
