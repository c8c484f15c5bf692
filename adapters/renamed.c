#include "adapters/renamed.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/outline.h"
#include "base/mem.h"

#include "base/banned.h"

/* A source file above this is generated. */
#define FILE_MAX ((size_t)4 << 20)
#define LINES_MAX 4000 /* of one function */
/* So many of ten lines must be equal; short functions look alike by chance. */
#define ALIKE_OF_10 7
#define SIDES 2

/* -- names -------------------------------------------------------------------------- */

struct word {
	const char *at;
	size_t len;
};

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

/* The last component of a name, without arguments. */
static struct word last_word(const char *name)
{
	size_t end = strcspn(name, "(<"), from;

	while (end > 0 && !is_word_char(name[end - 1]))
		end--;
	for (from = end; from > 0 && is_word_char(name[from - 1]); from--)
		;
	return (struct word){name + from, end - from};
}

static bool same_word(struct word a, struct word b)
{
	return a.len > 0 && a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* -- texts -------------------------------------------------------------------------- */

struct lines {
	uint64_t *hashes;
	size_t count, cap;
};

static uint64_t add_hash(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x100000001b3U;
}

/* How it is indented, and what the function itself is called, says nothing. 0: the line has
 * no word. */
static uint64_t hash_line(const char *line, const char *end, struct word own)
{
	uint64_t hash = 0xcbf29ce484222325U;
	bool has_word = false;

	while (line < end) {
		struct word w = {.at = line};

		while (w.len < (size_t)(end - line) && is_word_char(line[w.len]))
			w.len++;
		has_word |= w.len > 0;
		if (w.len == 0) {
			if (!isspace((unsigned char)*line))
				hash = add_hash(hash, *line);
			line++;
			continue;
		}
		hash = add_hash(hash, ' ');
		for (size_t i = 0; !same_word(w, own) && i < w.len; i++)
			hash = add_hash(hash, w.at[i]);
		line += w.len;
	}
	return has_word ? hash | 1 : 0;
}

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void read_lines(struct lines *out, const char *text, size_t len, struct word own)
{
	const char *end = text + len, *stop;

	*out = (struct lines){0};
	for (; text < end && out->count < LINES_MAX; text = stop + 1) {
		uint64_t hash;

		stop = memchr(text, '\n', (size_t)(end - text));
		stop = stop ? stop : end;
		hash = hash_line(text, stop, own);
		if (!hash)
			continue;
		iw_grow(out->hashes, out->count, out->cap);
		out->hashes[out->count++] = hash;
	}
	if (out->count)
		qsort(out->hashes, out->count, sizeof *out->hashes, by_hash);
}

static size_t count_shared(const struct lines *a, const struct lines *b)
{
	size_t i = 0, j = 0, shared = 0;

	while (i < a->count && j < b->count) {
		if (a->hashes[i] == b->hashes[j]) {
			shared++;
			i++;
			j++;
		} else if (a->hashes[i] < b->hashes[j]) {
			i++;
		} else {
			j++;
		}
	}
	return shared;
}

bool renamed_is_alike(const char *old_text, size_t old_len, const char *new_text,
	size_t new_len, const struct renamed_pair *pair)
{
	struct lines a, b;
	size_t shared, most;

	read_lines(&a, old_text, old_len, last_word(pair->from));
	read_lines(&b, new_text, new_len, last_word(pair->to));
	shared = count_shared(&a, &b);
	most = a.count > b.count ? a.count : b.count;
	free(a.hashes);
	free(b.hashes);
	return most > 0 && shared * 10 >= most * ALIKE_OF_10;
}

/* -- trees -------------------------------------------------------------------------- */

/* What is known of one pair: where each name is defined on each side, and its text. */
struct sought {
	struct word from, to;
	size_t from_count[SIDES], to_count[SIDES]; /* old, new */
	char *old_text, *new_text;
};

struct search {
	struct sought *items;
	size_t count;
};

/* The text of a function of a file: up to where the next one begins. The caller frees. */
static char *text_of(
	const char *text, size_t len, const struct outline *outline, size_t function)
{
	const char *end = text + len, *from = text, *to;
	uint32_t line = 1, first = outline->functions[function].line;
	uint32_t last = function + 1 < outline->count
		? outline->functions[function + 1].line
		: UINT32_MAX;

	for (to = text; to < end && line < last; line++) {
		const char *stop = memchr(to, '\n', (size_t)(end - to));

		if (line == first)
			from = to;
		to = stop ? stop + 1 : end;
	}
	return iw_strndup(from, (size_t)(to - from));
}

static void take_function(struct sought *s, size_t side, const char *text, size_t len,
	const struct outline *outline, size_t function)
{
	struct word name = last_word(outline->functions[function].name);

	if (same_word(name, s->from) && s->from_count[side]++ == 0 && side == 0)
		s->old_text = text_of(text, len, outline, function);
	if (same_word(name, s->to) && s->to_count[side]++ == 0 && side == 1)
		s->new_text = text_of(text, len, outline, function);
}

static int read_file(struct iw_git_repo *repo, const char *tree, const char *path,
	size_t side, struct search *search, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	struct outline outline;
	size_t len, i, k;
	int rc = iw_git_file_read(repo, tree, path, FILE_MAX, &text, &len, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	outline_read(text, len, &outline);
	for (i = 0; i < outline.count; i++)
		for (k = 0; k < search->count; k++)
			take_function(&search->items[k], side, text, len, &outline, i);
	outline_fini(&outline);
	return 0;
}

static bool is_renamed(const struct sought *s, const struct renamed_pair *pair)
{
	return s->from_count[0] == 1 && s->from_count[1] == 0 && s->to_count[0] == 0 &&
		s->to_count[1] == 1 &&
		renamed_is_alike(s->old_text, strlen(s->old_text), s->new_text,
			strlen(s->new_text), pair);
}

int renamed_check(struct iw_git_repo *repo, const char *old_tree, const char *new_tree,
	const struct renamed_pair *pairs, size_t count, struct iw_err *err)
{
	_auto_free_ struct sought *items = iw_calloc(count + 1, sizeof *items);
	struct search search = {items, count};
	struct iw_git_diff diff;
	bool all = count > 0;
	size_t i;
	int rc = iw_git_diff_read(repo, old_tree, new_tree, &diff, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < count; i++) {
		items[i].from = last_word(pairs[i].from);
		items[i].to = last_word(pairs[i].to);
	}
	for (i = 0; rc == 0 && i < diff.count; i++) {
		const struct iw_git_change *c = &diff.changes[i];

		if (c->is_binary)
			continue;
		if (c->status != IW_GIT_ADDED)
			rc = read_file(repo, old_tree, c->old_path, 0, &search, err);
		if (rc == 0 && c->status != IW_GIT_DELETED)
			rc = read_file(repo, new_tree, c->path, 1, &search, err);
	}
	for (i = 0; i < count; i++) {
		all = all && is_renamed(&items[i], &pairs[i]);
		free(items[i].old_text);
		free(items[i].new_text);
	}
	iw_git_diff_fini(&diff);
	return rc < 0 ? rc : all;
}
