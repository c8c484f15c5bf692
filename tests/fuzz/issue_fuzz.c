/*
 * Hostile strings in every field of an issue: whatever they are, they stay in a code span
 * or a fence, the table keeps its columns, the sizes their limits, the marker its place.
 * The reader below knows CommonMark's rules for both forms and nothing of the writer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "triage/issue.h"

#include "base/banned.h"

#define PROMISE(x)                                                                       \
	do {                                                                             \
		if (!(x))                                                                \
			abort();                                                         \
	} while (0)

/* No text of ours holds this letter: outside code it is somebody else's. */
#define FOREIGN 'Z'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	const uint8_t *data;
	size_t size;
	char *strings[32];
	size_t count;
};

/* The next string: up to the next 0xff. Each is marked as foreign. */
static char *take(struct source *s)
{
	const uint8_t *end = s->size ? memchr(s->data, 0xff, s->size) : NULL;
	size_t len = end ? (size_t)(end - s->data) : s->size;
	char *string =
		iw_fmt("%.*s%c", (int)len, s->size ? (const char *)s->data : "", FOREIGN);

	s->data += end ? len + 1 : len;
	s->size -= end ? len + 1 : len;
	return s->strings[s->count++] = string;
}

static size_t run_of(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && s[n] == '`')
		n++;
	return n;
}

/* Where the code span that opens at s ends; NULL when it does not on this line. */
static const char *span_end(const char *s, const char *end)
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
static const char *link_end(const char *s, const char *end)
{
	const char *p;

	if (end - s < 10 || strncmp(s, "](http", 6) != 0)
		return NULL;
	for (p = s + 2; p < end && *p != ')'; p++)
		PROMISE(*p > ' ' && *p < 0x7f && !strchr("<>()[]\\`\"'&;*|@", *p));
	return p < end ? p : NULL;
}

static void check_line(const char *line, const char *end)
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
static void check_heading(const char *line, const char *end)
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

static void check_document(const char *text, const char *marker)
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
			check_heading(text, end);
		} else if (strncmp(text, marker, strlen(marker)) == 0) {
			PROMISE(text + strlen(marker) == end && !strcmp(end, "\n"));
			markers++;
		} else if (text < end && *text != '>') {
			check_line(text, end);
		}
		is_first = false;
		text = *end ? end + 1 : end;
	}
	PROMISE(fence == 0 && markers == 1);
}

static void check_title(const char *title)
{
	size_t n = 0;

	for (; *title; title++) {
		n += ((unsigned char)*title & 0xc0) != 0x80;
		PROMISE((unsigned char)*title >= 0x20 && *title != '@' && *title != '`');
	}
	PROMISE(n <= TRIAGE_TITLE_MAX);
}

static void check_file(const char *name)
{
	PROMISE(*name != '.' && *name != '-' && strlen(name) < 200);
	PROMISE(strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789._-") == strlen(name));
}

static void check_issue(const struct triage_issue *issue)
{
	_auto_free_ char *title = triage_issue_title(issue);
	_auto_free_ char *document = triage_issue_document(issue);
	_auto_free_ char *file = triage_issue_file(issue);
	_auto_free_ char *marker = triage_issue_marker(issue->uid);

	PROMISE(strlen(document) <= TRIAGE_ISSUE_MAX);
	check_title(title);
	check_file(file);
	check_document(document, marker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const outcomes[] = {"staged", "interaction", "pre-existing",
		"suspect", "flaky", "infra", NULL, "?"};
	struct source s = {.data = data + (size > 0), .size = size - (size > 0)};
	unsigned knobs = size ? data[0] : 0;
	const char *frames[3], *log[2];
	struct triage_issue_pr prs[2];
	struct triage_sighting seen;
	struct triage_issue issue;
	size_t i;

	for (i = 0; i < 3; i++)
		frames[i] = take(&s);
	for (i = 0; i < 2; i++)
		log[i] = take(&s);
	for (i = 0; i < 2; i++)
		prs[i] = (struct triage_issue_pr){
			.number = (int)i + 7, .title = take(&s), .url = take(&s)};
	seen = (struct triage_sighting){.target = take(&s),
		.flavour = take(&s),
		.count = 3,
		.first_ms = 1700000000000};
	issue = (struct triage_issue){.outcome = outcomes[knobs & 7],
		.is_unsandboxed = knobs & 8,
		.is_security = knobs & 16,
		.frames = frames,
		.frame_count = knobs & 32 ? 3 : 0,
		.log = log,
		.log_count = 2,
		.prs = prs,
		.pr_count = knobs >> 6 & 1 ? 2 : 1,
		.sightings = &seen,
		.sighting_count = 1,
		.hits = 3,
		.runs = 10};
	issue.type = take(&s);
	issue.message = take(&s);
	issue.adapter = take(&s);
	issue.target = take(&s);
	issue.uid = take(&s);
	issue.bug = take(&s);
	issue.commit = take(&s);
	issue.flavour = take(&s);
	issue.reason = take(&s);
	issue.state_dir = take(&s);
	issue.command = take(&s);
	issue.artifact = take(&s);
	issue.report = (const char *)s.data;
	issue.report_len = s.size;
	issue.input = data;
	issue.input_len = size;
	check_issue(&issue);
	for (i = 0; i < s.count; i++)
		free(s.strings[i]);
	return 0;
}
