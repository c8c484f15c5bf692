/*
 * What an issue promises whatever strings it was made of: they stay in a code span or a
 * fence, the table keeps its columns, the sizes their limits, the marker its place. The
 * reader below knows CommonMark's rules for both forms and nothing of the writer.
 */
#ifndef TESTS_LIB_ISSUE_PROMISES_H
#define TESTS_LIB_ISSUE_PROMISES_H

#include <string.h>

#include "tests/lib/promises.h"

#include "base/mem.h"
#include "triage/issue.h"

/* No text of ours holds this letter: outside code it is somebody else's. */
#define FOREIGN 'Z'

static inline size_t run_of(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && s[n] == '`')
		n++;
	return n;
}

/* Where the code span that opens at s ends; NULL when it does not on this line. */
static inline const char *span_end(const char *s, const char *end)
{
	size_t open = run_of(s, end), n;
	const char *p;

	for (p = s + open; p < end; p += n ? n : 1) {
		n = run_of(p, end);
		if (n == open)
			return p + n;
	}
	return NULL;
}

/* "](https://…)": what a link's destination may hold. */
static inline const char *link_end(const char *s, const char *end)
{
	const char *p;

	if (end - s < 10 || strncmp(s, "](http", 6) != 0)
		return NULL;
	for (p = s + 2; p < end && *p != ')'; p++)
		PROMISE(*p > ' ' && *p < 0x7f && !strchr("<>()[]\\`\"'&;*|@", *p));
	return p < end ? p : NULL;
}

static inline void promise_line(const char *line, const char *end)
{
	size_t bars = 0;
	const char *p, *skip;

	for (p = line; p < end; p++) {
		if (*p == '`') {
			skip = span_end(p, end);
			PROMISE(skip);
			for (; p < skip; p++)
				PROMISE(*line != '|' || *p != '|');
			p--;
			continue;
		}
		skip = link_end(p, end);
		if (skip) {
			p = skip;
			continue;
		}
		PROMISE(*p != FOREIGN && *p != '@' && *p != '<' && *p != '\\');
		bars += *p == '|';
	}
	PROMISE(*line == '|' ? bars == 3 || bars == 5 : bars == 0);
}

/* The heading is escaped, not code: nothing in it may have a meaning. */
static inline void promise_heading(const char *line, const char *end)
{
	const char *p;

	PROMISE(line[0] == '#' && line[1] == ' ');
	for (p = line + 2; p < end; p++) {
		if (*p == '\\') {
			p++;
			PROMISE(p < end && strchr("\\`*_{}[]()#+!|~", *p));
			continue;
		}
		PROMISE(!strchr("<>`*_[]@|~", *p));
		PROMISE(strncmp(p, "://", 3) != 0);
	}
}

static inline void promise_document(const char *text, const char *marker)
{
	size_t fence = 0, markers = 0;
	bool is_first = true;

	while (*text) {
		const char *end = text + strcspn(text, "\n");
		size_t ticks = run_of(text, end), i;

		for (i = 0; text + i < end; i++)
			PROMISE(((unsigned char)text[i] >= 0x20 || text[i] == '\t') &&
				text[i] != 0x7f);
		if (fence) {
			if (ticks >= fence && text + ticks == end)
				fence = 0;
		} else if (ticks >= 3) {
			PROMISE(!memchr(text + ticks, '`', (size_t)(end - text) - ticks));
			PROMISE((size_t)(end - text) - ticks <= 4);
			fence = ticks;
		} else if (is_first) {
			promise_heading(text, end);
		} else if (strncmp(text, marker, strlen(marker)) == 0) {
			PROMISE(text + strlen(marker) == end && !strcmp(end, "\n"));
			markers++;
		} else if (text < end && *text != '>') {
			promise_line(text, end);
		}
		is_first = false;
		text = *end ? end + 1 : end;
	}
	PROMISE(fence == 0 && markers == 1);
}

static inline void promise_title(const char *title)
{
	size_t n = 0;

	for (; *title; title++) {
		n += ((unsigned char)*title & 0xc0) != 0x80;
		PROMISE((unsigned char)*title >= 0x20 && *title != '@' && *title != '`');
	}
	PROMISE(n <= TRIAGE_TITLE_MAX);
}

static inline void promise_file(const char *name)
{
	PROMISE(*name != '.' && *name != '-' && strlen(name) < 200);
	PROMISE(strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789._-") == strlen(name));
}

static inline void promise_issue(const struct triage_issue *issue)
{
	_auto_free_ char *title = triage_issue_title(issue);
	_auto_free_ char *document = triage_issue_document(issue);
	_auto_free_ char *file = triage_issue_file(issue);
	_auto_free_ char *marker = triage_issue_marker(issue->uid);

	PROMISE(strlen(document) <= TRIAGE_ISSUE_MAX);
	promise_title(title);
	promise_file(file);
	promise_document(document, marker);
}

#endif
