#include "adapters/outline.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

#define NAME_MAX_LEN 200
#define FUNCTIONS_MAX 100000

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == ':' || c == '~' ||
		(c & 0x80) != 0;
}

static const char *skip_spaces_back(const char *line, const char *at)
{
	while (at > line && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at;
}

/* "func (r *Reader) Read(" names what comes behind its receiver. */
static const char *skip_receiver(const char *line, const char *end, const char *open)
{
	static const char func[] = "func ";
	const char *close;

	if ((size_t)(end - line) < sizeof func - 1 || open != line + sizeof func - 1 ||
		memcmp(line, func, sizeof func - 1) != 0)
		return open;
	close = memchr(open, ')', (size_t)(end - open));
	return close ? memchr(close, '(', (size_t)(end - close)) : NULL;
}

/* "__attribute__((noinline)) static void f(" names what comes behind it. */
static const char *skip_attributes(const char *line, const char *end)
{
	static const char attribute[] = "__attribute__((";
	const char *close;

	while ((size_t)(end - line) > sizeof attribute - 1 &&
		memcmp(line, attribute, sizeof attribute - 1) == 0) {
		close = memmem(line, (size_t)(end - line), "))", 2);
		line = close ? close + 2 : end;
		while (line < end && (*line == ')' || *line == ' ' || *line == '\t'))
			line++;
	}
	return line;
}

/* A declaration ends what it begins on its line, and so does a call. */
static bool ends_with(const char *line, const char *end, char c)
{
	while (end > line && isspace((unsigned char)end[-1]))
		end--;
	return end > line && end[-1] == c;
}

static void read_line(
	struct outline *out, const char *line, const char *end, uint32_t number)
{
	const char *open, *from, *to;

	line = skip_attributes(line, end);
	if (line == end || !(isalpha((unsigned char)*line) || *line == '_') ||
		ends_with(line, end, ';'))
		return;
	open = memchr(line, '(', (size_t)(end - line));
	if (open)
		open = skip_receiver(line, end, open);
	if (!open || memchr(line, '=', (size_t)(open - line)))
		return;
	to = skip_spaces_back(line, open);
	for (from = to; from > line && is_name_char(from[-1]); from--)
		;
	if (from == to || (size_t)(to - from) > NAME_MAX_LEN ||
		isdigit((unsigned char)*from) || out->count == FUNCTIONS_MAX)
		return;
	iw_grow(out->functions, out->count, out->cap);
	out->functions[out->count++] = (struct outline_function){
		.line = number, .name = iw_strndup(from, (size_t)(to - from))};
}

void outline_read(const char *text, size_t len, struct outline *out)
{
	const char *end = text + len, *line = text;
	uint32_t number;

	*out = (struct outline){0};
	for (number = 1; line < end; number++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		stop = stop ? stop : end;
		read_line(out, line, stop, number);
		line = stop + 1;
	}
}

void outline_fini(struct outline *outline)
{
	size_t i;

	for (i = 0; i < outline->count; i++)
		free(outline->functions[i].name);
	free(outline->functions);
	*outline = (struct outline){0};
}

size_t outline_find(const struct outline *outline, uint32_t line)
{
	size_t low = 0, high = outline->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (outline->functions[middle].line <= line)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : SIZE_MAX;
}
