/*
 * Messages of staged commits. A form is one tool's way to write them; the first that
 * recognises the subject reads the rest.
 *
 * Whoever opens a pull request writes its title and what it says of itself, so a line
 * counts only where the form puts it, the first of a key wins, and a value that is not
 * what it should be is not there. What tools write into merges is believed of merges
 * alone: the subject of a squash is the stranger's title, which may look like any of
 * them, and only the number that the tool puts at its end is the tool's.
 */
#include <string.h>

#include "adapters/staging.h"
#include "adapters/staging_text.h"

#include "base/banned.h"

#define TITLE_MAX 500

/* At most max bytes, and no half of a UTF-8 character at the end. */
static const char *copy_bounded(
	struct iw_arena *arena, struct staging_span text, size_t max)
{
	size_t len = text.len;

	if (len > max) {
		len = max;
		while (len > max - 3 && (text.at[len] & 0xc0) == 0x80)
			len--;
	}
	return iw_arena_strndup(arena, text.at, len);
}

static void set_title(
	struct iw_arena *arena, struct staging_span text, struct staged_pr *pr)
{
	text = staging_span_trimmed(text.at, text.len);
	pr->title = copy_bounded(arena, text, TITLE_MAX);
}

/* -- promotions --------------------------------------------------------------------- */

static bool is_url(struct staging_span text)
{
	return staging_span_is_word(text) &&
		(staging_span_begins(text, "https://") ||
			staging_span_begins(text, "http://"));
}

/* The value of "key: value" when the line is one. */
static bool has_key(struct staging_span line, const char *key, struct staging_span *value)
{
	if (!staging_span_skip(&line, key) || !staging_span_skip(&line, ":"))
		return false;
	*value = staging_span_trimmed(line.at, line.len);
	return true;
}

static void read_field(
	struct iw_arena *arena, struct staging_span line, struct staged_pr *pr)
{
	struct staging_span value;

	if (has_key(line, "PR", &value)) {
		if (!pr->url && is_url(value))
			pr->url = iw_arena_strndup(arena, value.at, value.len);
	} else if (has_key(line, "Head", &value)) {
		if (!*pr->head && staging_span_is_id(value))
			memcpy(pr->head, value.at, value.len);
	} else if (has_key(line, "Head-Ref", &value)) {
		if (!pr->head_ref && staging_span_is_word(value))
			pr->head_ref = iw_arena_strndup(arena, value.at, value.len);
	} else if (has_key(line, "Promoted-At", &value)) {
		if (pr->promoted_at_ms < 0)
			pr->promoted_at_ms = staging_time_read(value);
	}
}

/* "Promote PR #12 to staging: title", then the fields. */
static bool read_promotion(struct iw_arena *arena, struct staging_span subject,
	struct staging_span body, struct staged_pr *pr)
{
	struct staging_span line;
	int64_t number;

	if (!staging_span_skip(&subject, "Promote PR #"))
		return false;
	number = staging_span_number(&subject);
	if (!number || !staging_span_skip(&subject, " to staging") ||
		(subject.len && !staging_span_skip(&subject, ":")))
		return false;
	pr->number = number;
	set_title(arena, subject, pr);
	while (staging_span_line(&body, &line))
		read_field(arena, line, pr);
	return true;
}

/* -- merges ------------------------------------------------------------------------- */

/* The branch of "owner/branch"; NULL when it is none. */
static const char *branch_of(struct iw_arena *arena, struct staging_span text)
{
	const char *slash = memchr(text.at, '/', text.len);
	size_t owner = slash ? (size_t)(slash - text.at) : 0;

	if (!owner || owner + 1 == text.len || !staging_span_is_word(text))
		return NULL;
	return iw_arena_strndup(arena, slash + 1, text.len - owner - 1);
}

/* "Merge pull request #12 from owner/branch", and the title is the next line of text. Bitcoin
 * Core's first scripts had no branch, and one the title in its place. */
static bool read_github_merge(struct iw_arena *arena, struct staging_span subject,
	struct staging_span body, struct staged_pr *pr)
{
	struct staging_span line = {0};
	const char *branch = NULL;
	int64_t number;

	if (!staging_span_skip(&subject, "Merge pull request #"))
		return false;
	number = staging_span_number(&subject);
	if (staging_span_skip(&subject, " from "))
		branch = branch_of(arena, subject);
	else if (staging_span_skip(&subject, ": "))
		line = subject;
	if (!number || (subject.len && !branch && !line.len))
		return false;
	pr->number = number;
	pr->head_ref = branch;
	while (line.len == 0 && staging_span_line(&body, &line))
		;
	set_title(arena, line.len ? line : subject, pr);
	return true;
}

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

/* Moves on behind a name of GitHub's: an owner's or a repository's. */
static bool skip_name(struct staging_span *text)
{
	size_t i = 0;

	while (i < text->len && is_name_char(text->at[i]))
		i++;
	text->at += i;
	text->len -= i;
	return i > 0;
}

/* "Merge owner/repo#12: title", or "Merge #12: title" as it was before there were two
 * repositories. The body is the pull request's own description, and is not read. */
static bool read_core_merge(struct iw_arena *arena, struct staging_span subject,
	struct staging_span body, struct staged_pr *pr)
{
	struct staging_span repo;
	int64_t number;

	(void)body;
	if (!staging_span_skip(&subject, "Merge "))
		return false;
	repo = subject;
	if (skip_name(&subject) &&
		(!staging_span_skip(&subject, "/") || !skip_name(&subject)))
		return false;
	repo.len -= subject.len;
	if (!staging_span_skip(&subject, "#"))
		return false;
	number = staging_span_number(&subject);
	if (!number || !staging_span_skip(&subject, ": "))
		return false;
	pr->number = number;
	if (repo.len)
		pr->repo = copy_bounded(arena, repo, TITLE_MAX);
	set_title(arena, subject, pr);
	return true;
}

/* -- squashes ----------------------------------------------------------------------- */

/* "title (#12)": GitHub's squash, and its merge where that has the title for a subject. */
static bool read_squash(struct iw_arena *arena, struct staging_span subject,
	struct staging_span body, struct staged_pr *pr)
{
	struct staging_span number, title = subject;
	int64_t value;

	(void)body;
	if (!staging_span_ends(subject, ")"))
		return false;
	while (title.len && title.at[title.len - 1] != '(')
		title.len--;
	number = (struct staging_span){
		.at = title.at + title.len, .len = subject.len - title.len};
	if (title.len < 3 || !staging_span_skip(&number, "#"))
		return false;
	value = staging_span_number(&number);
	title.len--;
	if (!value || number.len != 1 || title.at[title.len - 1] != ' ')
		return false;
	pr->number = value;
	set_title(arena, title, pr);
	return true;
}

static const struct {
	bool only_merges;
	bool (*read)(struct iw_arena *arena, struct staging_span subject,
		struct staging_span body, struct staged_pr *pr);
} forms[] = {
	{true, read_promotion},
	{true, read_github_merge},
	{true, read_core_merge},
	{false, read_squash},
};

bool staging_message_parse(
	struct iw_arena *arena, const char *message, bool is_merge, struct staged_pr *pr)
{
	size_t len = strlen(message), i;
	struct staging_span body = staging_span_trimmed(message, len), subject = body;

	staging_span_line(&body, &subject);
	*pr = (struct staged_pr){.promoted_at_ms = -1};
	for (i = 0; i < IW_COUNT(forms); i++)
		if ((is_merge || !forms[i].only_merges) &&
			forms[i].read(arena, subject, body, pr))
			return true;
	set_title(arena, subject, pr);
	return false;
}
