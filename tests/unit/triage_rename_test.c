/* Which stacks are one bug by other names, and what a bug does with names of before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/rename.h"

#include "base/banned.h"

#define READ4 "Heap-buffer-overflow\nREAD 4"

/* "leaf caller entry". */
static struct triage_signature make(
	const char *type, const char *message, const char *file, const char *frames)
{
	struct triage_signature sig;

	triage_signature_init(&sig, type, message);
	triage_signature_set_file(&sig, file);
	while (*frames) {
		size_t len = strcspn(frames, " ");
		_auto_free_ char *name = iw_strndup(frames, len);

		triage_signature_add(&sig, name);
		frames += len + (frames[len] == ' ');
	}
	return sig;
}

static const struct {
	const char *type, *message, *file, *frames; /* today's; before: see below */
	const char *words; /* NULL: two bugs, or the same names */
} cases[] = {
	{READ4, NULL, "a.c", "load parse entry", "read is called load now"},
	{READ4, NULL, "a.c", "read walk entry", "parse is called walk now"},
	{READ4, NULL, "a.c", "load.part.0 parse entry", "read is called load.part.0 now"},
	/* the same names */
	{READ4, NULL, "a.c", "read parse entry", NULL},
	{READ4, NULL, "a.c", "read.cold parse entry", NULL},
	/* something else failed */
	{"Heap-buffer-overflow\nWRITE 4", NULL, "a.c", "load parse entry", NULL},
	{"Stack-overflow", NULL, "a.c", "load parse entry", NULL},
	{READ4, "x > 0", "a.c", "load parse entry", NULL},
	{READ4, NULL, "b.c", "load parse entry", NULL},
	{READ4, NULL, NULL, "load parse entry", NULL},
	/* another way there */
	{READ4, NULL, "a.c", "load parse more entry", NULL},
	{READ4, NULL, "a.c", "load entry", NULL},
	/* less than half of it is left */
	{READ4, NULL, "a.c", "load walk entry", NULL},
	{READ4, NULL, "a.c", "load walk main", NULL},
	/* a name that was there before */
	{READ4, NULL, "a.c", "entry parse entry", NULL},
	{READ4, NULL, "a.c", "", NULL},
};

static void test_stacks(void **state)
{
	struct triage_signature before = make(READ4, NULL, "a.c", "read parse entry");
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(cases); i++) {
		struct triage_signature now = make(
			cases[i].type, cases[i].message, cases[i].file, cases[i].frames);
		struct triage_renames found;

		if (triage_renames_find(&before, &now, &found) != !!cases[i].words)
			fail_msg("case %zu, '%s'", i, cases[i].frames);
		if (cases[i].words) {
			_auto_free_ char *words = triage_renames_words(&found);

			assert_string_equal(words, cases[i].words);
		}
		triage_signature_fini(&now);
	}
	triage_signature_fini(&before);
}

static bool are_one(const char *before, const char *now)
{
	struct triage_signature a = make(READ4, NULL, "a.c", before);
	struct triage_signature b = make(READ4, NULL, "a.c", now);
	struct triage_renames found;
	bool is_found = triage_renames_find(&a, &b, &found);

	triage_signature_fini(&a);
	triage_signature_fini(&b);
	return is_found;
}

/* One name is one other, wherever it stands. */
static void test_each_name_is_one_other(void **state)
{
	(void)state;
	assert_true(are_one("a x a y z", "b x b y z"));
	assert_false(are_one("a x a y z w", "b x c y z w"));
	assert_false(are_one("a x c y z w", "b x b y z w"));
	assert_true(are_one("a c x y", "b d x y"));
	/* Two that called each other changed places: no rename. */
	assert_false(are_one("a b x y", "b a x y"));
}

static void test_hangs_are_left_out(void **state)
{
	struct triage_signature a = make("Timeout", NULL, NULL, "read parse entry");
	struct triage_signature b = make("Timeout", NULL, NULL, "load parse entry");
	struct triage_renames found;

	(void)state;
	assert_false(triage_renames_find(&a, &b, &found));
	triage_signature_fini(&a);
	triage_signature_fini(&b);
}

/* A bug is known by what it was called before, also after it was written and read. */
static void test_former_names_are_known(void **state)
{
	struct triage_signature old = make(READ4, NULL, "a.c", "read parse entry");
	struct triage_signature now = make(READ4, NULL, "a.c", "load parse entry");
	struct triage_signature other = make(READ4, NULL, "a.c", "skip parse entry");
	struct triage_signature back = {0};
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *text = NULL, *again = NULL;

	(void)state;
	assert_false(triage_signature_same(&old, &now));
	triage_signature_set_former(&now, &old);
	assert_true(triage_signature_same(&old, &now));
	assert_true(triage_signature_same(&now, &old));
	assert_false(triage_signature_same(&now, &other));
	text = triage_signature_json(&now);
	assert_string_equal(text,
		"[\"load\",\"parse\",\"entry\",{\"file\":\"a.c\",\"former\":"
		"[\"read\",\"parse\",\"entry\",{\"file\":\"a.c\"}]}]");
	assert_int_equal(triage_signature_parse(&back, READ4, text, &err), 0);
	again = triage_signature_json(&back);
	assert_string_equal(again, text);
	assert_true(triage_signature_same(&back, &old));
	triage_signature_fini(&old);
	triage_signature_fini(&now);
	triage_signature_fini(&other);
	triage_signature_fini(&back);
}

static void test_old_names_are_forgotten(void **state)
{
	struct triage_signature sig = make(READ4, NULL, "a.c", "f0 parse entry");
	const struct triage_signature *s;
	size_t i, count = 0;

	(void)state;
	for (i = 0; i < 2 * TRIAGE_FORMER_MAX; i++) {
		struct triage_signature next = make(READ4, NULL, "a.c", "g parse entry");

		triage_signature_set_former(&next, &sig);
		triage_signature_fini(&sig);
		sig = next;
	}
	for (s = sig.former; s; s = s->former)
		count++;
	assert_int_equal(count, TRIAGE_FORMER_MAX);
	triage_signature_fini(&sig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_each_name_is_one_other),
		cmocka_unit_test(test_hangs_are_left_out),
		cmocka_unit_test(test_former_names_are_known),
		cmocka_unit_test(test_old_names_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
