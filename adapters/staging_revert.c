#include "adapters/staging_revert.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/staging_text.h"

#include "base/banned.h"

/* -- hints -------------------------------------------------------------------------- */

static void add_commit(struct staging_revert *r, struct staging_span id)
{
	if (r->commit_count == STAGING_HINTS_MAX)
		return;
	memcpy(r->commits[r->commit_count], id.at, IW_GIT_HEX - 1);
	r->commits[r->commit_count++][IW_GIT_HEX - 1] = '\0';
}

static void add_number(
	struct staging_revert *r, int64_t number, const struct staged_pr *pr)
{
	if (number && number != pr->number && r->number_count < STAGING_HINTS_MAX)
		r->numbers[r->number_count++] = number;
}

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Every "#12" of a line, and every id where the line says what is reverted. */
static void read_hints(struct staging_revert *r, struct staging_span line,
	const struct staged_pr *pr, bool has_ids)
{
	while (line.len) {
		struct staging_span id = {.at = line.at};

		while (id.len < line.len && is_hex_digit(line.at[id.len]))
			id.len++;
		if (has_ids && staging_span_is_id(id))
			add_commit(r, id);
		if (id.len == 0 && staging_span_skip(&line, "#")) {
			add_number(r, staging_span_number(&line), pr);
			continue;
		}
		line.at += id.len ? id.len : 1;
		line.len -= id.len ? id.len : 1;
	}
}

/* "Reapply" is what git calls the revert of a revert. */
static bool says_revert(struct staging_span text)
{
	return staging_span_begins(text, "Revert") ||
		staging_span_begins(text, "revert") ||
		staging_span_begins(text, "Reapply") ||
		staging_span_begins(text, "reapply");
}

static bool has_word(struct staging_span line, const char *word)
{
	return memmem(line.at, line.len, word, strlen(word)) != NULL;
}

bool staging_revert_parse(
	const char *message, const struct staged_pr *pr, struct staging_revert *out)
{
	struct staging_span text = {.at = message, .len = strlen(message)}, line;
	struct staging_span title = {.at = pr->title, .len = strlen(pr->title)};
	struct staging_span ref = {.at = pr->head_ref};
	bool is_told = false;

	*out = (struct staging_revert){.is_said = says_revert(title)};
	while (staging_span_line(&text, &line)) {
		is_told |= staging_span_begins(line, "This reverts commit ");
		if (has_word(line, "evert"))
			read_hints(out, line, pr, true);
		else if (has_word(line, "eapply"))
			read_hints(out, line, pr, false);
	}
	/* The branch that GitHub's button makes. */
	ref.len = ref.at ? strlen(ref.at) : 0;
	if (staging_span_skip(&ref, "revert-"))
		add_number(out, staging_span_number(&ref), pr);
	return out->is_said || is_told;
}

/* -- what git says ------------------------------------------------------------------ */

/* Before the commit it was in, after it there is nothing left to take out. Where later
 * changes are in the way on both sides git cannot tell, and whoever wrote the commit must
 * have called the other by its name: one of several commits of a pull request may have
 * gone, too. */
static bool takes_out(struct iw_git_repo *repo, const struct iw_git_commit *commit,
	const char *merge, bool is_named)
{
	char before[IW_GIT_HEX], tree[IW_GIT_HEX];
	struct iw_err err;
	int was, is;

	if (!commit->parent_count ||
		iw_git_tree(repo, commit->parents[0], before, &err) < 0)
		return false;
	was = iw_git_revert_tree(repo, commit->parents[0], merge, tree, &err);
	if (was < 0 || (was == 0 && strcmp(tree, before) == 0))
		return false;
	is = iw_git_revert_tree(repo, commit->id, merge, tree, &err);
	if (is == 0)
		return strcmp(tree, commit->tree) == 0;
	return is == 1 && was == 1 && is_named;
}

/* Its own, or that of what it reverts: titles nest, and the innermost has the number. */
static bool is_number_of(
	const struct staged_pr *prs, const struct staged_pr *pr, int64_t number)
{
	while (pr->number != number && pr->reverts)
		pr = &prs[pr->reverts - 1];
	return pr->number == number;
}

static bool is_hinted(const struct staging_revert *r, const struct staged_pr *prs,
	const struct staged_pr *pr)
{
	size_t i;

	for (i = 0; i < r->commit_count; i++)
		if (strcmp(r->commits[i], pr->merge) == 0 ||
			strcmp(r->commits[i], pr->second_parent) == 0 ||
			strcmp(r->commits[i], pr->head) == 0)
			return true;
	for (i = 0; i < r->number_count; i++)
		if (is_number_of(prs, pr, r->numbers[i]))
			return true;
	return false;
}

/* How many reverts deep a title is: Revert "Reapply "x"" is three. */
static unsigned depth_of(const char *title)
{
	const char *at;
	unsigned depth = 0;

	for (at = title; (at = strstr(at, "evert")); at++)
		depth++;
	for (at = title; (at = strstr(at, "eapply")); at++)
		depth += 2;
	return depth;
}

/* Whether the title has the other in it, so many reverts deeper: an odd number or an
 * even one. */
static bool has_title(
	const struct staged_pr *by, const struct staged_pr *what, unsigned parity)
{
	return *what->title && strstr(by->title, what->title) &&
		(depth_of(by->title) - depth_of(what->title)) % 2 == parity;
}

/* By its id, by its title, or as what brings back what the other took out. */
static bool is_named(const struct staging_revert *r, const struct staged_pr *prs,
	const struct staged_pr *by, const struct staged_pr *what)
{
	size_t i;

	for (i = 0; i < r->commit_count; i++)
		if (strcmp(r->commits[i], what->merge) == 0)
			return true;
	return r->is_said &&
		(has_title(by, what, 1) ||
			(what->reverts && has_title(by, &prs[what->reverts - 1], 0)));
}

/* A pull request's merge does not say what the one commit in it does. */
static void read_second_parent(struct iw_git_repo *repo,
	const struct iw_git_commit *commit, const struct staged_pr *pr,
	struct staging_revert *r)
{
	struct staging_revert inner;
	struct iw_git_commit head;
	struct iw_err err;
	size_t i;

	if (commit->parent_count < 2 || r->commit_count ||
		iw_git_commit_read(repo, commit->parents[1], &head, &err) < 0)
		return;
	staging_revert_parse(head.message, pr, &inner);
	iw_git_commit_fini(&head);
	memcpy(r->commits, inner.commits, sizeof inner.commits);
	r->commit_count = inner.commit_count;
	for (i = 0; i < inner.number_count; i++)
		add_number(r, inner.numbers[i], pr);
}

/* -- marks -------------------------------------------------------------------------- */

/* Entry `by` took out entry `what`; ascending by the first. */
struct link {
	size_t by, what;
};

struct links {
	struct link *items;
	size_t count, cap;
};

/* What was taken out and is in again is called as it was. */
static void take_name(struct staged_pr *prs, struct staged_pr *pr)
{
	const struct staged_pr *back = &prs[pr->reverts - 1], *was;

	if (pr->number || !back->reverts)
		return;
	was = &prs[back->reverts - 1];
	pr->number = was->number;
	pr->repo = was->repo;
	pr->title = was->number ? was->title : pr->title;
	pr->url = was->url;
	pr->head_ref = was->head_ref;
	memcpy(pr->head, was->head, sizeof pr->head);
}

static void find_reverted(struct iw_git_repo *repo, const struct iw_git_log *log,
	struct staged_pr *prs, size_t by, struct links *links)
{
	const struct iw_git_commit *commit = &log->commits[by];
	struct staging_revert r;
	size_t what;

	if (!staging_revert_parse(commit->message, &prs[by], &r))
		return;
	read_second_parent(repo, commit, &prs[by], &r);
	for (what = by; what-- > 0;) {
		if (!is_hinted(&r, prs, &prs[what]) ||
			!takes_out(repo, commit, prs[what].merge,
				is_named(&r, prs, &prs[by], &prs[what])))
			continue;
		iw_grow(links->items, links->count, links->cap);
		links->items[links->count++] = (struct link){.by = by, .what = what};
		prs[what].was_reverted = true;
		if (!prs[by].reverts)
			prs[by].reverts = what + 1;
	}
	if (prs[by].reverts)
		take_name(prs, &prs[by]);
}

/* Newest first: a revert that was itself taken out takes out nothing. */
static bool *find_out(const struct links *links, size_t count)
{
	bool *is_out = iw_calloc(count + 1, sizeof *is_out);
	size_t i;

	for (i = links->count; i-- > 0;)
		if (!is_out[links->items[i].by])
			is_out[links->items[i].what] = true;
	return is_out;
}

static int compare_names(const struct staged_pr *a, const struct staged_pr *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return strcmp(a->repo ? a->repo : "", b->repo ? b->repo : "");
}

static int by_name(const void *a, const void *b, void *ctx)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	const struct staged_pr *prs = ctx;
	int order = compare_names(&prs[x], &prs[y]);

	return order ? order : (x > y) - (x < y);
}

/* Of each pull request the last entry that was not taken out is the one that counts. */
static void mark_staged(struct staged_pr *prs, size_t count, const bool *is_out)
{
	_auto_free_ size_t *order = iw_calloc(count + 1, sizeof *order);
	size_t i, first, end;

	for (i = 0; i < count; i++) {
		order[i] = i;
		prs[i].staged_as = STAGING_NOT;
	}
	qsort_r(order, count, sizeof *order, by_name, prs);
	for (first = 0; first < count; first = end) {
		size_t last = STAGING_NOT;

		for (end = first; end < count; end++) {
			if (compare_names(&prs[order[first]], &prs[order[end]]) != 0)
				break;
			if (!is_out[order[end]])
				last = order[end];
		}
		for (i = first; prs[order[first]].number && i < end; i++)
			prs[order[i]].staged_as = last;
	}
}

void staging_reverts_mark(
	struct iw_git_repo *repo, const struct iw_git_log *log, struct staged_pr *prs)
{
	_auto_free_ bool *is_out = NULL;
	struct links links = {0};
	size_t i;

	for (i = 0; i < log->count; i++)
		find_reverted(repo, log, prs, i, &links);
	is_out = find_out(&links, log->count);
	mark_staged(prs, log->count, is_out);
	free(links.items);
}
