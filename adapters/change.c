#include "adapters/change.h"

#include <stdio.h>
#include <string.h>

#include "adapters/staging.h"
#include "base/mem.h"

#include "base/banned.h"

static int find_commit(struct iw_git_repo *repo, const char *name,
	char commit[static IW_GIT_HEX], struct iw_err *err)
{
	int rc = iw_git_resolve(repo, name, commit, err);

	if (rc != IW_ENOENT)
		return rc;
	return iw_err_set(err, IW_ENOENT,
		"the source has no commit '%.100s'; a branch, a tag or an id that was "
		"pushed there is one",
		name);
}

/* What was merged says more than what the message names, which may have left since. */
static int take_staged(struct iw_git_repo *repo, const struct staged_pr *pr,
	char head[static IW_GIT_HEX])
{
	return iw_git_resolve(
		repo, *pr->second_parent ? pr->second_parent : pr->head, head, NULL);
}

/* The newest version that was promoted. */
static int find_staged(struct iw_git_repo *repo, const struct adapter_source *source,
	int64_t number, char head[static IW_GIT_HEX])
{
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	size_t place;

	if (staging_read(repo, source->branch, source->base, &snapshot, NULL) < 0)
		return IW_ENOENT;
	place = staging_find_pr(snapshot, number);
	return place ? take_staged(repo, &snapshot->prs[place - 1], head) : IW_ENOENT;
}

static int find_pr(struct iw_git_repo *repo, const struct adapter_source *source,
	int64_t number, char head[static IW_GIT_HEX], struct iw_err *err)
{
	_auto_free_ char *reference = iw_fmt("refs/pull/%lld/head", (long long)number);

	if (iw_git_resolve(repo, reference, head, NULL) == 0 ||
		find_staged(repo, source, number, head) == 0)
		return 0;
	return iw_err_set(err, IW_ENOENT,
		"PR #%lld is not known: the source has no %s, and its branch '%s' does "
		"not promote it; --commits A..B names what is pushed anywhere there",
		(long long)number, reference, source->branch);
}

/* Where the change begins and ends; *from is not yet the merge base. */
static int find_ends(struct iw_git_repo *repo, const struct adapter_source *source,
	const struct change_wish *wish, char from[static IW_GIT_HEX], struct change *out,
	struct iw_err *err)
{
	int rc;

	if (wish->pr) {
		rc = find_pr(repo, source, wish->pr, out->head, err);
		return rc < 0 ? rc
			      : iw_git_resolve(repo,
					source->base ? source->base : source->branch,
					from, err);
	}
	rc = find_commit(repo, wish->from, from, err);
	return rc < 0 ? rc : find_commit(repo, wish->to, out->head, err);
}

static int find_base(struct iw_git_repo *repo, const char *from, struct change *out,
	struct iw_err *err)
{
	int rc = iw_git_merge_base(repo, from, out->head, out->base, err);

	if (rc == IW_ENOENT)
		return iw_err_set(err, IW_EINVAL,
			"%.12s and %.12s have no commit in common, so there is nothing "
			"to compare the change with",
			from, out->head);
	if (rc < 0)
		return rc;
	out->is_apart = !out->pr && strcmp(out->base, from) != 0;
	if (strcmp(out->base, out->head) != 0)
		return 0;
	return iw_err_set(err, IW_EINVAL,
		"%.12s is part of %.12s already, so it changes nothing there; --commits "
		"A..B names what is older",
		out->head, from);
}

/* As promotions are written, so that reports name the pull request. */
static char *message_of(const struct change *c, const char *title)
{
	if (!c->pr)
		return iw_fmt("%.12s..%.12s: %s\n", c->base, c->head, title);
	return iw_fmt("Promote PR #%lld to staging: %s\n\nHead: %s\n", (long long)c->pr,
		title, c->head);
}

static int make_merge(struct iw_git_repo *repo, struct change *c, struct iw_err *err)
{
	const char *parents[] = {c->base, c->head};
	struct iw_git_commit head;
	_auto_free_ char *message = NULL;
	int rc = iw_git_commit_read(repo, c->head, &head, err);

	if (rc < 0)
		return rc;
	message = message_of(c, head.title);
	iw_git_commit_fini(&head);
	return iw_git_commit_make(repo, c->tree, parents, 2, message, c->merge, err);
}

int change_find(struct iw_git_repo *repo, const struct adapter_source *source,
	const struct change_wish *wish, struct change *out, struct iw_err *err)
{
	char from[IW_GIT_HEX];
	int rc;

	*out = (struct change){.pr = wish->pr};
	rc = find_ends(repo, source, wish, from, out, err);
	if (rc == 0)
		rc = find_base(repo, from, out, err);
	if (rc == 0)
		rc = iw_git_tree(repo, out->base, out->base_tree, err);
	if (rc == 0)
		rc = iw_git_tree(repo, out->head, out->tree, err);
	if (rc == 0)
		rc = make_merge(repo, out, err);
	return rc < 0
		? rc
		: iw_git_diff_read(repo, out->base_tree, out->tree, &out->diff, err);
}

void change_fini(struct change *c)
{
	iw_git_diff_fini(&c->diff);
}

void change_count(const struct change *c, int64_t *added, int64_t *removed)
{
	size_t i, k;

	*added = *removed = 0;
	for (i = 0; i < c->diff.count; i++) {
		const struct iw_git_change *file = &c->diff.changes[i];

		for (k = 0; k < file->range_count; k++) {
			*added += file->ranges[k].count;
			*removed += file->ranges[k].old_count;
		}
	}
}
