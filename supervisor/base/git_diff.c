/* Which files and lines differ between two trees. */
#include <stdlib.h>
#include <string.h>

#include "base/git_repo.h"
#include "base/mem.h"

#include "base/banned.h"

/* A generated file of this size is nobody's suspect line; libgit2 calls it binary. */
#define DIFF_FILE_MAX (8 << 20)

static enum iw_git_status status_of(git_delta_t status)
{
	switch (status) {
	case GIT_DELTA_ADDED:
	case GIT_DELTA_COPIED:
		return IW_GIT_ADDED;
	case GIT_DELTA_DELETED:
		return IW_GIT_DELETED;
	default:
		return IW_GIT_MODIFIED;
	}
}

static void fill_ranges(git_patch *patch, struct iw_git_change *change)
{
	size_t i, n = git_patch_num_hunks(patch);

	change->ranges = iw_calloc(n + 1, sizeof *change->ranges);
	for (i = 0; i < n; i++) {
		const git_diff_hunk *hunk;

		if (git_patch_get_hunk(&hunk, NULL, patch, i) < 0)
			continue;
		change->ranges[change->range_count++] = (struct iw_git_range){
			.line = (uint32_t)hunk->new_start,
			.count = (uint32_t)hunk->new_lines,
			.old_line = (uint32_t)hunk->old_start,
			.old_count = (uint32_t)hunk->old_lines,
		};
	}
}

static int fill_change(
	git_diff *diff, size_t at, struct iw_git_change *change, struct iw_err *err)
{
	_auto_(git_patch_freep) git_patch *patch = NULL;
	const git_diff_delta *delta = git_diff_get_delta(diff, at);
	int rc;

	change->status = status_of(delta->status);
	change->path = iw_strdup(change->status == IW_GIT_DELETED ? delta->old_file.path
								  : delta->new_file.path);
	change->old_path = iw_strdup(delta->old_file.path);
	rc = git_patch_from_diff(&patch, diff, at);
	if (rc < 0)
		return iw_git_fail(err, rc, "cannot compare '%s'", change->path);
	/* Only now does libgit2 know: it had to read the contents. */
	delta = patch ? git_patch_get_delta(patch) : git_diff_get_delta(diff, at);
	change->is_binary = (delta->flags & GIT_DIFF_FLAG_BINARY) != 0;
	if (patch && !change->is_binary)
		fill_ranges(patch, change);
	return 0;
}

static int compare(struct iw_git_repo *repo, git_tree *from, git_tree *to, git_diff **out,
	struct iw_err *err)
{
	git_diff_find_options find;
	git_diff_options opts;
	int rc;

	git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
	git_diff_find_options_init(&find, GIT_DIFF_FIND_OPTIONS_VERSION);
	opts.context_lines = 0;
	opts.interhunk_lines = 0;
	opts.max_size = DIFF_FILE_MAX;
	find.flags = GIT_DIFF_FIND_RENAMES;
	find.rename_threshold = 50;
	find.rename_limit = 1000;
	rc = git_diff_tree_to_tree(out, repo->git, from, to, &opts);
	if (rc == 0)
		rc = git_diff_find_similar(*out, &find);
	return rc < 0 ? iw_git_fail(err, rc, "cannot compare two trees") : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct iw_git_change *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int iw_git_diff_read(struct iw_git_repo *repo, const char *old_tree, const char *new_tree,
	struct iw_git_diff *out, struct iw_err *err)
{
	_auto_(git_tree_freep) git_tree *from = NULL, *to = NULL;
	_auto_(git_diff_freep) git_diff *diff = NULL;
	size_t i, n;
	int rc;

	*out = (struct iw_git_diff){0};
	rc = iw_git_lookup_tree(repo, old_tree, &from, err);
	if (rc == 0)
		rc = iw_git_lookup_tree(repo, new_tree, &to, err);
	if (rc == 0)
		rc = compare(repo, from, to, &diff, err);
	if (rc < 0)
		return rc;
	n = git_diff_num_deltas(diff);
	out->changes = iw_calloc(n + 1, sizeof *out->changes);
	for (i = 0; rc == 0 && i < n; i++)
		rc = fill_change(diff, i, &out->changes[out->count++], err);
	if (rc < 0) {
		iw_git_diff_fini(out);
		return rc;
	}
	/* A rename moves its delta away from where its new name sorts. */
	qsort(out->changes, out->count, sizeof *out->changes, by_path);
	return 0;
}

void iw_git_diff_fini(struct iw_git_diff *diff)
{
	size_t i;

	for (i = 0; i < diff->count; i++) {
		free(diff->changes[i].path);
		free(diff->changes[i].old_path);
		free(diff->changes[i].ranges);
	}
	free(diff->changes);
	*diff = (struct iw_git_diff){0};
}

int iw_git_file_read(struct iw_git_repo *repo, const char *tree, const char *path,
	size_t max, char **data, size_t *len, struct iw_err *err)
{
	_auto_(git_tree_entry_freep) git_tree_entry *entry = NULL;
	_auto_(git_tree_freep) git_tree *root = NULL;
	_auto_(git_blob_freep) git_blob *blob = NULL;
	int rc = iw_git_lookup_tree(repo, tree, &root, err);

	if (rc < 0)
		return rc;
	rc = git_tree_entry_bypath(&entry, root, path);
	if (rc == GIT_ENOTFOUND ||
		(rc == 0 && git_tree_entry_type(entry) != GIT_OBJECT_BLOB))
		return 1;
	if (rc == 0)
		rc = git_blob_lookup(&blob, repo->git, git_tree_entry_id(entry));
	if (rc < 0)
		return iw_git_fail(err, rc, "cannot read '%s' of tree %s", path, tree);
	if ((uint64_t)git_blob_rawsize(blob) > max)
		return 1;
	*len = (size_t)git_blob_rawsize(blob);
	/* The content is somebody's, and may hold NULs: all of it counts. */
	*data = iw_calloc(*len + 1, 1);
	memcpy(*data, git_blob_rawcontent(blob), *len);
	return 0;
}
