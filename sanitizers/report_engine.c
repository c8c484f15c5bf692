/* What libFuzzer, our own driver and other engines say about an input: it took too long,
 * too much, or ended the process. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define IGNORE SAN_RULE_IGNORE

/* On the text behind "ERROR: libFuzzer: ". */
static const struct san_rule libfuzzer[] = {
	SAN_RULE("timeout after *", SAN_TIMEOUT),
	SAN_RULE("timeout*", SAN_TIMEOUT),
	SAN_RULE("out-of-memory (malloc(*))*", SAN_OUT_OF_MEMORY, .size = 1),
	SAN_RULE("out-of-memory*", SAN_OUT_OF_MEMORY),
	SAN_RULE("deadly signal*", SAN_DEADLY_SIGNAL),
	SAN_RULE("fuzz target exited*", SAN_UNEXPECTED_EXIT),
	SAN_RULE("fuzz target overwrites its const input*", SAN_OVERWRITES_INPUT),
	SAN_RULE("detected memory leak*", SAN_NOTHING, .flags = IGNORE),
	SAN_RULE("* leaks detected*", SAN_NOTHING, .flags = IGNORE),
	{.pattern = NULL},
};

/* On the text behind "ironworks-driver: ". A leak is told by LeakSanitizer. */
static const struct san_rule driver[] = {
	SAN_RULE("timeout*", SAN_TIMEOUT),
	SAN_RULE("out-of-memory (malloc(*))*", SAN_OUT_OF_MEMORY, .size = 1),
	SAN_RULE("out-of-memory*", SAN_OUT_OF_MEMORY),
	SAN_RULE("deadly signal*", SAN_DEADLY_SIGNAL),
	SAN_RULE("target exited*", SAN_UNEXPECTED_EXIT),
	SAN_RULE("target overwrites its const input*", SAN_OVERWRITES_INPUT),
	SAN_RULE("leak*", SAN_DIRECT_LEAK),
	{.pattern = NULL},
};

/* Whole lines of others. */
static const struct san_rule others[] = {
	SAN_RULE("========= Per-input timeout exceeded*", SAN_TIMEOUT),
	SAN_RULE("========= Per-batch timeout exceeded*", SAN_TIMEOUT),
	SAN_RULE("========= RSS limit exceeded*", SAN_OUT_OF_MEMORY),
	SAN_RULE("===BUG DETECTED: Shell corruption===*", SAN_COMMAND_INJECTION),
	SAN_RULE("===BUG DETECTED: Shell injection===*", SAN_COMMAND_INJECTION),
	SAN_RULE("===BUG DETECTED: Arbitrary file open===*", SAN_FILE_OPEN),
	SAN_RULE("*: error while loading shared libraries: *: cannot open shared object "
		 "file*",
		SAN_MISSING_LIBRARY, .flags = SAN_RULE_TITLE, .message = 2),
	{.pattern = NULL},
};

/* A signal by its name, as gdb tells it. */
static bool debugger_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r;

	if (!san_pattern_match(p->at, "*rogram received signal *, *", captures) &&
		!san_pattern_match(
			p->at, "*rogram terminated with signal *, *", captures))
		return false;
	r = san_report_open(p, SAN_BY_DEBUGGER, SAN_OTHER_ERROR);
	r->message = p->at;
	r->word = captures[1];
	return true;
}

bool san_line_engine(struct san_parse *p)
{
	struct san_view v = san_view_after(p->at, "ERROR: libFuzzer: ");
	static const char heading[] = "Live Heap Allocations: ";

	if (v.n)
		return san_rules_open(p, SAN_BY_LIBFUZZER, libfuzzer, v);
	v = san_view_after(p->at, "ironworks-driver: ");
	if (v.n)
		return san_rules_open(p, SAN_BY_DRIVER, driver, v);
	if (p->cur && san_view_starts(p->at, heading)) {
		san_stack_open(p, SAN_STACK_LIVE);
		return true;
	}
	return debugger_line(p) || san_rules_open(p, SAN_BY_SYSTEMSAN, others, p->at);
}
