#include "adapters/staging.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/staging_revert.h"

#include "base/banned.h"

static void fill_pr(
	struct iw_arena *arena, const struct iw_git_commit *commit, struct staged_pr *pr)
{
	staging_message_parse(arena, commit->message, commit->parent_count > 1, pr);

	if (pr->promoted_at_ms < 0)
		pr->promoted_at_ms = commit->time_ms;
	memcpy(pr->merge, commit->id, sizeof pr->merge);
	memcpy(pr->tree, commit->tree, sizeof pr->tree);
	if (commit->parent_count > 1) {
		memcpy(pr->second_parent, commit->parents[1], sizeof pr->second_parent);
		if (!*pr->head)
			memcpy(pr->head, commit->parents[1], sizeof pr->head);
	}
}

static void take_log(struct iw_git_repo *repo, const struct iw_git_log *log,
	struct staging_snapshot *snapshot)
{
	struct staged_pr *prs =
		iw_arena_alloc(snapshot->arena, (log->count + 1) * sizeof *prs);
	size_t i;

	for (i = 0; i < log->count; i++)
		fill_pr(snapshot->arena, &log->commits[i], &prs[i]);
	staging_reverts_mark(repo, log, prs);
	snapshot->prs = prs;
	snapshot->count = log->count;
}

static int read_staged(struct iw_git_repo *repo, const char *base,
	struct staging_snapshot *snapshot, struct iw_err *err)
{
	char base_tip[IW_GIT_HEX];
	struct iw_git_log log;
	int rc = iw_git_resolve(repo, base, base_tip, err);

	if (rc == 0)
		rc = iw_git_merge_base(
			repo, base_tip, snapshot->commit, snapshot->base_commit, err);
	if (rc == 0)
		rc = iw_git_tree(repo, snapshot->base_commit, snapshot->base_tree, err);
	if (rc == 0)
		rc = iw_git_log_read(
			repo, snapshot->base_commit, snapshot->commit, &log, err);
	if (rc < 0)
		return rc;
	take_log(repo, &log, snapshot);
	iw_git_log_fini(&log);
	return 0;
}

/* The oldest commit of those that are read is the base. */
static int read_recent(
	struct iw_git_repo *repo, struct staging_snapshot *snapshot, struct iw_err *err)
{
	struct iw_git_log log, above;
	int rc = iw_git_log_recent(repo, snapshot->commit, STAGING_RECENT + 1, &log, err);

	if (rc < 0)
		return rc;
	snapshot->is_main = true;
	memcpy(snapshot->base_commit, log.commits[0].id, IW_GIT_HEX);
	memcpy(snapshot->base_tree, log.commits[0].tree, IW_GIT_HEX);
	above = (struct iw_git_log){.commits = log.commits + 1, .count = log.count - 1};
	take_log(repo, &above, snapshot);
	iw_git_log_fini(&log);
	return 0;
}

static int read_snapshot(struct iw_git_repo *repo, const char *branch, const char *base,
	struct staging_snapshot *snapshot, struct iw_err *err)
{
	int rc = iw_git_resolve(repo, branch, snapshot->commit, err);

	if (rc == 0)
		rc = iw_git_tree(repo, snapshot->commit, snapshot->tree, err);
	if (rc < 0)
		return rc;
	return base ? read_staged(repo, base, snapshot, err)
		    : read_recent(repo, snapshot, err);
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

size_t staging_find_pr(const struct staging_snapshot *snapshot, int64_t number)
{
	size_t i;

	for (i = snapshot->count; i > 0; i--)
		if (snapshot->prs[i - 1].number == number)
			return i;
	return 0;
}

int staging_tree_before(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	size_t entry, char tree[static IW_GIT_HEX], struct iw_err *err)
{
	struct iw_git_commit commit;
	int rc;

	tree[0] = '\0';
	if (entry > 0) {
		memcpy(tree, snapshot->prs[entry - 1].tree, IW_GIT_HEX);
		return 0;
	}
	rc = iw_git_commit_read(repo, snapshot->prs[0].merge, &commit, err);
	if (rc < 0)
		return rc;
	if (commit.parent_count)
		rc = iw_git_tree(repo, commit.parents[0], tree, err);
	iw_git_commit_fini(&commit);
	return rc;
}

bool staging_is_staged(const struct staging_snapshot *snapshot, size_t entry)
{
	return snapshot->prs[entry].staged_as == entry;
}
