/* How grave a report is: CASR's class and word for what sanitizers, engines and signals
 * print, and whether it ends the program. */
#include <signal.h>

#include "tests/lib/temp.h"

#include "triage/severity.h"

#include "base/banned.h"

#define ASAN(what, access)                                                               \
	"==7==ERROR: AddressSanitizer: " what " on address 0x602000000011 at pc "        \
	"0x1 bp 0x2 sp 0x3\n" access                                                     \
	"    #0 0x4f1 in parse /src/a.c:3:5\n    #1 0x4f2 in main /src/a.c:9\n"
#define SEGV(address, pc, hint)                                                          \
	"==7==ERROR: AddressSanitizer: SEGV on unknown address " address " (pc " pc      \
	" bp 0x2 sp 0x3 T0)\n" hint "    #0 " pc " in parse /src/a.c:3:5\n"
#define READ "READ of size 4 at 0x602000000011 thread T0\n"
#define WRITE "WRITE of size 4 at 0x602000000011 thread T0\n"
#define UBSAN(what)                                                                      \
	"/src/a.c:3:5: runtime error: " what "\n    #0 0x4f1 in parse /src/a.c:3\n"

static const struct {
	const char *text;
	const char *class, *reason;
	bool is_crash;
} rows[] = {
	{ASAN("heap-buffer-overflow", WRITE), "EXPLOITABLE",
		"heap-buffer-overflow(write)", true},
	{ASAN("heap-buffer-overflow", READ), "NOT_EXPLOITABLE",
		"heap-buffer-overflow(read)", true},
	{ASAN("heap-buffer-overflow", ""), "PROBABLY_EXPLOITABLE", "heap-buffer-overflow",
		true},
	{ASAN("stack-buffer-overflow", WRITE), "EXPLOITABLE",
		"stack-buffer-overflow(write)", true},
	{ASAN("global-buffer-overflow", READ), "NOT_EXPLOITABLE",
		"global-buffer-overflow(read)", true},
	{ASAN("heap-use-after-free", WRITE), "EXPLOITABLE", "heap-use-after-free(write)",
		true},
	{ASAN("heap-use-after-free", READ), "NOT_EXPLOITABLE",
		"heap-use-after-free(read)", true},
	{ASAN("stack-use-after-return", WRITE), "EXPLOITABLE",
		"stack-use-after-return(write)", true},
	{ASAN("use-after-poison", WRITE), "PROBABLY_EXPLOITABLE", "use-after-poison",
		true},
	{"==7==ERROR: AddressSanitizer: attempting double-free on 0x602000000010 in "
	 "thread T0:\n    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "double-free", true},
	{"==7==ERROR: AddressSanitizer: negative-size-param: (size=-1)\n"
	 "    #0 0x4f1 in parse /src/a.c:3:5\n",
		"PROBABLY_EXPLOITABLE", "negative-size-param", true},
	{SEGV("0x4141414141414141", "0x4f1",
		 "The signal is caused by a WRITE memory access.\n"),
		"EXPLOITABLE", "DestAv", true},
	{SEGV("0x4141414141414141", "0x4f1",
		 "The signal is caused by a READ memory access.\n"),
		"NOT_EXPLOITABLE", "SourceAv", true},
	{SEGV("0x000000000010", "0x4f1",
		 "The signal is caused by a WRITE memory access.\n"),
		"PROBABLY_EXPLOITABLE", "DestAvNearNull", true},
	{SEGV("0x000000000000", "0x4f1",
		 "The signal is caused by a READ memory access.\n"),
		"NOT_EXPLOITABLE", "SourceAvNearNull", true},
	{SEGV("0x414141414141", "0x414141414141", ""), "EXPLOITABLE", "SegFaultOnPc",
		true},
	{"==7==ERROR: AddressSanitizer: stack-overflow on address 0x7ffc (pc 0x4f1 bp "
	 "0x2 "
	 "sp 0x3 T0)\n    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "StackOverflow", true},
	{"==7==WARNING: MemorySanitizer: use-of-uninitialized-value\n"
	 "    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "use-of-uninitialized-value", false},
	{"==7==ERROR: LeakSanitizer: detected memory leaks\n\nDirect leak of 8 byte(s) "
	 "in 1 "
	 "object(s) allocated from:\n    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "memory-leaks", false},
	{UBSAN("signed integer overflow: 2147483647 + 1 cannot be represented in type "
	       "'int'"),
		"NOT_EXPLOITABLE", "integer-overflow", false},
	{UBSAN("index 9 out of bounds for type 'int[4]'"), "PROBABLY_EXPLOITABLE",
		"index-out-of-bounds", true},
	{UBSAN("division by zero"), "NOT_EXPLOITABLE", "FPE", true},
	{"target: a.c:3: parse: Assertion `n < 4' failed.\n"
	 "==7== ERROR: libFuzzer: deadly signal\n    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "AbortSignal", true},
	{"==7== ERROR: libFuzzer: timeout after 2 seconds\n"
	 "    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "timeout", false},
	{"==7== ERROR: libFuzzer: out-of-memory (malloc(4294967295))\n"
	 "    #0 0x4f1 in parse /src/a.c:3:5\n",
		"NOT_EXPLOITABLE", "out-of-memory", true},
	{"*** stack smashing detected ***: terminated\n", "PROBABLY_EXPLOITABLE",
		"StackGuard", true},
};

static void test_reports(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rows); i++) {
		struct iw_arena *arena = iw_arena_new();
		struct triage_severity s;
		struct san_report *reports;
		size_t count;

		assert_int_equal(san_report_parse(arena, rows[i].text,
					 strlen(rows[i].text), &reports, &count, NULL),
			0);
		if (!count)
			fail_msg("row %zu says nothing: %s", i, rows[i].text);
		triage_severity_of(san_report_primary(reports, count), &s);
		if (strcmp(triage_severity_word(s.class), rows[i].class) != 0 ||
			strcmp(s.reason, rows[i].reason) != 0 ||
			s.is_crash != rows[i].is_crash)
			fail_msg("row %zu: %s, %s, %d", i, triage_severity_word(s.class),
				s.reason, s.is_crash);
		iw_arena_free(arena);
	}
}

/* Every kind that the reader knows has a class and a reason. */
static void test_every_kind(void **state)
{
	enum san_kind kind;
	int access;

	(void)state;
	for (kind = SAN_NOTHING; kind < SAN_KINDS; kind++) {
		for (access = SAN_ACCESS_NONE; access <= SAN_ACCESS_WRITE; access++) {
			struct san_report r = {
				.kind = kind, .access = (enum san_access)access};
			struct triage_severity s;
			const char *word;

			triage_severity_of(&r, &s);
			word = triage_severity_word(s.class);
			assert_true(s.reason[0]);
			assert_true(triage_severity_literal(word) == word);
		}
	}
	assert_null(triage_severity_literal("HARMLESS"));
	assert_null(triage_severity_literal(NULL));
}

static void test_exits_without_report(void **state)
{
	static const struct {
		struct iw_exit exit;
		const char *reason;
		bool is_crash;
	} exits[] = {
		{{.class = IW_EXIT_SIGNALED, .code = SIGSEGV}, "AccessViolation", true},
		{{.class = IW_EXIT_SIGNALED, .code = SIGABRT}, "AbortSignal", true},
		{{.class = IW_EXIT_SIGNALED, .code = SIGFPE}, "FPE", true},
		{{.class = IW_EXIT_TIMEOUT}, "timeout", false},
		{{.class = IW_EXIT_OOM}, "out-of-memory", true},
		{{.class = IW_EXIT_FAILED, .code = 3}, "fuzz target exited", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(exits); i++) {
		struct triage_severity s;

		triage_severity_of_exit(&exits[i].exit, &s);
		assert_string_equal(s.reason, exits[i].reason);
		assert_int_equal(s.is_crash, exits[i].is_crash);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_exits_without_report),
	};

	return cmocka_run_group_tests_name("triage_severity", tests, NULL, NULL);
}
