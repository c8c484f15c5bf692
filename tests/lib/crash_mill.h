/*
 * Signatures like those of a farm, from a seed: bugs of a program with layers of functions,
 * and crashes of them as engines and sanitizers report them.
 *
 * The program has leaf functions, each called from a few places on a few ways in. A bug is
 * a leaf, a kind and perhaps a message. A crash of it comes along one of the ways, may have
 * a function inlined somewhere on it, another access size, another sanitizer's view, one
 * frame without a name, or a clone's suffix.
 */
#ifndef TESTS_LIB_CRASH_MILL_H
#define TESTS_LIB_CRASH_MILL_H

#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "triage/signature.h"

struct mill {
	uint64_t seed;
	unsigned bugs;
};

static inline uint32_t mill_draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*seed >> 33) % below);
}

static const char *const mill_kinds[][4] = {
	/* one cause, as four tools call it */
	{"Heap-buffer-overflow\nREAD 4", "Heap-buffer-overflow\nREAD 1", "UNKNOWN READ",
		"Use-of-uninitialized-value"},
	{"Heap-buffer-overflow\nWRITE 8", "Heap-buffer-overflow\nWRITE {*}",
		"UNKNOWN WRITE", "Index-out-of-bounds"},
	{"Heap-use-after-free\nREAD 8", "Heap-use-after-free\nREAD 4", "UNKNOWN READ",
		"Heap-use-after-free\nREAD 8"},
	{"Integer-overflow", "Integer-overflow", "Integer-overflow", "Integer-overflow"},
	{"ASSERT", "Abrt", "ASSERT", "Fatal-signal"},
	{"Null-dereference READ", "UNKNOWN READ", "Null-dereference READ",
		"Invalid-null-argument"},
	{"Direct-leak", "Indirect-leak", "Direct-leak", "Direct-leak"},
	{"Stack-overflow", "Stack-overflow", "Stack-overflow", "Stack-overflow"},
	{"Timeout", "Timeout", "Timeout", "Out-of-memory"},
	{"Data race", "Data race", "Data race", "Data race"},
};

static inline void mill_name(
	struct triage_signature *sig, uint64_t *seed, const char *fmt, unsigned a)
{
	char name[64], whole[96];
	unsigned what = mill_draw(seed, 64);

	snprintf(name, sizeof name, fmt, a);
	snprintf(whole, sizeof whole, "%s%s", name,
		what == 0	    ? ".part.0"
			: what == 1 ? ".constprop.3.isra.0"
				    : "");
	triage_signature_add(sig, what == 2 ? "??" : whole);
}

/* A way into the bug: the functions of one of its callers' chains. */
static inline void mill_way(
	struct triage_signature *sig, unsigned bug, uint64_t *seed, bool is_recursion)
{
	/* Which ways there are is the bug's; which one it was, the crash's. */
	uint64_t own = UINT64_C(77) * (bug + 1);
	unsigned ways = 1 + mill_draw(&own, 4), way = mill_draw(seed, ways);
	unsigned depth = 3 + mill_draw(&own, 12), i;
	uint64_t path = own + 991 * way;

	for (i = 0; i < depth; i++) {
		unsigned layer = depth - i;
		unsigned function = mill_draw(&path, 20 + 40 * layer);

		if (mill_draw(seed, 20) == 0) /* inlined */
			continue;
		mill_name(sig, seed, layer < 4 ? "parse_message_%u" : "node::handle_%u",
			function + 1000 * layer);
	}
	if (!is_recursion)
		triage_signature_add(sig, "fuzz_target_entry");
}

/* One crash of a bug. The caller calls triage_signature_fini(). */
static inline void mill_crash(
	struct mill *mill, unsigned bug, struct triage_signature *sig)
{
	uint64_t own = bug * UINT64_C(0x9e3779b97f4a7c15) + 1, *seed = &mill->seed;
	unsigned kind = mill_draw(&own, IW_COUNT(mill_kinds));
	unsigned leaf = mill_draw(&own, mill->bugs), words = mill_draw(&own, mill->bugs);
	const char *type = mill_kinds[kind][mill_draw(seed, 10) ? mill_draw(seed, 2)
								: mill_draw(seed, 4)];
	bool has_message = kind == 3 || kind == 4 || mill_draw(&own, 20) == 0;
	char message[96];

	snprintf(message, sizeof message,
		kind == 3 ? "signed integer overflow: %u + 2147483647"
			  : "size <= %u in check_%u",
		mill_draw(seed, 99999), kind == 3 ? 0 : words);
	triage_signature_init(sig, type, has_message ? message : NULL);
	if (mill_draw(seed, 200) == 0) /* the stack could not be read */
		return;
	if (mill_draw(seed, 50))
		mill_name(sig, seed, kind == 6 ? "xmalloc_%u" : "leaf_%u",
			kind == 6 ? leaf % 8 : leaf);
	mill_way(sig, bug, seed, kind == 7);
	if (kind == 9 && mill_draw(seed, 10)) {
		char other[64];

		snprintf(other, sizeof other, "leaf_%u", words);
		triage_signature_add_other(sig, other);
		triage_signature_add_other(sig, "worker_loop");
	}
	if (kind == 8 && mill_draw(seed, 2)) {
		const char *stack[TRIAGE_FRAMES_MAX];
		size_t i, count = 0;

		/* a second sample, interrupted one function further out */
		for (i = 1; i < sig->frames.count; i++)
			stack[count++] = sig->frames.names[i];
		triage_signature_sample(sig, stack, count);
	}
}

#endif
