#include "adapters/staged_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* More is no source that people write. */
#define FILE_MAX_LEN ((size_t)4 << 20)

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_function(struct staged_change *c, const char *name)
{
	iw_grow(c->functions, c->function_count, c->function_cap);
	c->functions[c->function_count++] = iw_strdup(name);
}

/* Each once, and not too many. */
static void unite_functions(struct staged_change *c)
{
	size_t kept = 0, i;

	if (c->function_count)
		qsort(c->functions, c->function_count, sizeof *c->functions, by_name);
	for (i = 0; i < c->function_count; i++) {
		bool is_same =
			kept && strcmp(c->functions[kept - 1], c->functions[i]) == 0;

		c->functions_left_out += !is_same && kept == STAGED_FUNCTIONS_MAX;
		if (is_same || kept == STAGED_FUNCTIONS_MAX)
			free(c->functions[i]);
		else
			c->functions[kept++] = c->functions[i];
	}
	c->function_count = kept;
}

/* The one that a range begins in, and those that begin in it. */
static void add_functions(struct staged_change *c, const struct outline *outline,
	const struct iw_git_range *range)
{
	size_t i = outline_find(outline, range->line);

	if (i == SIZE_MAX)
		c->has_top = true;
	else
		add_function(c, outline->functions[i].name);
	for (i = i == SIZE_MAX ? 0 : i + 1; i < outline->count; i++) {
		if (outline->functions[i].line - range->line >= range->count)
			break;
		add_function(c, outline->functions[i].name);
	}
}

int staged_outline_read(struct iw_git_repo *repo, const char *tree, const char *path,
	struct outline *out, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	size_t len;
	int rc = iw_git_file_read(repo, tree, path, FILE_MAX_LEN, &text, &len, err);

	if (rc == 0)
		outline_read(text, len, out);
	return rc;
}

static int read_functions(struct iw_git_repo *repo, const char *tree,
	const struct iw_git_change *change, struct staged_change *c, struct iw_err *err)
{
	struct outline outline;
	size_t i;
	int rc = staged_outline_read(repo, tree, change->path, &outline, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	for (i = 0; i < change->range_count; i++)
		add_functions(c, &outline, &change->ranges[i]);
	outline_fini(&outline);
	return 0;
}

static struct staged_change *find_or_add(
	struct staged_changes *out, size_t pr, const char *path)
{
	size_t i;

	/* Another version of it may be far in front; there are few of those. */
	for (i = out->count; i-- > 0;)
		if (out->items[i].pr == pr && strcmp(out->items[i].path, path) == 0)
			return &out->items[i];
	iw_grow(out->items, out->count, out->cap);
	out->items[out->count++] =
		(struct staged_change){.pr = pr, .path = iw_strdup(path)};
	return &out->items[out->count - 1];
}

static int add_change(struct iw_git_repo *repo, size_t pr, const char *tree,
	const struct iw_git_change *change, struct staged_changes *out,
	struct iw_err *err)
{
	struct staged_change *c = find_or_add(out, pr, change->path);
	size_t i;
	int rc = 0;

	if (change->old_path && !c->old_path)
		c->old_path = iw_strdup(change->old_path);
	for (i = 0; i < change->range_count; i++) {
		c->added += change->ranges[i].count;
		c->removed += change->ranges[i].old_count;
	}
	if (change->status != IW_GIT_DELETED && !change->is_binary)
		rc = read_functions(repo, tree, change, c, err);
	unite_functions(c);
	return rc;
}

static int add_diff(struct iw_git_repo *repo, size_t pr, const char *tree,
	const struct iw_git_diff *diff, struct staged_changes *out, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < diff->count; i++)
		rc = add_change(repo, pr, tree, &diff->changes[i], out, err);
	return rc;
}

static int add_entry(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	size_t entry, struct staged_changes *out, struct iw_err *err)
{
	const struct staged_pr *pr = &snapshot->prs[entry];
	char before[IW_GIT_HEX];
	struct iw_git_diff diff;
	int rc = staging_tree_before(repo, snapshot, entry, before, err);

	if (rc < 0 || !*before)
		return rc;
	rc = iw_git_diff_read(repo, before, pr->tree, &diff, err);
	if (rc < 0)
		return rc;
	rc = add_diff(repo, pr->staged_as, pr->tree, &diff, out, err);
	iw_git_diff_fini(&diff);
	return rc;
}

int staged_changes_of(struct iw_git_repo *repo, const char *tree,
	const struct iw_git_diff *diff, struct staged_changes *out, struct iw_err *err)
{
	int rc;

	*out = (struct staged_changes){0};
	rc = add_diff(repo, 0, tree, diff, out, err);
	if (rc < 0)
		staged_changes_fini(out);
	return rc;
}

static int by_pr(const void *a, const void *b)
{
	const struct staged_change *x = a, *y = b;

	if (x->pr != y->pr)
		return x->pr < y->pr ? -1 : 1;
	return strcmp(x->path, y->path);
}

int staged_changes_read(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	struct staged_changes *out, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	*out = (struct staged_changes){0};
	for (i = 0; rc == 0 && i < snapshot->count; i++) {
		const struct staged_pr *pr = &snapshot->prs[i];

		/* What was taken out was brought back by another entry, if at all. */
		if (pr->staged_as == i ||
			(pr->staged_as != STAGING_NOT && !pr->was_reverted))
			rc = add_entry(repo, snapshot, i, out, err);
	}
	if (rc < 0) {
		staged_changes_fini(out);
		return iw_err_wrap(err, "finding what staged pull requests changed");
	}
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_pr);
	return 0;
}

void staged_changes_fini(struct staged_changes *changes)
{
	size_t i, k;

	for (i = 0; i < changes->count; i++) {
		struct staged_change *c = &changes->items[i];

		for (k = 0; k < c->function_count; k++)
			free(c->functions[k]);
		free(c->functions);
		free(c->old_path);
		free(c->path);
	}
	free(changes->items);
	*changes = (struct staged_changes){0};
}
