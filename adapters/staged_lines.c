/*
 * Each staged commit is compared with the one before it. Lines outside of its changes
 * keep their owner and move by what was added and removed above them; lines that it
 * brought are its own. After the last one the numbers are the snapshot's.
 */
#include "adapters/staged_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* Ranges under construction. */
struct ranges {
	struct staged_range *items;
	size_t count, cap;
};

static void add_range(struct ranges *r, uint32_t line, uint32_t count, size_t pr)
{
	struct staged_range *last = r->count ? &r->items[r->count - 1] : NULL;

	if (!count)
		return;
	if (last && last->pr == pr && last->line + last->count == line) {
		last->count += count;
		return;
	}
	iw_grow(r->items, r->count, r->cap);
	r->items[r->count++] =
		(struct staged_range){.line = line, .count = count, .pr = pr};
}

/* What the owners of a file have of its lines first … last (both included) before the
 * change, which are `shift` further down after it. *at: the first range that may reach
 * so far, moved on. */
static void keep_lines(struct ranges *r, const struct staged_file *old, size_t *at,
	uint32_t first, uint32_t last, int64_t shift)
{
	for (; *at < old->count; ++*at) {
		const struct staged_range *o = &old->ranges[*at];
		uint32_t end = o->line + o->count - 1;
		uint32_t from = o->line > first ? o->line : first;
		uint32_t to = end < last ? end : last;

		if (o->line > last)
			return;
		if (from <= to)
			add_range(r, (uint32_t)(from + shift), to - from + 1, o->pr);
		/* The rest of it lies behind the next change. */
		if (end > last)
			return;
	}
}

/* The first line of the old side behind a range, and the last before it. */
static uint32_t line_behind(const struct iw_git_range *range)
{
	return range->old_count ? range->old_line + range->old_count
				: range->old_line + 1;
}

static uint32_t line_before(const struct iw_git_range *range)
{
	return range->old_count ? range->old_line - 1 : range->old_line;
}

static struct ranges move_ranges(
	const struct staged_file *old, const struct iw_git_change *change, size_t pr)
{
	struct ranges r = {0};
	uint32_t next = 1; /* line of the old side that was not looked at */
	int64_t shift = 0;
	size_t at = 0, i;

	for (i = 0; i < change->range_count; i++) {
		const struct iw_git_range *c = &change->ranges[i];

		if (line_before(c) >= next)
			keep_lines(&r, old, &at, next, line_before(c), shift);
		add_range(&r, c->line, c->count, pr);
		next = line_behind(c);
		shift += (int64_t)c->count - c->old_count;
	}
	keep_lines(&r, old, &at, next, UINT32_MAX, shift);
	return r;
}

static struct staged_file *find(const struct staged_lines *lines, const char *path)
{
	size_t i;

	for (i = 0; i < lines->count; i++)
		if (lines->files[i].path && strcmp(lines->files[i].path, path) == 0)
			return &lines->files[i];
	return NULL;
}

/* What the file had; it has no lines any more. */
static struct staged_file take(struct staged_lines *lines, const char *path)
{
	struct staged_file *file = find(lines, path);
	struct staged_file taken = {0};

	if (file) {
		taken = *file;
		*file = lines->files[--lines->count];
	}
	return taken;
}

static void file_fini(struct staged_file *file)
{
	free(file->path);
	free(file->ranges);
}

static void put(struct staged_lines *lines, const char *path, struct ranges ranges)
{
	if (!ranges.count) {
		free(ranges.items);
		return;
	}
	iw_grow(lines->files, lines->count, lines->cap);
	lines->files[lines->count++] = (struct staged_file){
		.path = iw_strdup(path), .ranges = ranges.items, .count = ranges.count};
}

/* All files are taken out before one is put back: two may have changed names. */
static void apply(struct staged_lines *lines, const struct iw_git_diff *diff, size_t pr)
{
	struct staged_file *old = iw_calloc(diff->count + 1, sizeof *old);
	size_t i;

	for (i = 0; i < diff->count; i++)
		old[i] = take(lines, diff->changes[i].old_path);
	for (i = 0; i < diff->count; i++) {
		const struct iw_git_change *change = &diff->changes[i];

		if (change->status != IW_GIT_DELETED && !change->is_binary)
			put(lines, change->path, move_ranges(&old[i], change, pr));
		file_fini(&old[i]);
	}
	free(old);
}

/* Lines of one version of a pull request are those of the one that is staged. */
static void name_staged(struct staged_lines *lines, const struct staging_snapshot *s)
{
	size_t i, k;

	for (i = 0; i < lines->count; i++)
		for (k = 0; k < lines->files[i].count; k++) {
			size_t *pr = &lines->files[i].ranges[k].pr;

			if (s->prs[*pr].staged_as != STAGING_NOT)
				*pr = s->prs[*pr].staged_as;
		}
}

static int by_path(const void *a, const void *b)
{
	const struct staged_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int staged_lines_read(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	struct staged_lines *out, struct iw_err *err)
{
	char before[IW_GIT_HEX] = "";
	int rc = 0;
	size_t i;

	*out = (struct staged_lines){0};
	if (snapshot->count)
		rc = staging_tree_before(repo, snapshot, 0, before, err);
	for (i = 0; rc == 0 && i < snapshot->count; i++) {
		const struct staged_pr *pr = &snapshot->prs[i];
		struct iw_git_diff diff;

		if (*before)
			rc = iw_git_diff_read(repo, before, pr->tree, &diff, err);
		if (*before && rc == 0) {
			apply(out, &diff, i);
			iw_git_diff_fini(&diff);
		}
		memcpy(before, pr->tree, sizeof before);
	}
	if (rc < 0) {
		staged_lines_fini(out);
		return iw_err_wrap(err, "finding the lines of what is staged");
	}
	name_staged(out, snapshot);
	if (out->count)
		qsort(out->files, out->count, sizeof *out->files, by_path);
	return 0;
}

void staged_lines_fini(struct staged_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++)
		file_fini(&lines->files[i]);
	free(lines->files);
	*lines = (struct staged_lines){0};
}
