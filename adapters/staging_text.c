#include "adapters/staging_text.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/git.h"

#include "base/banned.h"

#define WORD_MAX 1000

struct staging_span staging_span_trimmed(const char *at, size_t len)
{
	while (len && isspace((unsigned char)*at)) {
		at++;
		len--;
	}
	while (len && isspace((unsigned char)at[len - 1]))
		len--;
	return (struct staging_span){.at = at, .len = len};
}

bool staging_span_begins(struct staging_span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

bool staging_span_ends(struct staging_span text, const char *suffix)
{
	size_t len = strlen(suffix);

	return text.len >= len && memcmp(text.at + text.len - len, suffix, len) == 0;
}

bool staging_span_skip(struct staging_span *text, const char *prefix)
{
	if (!staging_span_begins(*text, prefix))
		return false;
	text->at += strlen(prefix);
	text->len -= strlen(prefix);
	return true;
}

bool staging_span_line(struct staging_span *text, struct staging_span *line)
{
	const char *end;
	size_t len;

	if (!text->len)
		return false;
	end = memchr(text->at, '\n', text->len);
	len = end ? (size_t)(end - text->at) : text->len;
	*line = staging_span_trimmed(text->at, len);
	len += end != NULL;
	text->at += len;
	text->len -= len;
	return true;
}

int64_t staging_span_number(struct staging_span *text)
{
	int64_t value = 0;
	size_t i;

	for (i = 0; i < text->len && isdigit((unsigned char)text->at[i]); i++) {
		value = value * 10 + (text->at[i] - '0');
		if (value == 0 || value > INT_MAX)
			return 0;
	}
	text->at += i;
	text->len -= i;
	return value;
}

bool staging_span_is_id(struct staging_span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!memchr("0123456789abcdef", text.at[i], 16))
			return false;
	return text.len == IW_GIT_HEX - 1;
}

bool staging_span_is_word(struct staging_span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return false;
	return text.len > 0 && text.len <= WORD_MAX;
}
