/*
 * valgrind: memcheck, helgrind and DRD. Each line has "==PID== " before it, which it shares
 * with libFuzzer; frames are "at 0x12: f (file.c:1)" and "by 0x34: g (in /lib/x.so)".
 *
 * An error says how, "Invalid read of size 4"; what it was comes later, with the block that
 * the address lies in.
 */
#include <ctype.h>
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define READ SAN_RULE_READ
#define WRITE SAN_RULE_WRITE
#define IGNORE SAN_RULE_IGNORE
#define MAYBE SAN_RULE_MAYBE

struct san_view san_valgrind_words(struct san_view v)
{
	size_t n = 2;

	if (v.n < 6 || v.p[0] != '=' || v.p[1] != '=')
		return (struct san_view){v.p, 0};
	while (n < v.n && isdigit((unsigned char)v.p[n]))
		n++;
	if (n == 2 || n + 3 > v.n || memcmp(v.p + n, "== ", 3) != 0)
		return (struct san_view){v.p, 0};
	return san_view_trim(san_view_skip(v, n + 3));
}

/* All of them are told with a stack; without one it is a line of something else. */
static const struct san_rule rules[] = {
	SAN_RULE("Invalid read of size *", SAN_UNKNOWN_CRASH, .flags = READ | MAYBE,
		.size = 1),
	SAN_RULE("Invalid write of size *", SAN_UNKNOWN_CRASH, .flags = WRITE | MAYBE,
		.size = 1),
	SAN_RULE("Jump to the invalid address stated on the next line*",
		SAN_UNKNOWN_CRASH, .flags = MAYBE),
	SAN_RULE("Conditional jump or move depends on uninitialised value(s)*",
		SAN_UNINITIALIZED, .flags = MAYBE),
	SAN_RULE("Use of uninitialised value of size *", SAN_UNINITIALIZED,
		.flags = MAYBE, .size = 1),
	SAN_RULE("Syscall param * uninitialised byte(s)*", SAN_UNINITIALIZED,
		.flags = MAYBE),
	SAN_RULE("Syscall param * unaddressable byte(s)*", SAN_UNKNOWN_CRASH,
		.flags = MAYBE),
	SAN_RULE("Invalid free() *", SAN_INVALID_FREE, .flags = MAYBE),
	SAN_RULE("Mismatched free() *", SAN_ALLOC_DEALLOC_MISMATCH, .flags = MAYBE),
	SAN_RULE("Mismatched new*/delete* size*", SAN_NEW_DELETE_TYPE_MISMATCH,
		.flags = MAYBE),
	SAN_RULE(
		"Source and destination overlap in *", SAN_PARAM_OVERLAP, .flags = MAYBE),
	SAN_RULE("Argument '*' of function * has a fishy (possibly negative) value: *",
		SAN_NEGATIVE_SIZE_PARAM, .flags = MAYBE),
	SAN_RULE("* bytes in * blocks are definitely lost*", SAN_DIRECT_LEAK,
		.flags = MAYBE, .size = 1),
	SAN_RULE("* (*) bytes in * blocks are definitely lost*", SAN_DIRECT_LEAK,
		.flags = MAYBE, .size = 1),
	SAN_RULE("* bytes in * blocks are possibly lost*", SAN_DIRECT_LEAK,
		.flags = MAYBE, .size = 1),
	SAN_RULE("* bytes in * blocks are indirectly lost*", SAN_INDIRECT_LEAK,
		.flags = MAYBE, .size = 1),
	SAN_RULE(
		"* bytes in * blocks are still reachable*", SAN_NOTHING, .flags = IGNORE),
	SAN_RULE("Process terminating with default action of signal * (*)*",
		SAN_OTHER_ERROR, .flags = MAYBE),
	SAN_RULE("Stack overflow in thread *", SAN_STACK_OVERFLOW, .flags = MAYBE),
	SAN_RULE("Possible data race during read of size * at * by *", SAN_DATA_RACE,
		.flags = READ | MAYBE, .size = 1, .address = 2),
	SAN_RULE("Possible data race during write of size * at * by *", SAN_DATA_RACE,
		.flags = WRITE | MAYBE, .size = 1, .address = 2),
	SAN_RULE("Conflicting load by thread * at * size *", SAN_DATA_RACE,
		.flags = READ | MAYBE, .size = 3, .address = 2),
	SAN_RULE("Conflicting store by thread * at * size *", SAN_DATA_RACE,
		.flags = WRITE | MAYBE, .size = 3, .address = 2),
	SAN_RULE("Thread #*: lock order * violated*", SAN_LOCK_ORDER, .flags = MAYBE),
	SAN_RULE("Thread #* unlocked a not-locked lock at *", SAN_MUTEX_MISUSE,
		.flags = MAYBE, .address = 2),
	SAN_RULE("Thread #* unlocked lock at * currently held by *", SAN_MUTEX_MISUSE,
		.flags = MAYBE, .address = 2),
	SAN_RULE("Thread #*: Exiting thread still holds *", SAN_MUTEX_MISUSE,
		.flags = MAYBE),
	SAN_RULE("Thread #*: pthread_*", SAN_MUTEX_MISUSE, .flags = MAYBE),
	SAN_RULE("Thread #*: Attempt to re-lock *", SAN_MUTEX_MISUSE, .flags = MAYBE),
	SAN_RULE("Mutex not locked*: mutex *, *", SAN_MUTEX_MISUSE, .flags = MAYBE,
		.address = 2),
	SAN_RULE("Destroying locked *: * *, *", SAN_MUTEX_MISUSE, .flags = MAYBE,
		.address = 3),
	SAN_RULE("Recursive locking not allowed: mutex *, *", SAN_MUTEX_MISUSE,
		.flags = MAYBE, .address = 1),
	SAN_RULE("Mutex reinitialization: mutex *, *", SAN_MUTEX_MISUSE, .flags = MAYBE,
		.address = 1),
	{.pattern = NULL},
};

/* What an address or the frames below a line are. */
static const struct {
	const char *pattern;
	int role;	       /* -1: no frames follow */
	int kind;	       /* of an invalid access, when this says so */
	unsigned char address; /* the number of its capture */
} notes[] = {
	{"Address * is * inside a block of size * free'd", SAN_STACK_FREE,
		SAN_HEAP_USE_AFTER_FREE, 1},
	{"Address * is * block of size * free'd", SAN_STACK_FREE, SAN_HEAP_USE_AFTER_FREE,
		1},
	{"Address * is * bytes after a block of size *", SAN_STACK_ALLOC,
		SAN_HEAP_BUFFER_OVERFLOW, 1},
	{"Address * is * bytes before a block of size *", SAN_STACK_ALLOC,
		SAN_HEAP_BUFFER_OVERFLOW, 1},
	{"Address * is * block of size *", SAN_STACK_ALLOC, SAN_NOTHING, 1},
	{"Address * is at offset * Allocation context:*", SAN_STACK_ALLOC, SAN_NOTHING,
		1},
	{"Address * is on thread *", -1, SAN_NOTHING, 1},
	{"Address * is not stack'd, malloc'd or (recently) free'd*", -1, SAN_NOTHING, 1},
	{"Address * is *", -1, SAN_NOTHING, 1},
	{"Block was alloc'd at*", SAN_STACK_ALLOC, SAN_NOTHING, 0},
	{"Block was alloc'd by *", SAN_STACK_ALLOC, SAN_NOTHING, 0},
	{"Uninitialised value was created by *", SAN_STACK_ORIGIN, SAN_NOTHING, 0},
	{"Access not within mapped region at address *", SAN_STACK_CRASH, SAN_NOTHING, 1},
	{"Bad permissions for mapped region at address *", SAN_STACK_CRASH, SAN_NOTHING,
		1},
	{"This conflicts with a previous * by *", SAN_STACK_OTHER_ACCESS, SAN_NOTHING, 0},
	{"Other segment start *", SAN_STACK_OTHER, SAN_NOTHING, 0},
	{"Other segment end *", SAN_STACK_OTHER, SAN_NOTHING, 0},
	{"Thread #* was created*", SAN_STACK_THREAD, SAN_NOTHING, 0},
	{"Lock at * was first observed*", SAN_STACK_PLACE, SAN_NOTHING, 0},
	{"* 0x* was first observed at:*", SAN_STACK_PLACE, SAN_NOTHING, 0},
	{"Observed (incorrect) order is: acquisition of lock at *", SAN_STACK_CRASH,
		SAN_NOTHING, 0},
	{"followed by a later acquisition of lock at *", SAN_STACK_OTHER, SAN_NOTHING, 0},
	{"Required order was established by acquisition of lock at *",
		SAN_STACK_OTHER_ACCESS, SAN_NOTHING, 0},
};

static bool note_line(struct san_parse *p, struct san_view v)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r = p->cur;

	for (size_t i = 0; i < IW_COUNT(notes); i++) {
		if (!san_pattern_match(v, notes[i].pattern, captures))
			continue;
		if (notes[i].address && !r->address.n)
			r->address = captures[notes[i].address - 1];
		if (r->kind == SAN_UNKNOWN_CRASH && notes[i].kind)
			r->kind = (enum san_kind)notes[i].kind;
		/* Freeing again is told as an invalid free of what is free. */
		if (r->kind == SAN_INVALID_FREE &&
			notes[i].kind == SAN_HEAP_USE_AFTER_FREE)
			r->kind = SAN_DOUBLE_FREE;
		if (notes[i].role >= 0)
			san_stack_open(p, (enum san_stack_role)notes[i].role);
		return true;
	}
	return false;
}

static void signal_name(struct san_raw *r, struct san_view v)
{
	struct san_view captures[SAN_CAPTURES];
	enum san_kind kind;

	if (!san_pattern_match(v, "*default action of signal * (*)*", captures))
		return;
	kind = san_signal_kind(captures[2]);
	if (kind)
		r->kind = kind;
	else
		r->word = captures[2];
}

static bool is_announced(const struct san_parse *p)
{
	return p->cur && p->cur->dialect == SAN_BY_VALGRIND &&
		p->cur->kind == SAN_NOTHING;
}

/* Helgrind introduces the threads of an error before it says what that is: a report that
 * is nothing yet. What it turns out to be keeps its beginning and stacks. */
static bool announcement(struct san_parse *p, struct san_view v)
{
	if (!san_view_starts(v, "---Thread-Announcement---"))
		return false;
	if (!is_announced(p)) {
		san_report_open(p, SAN_BY_VALGRIND, SAN_NOTHING)->message = v;
		p->cur->flags = MAYBE;
	}
	return true;
}

static bool open_error(struct san_parse *p, struct san_view v)
{
	bool is_known = is_announced(p);
	size_t begin = is_known ? p->cur->begin : 0;
	size_t stacks = is_known ? p->cur->stack_count : 0;
	bool is_taken;

	/* The next report takes the place of the announcement, and the memory. */
	p->count -= is_known;
	is_taken = san_rules_open(p, SAN_BY_VALGRIND, rules, v);
	if (!is_known)
		return is_taken;
	if (!is_taken || p->cur->begin != p->begin) {
		p->count++;
		return is_taken;
	}
	p->cur->begin = begin;
	p->cur->stack_count = stacks;
	return true;
}

bool san_line_valgrind(struct san_parse *p)
{
	struct san_view v = san_valgrind_words(p->at);

	if (!v.n)
		return false;
	if (announcement(p, v))
		return true;
	if (!p->cur || p->cur->dialect != SAN_BY_VALGRIND || !note_line(p, v)) {
		if (!open_error(p, v))
			return false;
		if (!p->cur || p->cur->begin != p->begin)
			return true;
		if (p->cur->kind == SAN_OTHER_ERROR)
			signal_name(p->cur, v);
		if (p->cur->kind == SAN_DIRECT_LEAK || p->cur->kind == SAN_INDIRECT_LEAK)
			san_stack_open(p, SAN_STACK_ALLOC);
	}
	p->cur->end = p->end;
	return true;
}
