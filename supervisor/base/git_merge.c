/*
 * Trees that no branch has: merges and reverts made in memory. Only objects are written,
 * and an object that nobody names hurts nobody: the repository is our own copy.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/git_repo.h"
#include "base/mem.h"

#include "base/banned.h"

#define PARENTS_MAX 16

/* Said in full, because libgit2 fills what is unset from the user's git configuration and
 * the same merge must have the same tree on every host. */
static void merge_options(git_merge_options *opts)
{
	git_merge_options_init(opts, GIT_MERGE_OPTIONS_VERSION);
	opts->flags = GIT_MERGE_FIND_RENAMES;
	opts->rename_threshold = 50;
	opts->target_limit = 1000;
}

static int find_commit(
	struct iw_git_repo *repo, const char *id, git_commit **out, struct iw_err *err)
{
	git_oid oid;
	int rc = iw_git_oid(&oid, id, err);

	if (rc < 0)
		return rc;
	rc = git_commit_lookup(out, repo->git, &oid);
	return rc < 0 ? iw_git_fail(err, rc, "cannot read commit %s", id) : 0;
}

int iw_git_merge_base(struct iw_git_repo *repo, const char *a, const char *b,
	char base[static IW_GIT_HEX], struct iw_err *err)
{
	git_oid one, two, found;
	int rc = iw_git_oid(&one, a, err);

	if (rc == 0)
		rc = iw_git_oid(&two, b, err);
	if (rc < 0)
		return rc;
	rc = git_merge_base(&found, repo->git, &one, &two);
	if (rc == GIT_ENOTFOUND)
		return iw_err_set(err, IW_ENOENT,
			"commits %.12s and %.12s have no common ancestor", a, b);
	if (rc < 0)
		return iw_git_fail(
			err, rc, "cannot find the merge base of %s and %s", a, b);
	git_oid_tostr(base, IW_GIT_HEX, &found);
	return 0;
}

/* 1 when the index holds conflicts; libgit2 would refuse to write it. */
static int write_index(struct iw_git_repo *repo, git_index *index,
	char tree[static IW_GIT_HEX], struct iw_err *err)
{
	git_oid oid;
	int rc;

	if (git_index_has_conflicts(index))
		return 1;
	rc = git_index_write_tree_to(&oid, index, repo->git);
	if (rc < 0)
		return iw_git_fail(err, rc, "cannot write the tree");
	git_oid_tostr(tree, IW_GIT_HEX, &oid);
	return 0;
}

int iw_git_merge_tree(struct iw_git_repo *repo, const char *commit, const char *other,
	char tree[static IW_GIT_HEX], struct iw_err *err)
{
	_auto_(git_commit_freep) git_commit *ours = NULL, *theirs = NULL;
	_auto_(git_index_freep) git_index *index = NULL;
	git_merge_options opts;
	int rc;

	tree[0] = '\0';
	merge_options(&opts);
	rc = find_commit(repo, commit, &ours, err);
	if (rc == 0)
		rc = find_commit(repo, other, &theirs, err);
	if (rc < 0)
		return rc;
	rc = git_merge_commits(&index, repo->git, ours, theirs, &opts);
	if (rc == 0)
		rc = write_index(repo, index, tree, err);
	else
		rc = iw_git_fail(err, rc, "libgit2 cannot merge");
	if (rc < 0)
		iw_err_wrap(err, "merging %.12s into %.12s", other, commit);
	return rc;
}

typedef int (*change_cb)(git_index **out, git_repository *repo, git_commit *commit,
	git_commit *tip, unsigned mainline, const git_merge_options *opts);

/* What a commit changed, made or taken out on tip. */
static int change_tree(struct iw_git_repo *repo, const char *tip, const char *commit,
	change_cb change, char tree[static IW_GIT_HEX], struct iw_err *err)
{
	_auto_(git_commit_freep) git_commit *from = NULL, *what = NULL;
	_auto_(git_index_freep) git_index *index = NULL;
	git_merge_options opts;
	int rc;

	tree[0] = '\0';
	merge_options(&opts);
	rc = find_commit(repo, tip, &from, err);
	if (rc == 0)
		rc = find_commit(repo, commit, &what, err);
	if (rc < 0)
		return rc;
	/* libgit2 wants a mainline for merges and refuses one for plain commits. */
	rc = change(&index, repo->git, what, from,
		git_commit_parentcount(what) > 1 ? 1 : 0, &opts);
	return rc == 0 ? write_index(repo, index, tree, err)
		       : iw_git_fail(err, rc, "libgit2 cannot do that");
}

int iw_git_revert_tree(struct iw_git_repo *repo, const char *tip, const char *commit,
	char tree[static IW_GIT_HEX], struct iw_err *err)
{
	int rc = change_tree(repo, tip, commit, git_revert_commit, tree, err);

	if (rc < 0)
		iw_err_wrap(err, "taking %.12s out of %.12s", commit, tip);
	return rc;
}

int iw_git_pick_tree(struct iw_git_repo *repo, const char *tip, const char *commit,
	char tree[static IW_GIT_HEX], struct iw_err *err)
{
	int rc = change_tree(repo, tip, commit, git_cherrypick_commit, tree, err);

	if (rc < 0)
		iw_err_wrap(err, "putting %.12s on %.12s", commit, tip);
	return rc;
}

/* Whether old has the path with the same content and mode. */
static bool has_same(git_tree *old, const char *path, const git_tree_entry *entry)
{
	_auto_(git_tree_entry_freep) git_tree_entry *there = NULL;

	return git_tree_entry_bypath(&there, old, path) == 0 &&
		git_oid_equal(git_tree_entry_id(there), git_tree_entry_id(entry)) &&
		git_tree_entry_filemode(there) == git_tree_entry_filemode(entry);
}

int iw_git_carry_tree(struct iw_git_repo *repo, const char *tree, const char *from,
	const char *const *paths, size_t count, char out[static IW_GIT_HEX],
	struct iw_err *err)
{
	_auto_(git_tree_freep) git_tree *old = NULL, *source = NULL;
	_auto_free_ git_tree_update *updates = iw_calloc(count + 1, sizeof *updates);
	size_t n = 0, i;
	git_oid id;
	int rc;

	snprintf(out, IW_GIT_HEX, "%s", tree);
	rc = iw_git_lookup_tree(repo, tree, &old, err);
	if (rc == 0)
		rc = iw_git_lookup_tree(repo, from, &source, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < count; i++) {
		_auto_(git_tree_entry_freep) git_tree_entry *entry = NULL;

		if (git_tree_entry_bypath(&entry, source, paths[i]) < 0 ||
			git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
			has_same(old, paths[i], entry))
			continue;
		updates[n++] = (git_tree_update){.action = GIT_TREE_UPDATE_UPSERT,
			.id = *git_tree_entry_id(entry),
			.filemode = git_tree_entry_filemode(entry),
			.path = paths[i]};
	}
	if (n == 0)
		return 0;
	rc = git_tree_create_updated(&id, repo->git, old, n, updates);
	if (rc < 0)
		return iw_git_fail(
			err, rc, "cannot carry files of tree %.12s to %.12s", from, tree);
	git_oid_tostr(out, IW_GIT_HEX, &id);
	return 0;
}

int iw_git_commit_make(struct iw_git_repo *repo, const char *tree,
	const char *const *parents, size_t parent_count, const char *message,
	char commit[static IW_GIT_HEX], struct iw_err *err)
{
	_auto_(git_signature_freep) git_signature *who = NULL;
	_auto_(git_tree_freep) git_tree *content = NULL;
	git_commit *list[PARENTS_MAX] = {NULL};
	size_t i;
	git_oid id;
	int rc;

	assert(parent_count <= PARENTS_MAX);
	rc = iw_git_lookup_tree(repo, tree, &content, err);
	for (i = 0; rc == 0 && i < parent_count; i++)
		rc = find_commit(repo, parents[i], &list[i], err);
	if (rc == 0) {
		rc = git_signature_new(&who, "ironworks", "ironworks", 0, 0);
		if (rc == 0)
			rc = git_commit_create(&id, repo->git, NULL, who, who, NULL,
				message ? message : "ironworks: a tree to try\n", content,
				parent_count, (const git_commit **)list);
		if (rc < 0)
			rc = iw_git_fail(err, rc, "cannot write a commit");
	}
	for (i = 0; i < parent_count; i++)
		git_commit_free(list[i]);
	if (rc == 0)
		git_oid_tostr(commit, IW_GIT_HEX, &id);
	return rc;
}
