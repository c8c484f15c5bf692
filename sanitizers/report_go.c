/* Go's runtime: panics, fatal errors and the race detector. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define TITLE SAN_RULE_TITLE
#define MAYBE SAN_RULE_MAYBE

/* Other programs say "panic: " too: without goroutines below it is theirs. */
static const struct san_rule rules[] = {
	SAN_RULE("panic: runtime error: index out of range*", SAN_GO_INDEX,
		.flags = MAYBE),
	SAN_RULE("panic: runtime error: slice bounds out of range*", SAN_GO_SLICE,
		.flags = MAYBE),
	SAN_RULE("panic: runtime error: integer divide by zero*", SAN_GO_DIVIDE,
		.flags = MAYBE),
	SAN_RULE("panic: runtime error: invalid memory address*", SAN_GO_NIL,
		.flags = MAYBE),
	SAN_RULE("panic: runtime error: makeslice: len out of range*", SAN_GO_MAKESLICE,
		.flags = MAYBE),
	SAN_RULE("panic: *", SAN_ASSERT, .flags = TITLE | MAYBE, .message = 1),
	SAN_RULE("fatal error: stack overflow*", SAN_GO_STACK, .flags = MAYBE),
	SAN_RULE("fatal error: runtime: out of memory*", SAN_OUT_OF_MEMORY,
		.flags = MAYBE),
	SAN_RULE("fatal error: *", SAN_FATAL_ERROR, .flags = TITLE | MAYBE, .message = 1),
	SAN_RULE("WARNING: DATA RACE*", SAN_DATA_RACE, .flags = MAYBE),
	{.pattern = NULL},
};

/* The race detector's headings. */
static const struct {
	const char *pattern;
	enum san_stack_role role;
} accesses[] = {
	{"Previous * at * by *", SAN_STACK_OTHER_ACCESS},
	{"Read at * by *", SAN_STACK_CRASH},
	{"Write at * by *", SAN_STACK_CRASH},
	{"Goroutine * created at:", SAN_STACK_THREAD},
};

static bool race_heading(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];

	if (p->cur->kind != SAN_DATA_RACE)
		return false;
	for (size_t i = 0; i < IW_COUNT(accesses); i++) {
		if (!san_pattern_match(p->at, accesses[i].pattern, captures))
			continue;
		san_stack_open(p, accesses[i].role);
		if (accesses[i].role == SAN_STACK_CRASH) {
			p->cur->access =
				p->at.p[0] == 'R' ? SAN_ACCESS_READ : SAN_ACCESS_WRITE;
			p->cur->address = captures[0];
		}
		p->go = SAN_GO_ON;
		return true;
	}
	return false;
}

/* "goroutine 1 [running]:"; the first is the one that died. */
static bool goroutine_heading(struct san_parse *p)
{
	bool is_first = true;

	if (!san_view_starts(p->at, "goroutine ") &&
		!san_view_starts(p->at, "runtime stack:"))
		return false;
	for (size_t i = 0; i < p->cur->stack_count; i++)
		if (p->cur->stacks[i].role == SAN_STACK_CRASH)
			is_first = false;
	if (p->at.p[0] == 'r')
		is_first = false;
	san_stack_open(p, is_first ? SAN_STACK_CRASH : SAN_STACK_OTHER);
	p->go = SAN_GO_ON;
	return true;
}

bool san_line_go(struct san_parse *p)
{
	struct san_view v = p->at;

	if (san_view_starts(v, "panic: ") || san_view_starts(v, "fatal error: ") ||
		san_view_starts(v, "WARNING: DATA RACE"))
		return san_rules_open(p, SAN_BY_GO, rules, v);
	if (!p->cur || p->cur->dialect != SAN_BY_GO)
		return false;
	return race_heading(p) || goroutine_heading(p);
}
