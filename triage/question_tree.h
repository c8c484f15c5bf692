/*
 * Which tree of the repository a question of the bisection is about: a commit's, or one
 * that no branch has. Where the adapter says which files make a target's program, older
 * trees have those of the snapshot, so that the target is there and an input means the same.
 *
 * Blocks: for the git thread.
 */
#ifndef TRIAGE_QUESTION_TREE_H
#define TRIAGE_QUESTION_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "adapters/staging.h"
#include "base/git.h"
#include "triage/bisect.h"

struct triage_question_trees {
	const struct staging_snapshot *snapshot;
	const char *const *carried; /* files; NULL: none are carried */
	size_t carried_count;
};

/* 0: tree is filled, and whether it is another for the files carried to it; 1: merges or
 * reverts conflict. */
int triage_question_tree(struct iw_git_repo *repo,
	const struct triage_question_trees *trees, const struct triage_question *question,
	char tree[static IW_GIT_HEX], bool *is_carried, struct iw_err *err);

#endif
