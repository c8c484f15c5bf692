/* ThreadSanitizer: "WARNING: ThreadSanitizer: data race (pid=1)" and its kin. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

/* On the text behind "ThreadSanitizer: ". */
static const struct san_rule rules[] = {
	SAN_RULE("data race on vptr*", SAN_DATA_RACE, .flags = SAN_RULE_WORDS),
	SAN_RULE("data race*", SAN_DATA_RACE),
	SAN_RULE("race on *", SAN_DATA_RACE),
	SAN_RULE("lock-order-inversion*", SAN_LOCK_ORDER),
	SAN_RULE("thread leak*", SAN_THREAD_LEAK),
	SAN_RULE("heap-use-after-free*", SAN_HEAP_USE_AFTER_FREE),
	SAN_RULE("signal-unsafe call*", SAN_SIGNAL_UNSAFE, .flags = SAN_RULE_WORDS),
	SAN_RULE("signal handler spoils errno*", SAN_SIGNAL_UNSAFE,
		.flags = SAN_RULE_WORDS),
	SAN_RULE("double lock of a mutex*", SAN_MUTEX_MISUSE, .flags = SAN_RULE_WORDS),
	SAN_RULE("unlock of an unlocked mutex*", SAN_MUTEX_MISUSE,
		.flags = SAN_RULE_WORDS),
	SAN_RULE("read lock of a write locked mutex*", SAN_MUTEX_MISUSE,
		.flags = SAN_RULE_WORDS),
	SAN_RULE("read unlock of a write locked mutex*", SAN_MUTEX_MISUSE,
		.flags = SAN_RULE_WORDS),
	SAN_RULE("destroy of a locked mutex*", SAN_MUTEX_MISUSE, .flags = SAN_RULE_WORDS),
	SAN_RULE("use of an invalid mutex*", SAN_MUTEX_MISUSE, .flags = SAN_RULE_WORDS),
	{.pattern = NULL},
};

/* In this order: where a block is from is told in the words of an access too. */
static const struct {
	const char *pattern;
	enum san_stack_role role;
	bool is_access; /* the captures are size and address */
} headings[] = {
	{"Location is heap block of size * allocated by *", SAN_STACK_ALLOC, false},
	{"Location is *", SAN_STACK_PLACE, false},
	{"Previous * of size * at * by *", SAN_STACK_OTHER_ACCESS, false},
	{"Previous *tomic * of size * at * by *", SAN_STACK_OTHER_ACCESS, false},
	{"* of size * at * by *", SAN_STACK_CRASH, true},
	{"Thread T* created by * at:", SAN_STACK_THREAD, false},
	{"Mutex M* created at:", SAN_STACK_PLACE, false},
	{"Mutex M* acquired here *", SAN_STACK_CRASH, false},
	{"Mutex M* previously acquired *", SAN_STACK_OTHER, false},
	{"As if synchronized via *", SAN_STACK_OTHER, false},
	{"And then *", SAN_STACK_OTHER, false},
};

/* Kinds of several words are called by them: "Destroy of a locked mutex". */
static bool error(struct san_parse *p, struct san_view v)
{
	size_t n = 0;

	if (!san_rules_open(p, SAN_BY_TSAN, rules, v))
		return false;
	if (!(p->cur->flags & SAN_RULE_WORDS))
		return true;
	while (n < v.n && v.p[n] != '(' && v.p[n] != ':')
		n++;
	p->cur->word = san_view_trim((struct san_view){v.p, n});
	return true;
}

/* Two locks that are taken in both orders have two stacks of equal right. */
static bool has_crash(const struct san_raw *r)
{
	for (size_t i = 0; i < r->stack_count; i++)
		if (r->stacks[i].role == SAN_STACK_CRASH && r->stacks[i].count)
			return true;
	return false;
}

bool san_line_tsan(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_view v = san_view_after(p->at, "WARNING: ThreadSanitizer: ");

	if (v.n)
		return error(p, v);
	if (!p->cur || p->cur->dialect != SAN_BY_TSAN)
		return false;
	for (size_t i = 0; i < IW_COUNT(headings); i++) {
		struct san_raw *r = p->cur;

		if (!san_pattern_match(p->at, headings[i].pattern, captures))
			continue;
		san_stack_open(p,
			headings[i].role == SAN_STACK_CRASH && has_crash(r)
				? SAN_STACK_OTHER_ACCESS
				: headings[i].role);
		if (headings[i].is_access && r->access == SAN_ACCESS_NONE) {
			r->access = san_view_has(captures[0], "rite") ? SAN_ACCESS_WRITE
								      : SAN_ACCESS_READ;
			r->size = captures[1];
			r->address = captures[2];
		}
		return true;
	}
	return false;
}
