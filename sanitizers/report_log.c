/* Fatal messages of logging libraries: glog, Abseil, Chromium, GLib, V8. */
#include <ctype.h>
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define TITLE SAN_RULE_TITLE

/* On the words behind "F0812 21:22:15.15  61315 file.cc:89] " or "[…:FATAL:file.cc(51)]
 * ". */
static const struct san_rule words[] = {
	SAN_RULE("assert.h assertion failed at *:* in *: *", SAN_ASSERT, .flags = TITLE,
		.message = 4, .file = 1, .line = 2),
	SAN_RULE("Assert failed: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("Assertion failed: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("Security CHECK failed: *", SAN_SECURITY_CHECK, .flags = TITLE,
		.message = 1),
	SAN_RULE("Security DCHECK failed: *", SAN_SECURITY_DCHECK, .flags = TITLE,
		.message = 1),
	SAN_RULE("DCHECK failed: *", SAN_DCHECK, .flags = TITLE, .message = 1),
	SAN_RULE("Check failed: *", SAN_CHECK, .flags = TITLE, .message = 1),
	SAN_RULE("CHECK failed: *", SAN_CHECK, .flags = TITLE, .message = 1),
	{.pattern = NULL},
};

/* glog: a letter for the level, month and day, time, thread, file:line]. */
static bool glog_words(struct san_view v, struct san_view *file, struct san_view *rest)
{
	struct san_view captures[SAN_CAPTURES];
	size_t i;

	if (v.n < 20 || v.p[0] != 'F')
		return false;
	for (i = 1; i < 5; i++)
		if (!isdigit((unsigned char)v.p[i]))
			return false;
	if (!san_pattern_match(v, "*:*:* *] *", captures))
		return false;
	*rest = captures[4];
	*file = captures[3];
	for (i = file->n; i > 0 && file->p[i - 1] != ' '; i--)
		;
	*file = san_view_skip(*file, i);
	return true;
}

static bool chromium_words(
	struct san_view v, struct san_view *file, struct san_view *rest)
{
	struct san_view captures[SAN_CAPTURES];

	if (!v.n || v.p[0] != '[' || !san_pattern_match(v, "[*:FATAL:*(*)] *", captures))
		return false;
	*file = captures[1];
	*rest = captures[3];
	return true;
}

static struct san_view base_name(struct san_view file)
{
	const char *slash = file.n ? memrchr(file.p, '/', file.n) : NULL;
	const char *colon;

	if (slash)
		file = san_view_skip(file, (size_t)(slash - file.p) + 1);
	colon = file.n ? memchr(file.p, ':', file.n) : NULL;
	if (colon)
		file.n = (size_t)(colon - file.p);
	return file;
}

/*
 * V8 says where first and why below:
 *
 *     # Fatal error in ../../src/objects.h, line 1584
 *     # Check failed: IsSmi().
 */
static const struct san_rule v8_words[] = {
	SAN_RULE("Debug check failed: *", SAN_DCHECK, .flags = TITLE, .message = 1),
	SAN_RULE("Check failed: *", SAN_CHECK, .flags = TITLE, .message = 1),
	SAN_RULE("unreachable code*", SAN_UNREACHABLE, .flags = TITLE),
	SAN_RULE("unimplemented code*", SAN_UNREACHABLE, .flags = TITLE),
	SAN_RULE("*", SAN_FATAL_EXIT, .flags = TITLE),
	{.pattern = NULL},
};

static bool v8_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_view v = p->at, file, line;
	struct san_raw *r;

	if (v.p[0] != '#' || v.n < 3 || v.p[1] != ' ')
		return false;
	if (san_pattern_match(v, "# Fatal error in *, line *", captures)) {
		r = san_report_open(p, SAN_BY_LOG, SAN_FATAL_EXIT);
		r->message = v;
		r->file = captures[0];
		r->line = captures[1];
		p->v8_failure = true;
		return true;
	}
	if (!p->v8_failure || !p->cur)
		return false;
	/* The second line says what the first has opened. */
	file = p->cur->file;
	line = p->cur->line;
	p->count--;
	san_rules_open(p, SAN_BY_LOG, v8_words, san_view_trim(san_view_skip(v, 2)));
	r = p->cur;
	r->file = file;
	r->line = line;
	if (r->title.n && r->title.p[r->title.n - 1] == '.')
		r->title.n--;
	r->title_between = " in ";
	r->title_more = base_name(file);
	return true;
}

/* Go programs log in glog's form, at any level, why they give up. */
static bool gives_up(struct san_parse *p)
{
	struct san_view words = san_view_after(p->at, "] FATAL ERROR: ");
	struct san_view v = p->at;

	if (!words.n || v.n < 5 || !memchr("IWEF", v.p[0], 4) ||
		!isdigit((unsigned char)v.p[1]) || !isdigit((unsigned char)v.p[4]))
		return false;
	san_report_open(p, SAN_BY_LOG, SAN_FATAL_EXIT)->message = words;
	return true;
}

bool san_line_log(struct san_parse *p)
{
	struct san_view file, rest;
	struct san_view v = p->at;
	bool is_glog;
	struct san_raw *r;

	if (gives_up(p) || v8_line(p))
		return true;
	is_glog = glog_words(v, &file, &rest);
	if (!is_glog && !chromium_words(v, &file, &rest))
		return false;
	if (!san_rules_open(p, SAN_BY_LOG, words, rest)) {
		if (!is_glog)
			return false;
		r = san_report_open(p, SAN_BY_LOG, SAN_FATAL_ERROR);
		r->message = r->title = rest;
	}
	r = p->cur;
	if (!r->file.n)
		r->file = file;
	if (r->kind != SAN_ASSERT) {
		r->title_between = " in ";
		r->title_more = base_name(file);
	}
	return true;
}
