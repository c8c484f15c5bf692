/*
 * Trees that no branch has: staged merges put on a commit, or taken out of one, in
 * memory. Blocks: for the git thread.
 */
#ifndef TRIAGE_MERGED_TREE_H
#define TRIAGE_MERGED_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "adapters/staging.h"
#include "base/git.h"

enum triage_merged { TRIAGE_MERGED_ON, TRIAGE_MERGED_OUT };

/* merges are numbered from 1 in the order they were staged, ascending. 0: tree is filled;
 * 1: they conflict. Without any merge it is the tree of the commit: not asked for here.
 */
int triage_merged_tree(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	const char *onto, const size_t *merges, size_t count, enum triage_merged how,
	char tree[static IW_GIT_HEX], struct iw_err *err);

#endif
