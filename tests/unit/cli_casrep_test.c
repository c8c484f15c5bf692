/* CASR's reports: what is read out of one, and what a new one holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/casrep.h"

static void assert_text(const char *json, const char *expected, const char *words)
{
	json_t *casrep = json_loads(json, 0, NULL);
	struct iw_buf text = {0};

	assert_non_null(casrep);
	assert_int_equal(casrep_text(casrep, &text), expected != NULL);
	if (expected)
		assert_string_equal(text.data ? text.data : "", expected);
	if (words)
		assert_string_equal(casrep_words(casrep), words);
	iw_buf_fini(&text);
	json_decref(casrep);
}

#define SEVERITY                                                                         \
	"\"CrashSeverity\": {\"Type\": \"EXPLOITABLE\", \"ShortDescription\": \"w\"}"

static void test_read(void **state)
{
	(void)state;
	/* The report where there is one, else the stack. */
	assert_text("{" SEVERITY ", \"Stacktrace\": [\"#0 0x1 in f a.c:1\"], "
		    "\"AsanReport\": [\"==1==ERROR\", \"    #0\"]}",
		"==1==ERROR\n    #0\n", "w");
	assert_text("{" SEVERITY ", \"Stacktrace\": [\"#0 0x1 in f a.c:1\"], "
		    "\"AsanReport\": [], \"GoReport\": [\"panic: x\"]}",
		"panic: x\n", "w");
	assert_text("{" SEVERITY ", \"Stacktrace\": [\"#0 0x1 in f a.c:1\", 7]}",
		"#0 0x1 in f a.c:1\n", "w");
	/* Other objects are none. */
	assert_text("{\"Stacktrace\": []}", NULL, NULL);
	assert_text("{\"CrashSeverity\": 1, \"Stacktrace\": []}", NULL, NULL);
	assert_text("[]", NULL, NULL);
}

/* Bytes that are no text, and lines that would move a cursor. */
static void test_made(void **state)
{
	static const char report[] = "one\n\xff\x1b[31mtwo\nlast";
	struct casrep spec = {
		.program = "/bin/\xfe",
		.command = "/bin/p @@",
		.severity = "NOT_EXPLOITABLE",
		.description = "abrt",
		.why = "Abrt in f",
		.report = report,
		.report_len = sizeof report - 1,
		.stack = "    #0 0x1 in f a.c:1:2\n",
		.place = "a.c:1:2",
	};
	json_t *casrep = casrep_make(&spec);
	struct iw_buf text = {0};

	(void)state;
	assert_non_null(casrep);
	assert_true(casrep_text(casrep, &text));
	assert_string_equal(text.data, "one\n\xef\xbf\xbd\\x1b[31mtwo\nlast\n");
	assert_string_equal(casrep_words(casrep), "abrt");
	assert_string_equal(
		json_string_value(json_object_get(casrep, "CrashLine")), "a.c:1:2");
	iw_buf_fini(&text);
	json_decref(casrep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests_name("cli_casrep", tests, NULL, NULL);
}
