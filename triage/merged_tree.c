#include "triage/merged_tree.h"

#include <stdio.h>

#include "base/banned.h"

int triage_merged_tree(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	const char *onto, const size_t *merges, size_t count, enum triage_merged how,
	char tree[static IW_GIT_HEX], struct iw_err *err)
{
	bool is_out = how == TRIAGE_MERGED_OUT;
	char commit[IW_GIT_HEX];
	size_t i;
	int rc = 0;

	snprintf(commit, sizeof commit, "%s", onto);
	for (i = 0; i < count; i++) {
		/* Reverting goes backwards: later merges may stand on earlier ones. */
		size_t at = is_out ? count - 1 - i : i;
		const struct staged_pr *pr = &snapshot->prs[merges[at] - 1];
		const char *parents[] = {commit};

		if (is_out)
			rc = iw_git_revert_tree(repo, commit, pr->merge, tree, err);
		else if (*pr->second_parent)
			rc = iw_git_merge_tree(
				repo, commit, pr->second_parent, tree, err);
		else /* squashed, or pushed: what it changed is all there is */
			rc = iw_git_pick_tree(repo, commit, pr->merge, tree, err);
		if (rc != 0 || i + 1 == count)
			return rc;
		rc = iw_git_commit_make(repo, tree, parents, 1, NULL, commit, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}
