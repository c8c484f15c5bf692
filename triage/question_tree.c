#include "triage/question_tree.h"

#include <stdio.h>
#include <string.h>

#include "triage/merged_tree.h"

#include "base/banned.h"

static int find_tree(struct iw_git_repo *repo, const struct staging_snapshot *s,
	const struct triage_question *q, char tree[static IW_GIT_HEX], struct iw_err *err)
{
	const struct staged_pr *at = q->prefix ? &s->prs[q->prefix - 1] : NULL;
	const char *commit = at ? at->merge : s->base_commit;

	switch (q->kind) {
	case TRIAGE_PREFIX:
		snprintf(tree, IW_GIT_HEX, "%s", at ? at->tree : s->base_tree);
		return 0;
	case TRIAGE_WITHOUT:
		return triage_merged_tree(repo, s, commit, q->merges, q->merge_count,
			TRIAGE_MERGED_OUT, tree, err);
	case TRIAGE_ALONE:
	case TRIAGE_PREFIX_WITH:
		return triage_merged_tree(repo, s, commit, q->merges, q->merge_count,
			TRIAGE_MERGED_ON, tree, err);
	}
	return iw_err_set(err, IW_EINVAL, "unknown question");
}

int triage_question_tree(struct iw_git_repo *repo,
	const struct triage_question_trees *trees, const struct triage_question *question,
	char tree[static IW_GIT_HEX], bool *is_carried, struct iw_err *err)
{
	char plain[IW_GIT_HEX];
	int rc = find_tree(repo, trees->snapshot, question, plain, err);

	*is_carried = false;
	if (rc != 0)
		return rc;
	rc = iw_git_carry_tree(repo, plain, trees->snapshot->tree, trees->carried,
		trees->carried_count, tree, err);
	*is_carried = rc == 0 && strcmp(tree, plain) != 0;
	return rc;
}
