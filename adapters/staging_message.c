/*
 * Messages of staged commits. A form is one tool's way to write them; the first that
 * recognises the subject reads the rest.
 *
 * Whoever opens a pull request writes its title, so a line counts only where the form
 * puts it, the first of a key wins, and a value that is not what it should be is not
 * there.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "adapters/staging.h"

#include "base/banned.h"

#define TITLE_MAX 500
#define FIELD_MAX 1000

/* A piece of the message. */
struct span {
	const char *at;
	size_t len;
};

static struct span trimmed(const char *at, size_t len)
{
	while (len && isspace((unsigned char)*at)) {
		at++;
		len--;
	}
	while (len && isspace((unsigned char)at[len - 1]))
		len--;
	return (struct span){.at = at, .len = len};
}

/* At most max bytes, and no half of a UTF-8 character at the end. */
static const char *copy_bounded(struct iw_arena *arena, struct span text, size_t max)
{
	size_t len = text.len;

	if (len > max) {
		len = max;
		while (len > max - 3 && (text.at[len] & 0xc0) == 0x80)
			len--;
	}
	return iw_arena_strndup(arena, text.at, len);
}

/* Reads digits of a number of at most max; returns how many bytes, 0 for none. */
static size_t read_number(const char *s, size_t len, int64_t max, int64_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
		*value = *value * 10 + (s[i] - '0');
		if (*value > max)
			return 0;
	}
	return i;
}

/* A field of fixed width in a time: its digits, then the character that follows. */
static bool read_part(struct span *text, size_t width, char then, int64_t *value)
{
	if (text->len < width || read_number(text->at, width, 9999, value) != width)
		return false;
	text->at += width;
	text->len -= width;
	if (!then)
		return true;
	if (!text->len || *text->at != then)
		return false;
	text->at++;
	text->len--;
	return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin
 * in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2), m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* What follows the seconds: a fraction (dropped), then Z, nothing, or +hh:mm. */
static bool read_zone(struct span text, int64_t *offset_s)
{
	int64_t hours, minutes;
	char sign;

	*offset_s = 0;
	if (text.len && (*text.at == '.' || *text.at == ',')) {
		do {
			text.at++;
			text.len--;
		} while (text.len && isdigit((unsigned char)*text.at));
	}
	if (text.len == 0 || (text.len == 1 && *text.at == 'Z'))
		return true;
	sign = *text.at++;
	text.len--;
	if ((sign != '+' && sign != '-') || !read_part(&text, 2, 0, &hours) || hours > 23)
		return false;
	if (text.len && *text.at == ':') {
		text.at++;
		text.len--;
	}
	if (!read_part(&text, 2, 0, &minutes) || minutes > 59 || text.len)
		return false;
	*offset_s = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
	return true;
}

/* ISO 8601 with seconds; -1 for anything else. */
static int64_t read_time(struct span text)
{
	int64_t year, month, day, hour, minute, second, offset;

	if (!read_part(&text, 4, '-', &year) || !read_part(&text, 2, '-', &month) ||
		!read_part(&text, 2, 'T', &day) || !read_part(&text, 2, ':', &hour) ||
		!read_part(&text, 2, ':', &minute) || !read_part(&text, 2, 0, &second) ||
		!read_zone(text, &offset))
		return -1;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 ||
		minute > 59 || second > 60)
		return -1;
	if (day > days_of(year + month / 12, month % 12 + 1, 1) - days_of(year, month, 1))
		return -1;
	second += days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 - offset;
	return second < 0 ? -1 : second * 1000;
}

static bool is_hex_id(struct span text)
{
	return text.len == IW_GIT_HEX - 1 &&
		strspn(text.at, "0123456789abcdef") >= IW_GIT_HEX - 1;
}

/* Printable and without spaces: a URL or the name of a branch. */
static bool is_word(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return false;
	return text.len > 0 && text.len <= FIELD_MAX;
}

static bool begins(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static bool is_url(struct span text)
{
	return is_word(text) && (begins(text, "https://") || begins(text, "http://"));
}

/* The value of "key: value" when the line is one. */
static bool has_key(struct span line, const char *key, struct span *value)
{
	size_t len = strlen(key);

	if (!begins(line, key) || line.len == len || line.at[len] != ':')
		return false;
	*value = trimmed(line.at + len + 1, line.len - len - 1);
	return true;
}

static void read_field(struct iw_arena *arena, struct span line, struct staged_pr *pr)
{
	struct span value;

	if (has_key(line, "PR", &value)) {
		if (!pr->url && is_url(value))
			pr->url = iw_arena_strndup(arena, value.at, value.len);
	} else if (has_key(line, "Head", &value)) {
		if (!*pr->head && is_hex_id(value))
			memcpy(pr->head, value.at, value.len);
	} else if (has_key(line, "Head-Ref", &value)) {
		if (!pr->head_ref && is_word(value))
			pr->head_ref = iw_arena_strndup(arena, value.at, value.len);
	} else if (has_key(line, "Promoted-At", &value)) {
		if (pr->promoted_at_ms < 0)
			pr->promoted_at_ms = read_time(value);
	}
}

static void read_fields(struct iw_arena *arena, const char *body, struct staged_pr *pr)
{
	while (*body) {
		size_t len = strcspn(body, "\n");

		read_field(arena, trimmed(body, len), pr);
		body += len;
		body += *body == '\n';
	}
}

/* "Promote PR #12 to staging: title", then the fields. */
static bool read_promotion(struct iw_arena *arena, struct span subject, const char *body,
	struct staged_pr *pr)
{
	static const char before[] = "Promote PR #", after[] = " to staging:";
	struct span rest = subject;
	size_t digits;

	if (!begins(rest, before))
		return false;
	rest.at += strlen(before);
	rest.len -= strlen(before);
	digits = read_number(rest.at, rest.len, INT_MAX, &pr->number);
	rest.at += digits;
	rest.len -= digits;
	if (digits == 0 || pr->number == 0 || !begins(rest, after)) {
		pr->number = 0;
		return false;
	}
	pr->title = copy_bounded(arena,
		trimmed(rest.at + strlen(after), rest.len - strlen(after)), TITLE_MAX);
	read_fields(arena, body, pr);
	return true;
}

static bool (*const forms[])(struct iw_arena *arena, struct span subject,
	const char *body, struct staged_pr *pr) = {
	read_promotion,
};

bool staging_message_parse(
	struct iw_arena *arena, const char *message, struct staged_pr *pr)
{
	struct span subject;
	const char *body;
	size_t i, len;

	while (isspace((unsigned char)*message))
		message++;
	len = strcspn(message, "\n");
	subject = trimmed(message, len);
	body = message + len;

	*pr = (struct staged_pr){.promoted_at_ms = -1};
	for (i = 0; i < IW_COUNT(forms); i++)
		if (forms[i](arena, subject, body, pr))
			return true;
	pr->title = copy_bounded(arena, subject, TITLE_MAX);
	return false;
}
