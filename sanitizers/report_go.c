/* Go's runtime: panics, fatal errors and the race detector. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define TITLE SAN_RULE_TITLE
#define MAYBE SAN_RULE_MAYBE

/* On the text behind "panic: ". Other programs say that too: without goroutines below it is theirs. */
static const struct san_rule panics[] = {
	SAN_RULE("runtime error: index out of range*", SAN_GO_INDEX, .flags = MAYBE),
	SAN_RULE("runtime error: slice bounds out of range*", SAN_GO_SLICE,
		.flags = MAYBE),
	SAN_RULE("runtime error: integer divide by zero*", SAN_GO_DIVIDE, .flags = MAYBE),
	SAN_RULE("runtime error: invalid memory address*", SAN_GO_NIL, .flags = MAYBE),
	SAN_RULE("runtime error: makeslice: len out of range*", SAN_GO_MAKESLICE,
		.flags = MAYBE),
	SAN_RULE("*", SAN_ASSERT, .flags = TITLE | MAYBE),
	{.pattern = NULL},
};

/* On the whole line. A signal's name stands alone when Go's runtime did not expect it. */
static const struct san_rule rules[] = {
	SAN_RULE("fatal error: stack overflow*", SAN_GO_STACK, .flags = MAYBE),
	SAN_RULE("fatal error: runtime: out of memory*", SAN_OUT_OF_MEMORY,
		.flags = MAYBE),
	SAN_RULE("fatal error: *", SAN_FATAL_ERROR, .flags = TITLE | MAYBE, .message = 1),
	SAN_RULE("WARNING: DATA RACE*", SAN_DATA_RACE, .flags = MAYBE),
	SAN_RULE("SIGSEGV: segmentation violation*", SAN_SEGV, .flags = MAYBE),
	SAN_RULE("SIGBUS: bus error*", SAN_BUS, .flags = MAYBE),
	SAN_RULE("SIGFPE: floating-point exception*", SAN_FPE, .flags = MAYBE),
	SAN_RULE("SIGILL: illegal instruction*", SAN_ILL, .flags = MAYBE),
	SAN_RULE("SIGTRAP: trace trap*", SAN_TRAP, .flags = MAYBE),
	SAN_RULE("SIGABRT: abort*", SAN_ABRT, .flags = MAYBE),
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

/* "panic: x [recovered]" and "panic: y" below it are one death, and the first is why. */
static bool panic_line(struct san_parse *p, struct san_view words)
{
	struct san_raw *before = p->cur;
	const char *again = NULL;

	if (before && before->dialect == SAN_BY_GO && !before->stack_count &&
		san_view_starts(before->heading, "panic: ")) {
		before->end = p->end;
		return true;
	}
	if (!san_rules_open(p, SAN_BY_GO, panics, words))
		return false;
	again = memmem(words.p, words.n, " [recovered", 11);
	if (again) {
		p->cur->message.n = (size_t)(again - words.p);
		if (p->cur->title.n)
			p->cur->title.n = p->cur->message.n;
	}
	return true;
}

/* "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x5da137]", or "PC=0x1 m=0
 * sigcode=1 addr=0x18". */
static bool signal_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];

	if (!san_pattern_match(p->at, "[signal * addr=* *", captures) &&
		!san_pattern_match(p->at, "PC=* addr=*", captures))
		return false;
	p->cur->address = captures[1];
	p->cur->end = p->end;
	return true;
}

/*
 * A fuzz test that fails without a panic:
 *
 *     --- FAIL: FuzzReverse (0.01s)
 *         --- FAIL: FuzzReverse (0.00s)
 *             reverse_test.go:20: not valid UTF-8
 *         Failing input written to testdata/fuzz/FuzzReverse/af69258a
 *
 * The place is the failure; of several the first.
 */
static bool fuzz_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_view v = p->at;
	struct san_raw *r;
	bool is_hung = san_view_starts(v, "fuzzing process hung or terminated");

	if (san_view_starts(v, "--- FAIL: Fuzz") ||
		san_view_starts(v, "fuzz: elapsed: ")) {
		p->go_fuzz = p->count + 1;
		return true;
	}
	if (p->go_fuzz != p->count + 1)
		return false;
	if (!is_hung && !san_view_starts(v, "Failing input written to ") &&
		!san_pattern_match(v, "*_test.go:*: *", captures))
		return false;
	r = san_report_open(p, SAN_BY_GO, is_hung ? SAN_UNEXPECTED_EXIT : SAN_ASSERT);
	r->message = v;
	if (!is_hung && v.p[0] != 'F') {
		r->message = r->title = captures[2];
		r->file = (struct san_view){v.p, captures[0].n + 8};
		r->line = captures[1];
	}
	return true;
}

bool san_line_go(struct san_parse *p)
{
	struct san_view v = p->at;

	if (san_view_starts(v, "panic: "))
		return panic_line(p, san_view_skip(v, 7));
	/* What a program that recovered says of it; it went on, and has no goroutines. */
	if (san_view_starts(v, "Error: runtime error: ")) {
		if (!san_rules_open(p, SAN_BY_GO, panics, san_view_skip(v, 7)))
			return false;
		p->cur->flags &= ~(unsigned)MAYBE;
		p->cur->message = san_view_skip(v, 22);
		return true;
	}
	if (san_view_starts(v, "fatal error: ") || san_view_starts(v, "SIG") ||
		san_view_starts(v, "WARNING: DATA RACE")) {
		if (!san_rules_open(p, SAN_BY_GO, rules, v))
			return false;
		/* Its runtime has said why already. */
		if (p->go_talk)
			p->cur->flags &= ~(unsigned)MAYBE;
		return true;
	}
	if (fuzz_line(p))
		return true;
	if (!p->cur || p->cur->dialect != SAN_BY_GO)
		return false;
	return race_heading(p) || goroutine_heading(p) || signal_line(p);
}
