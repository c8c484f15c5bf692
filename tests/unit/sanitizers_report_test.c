/* Reports: tests/data/reports has texts and what must be found in each. With
 * WRITE_EXPECTED set the expectations are written anew, to be read before they are
 * committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "sanitizers/flavour.h"
#include "sanitizers/frames.h"
#include "sanitizers/headline.h"
#include "sanitizers/report.h"

#include "base/banned.h"

#ifndef TEST_DATA
#define TEST_DATA "tests/data"
#endif

static json_t *string_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *stacks_of(const struct san_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->stack_count; i++) {
		const struct san_stack *s = &r->stacks[i];
		const struct san_frame *f = &s->frames[0];

		json_array_append_new(list,
			json_pack("{s:s, s:i, s:i, s:o, s:o, s:i}", "role",
				san_stack_role_name(s->role), "frames", (int)s->count,
				"dropped", (int)s->dropped, "function",
				string_or_null(f->function), "file",
				string_or_null(f->file), "line", f->line));
	}
	return list;
}

static json_t *signature_of(struct iw_arena *arena, const struct san_report *r)
{
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	size_t n = san_report_signature_frames(arena, r, frames, NULL);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(frames[i].function));
	return list;
}

/* All findings in one line each; the primary is described in full. */
static json_t *headlines_of(struct iw_arena *arena, const struct san_reading *reading)
{
	json_t *list = json_array();

	for (size_t i = 0; i < reading->count; i++)
		json_array_append_new(list,
			json_string(san_report_headline(arena, &reading->reports[i])));
	return list;
}

static json_t *unread_of(const struct san_reading *reading)
{
	json_t *list = json_array();

	for (size_t i = 0; i < reading->unread_count; i++)
		json_array_append_new(list, json_string(reading->unread[i].line));
	return list;
}

static json_t *describe(struct iw_arena *arena, const char *text, size_t len)
{
	static const char *const accesses[] = {"none", "read", "write"};
	struct san_reading reading;
	const struct san_report *r;
	json_t *out;

	assert_int_equal(san_report_read(arena, text, len, &reading, NULL), 0);
	r = san_report_primary(reading.reports, reading.count);
	out = json_pack("{s:i, s:o, s:o}", "reports", (int)reading.count, "headlines",
		headlines_of(arena, &reading), "unread", unread_of(&reading));
	if (!r)
		return out;
	json_object_set_new(out, "dialect", json_string(san_dialect_name(r->dialect)));
	json_object_set_new(out, "kind", json_string(san_kind_name(r->kind)));
	json_object_set_new(out, "crash_type", json_string(r->crash_type));
	json_object_set_new(out, "access", json_string(accesses[r->access]));
	json_object_set_new(out, "size", json_integer((json_int_t)r->size));
	json_object_set_new(out, "has_address", json_boolean(r->has_address));
	json_object_set_new(out, "message", string_or_null(r->message));
	json_object_set_new(out, "title", string_or_null(r->title));
	json_object_set_new(out, "file", string_or_null(r->file));
	json_object_set_new(out, "line", json_integer(r->line));
	json_object_set_new(out, "is_security", json_boolean(r->is_security));
	json_object_set_new(out, "has_death", json_boolean(r->death != NULL));
	json_object_set_new(out, "stacks", stacks_of(r));
	json_object_set_new(out, "state", json_string(san_report_state(arena, r, NULL)));
	json_object_set_new(out, "signature", signature_of(arena, r));
	return out;
}

static int check_file(void *ctx, const char *name)
{
	int *checked = ctx;
	size_t stem = strlen(name) - 4;
	_auto_free_ char *path = iw_path_join(TEST_DATA "/reports", name);
	_auto_free_ char *expected_path =
		iw_fmt("%s/reports/%.*s.json", TEST_DATA, (int)stem, name);
	_auto_free_ char *text = NULL;
	struct iw_arena *arena;
	json_t *expected, *found;
	char *shown;
	size_t len;

	if (strlen(name) < 5 || strcmp(name + stem, ".txt") != 0)
		return 0;
	assert_int_equal(iw_file_read(path, 1 << 20, &text, &len, NULL), 0);
	arena = iw_arena_new();
	found = describe(arena, text, len);
	iw_arena_free(arena);
	if (getenv("WRITE_EXPECTED"))
		assert_int_equal(json_dump_file(found, expected_path,
					 JSON_INDENT(1) | JSON_ENSURE_ASCII),
			0);
	expected = json_load_file(expected_path, 0, NULL);
	if (!json_equal(found, expected)) {
		shown = json_dumps(found, JSON_INDENT(1));
		print_error("%s: found %s\n", name, shown);
		free(shown);
		fail();
	}
	json_decref(found);
	json_decref(expected);
	(*checked)++;
	return 0;
}

static void test_files(void **state)
{
	int checked = 0;

	(void)state;
	assert_int_equal(
		iw_dir_each(TEST_DATA "/reports", check_file, &checked, NULL), 0);
	assert_true(checked >= 40);
}

static void test_null_text(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	struct iw_err err = IW_ERR_INIT;
	struct san_report *reports;
	size_t count;

	(void)state;
	assert_int_equal(san_report_parse(arena, NULL, 0, &reports, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_null(san_report_primary(reports, count));
	assert_int_equal(
		san_report_parse(arena, NULL, 3, &reports, &count, &err), IW_EINVAL);
	iw_arena_free(arena);
}

/* The failures at both ends of a flood survive, and their frames are their own. */
static void test_flood(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	struct iw_buf text = {0};
	struct san_report *reports;
	const struct san_report *r;
	size_t count;

	(void)state;
	for (int i = 0; i < 1000; i++)
		iw_buf_addf(&text,
			"a.c:%d:1: runtime error: division by zero\n"
			"    #0 0x1 in f%d a.c:%d\n",
			i, i, i);
	iw_buf_adds(&text,
		"==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x602 at "
		"pc 1\n"
		"READ of size 8 at 0x602 thread T0\n    #0 0x1 in last a.c:9\n");
	assert_int_equal(
		san_report_parse(arena, text.data, text.len, &reports, &count, NULL), 0);
	assert_int_equal(count, SAN_REPORTS);
	assert_string_equal(reports[0].stacks[0].frames[0].function, "f0");
	assert_string_equal(reports[count - 2].stacks[0].frames[0].function, "f999");
	for (size_t i = 1; i < count; i++)
		assert_true(reports[i - 1].begin < reports[i].begin);
	r = san_report_primary(reports, count);
	assert_int_equal(r->kind, SAN_HEAP_USE_AFTER_FREE);
	assert_int_equal(r->stack_count, 1);
	iw_buf_fini(&text);
	iw_arena_free(arena);
}

#define FORGED                                                                           \
	"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602 at pc 1\n"   \
	"READ of size 8 at 0x602 thread T0\n    #0 0x1 in forged a.c:9\n"                \
	"SUMMARY: AddressSanitizer: heap-use-after-free a.c:9 in "                       \
	"forged\n==7==ABORTING\n"
#define SEGV                                                                             \
	"==7==ERROR: AddressSanitizer: SEGV on unknown address 0x4141414141 (pc 1)\n"    \
	"The signal is caused by a READ memory access.\n    #0 0x1 in real b.c:3\n"
#define ABORTED "==7==ERROR: AddressSanitizer: ABRT on unknown address 0x7 (pc 1)\n"
#define TIMEOUT                                                                          \
	"==7== ERROR: libFuzzer: timeout after 25 seconds\n    #0 0x1 in spin b.c:3\n"
#define EXITED "==7== ERROR: libFuzzer: fuzz target exited\n    #0 0x1 in leave b.c:3\n"
#define SAID "mill: a.c:7: grind: Assertion `n > 0' failed.\n"

/* A program prints what an input makes it print; the exit status is the sanitizer's own. */
static void test_forged(void **state)
{
	static const struct {
		const char *text;
		int status;
		enum san_kind kind;
	} cases[] = {
		{FORGED SEGV, SAN_EXIT_ASAN, SAN_SEGV},
		{FORGED TIMEOUT, SAN_EXIT_TIMEOUT, SAN_TIMEOUT},
		{TIMEOUT FORGED, SAN_EXIT_ASAN, SAN_HEAP_USE_AFTER_FREE},
		{FORGED EXITED, SAN_EXIT_LIBFUZZER, SAN_UNEXPECTED_EXIT},
		{SAID SEGV, SAN_EXIT_ASAN, SAN_SEGV},
		{FORGED SAID ABORTED, SAN_EXIT_ASAN, SAN_ASSERT},
		{SAID FORGED ABORTED, SAN_EXIT_ASAN, SAN_ASSERT},
		{SAID EXITED, SAN_EXIT_LIBFUZZER, SAN_ASSERT},
		/* Nobody who knows ended it: the text is all there is. */
		{FORGED SEGV, -1, SAN_HEAP_USE_AFTER_FREE},
		{FORGED, SAN_EXIT_TIMEOUT, SAN_HEAP_USE_AFTER_FREE},
	};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(cases); i++) {
		struct iw_arena *arena = iw_arena_new();
		struct san_report *reports;
		const struct san_report *r;
		size_t count;

		assert_int_equal(san_report_parse(arena, cases[i].text,
					 strlen(cases[i].text), &reports, &count, NULL),
			0);
		r = san_report_of_exit(reports, count, cases[i].status);
		if (r->kind != cases[i].kind)
			fail_msg("case %zu is '%s'", i, san_kind_name(r->kind));
		iw_arena_free(arena);
	}
}

/* Many failures with many stacks of long names: some of each, and not more than promised. */
static void test_bounded(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	struct iw_buf text = {0};
	struct san_reading reading;
	const struct san_report *r;
	char name[2000];

	(void)state;
	memset(name, 'n', sizeof name);
	for (int i = 0; i < 100; i++) {
		iw_buf_addf(
			&text, "==1==ERROR: AddressSanitizer: SEGV on %.*s\n", 900, name);
		for (int stack = 0; stack < 14; stack++) {
			iw_buf_adds(&text, "\nfreed by thread T0 here:\n");
			for (int f = 0; f < 300; f++)
				iw_buf_addf(&text, "    #%d 0x1 in f%.*s (/b/%.*s+0x1)\n",
					f, i % 2 ? 1900 : 9, name, 1900, name);
		}
	}
	assert_int_equal(san_report_read(arena, text.data, text.len, &reading, NULL), 0);
	assert_true(iw_arena_used(arena) <= SAN_READ_MAX);
	assert_int_equal(reading.count, SAN_REPORTS);
	assert_int_equal(reading.dropped, 100 - SAN_REPORTS);
	for (size_t i = 0; i < reading.count; i++) {
		r = &reading.reports[i];
		assert_true(r->stack_count >= 1);
		assert_int_equal(r->stack_count + r->stacks_dropped, 14);
		assert_int_equal(r->stacks[0].count + r->stacks[0].dropped, 300);
		assert_int_equal(r->stacks[0].frames[0].function[0], 'f');
	}
	iw_buf_fini(&text);
	iw_arena_free(arena);
}

static double parse_seconds(const struct iw_buf *text)
{
	struct iw_arena *arena = iw_arena_new();
	struct san_report *reports;
	struct timespec a, b;
	size_t count;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	assert_int_equal(
		san_report_parse(arena, text->data, text->len, &reports, &count, NULL),
		0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	iw_arena_free(arena);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* One line of 100 MB, and 100 MB of the worst lines: seconds, not minutes. */
static void test_huge(void **state)
{
	static const char head[] = "==1==ERROR: AddressSanitizer: heap-buffer-overflow ";
	static const char worst[] = "load of address * which does not point to ";
	struct iw_buf text = {0};

	(void)state;
	iw_buf_adds(&text, head);
	for (int i = 0; i < 100 << 10; i++) {
		static char kilobyte[1024];

		memset(kilobyte, '(', sizeof kilobyte);
		iw_buf_add(&text, kilobyte, sizeof kilobyte);
	}
	assert_true(parse_seconds(&text) < 1);
	iw_buf_clear(&text);
	while (text.len < (size_t)40 << 20) {
		iw_buf_adds(&text, "#0 0x1 in ");
		for (int i = 0; i < 90; i++)
			iw_buf_adds(&text, worst);
		iw_buf_adds(&text, "\na: runtime error: ");
		for (int i = 0; i < 90; i++)
			iw_buf_adds(&text, worst);
		iw_buf_adds(&text, "\n");
	}
	assert_true(parse_seconds(&text) < 30);
	iw_buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_null_text),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
