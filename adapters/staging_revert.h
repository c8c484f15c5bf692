/*
 * What was taken out of the staging branch again, and what is in it therefore.
 *
 * A message only hints at what its commit takes out: whoever opens a pull request may
 * claim anything. Git decides: taking it out once more must change nothing then, where it
 * would have changed something before.
 *
 * Thread: that of the repository.
 */
#ifndef ADAPTERS_STAGING_REVERT_H
#define ADAPTERS_STAGING_REVERT_H

#include "adapters/staging.h"

#define STAGING_HINTS_MAX 16

struct staging_revert {
	char commits[STAGING_HINTS_MAX][IW_GIT_HEX];
	size_t commit_count;
	int64_t numbers[STAGING_HINTS_MAX]; /* of pull requests */
	size_t number_count;
	bool is_said; /* in the title, and not only somewhere below it */
};

/* Whether the message may be one of a revert, and of what; pr: what else it says. Pure. */
bool staging_revert_parse(
	const char *message, const struct staged_pr *pr, struct staging_revert *out);

/* Fills `reverts` and `staged_as` of all that the log is of. A plain commit that brings
 * back what one before it took out gets that pull request's name. What git cannot decide
 * is not taken for a revert. */
void staging_reverts_mark(
	struct iw_git_repo *repo, const struct iw_git_log *log, struct staged_pr *prs);

#endif
