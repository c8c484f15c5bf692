/* What libFuzzer, AFL++, our own driver and other engines say about an input: it took too long,
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
	/* Of a program that has no sanitizer. */
	SAN_RULE("killed by stack-overflow on address * (*", SAN_STACK_OVERFLOW,
		.address = 1),
	SAN_RULE("killed by SEGV on unknown address * (*", SAN_SEGV, .address = 1),
	SAN_RULE("killed by SEGV *", SAN_SEGV),
	SAN_RULE("killed by BUS on unknown address * (*", SAN_BUS, .address = 1),
	SAN_RULE("killed by BUS *", SAN_BUS),
	SAN_RULE("killed by FPE on unknown address * (*", SAN_FPE, .address = 1),
	SAN_RULE("killed by FPE *", SAN_FPE),
	SAN_RULE("killed by ILL on unknown address * (*", SAN_ILL, .address = 1),
	SAN_RULE("killed by ILL *", SAN_ILL),
	SAN_RULE("killed by TRAP *", SAN_TRAP),
	SAN_RULE("killed by ABRT *", SAN_ABRT),
	{.pattern = NULL},
};

/* What AFL++'s tools say of one run; signals are in report_debugger.c. */
static const struct san_rule aflpp[] = {
	SAN_RULE("*+++ Program timed o* +++*", SAN_TIMEOUT),
	{.pattern = NULL},
};

/* Whole lines of others. */
static const struct san_rule others[] = {
	SAN_RULE("========= Per-input timeout exceeded*", SAN_TIMEOUT),
	SAN_RULE("========= Per-batch timeout exceeded*", SAN_TIMEOUT),
	SAN_RULE("========= RSS limit exceeded*", SAN_OUT_OF_MEMORY),
	SAN_RULE("Failure description: out-of-memory*", SAN_OUT_OF_MEMORY),
	SAN_RULE("Failure description: rss-limit-exceeded*", SAN_OUT_OF_MEMORY),
	SAN_RULE("Failure description: per-input-timeout-exceeded*", SAN_TIMEOUT),
	SAN_RULE("Failure description: per-batch-timeout-exceeded*", SAN_TIMEOUT),
	SAN_RULE("===BUG DETECTED: Arbitrary domain name resolution===*", SAN_DNS),
	SAN_RULE("===BUG DETECTED: Shell corruption===*", SAN_COMMAND_INJECTION),
	SAN_RULE("===BUG DETECTED: Shell injection===*", SAN_COMMAND_INJECTION),
	SAN_RULE("===BUG DETECTED: Arbitrary file open===*", SAN_FILE_OPEN),
	SAN_RULE("*: error while loading shared libraries: *: cannot open shared object "
		 "file*",
		SAN_MISSING_LIBRARY, .flags = SAN_RULE_TITLE, .message = 2),
	{.pattern = NULL},
};

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
	if (san_view_has(p->at, "+++ Program timed o"))
		return san_rules_open(p, SAN_BY_AFLPP, aflpp, p->at);
	return san_rules_open(p, SAN_BY_SYSTEMSAN, others, p->at);
}
