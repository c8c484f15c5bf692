/*
 * Whether what adapter.json says of the source fits the repository that was brought here.
 * A misfit is no error: all goes on, with less than was meant, so it is said once.
 *
 * Thread: that of the repository.
 */
#ifndef ADAPTERS_FIT_H
#define ADAPTERS_FIT_H

#include "adapters/adapter.h"
#include "adapters/staging.h"
#include "base/git.h"

/* What branch and base are to each other, where that is odd: one sentence, which the caller
 * frees. NULL: nothing is. */
char *fit_branches(struct iw_git_repo *repo, const struct adapter_source *source,
	const struct staging_snapshot *snapshot);

/* A path of target_files that the tree does not have, for the targets that a build in dir
 * has, or where dir is NULL for those that are listed: one sentence, which the caller frees. NULL: each has a file of its own, and those
 * that all share are there. */
char *fit_files(struct iw_git_repo *repo, const char *tree, const struct adapter *adapter,
	const char *dir);

#endif
