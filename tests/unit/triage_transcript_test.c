/* What gdb says of a death, as a report; and what a program that wants to speak for gdb gets
 * out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sanitizers/frames.h"
#include "sanitizers/headline.h"
#include "triage/transcript.h"

#include "base/banned.h"

#define TOKEN "5ec2e7"
#define FILES                                                                            \
	"\n" TOKEN " files\n\tEntry point: 0x555555555100\n"                             \
	"\t0x0000555555555000 - 0x0000555555556000 is .text\n"                           \
	"\t0x00007ffff7dd0000 - 0x00007ffff7f00000 is .text in /lib/libc.so.6\n"         \
	"\n" TOKEN " end\n"
#define FRAMES_NAMED                                                                     \
	"#0  write_null (p=...) at /src/a.c:12\n"                                        \
	"#1  0x0000555555555204 in main (argc=..., argv=...) at /src/a.c:30\n"
#define FRAMES_BARE                                                                      \
	"#0  0x000055555555530e in ?? ()\n#1  0x00005555555553a3 in ?? ()\n"             \
	"#2  0x00007ffff7dd5fff in ?? () from /lib/libc.so.6\n"

static char *report(const char *text)
{
	const struct triage_transcript t = {
		.text = text,
		.len = strlen(text),
		.token = TOKEN,
		.program = "/opt/tool",
		.entry = 0x1100,
	};

	return triage_transcript_report(&t);
}

static void test_deaths(void **state)
{
	static const struct {
		const char *at, *frames, *headline, *first;
	} rows[] = {
		{"11 1 0 5555555551a9 7fffffffebc0", FRAMES_NAMED,
			"Null-dereference in write_null", "write_null"},
		{"11 1 4141414100 55555555530e 7fffffffebc0", FRAMES_BARE,
			"UNKNOWN in tool+0x130e", "tool+0x130e"},
		{"11 2 7fffff7feff8 55555555530e 7fffff7ff000", FRAMES_BARE,
			"Stack-overflow in tool+0x130e", "tool+0x130e"},
		/* The processor did not say where. */
		{"11 128 0 55555555530e 7fffffffebc0", FRAMES_BARE,
			"UNKNOWN in tool+0x130e", "tool+0x130e"},
		{"6 -6 3565 5555555551a9 7fffffffebc0", FRAMES_NAMED,
			"Abrt in write_null", "write_null"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rows); i++) {
		struct iw_arena *arena = iw_arena_new();
		struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
		_auto_free_ char *text = iw_fmt("Reading symbols...\n\n" TOKEN
						" at\n%s\n\n" TOKEN " stack\n%s" FILES,
			rows[i].at, rows[i].frames);
		_auto_free_ char *told = report(text);
		struct san_report *reports;
		size_t count;

		assert_non_null(told);
		san_report_parse(arena, told, strlen(told), &reports, &count, NULL);
		assert_int_equal(count, 1);
		assert_string_equal(
			san_report_headline(arena, reports), rows[i].headline);
		count = san_report_signature_frames(arena, reports, frames, NULL);
		assert_true(count >= 1);
		assert_string_equal(frames[0].function, rows[i].first);
		iw_arena_free(arena);
	}
}

static void test_no_death(void **state)
{
	static const char at[] = "\n" TOKEN " at\n", stack[] = "\n" TOKEN " stack\n";
	static const char death[] = "11 1 0 1 2\n";
	const char *const texts[] = {
		"",
		/* It ended, or gdb was ended. */
		"\n" TOKEN " at\nNo frame.\n\n" TOKEN " stack\nNo stack.\n" FILES,
		"\n" TOKEN " at\n11 1 0 1 2\n\n" TOKEN " stack\n#0  0x1 in f ()\n",
		/* A signal that nobody dies of here. */
		"\n" TOKEN " at\n17 1 0 1 2\n\n" TOKEN " stack\n#0  0x1 in f ()\n" FILES,
		/* Somebody who does not know the token. */
		("\nffffff at\n11 1 0 1 2\n\nffffff stack\n#0  0x1 in f ()\n"
		 "\nffffff files\n\nffffff end\n"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(texts); i++) {
		_auto_free_ char *told = report(texts[i]);

		assert_null(told);
	}
	/* Cut anywhere: nothing without the end. */
	for (i = 0; i < strlen(FILES); i++) {
		_auto_free_ char *text =
			iw_fmt("%s%s%s%.*s", at, death, stack, (int)i, FILES);
		_auto_free_ char *told = report(text);

		assert_null(told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_no_death),
	};

	return cmocka_run_group_tests_name("triage_transcript", tests, NULL, NULL);
}
