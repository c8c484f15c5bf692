#include "adapters/staging.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* A staging branch holds dozens; thousands are a branch of another kind. */
#define PRS_MAX 10000

static void fill_pr(
	struct iw_arena *arena, const struct iw_git_commit *commit, struct staged_pr *pr)
{
	bool is_promotion = staging_message_parse(arena, commit->message, pr);

	if (pr->promoted_at_ms < 0)
		pr->promoted_at_ms = commit->time_ms;
	memcpy(pr->merge, commit->id, sizeof pr->merge);
	memcpy(pr->tree, commit->tree, sizeof pr->tree);
	if (commit->parent_count > 1) {
		memcpy(pr->second_parent, commit->parents[1], sizeof pr->second_parent);
		if (!is_promotion || !*pr->head)
			memcpy(pr->head, commit->parents[1], sizeof pr->head);
	}
}

static int read_prs(
	struct iw_git_repo *repo, struct staging_snapshot *snapshot, struct iw_err *err)
{
	struct iw_git_log log;
	struct staged_pr *prs;
	size_t i;
	int rc =
		iw_git_log_read(repo, snapshot->base_commit, snapshot->commit, &log, err);

	if (rc < 0)
		return rc;
	if (log.count > PRS_MAX) {
		rc = iw_err_set(err, IW_EINVAL,
			"%zu commits are staged, more than the %d allowed", log.count,
			PRS_MAX);
		iw_git_log_fini(&log);
		return rc;
	}
	prs = iw_arena_alloc(snapshot->arena, (log.count + 1) * sizeof *prs);
	for (i = 0; i < log.count; i++)
		fill_pr(snapshot->arena, &log.commits[i], &prs[i]);
	snapshot->prs = prs;
	snapshot->count = log.count;
	iw_git_log_fini(&log);
	return 0;
}

static int read_snapshot(struct iw_git_repo *repo, const char *branch, const char *base,
	struct staging_snapshot *snapshot, struct iw_err *err)
{
	char base_tip[IW_GIT_HEX];
	int rc = iw_git_resolve(repo, branch, snapshot->commit, err);

	if (rc == 0)
		rc = iw_git_tree(repo, snapshot->commit, snapshot->tree, err);
	if (rc < 0 || !base)
		return rc;
	rc = iw_git_resolve(repo, base, base_tip, err);
	if (rc == 0)
		rc = iw_git_merge_base(
			repo, base_tip, snapshot->commit, snapshot->base_commit, err);
	if (rc == 0)
		rc = iw_git_tree(repo, snapshot->base_commit, snapshot->base_tree, err);
	return rc < 0 ? rc : read_prs(repo, snapshot, err);
}

int staging_read(struct iw_git_repo *repo, const char *branch, const char *base,
	struct staging_snapshot **out, struct iw_err *err)
{
	_auto_(staging_freep) struct staging_snapshot *snapshot =
		iw_calloc(1, sizeof *snapshot);
	int rc;

	snapshot->arena = iw_arena_new();
	rc = read_snapshot(repo, branch, base, snapshot, err);
	if (rc < 0)
		return iw_err_wrap(err, "reading staging branch '%s'", branch);
	*out = iw_steal(&snapshot);
	return 0;
}

void staging_free(struct staging_snapshot *snapshot)
{
	if (!snapshot)
		return;
	iw_arena_free(snapshot->arena);
	free(snapshot);
}

void staging_freep(struct staging_snapshot **snapshot)
{
	staging_free(*snapshot);
}

const struct staged_pr *staging_find(
	const struct staging_snapshot *snapshot, const char *merge)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (strcmp(snapshot->prs[i].merge, merge) == 0)
			return &snapshot->prs[i];
	return NULL;
}
