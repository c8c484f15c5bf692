/*
 * A text is files, one after the other:
 *
 *	SF:/src/lib/tx.c
 *	DA:12,3          line 12 was executed three times
 *	end_of_record
 *
 * and records about functions and branches, which the summary has better.
 */
#include "sanitizers/lcov.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define PATH_MAX_LEN 4096

/* A file while it is read. */
struct record {
	struct san_lcov_file *files;
	size_t file_count, file_cap;
	struct san_lcov_line *lines; /* of the file that is read */
	size_t line_count, line_cap;
	const char *path; /* NULL: it is left out */
	bool is_open, is_ordered;
};

/* "lib/../src//tx.c" is src/tx.c. NULL when it leads out, or to nothing. */
static char *plain_path(struct iw_arena *arena, const char *path, size_t len)
{
	char *out = iw_arena_alloc(arena, len + 1);
	size_t used = 0, at = 0;

	while (at < len) {
		const char *word = path + at;
		const char *slash = memchr(word, '/', len - at);
		size_t n = slash ? (size_t)(slash - word) : len - at;

		at += n + 1;
		if (n == 0 || (n == 1 && word[0] == '.'))
			continue;
		if (n == 2 && word[0] == '.' && word[1] == '.') {
			if (!used)
				return NULL;
			while (used && out[used - 1] != '/')
				used--;
			used -= used > 0;
			continue;
		}
		if (used)
			out[used++] = '/';
		memcpy(out + used, word, n);
		used += n;
	}
	out[used] = '\0';
	return used ? out : NULL;
}

static const char *path_of(
	struct iw_arena *arena, const char *root, const char *text, size_t len)
{
	size_t n = strlen(root);

	if (!len || len > PATH_MAX_LEN || memchr(text, '\0', len))
		return NULL;
	if (text[0] != '/')
		return plain_path(arena, text, len);
	if (len <= n || memcmp(text, root, n) != 0 || text[n] != '/')
		return NULL;
	return plain_path(arena, text + n, len - n);
}

/* Digits until the end or the mark; false for anything else. What is too large for a
 * count is a large count. */
static bool take_number(const char **at, const char *end, uint64_t *value)
{
	const char *p = *at;

	for (*value = 0; p < end && *p >= '0' && *p <= '9'; p++)
		*value = *value > UINT64_MAX / 10 - 1
			? UINT64_MAX / 10
			: *value * 10 + (uint64_t)(*p - '0');
	if (p == *at)
		return false;
	*at = p;
	return true;
}

/* "12,3", or with a checksum behind it. */
static bool take_line(struct record *r, const char *text, const char *end)
{
	struct san_lcov_line line = {0};
	uint64_t number, hits;

	if (!take_number(&text, end, &number) || text == end || *text++ != ',' ||
		!take_number(&text, end, &hits) || (text < end && *text != ','))
		return false;
	if (number == 0 || number > UINT32_MAX)
		return false;
	if (!r->path)
		return true;
	line.line = (uint32_t)number;
	line.is_reached = hits > 0;
	if (r->line_count && line.line <= r->lines[r->line_count - 1].line)
		r->is_ordered = false;
	iw_grow(r->lines, r->line_count, r->line_cap);
	r->lines[r->line_count++] = line;
	return true;
}

static int by_line(const void *a, const void *b)
{
	const struct san_lcov_line *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

/* Each line once, reached where one of its mentions says so. */
static size_t unite(struct san_lcov_line *lines, size_t count)
{
	size_t kept = 0, i;

	qsort(lines, count, sizeof *lines, by_line);
	for (i = 0; i < count; i++) {
		if (kept && lines[kept - 1].line == lines[i].line)
			lines[kept - 1].is_reached |= lines[i].is_reached;
		else
			lines[kept++] = lines[i];
	}
	return kept;
}

static size_t count_reached(const struct san_lcov_line *lines, size_t count)
{
	size_t reached = 0, i;

	for (i = 0; i < count; i++)
		reached += lines[i].is_reached;
	return reached;
}

static void end_file(struct record *r, struct iw_arena *arena)
{
	struct san_lcov_line *lines;
	size_t bytes;

	r->is_open = false;
	if (!r->path || !r->line_count)
		return;
	if (!r->is_ordered)
		r->line_count = unite(r->lines, r->line_count);
	bytes = r->line_count * sizeof *lines;
	lines = iw_arena_alloc(arena, bytes);
	memcpy(lines, r->lines, bytes);
	iw_grow(r->files, r->file_count, r->file_cap);
	r->files[r->file_count++] = (struct san_lcov_file){
		.path = r->path,
		.lines = lines,
		.count = r->line_count,
		.reached = count_reached(lines, r->line_count),
	};
}

static bool is_tag(const char *line, const char *end, const char *tag)
{
	size_t n = strlen(tag);

	return (size_t)(end - line) >= n && memcmp(line, tag, n) == 0;
}

/* False: it looks like one of ours and is none. */
static bool take_record(struct record *r, struct iw_arena *arena, const char *root,
	const char *line, const char *end)
{
	if (is_tag(line, end, "SF:")) {
		if (r->is_open)
			return false;
		r->is_open = r->is_ordered = true;
		r->line_count = 0;
		r->path = path_of(arena, root, line + 3, (size_t)(end - line - 3));
	} else if (is_tag(line, end, "DA:")) {
		return r->is_open && take_line(r, line + 3, end);
	} else if (is_tag(line, end, "end_of_record")) {
		if (!r->is_open)
			return false;
		end_file(r, arena);
	}
	return true;
}

static int by_path(const void *a, const void *b)
{
	const struct san_lcov_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* All mentions of one file become one. */
static struct san_lcov_file join(
	struct iw_arena *arena, const struct san_lcov_file *mentions, size_t n)
{
	struct san_lcov_file file = mentions[0];
	struct san_lcov_line *lines;
	size_t count = 0, i;

	if (n == 1)
		return file;
	for (i = 0; i < n; i++)
		count += mentions[i].count;
	lines = iw_arena_alloc(arena, count * sizeof *lines);
	for (i = count = 0; i < n; i++) {
		memcpy(lines + count, mentions[i].lines,
			mentions[i].count * sizeof *lines);
		count += mentions[i].count;
	}
	file.lines = lines;
	file.count = unite(lines, count);
	file.reached = count_reached(lines, file.count);
	return file;
}

static void keep_files(struct record *r, struct san_lcov *out)
{
	struct san_lcov_file *files;
	size_t n, i;

	if (r->file_count)
		qsort(r->files, r->file_count, sizeof *r->files, by_path);
	files = iw_arena_alloc(out->arena, (r->file_count + 1) * sizeof *files);
	for (i = 0; i < r->file_count; i += n) {
		for (n = 1; i + n < r->file_count; n++)
			if (strcmp(r->files[i].path, r->files[i + n].path) != 0)
				break;
		files[out->count++] = join(out->arena, &r->files[i], n);
	}
	out->files = files;
}

int san_lcov_parse(const char *text, size_t len, const char *root, struct san_lcov *out,
	struct iw_err *err)
{
	const char *end = text + len, *line = text;
	struct record r = {0};
	size_t number = 1;
	int rc = 0;

	*out = (struct san_lcov){.arena = iw_arena_new()};
	if (len > SAN_LCOV_MAX)
		rc = iw_err_set(err, IW_EINVAL, "coverage: more than %zu MiB of text",
			SAN_LCOV_MAX >> 20);
	for (; rc == 0 && line < end; number++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		if (!stop)
			stop = end;
		if (!take_record(&r, out->arena, root, line, stop))
			rc = iw_err_set(err, IW_EINVAL,
				"coverage: line %zu is no record of lcov's", number);
		line = stop + 1;
	}
	if (rc == 0 && r.is_open)
		rc = iw_err_set(err, IW_EINVAL, "coverage: the text ends in a file");
	if (rc == 0)
		keep_files(&r, out);
	else
		san_lcov_fini(out);
	free(r.files);
	free(r.lines);
	return rc;
}

void san_lcov_fini(struct san_lcov *lcov)
{
	iw_arena_free(lcov->arena);
	*lcov = (struct san_lcov){0};
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, ((const struct san_lcov_file *)file)->path);
}

const struct san_lcov_file *san_lcov_find(const struct san_lcov *lcov, const char *path)
{
	if (!lcov->count)
		return NULL;
	return bsearch(path, lcov->files, lcov->count, sizeof *lcov->files, compare_path);
}

size_t san_lcov_from(const struct san_lcov_file *file, uint32_t line)
{
	size_t low = 0, high = file->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->lines[middle].line < line)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
