/* assert() and the aborts of the C library and the C++ runtime. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define TITLE SAN_RULE_TITLE

static const struct san_rule libc[] = {
	SAN_RULE("*:*: *: Assertion `*' failed.*", SAN_ASSERT, .flags = TITLE,
		.message = 4, .file = 1, .line = 2),
	SAN_RULE("*: Assertion `*' failed.*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: Assertion `* failed.*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: assertion '*' failed*", SAN_ASSERT, .flags = TITLE, .message = 2),
	SAN_RULE("*: assertion \"*\" failed*", SAN_ASSERT, .flags = TITLE, .message = 2),
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

	for (size_t i = 0; i < IW_COUNT(words); i++)
		if (san_view_has(v, words[i]))
			return v.n < 200;
	return false;
}

bool san_line_libc(struct san_parse *p)
{
	const struct san_raw *before = p->cur;
	struct san_view v = p->at;

	/* All of them say one of these. */
	if (!san_view_has(v, "sser") && !san_view_has(v, "SSERT") &&
		!san_view_has(v, "***") && !is_heap_talk(v))
		return false;
	/* A log prefix in brackets or glog's is the log dialect's. */
	if (!san_rules_open(p, SAN_BY_LIBC, libc, v))
		return false;
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
	SAN_RULE("*libc++ Hardening assertion * failed: *", SAN_ASSERT, .flags = TITLE,
		.message = 2),
	{.pattern = NULL},
};

bool san_line_cxx(struct san_parse *p)
{
	struct san_view v = p->at;

	if (p->cur && p->cur->kind == SAN_UNCAUGHT_EXCEPTION &&
		san_view_starts(v, "what():")) {
		p->cur->message = san_view_trim(san_view_skip(v, 7));
		p->cur->end = p->end;
		return true;
	}
	if (!san_view_has(v, "terminat") && !san_view_has(v, "virtual method") &&
		!san_view_has(v, "libc++"))
		return false;
	return san_rules_open(p, SAN_BY_CXX, cxx, v);
}
