/* Pairs of crashes that are one bug, and pairs that are two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/signature.h"
#include "triage/similarity.h"

#include "base/banned.h"

/* frames: "leaf < caller < entry"; of a race the other stack behind " | ". */
static struct triage_signature make(
	const char *type, const char *message, const char *frames)
{
	struct triage_signature sig;
	bool is_other = false;

	triage_signature_init(&sig, type, message);
	while (*frames) {
		size_t len = strcspn(frames, " ");
		_auto_free_ char *name = iw_strndup(frames, len);

		if (strcmp(name, "|") == 0)
			is_other = true;
		else if (strcmp(name, "<") != 0)
			(is_other ? triage_signature_add_other : triage_signature_add)(
				&sig, name);
		frames += len + (frames[len] == ' ');
	}
	return sig;
}

struct pair {
	const char *type_a, *frames_a, *type_b, *frames_b;
	bool is_same;
	const char *message_a, *message_b;
};

#define HEAP4 "Heap-buffer-overflow\nREAD 4"
#define HEAP1 "Heap-buffer-overflow\nREAD 1"

static const struct pair pairs[] = {
	/* one innermost function and type: one bug, whatever the way */
	{HEAP4, "cursor_read < parse_block < entry", HEAP4,
		"cursor_read < load_addr < main", true, NULL, NULL},
	{HEAP4, "cursor_read < parse_block < entry", HEAP1,
		"cursor_read < load_addr < main", true, NULL, NULL},
	{HEAP4, "f < g < entry", "heap-buffer-overflow READ 4", "f < g < entry", true,
		NULL, NULL},
	{HEAP4, "f < g < entry", "Heap-buffer-overflow\nWRITE 4", "f < g < entry", true,
		NULL, NULL},
	{HEAP4, "f < g < entry", "Heap-buffer-overflow\nWRITE 4", "f < x < y < entry",
		true, NULL, NULL},
	{HEAP4, "f < g < entry", "Heap-buffer-overflow\nWRITE 4", "f < x < y", false,
		NULL, NULL},
	/* another leaf under the same callers: two */
	{HEAP4, "f < a < b < c < d < e < entry", HEAP4, "g < a < b < c < d < e < entry",
		false, NULL, NULL},
	{HEAP4, "f < entry", HEAP4, "g < entry", false, NULL, NULL},
	{HEAP4, "f < a < b < c < d < e < x < y < z", HEAP4,
		"g < a < b < c < d < e < x < y < z", false, NULL, NULL},
	{"UNKNOWN READ", "f < a < b < c", "UNKNOWN READ", "g < a < b < c", false, NULL,
		NULL},
	/* the caller's own bug is not the callee's: else two of its callees had one bug */
	{HEAP4, "f < parse < entry", HEAP4, "parse < entry", false, NULL, NULL},
	{HEAP4, "f < parse < item < list < entry", HEAP1, "parse < item < list < entry",
		false, NULL, NULL},
	{HEAP4, "f < parse < item < list < entry", HEAP4, "parse < item < list < entry",
		false, NULL, NULL},
	{HEAP4, "f < parse < item < list < entry", HEAP4, "parse < item < list < entry",
		true, "x > 0", "x > 0"},
	{"UNKNOWN READ", "f < parse < item < list < entry", "UNKNOWN READ",
		"parse < item < list < entry", false, NULL, NULL},
	/* a function inlined further out, clones of functions */
	{HEAP4, "f < a < b < c < entry", "UNKNOWN READ", "f < b < c < entry", true, NULL,
		NULL},
	{HEAP4, "f.part.0 < a.constprop.3 < e", "UNKNOWN READ", "f < a.isra.0.cold < e",
		true, NULL, NULL},
	/* other sanitizers' views of one cause need the callers to agree */
	{HEAP4, "f < a < b < entry", "UNKNOWN READ", "f < a < b < entry", true, NULL,
		NULL},
	{HEAP4, "f < a < b < entry", "Null-dereference READ", "f < a < b < entry", true,
		NULL, NULL},
	{HEAP4, "f < a < b < entry", "Use-of-uninitialized-value", "f < a < b < entry",
		true, NULL, NULL},
	{HEAP4, "f < a < b < entry", "Use-of-uninitialized-value", "f < x < y < z", false,
		NULL, NULL},
	{HEAP4, "f < a < b < entry", "Heap-use-after-free\nREAD 4", "f < a < b < entry",
		true, NULL, NULL},
	{HEAP4, "f < a < entry", "Index-out-of-bounds", "f < a < entry", true, NULL,
		NULL},
	{"Global-buffer-overflow\nREAD 4", "f < entry", "Index-out-of-bounds",
		"f < a < b < c < d < entry", true, NULL, NULL},
	{"Global-buffer-overflow\nREAD 4", "f < entry", "Stack-buffer-overflow\nREAD 4",
		"f < a < b < c < d < entry", false, NULL, NULL},
	{HEAP4, "f < a < entry", "UNKNOWN WRITE", "f < x < y < entry", false, NULL, NULL},
	{"Divide-by-zero", "f < a", "Floating-point-exception", "f < a", true, NULL,
		NULL},
	/* families that never meet */
	{HEAP4, "f < a < entry", "Timeout", "f < a < entry", false, NULL, NULL},
	{HEAP4, "f < a < entry", "Direct-leak", "f < a < entry", false, NULL, NULL},
	/* a hang inside the allocator that another flavour refuses */
	{"Timeout", "f < a < entry", "Out-of-memory", "f < a < entry", true, NULL, NULL},
	{"Timeout", "g < a < entry", "Out-of-memory", "f < a < entry", false, NULL, NULL},
	{"Timeout", "a < entry", "Out-of-memory", "f < a < entry", false, NULL, NULL},
	{"Integer-overflow", "f < a", "Undefined-shift", "f < a", false, NULL, NULL},
	{HEAP4, "f < a < entry", "ASSERT", "f < a < entry", false, NULL, NULL},
	{"Something-new", "f < a", "Something-new", "f < a", true, NULL, NULL},
	{"Something-new", "f < a", "Something-else", "f < a", false, NULL, NULL},
	/* messages */
	{"ASSERT", "f < a", "ASSERT", "f < a", false, "x > 0", "y > 0"},
	{"ASSERT", "f < a", "ASSERT", "f < b", true, "n < 12 at 0x7f01",
		"n < 9 at 0x5581ab"},
	{"ASSERT", "f < a < e", "Abrt", "f < a < e", true, "x > 0", NULL},
	{"ASSERT", "f < a < e", "ASSERT", "g < a < e", false, "x > 0", "x > 0"},
	{"ASSERT", "f < a < e", "ASSERT", "", true, "x > 0", "x > 0"},
	{"ASSERT", "f < a < e", "ASSERT", "g < b < c", false, "x > 0", "x > 0"},
	{"Integer-overflow", "f < a", "Integer-overflow", "f < a", true,
		"signed integer overflow: -5 + 2147483647",
		"signed integer overflow: 7 + 11"},
	{"Abrt", "", "Abrt", "", true, "no stack", "no stack"},
	{"Abrt", "", "Abrt", "f < g", false, NULL, NULL},
	{"UNKNOWN", "", "UNKNOWN", "", true, NULL, NULL},
	/* allocations: the innermost function is often the project's malloc */
	{"Direct-leak", "buf_new < parse < entry", "Indirect-leak",
		"buf_new < parse < entry", true, NULL, NULL},
	{"Direct-leak", "buf_new < parse < entry", "Direct-leak",
		"buf_new < script < run", false, NULL, NULL},
	{"Direct-leak", "buf_new < a < parse < item < entry", "Direct-leak",
		"buf_new < b < parse < item < entry", false, NULL, NULL},
	{"Direct-leak", "buf_new < a < parse < entry", "Direct-leak",
		"buf_new < a < script < run", true, NULL, NULL},
	{"Out-of-memory", "grow < parse < entry", "Allocation-size-too-big",
		"grow < parse < entry", true, NULL, NULL},
	{"Out-of-memory", "grow < parse < entry", "Out-of-memory", "grow < other < main",
		false, NULL, NULL},
	/* hangs with one sample each */
	{"Timeout", "g < loop < parse < entry", "Timeout", "h < loop < parse < entry",
		true, NULL, NULL},
	{"Timeout", "loop1 < parse < entry", "Timeout", "loop2 < parse < entry", false,
		NULL, NULL},
	{"Timeout", "read < loop1 < parse < entry", "Timeout",
		"read < loop2 < parse < entry", false, NULL, NULL},
	{"Timeout", "loop < parse < entry", "Timeout", "loop < parse < entry", true, NULL,
		NULL},
	{"Timeout", "step < loop < parse < entry", "Timeout", "loop < parse < entry",
		true, NULL, NULL},
	{"Timeout", "a < b < c < parse < entry", "Timeout", "parse < entry", false, NULL,
		NULL},
	/* races have no order */
	{"Data race", "f < a | g < b", "Data race", "g < b | f < a", true, NULL, NULL},
	{"Data race", "f < a | g < b", "Data race", "f < a | h < b", false, NULL, NULL},
	{"Data race", "f < a | g < b", "Data race", "g < b", true, NULL, NULL},
	/* cycles have no beginning */
	{"Stack-overflow", "a < b < c", "Stack-overflow", "c < a < b", true, NULL, NULL},
	{"Stack-overflow", "a < b", "Stack-overflow", "x < y", false, NULL, NULL},
	/* a limit on how deep a goes ends both */
	{"Stack-overflow", "a < b", "Stack-overflow", "x < y < a", true, NULL, NULL},
	/* nobody's function */
	{"UNKNOWN", "?? < a < b", "UNKNOWN", "?? < x < y", false, NULL, NULL},
};

static void known_pairs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(pairs); i++) {
		const struct pair *p = &pairs[i];
		_auto_(triage_signature_fini) struct triage_signature a =
			make(p->type_a, p->message_a, p->frames_a);
		_auto_(triage_signature_fini) struct triage_signature b =
			make(p->type_b, p->message_b, p->frames_b);
		double ab = triage_signature_similarity(&a, &b);
		double ba = triage_signature_similarity(&b, &a);

		if (triage_signature_same(&a, &b) != p->is_same)
			fail_msg("%s [%s] and %s [%s]: %.3f, expected %s", p->type_a,
				p->frames_a, p->type_b, p->frames_b, ab,
				p->is_same ? "one bug" : "two bugs");
		assert_true(ab == ba);
		assert_true(ab >= 0 && ab <= 1);
	}
}

/* Two static functions are called alike, by somebody who has a table of them. */
static void one_name_in_two_files(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature a =
		make(HEAP4, NULL, "parse < each < go");
	_auto_(triage_signature_fini) struct triage_signature b =
		make(HEAP4, NULL, "parse < each < go");

	(void)state;
	triage_signature_set_file(&a, "tx.c");
	assert_true(triage_signature_same(&a, &b)); /* one report had no files */
	triage_signature_set_file(&b, "block.c");
	assert_false(triage_signature_same(&a, &b));
	triage_signature_set_file(&b, "tx.c");
	assert_true(triage_signature_similarity(&a, &b) == 1);
}

/* Races that an older version wrote down have both stacks in one. */
static void races_of_before(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature old =
		make("Data race", NULL, "f < a < g < b");
	_auto_(triage_signature_fini) struct triage_signature new =
		make("Data race", NULL, "f < a | g < b");

	(void)state;
	assert_true(triage_signature_same(&old, &new));
}

static void sample(
	struct triage_signature *sig, const char *a, const char *b, const char *c)
{
	const char *frames[3] = {a, b, c};

	triage_signature_sample(sig, frames, 3);
}

/* Two loops below one function, both caught in functions that they share. */
static void sampled_hangs_are_told_apart(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature one =
		make("Timeout", NULL, "");
	_auto_(triage_signature_fini) struct triage_signature two =
		make("Timeout", NULL, "");
	_auto_(triage_signature_fini) struct triage_signature again =
		make("Timeout", NULL, "mix < spin < parse < entry");
	_auto_(triage_signature_fini) struct triage_signature other =
		make("Timeout", NULL, "mix < turn < parse < entry");
	_auto_(triage_signature_fini) struct triage_signature outer =
		make("Timeout", NULL, "parse < entry");
	const char *const stacks[][4] = {{"mix", "spin", "parse", "entry"},
		{"read", "spin", "parse", "entry"}, {"mix", "turn", "parse", "entry"},
		{"hash", "turn", "parse", "entry"}};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		triage_signature_sample(i < 2 ? &one : &two, stacks[i], 4);
	assert_int_equal(one.samples, 2);
	assert_int_equal(one.frames.count, 3);
	assert_string_equal(one.frames.names[0], "spin");
	assert_int_equal(one.inside.count, 2);
	assert_false(triage_signature_same(&one, &two));
	assert_true(triage_signature_same(&one, &again));
	assert_false(triage_signature_same(&one, &other));
	assert_true(triage_signature_same(&two, &other));
	assert_false(triage_signature_same(&one, &outer));
	assert_true(triage_signature_similarity(&one, &one) == 1);

	/* A stack of another thread changes nothing. */
	sample(&one, "poll", "worker", "start");
	assert_int_equal(one.samples, 2);
	assert_int_equal(one.frames.count, 3);
	sample(&one, "spin", "parse", "entry");
	assert_int_equal(one.samples, 3);
}

static void json_round_trips(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature plain =
		make(HEAP4, NULL, "f < g");
	_auto_(triage_signature_fini) struct triage_signature full =
		make("Data race", "with \"words\"", "f < g | h < i");
	_auto_(triage_signature_fini) struct triage_signature back = {0}, copy = {0};
	_auto_free_ char *a = triage_signature_json(&plain), *b = NULL, *c = NULL;
	_auto_free_ char *names = triage_signature_names(&full);

	(void)state;
	assert_string_equal(a, "[\"f\",\"g\"]");
	assert_string_equal(names, a);
	full.samples = 3;
	triage_signature_set_file(&full, "f.c");
	b = triage_signature_json(&full);
	assert_int_equal(triage_signature_parse(&back, full.type, b, NULL), 0);
	c = triage_signature_json(&back);
	assert_string_equal(b, c);
	assert_string_equal(back.message, "with \"words\"");
	assert_string_equal(back.file, "f.c");
	assert_int_equal(back.other.count, 2);
	assert_int_equal(back.samples, 3);
	assert_true(triage_signature_similarity(&full, &back) == 1);
	triage_signature_copy(&copy, &back);
	assert_true(triage_signature_same(&copy, &full));
}

static void broken_json_is_refused(void **state)
{
	static const char *const texts[] = {"", "{}", "[1]", "[\"a\",{\"message\":1}]",
		"[{\"other\":\"x\"}]", "[{},\"a\"]", "[\"a\",[]]", "[{\"inside\":[{}]}]",
		"[{\"samples\":-1}]", "[{\"file\":1}]"};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(texts); i++) {
		struct triage_signature sig = {0};
		struct iw_err err = IW_ERR_INIT;

		assert_int_equal(
			triage_signature_parse(&sig, "x", texts[i], &err), IW_EINVAL);
		assert_true(err.msg[0]);
		assert_null(sig.frames.names);
	}
}

static void long_stacks_are_bounded(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature a = make(HEAP4, NULL, "");
	_auto_(triage_signature_fini) struct triage_signature b = make(HEAP4, NULL, "");
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		_auto_free_ char *name = iw_fmt("f%u", i);

		triage_signature_add(&a, name);
		triage_signature_add(&b, i % 2 ? name : "other");
	}
	assert_int_equal(a.frames.count, TRIAGE_FRAMES_MAX);
	assert_true(triage_signature_similarity(&a, &a) == 1);
	assert_false(triage_signature_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_pairs),
		cmocka_unit_test(one_name_in_two_files),
		cmocka_unit_test(races_of_before),
		cmocka_unit_test(sampled_hangs_are_told_apart),
		cmocka_unit_test(json_round_trips),
		cmocka_unit_test(broken_json_is_refused),
		cmocka_unit_test(long_stacks_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
