/* Rust: panics, in the form of one line (until 1.72) and of two, and failed allocations.
 */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

static const struct san_rule rules[] = {
	SAN_RULE("thread '*' panicked at '*', *:*:*", SAN_ASSERT, .flags = SAN_RULE_TITLE,
		.message = 2, .file = 3, .line = 4),
	SAN_RULE("thread '*panicked at *:*:*:", SAN_ASSERT, .flags = SAN_RULE_TITLE,
		.file = 2, .line = 3),
	SAN_RULE("thread '*panicked at *", SAN_ASSERT, .flags = SAN_RULE_TITLE,
		.message = 2),
	SAN_RULE("thread '*' * has overflowed its stack*", SAN_STACK_OVERFLOW),
	SAN_RULE("thread '*' has overflowed its stack*", SAN_STACK_OVERFLOW),
	SAN_RULE("memory allocation of * bytes failed*", SAN_OUT_OF_MEMORY, .size = 1),
	{.pattern = NULL},
};

bool san_line_rust(struct san_parse *p)
{
	struct san_view v = p->at;

	if (p->rust_message && p->cur) {
		p->cur->message = p->cur->title = v;
		p->cur->end = p->end;
		p->rust_message = false;
		return true;
	}
	if (p->cur && p->cur->dialect == SAN_BY_RUST &&
		san_view_starts(v, "stack backtrace:")) {
		san_stack_open(p, SAN_STACK_CRASH);
		p->rust_stack = true;
		return true;
	}
	if (!san_view_starts(v, "thread '") &&
		!san_view_starts(v, "memory allocation of "))
		return false;
	if (!san_rules_open(p, SAN_BY_RUST, rules, v))
		return false;
	/* The message stands on the next line when the place ends this one. */
	p->rust_message = v.p[v.n - 1] == ':' && p->cur->kind == SAN_ASSERT;
	return true;
}
