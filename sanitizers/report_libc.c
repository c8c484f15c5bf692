/* assert() and the aborts of the C library and the C++ runtime. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define TITLE SAN_RULE_TITLE

static const struct san_rule libc[] = {
	SAN_RULE("ERROR:*:*:*: assertion failed: (*)", SAN_ASSERT, .flags = TITLE,
		.message = 4, .file = 1, .line = 2),
	SAN_RULE("ERROR:*:*:*: assertion failed (*): *", SAN_ASSERT, .flags = TITLE,
		.message = 4, .file = 1, .line = 2),
	SAN_RULE("ERROR:*:*:*: code should not be reached", SAN_ASSERT, .flags = TITLE,
		.message = 3, .file = 1, .line = 2),
	SAN_RULE("Bail out! ERROR:*", SAN_NOTHING, .flags = SAN_RULE_IGNORE),
	SAN_RULE("Fatal glibc error: *:* (*): assertion failed: *", SAN_ASSERT,
		.flags = TITLE, .message = 4, .file = 1, .line = 2),
	SAN_RULE("Fatal glibc error: *", SAN_FATAL_ERROR, .flags = TITLE, .message = 1),
	SAN_RULE("*: Assertion '*' failed.*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: Assertion `*' failed.*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: Assertion `* failed.*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: assertion '*' failed*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: assertion \"*\" failed*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*:*: assertion * failed: *", SAN_ASSERT, .flags = TITLE, .message = 3,
		.file = 1, .line = 2),
	SAN_RULE("*:*: libc++ Hardening assertion * failed: *", SAN_ASSERT,
		.flags = TITLE, .message = 3, .file = 1, .line = 2),
	SAN_RULE("Internal bug detected: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("Assertion failed: (*), function *, file *, line *", SAN_ASSERT,
		.flags = TITLE, .message = 1, .file = 3, .line = 4),
	SAN_RULE("Assertion failed: * (*: *: *)", SAN_ASSERT, .flags = TITLE,
		.message = 1, .file = 2, .line = 4),
	SAN_RULE("Assertion failed: *, file *, line *", SAN_ASSERT, .flags = TITLE,
		.message = 1, .file = 2, .line = 3),
	SAN_RULE("Assertion failed: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("ASSERTION FAILED: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("assertion failed: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("assert failed: *", SAN_ASSERT, .flags = TITLE, .message = 1),
	SAN_RULE("*assert failure: *", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*** stack smashing detected ***: *", SAN_STACK_SMASHING),
	SAN_RULE("*** buffer overflow detected ***: *", SAN_FORTIFY),
	SAN_RULE("*** longjmp causes uninitialized stack frame ***: *", SAN_FORTIFY),
	SAN_RULE("*** %n in writable segment detected ***", SAN_FORTIFY),
	/* Each other check of a fortified function says what it saw. */
	SAN_RULE("*** * ***: terminated", SAN_FORTIFY),
	SAN_RULE("*double free or corruption*", SAN_HEAP_CORRUPTION),
	SAN_RULE("*free(): *", SAN_HEAP_CORRUPTION),
	SAN_RULE("*malloc(): *", SAN_HEAP_CORRUPTION),
	SAN_RULE("*malloc_consolidate(): *", SAN_HEAP_CORRUPTION),
	SAN_RULE("*realloc(): *", SAN_HEAP_CORRUPTION),
	SAN_RULE("*munmap_chunk(): invalid pointer*", SAN_HEAP_CORRUPTION),
	SAN_RULE("*corrupted size vs. prev_size*", SAN_HEAP_CORRUPTION),
	SAN_RULE("*corrupted double-linked list*", SAN_HEAP_CORRUPTION),
	SAN_RULE("*break adjusted to free malloc space*", SAN_HEAP_CORRUPTION),
	{.pattern = NULL},
};

/* glibc's heap checks say only these after the function's name. */
static bool is_heap_talk(struct san_view v)
{
	static const char *const words[] = {"invalid", "corrupted", "double", "memory",
		"mismatching", "unaligned", "unsorted", "largebin", "smallbin",
		"too many", "corruption", "vs. prev_size", "break adjusted"};

	if (v.n >= 200 ||
		!(san_view_has(v, "(): ") || san_view_has(v, "corrupt") ||
			san_view_has(v, "break adjusted")))
		return false;
	for (size_t i = 0; i < IW_COUNT(words); i++)
		if (san_view_has(v, words[i]))
			return true;
	return false;
}

/* "void f()" of ": void f(): Assertion `", and nothing of ": Assertion `". */
static struct san_view function_in(struct san_view v)
{
	const char *end = san_view_find(v, ": Assertion ");

	if (!end)
		return (struct san_view){NULL, 0};
	v.n = (size_t)(end - v.p);
	return san_view_trim(san_view_skip(v, v.n && v.p[0] == ':'));
}

/* "program: src/file.cpp:12: void f(): Assertion", "file.cpp:12 f: Assertion": the place
 * is the word with a number behind its colon. */
static void take_place(struct san_raw *r, struct san_view v)
{
	size_t begin = 0;

	v.n = (size_t)(r->message.p - v.p);
	for (size_t i = 0; i < v.n; i++) {
		struct san_view rest;
		uint64_t line;

		if (v.p[i] == ' ')
			begin = i + 1;
		if (v.p[i] != ':' || i == begin ||
			!san_view_number(san_view_skip(v, i + 1), &line, &rest) ||
			!rest.n || (rest.p[0] != ':' && rest.p[0] != ' '))
			continue;
		r->file = (struct san_view){v.p + begin, i - begin};
		r->line = (struct san_view){v.p + i + 1, (size_t)(rest.p - v.p) - i - 1};
		r->function = function_in(rest);
		return;
	}
}

bool san_line_libc(struct san_parse *p)
{
	const struct san_raw *before = p->cur;
	struct san_view v = p->at;

	/* All of them say one of these. */
	if (!san_view_has(v, "sser") && !san_view_has(v, "SSERT") &&
		!san_view_has(v, "***") && !san_view_starts(v, "Fatal glibc error: ") &&
		!san_view_starts(v, "ERROR:") && !san_view_starts(v, "Internal bug ") &&
		!is_heap_talk(v))
		return false;
	/* A log prefix in brackets or glog's is the log dialect's. */
	if (!san_rules_open(p, SAN_BY_LIBC, libc, v))
		return false;
	if (p->cur != before && p->cur->kind == SAN_ASSERT &&
		!san_view_starts(v, "ERROR:"))
		take_place(p->cur, v);
	/* Without a death behind it, it was only printed. */
	if (p->cur != before && p->cur->kind == SAN_HEAP_CORRUPTION && !is_heap_talk(v))
		p->cur->flags |= SAN_RULE_MAYBE;
	return true;
}

static const struct san_rule cxx[] = {
	SAN_RULE("terminate called after throwing an instance of '*'*",
		SAN_UNCAUGHT_EXCEPTION, .flags = TITLE, .message = 1),
	SAN_RULE("terminate called without an active exception*", SAN_UNCAUGHT_EXCEPTION),
	SAN_RULE("terminate called recursively*", SAN_UNCAUGHT_EXCEPTION),
	SAN_RULE("libc++abi: terminating *uncaught exception of type *: *",
		SAN_UNCAUGHT_EXCEPTION, .flags = TITLE, .message = 2),
	SAN_RULE("libc++abi*: terminating *uncaught exception of type *",
		SAN_UNCAUGHT_EXCEPTION, .flags = TITLE, .message = 3),
	SAN_RULE("libc++abi*: terminating*", SAN_UNCAUGHT_EXCEPTION),
	SAN_RULE("pure virtual method called*", SAN_UNCAUGHT_EXCEPTION),
	{.pattern = NULL},
};

bool san_line_cxx(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_view v = p->at;

	if (p->cur && p->cur->kind == SAN_UNCAUGHT_EXCEPTION &&
		san_view_starts(v, "what():")) {
		p->cur->message = san_view_trim(san_view_skip(v, 7));
		p->cur->end = p->end;
		return true;
	}
	/* What terminates after a pure call says so, and knows no more of it. */
	if (p->cur && p->cur->kind == SAN_UNCAUGHT_EXCEPTION && !p->cur->stack_count &&
		san_view_starts(p->cur->heading, "pure virtual ") &&
		san_view_starts(v, "terminate called without ")) {
		p->cur->end = p->end;
		return true;
	}
	if (!san_view_has(v, "terminat") && !san_view_has(v, "virtual method") &&
		!san_view_has(v, "libc++"))
		return false;
	if (!san_rules_open(p, SAN_BY_CXX, cxx, v))
		return false;
	/* libc++ says what() on the same line. */
	if (san_pattern_match(v, "*of type *: *", captures))
		p->cur->message = captures[2];
	return true;
}
