/* Which names does a sentence tell about one that there is not? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/near_name.h"

#include "base/banned.h"

static const char *const names[] = {
	"transaction", "block", "script", "addrbook", "message", "relay", "block"};

static void assert_names(const char *wanted, size_t count, const char *told)
{
	_auto_free_ char *words = cli_near_names(wanted, names, count);

	assert_string_equal(words, told);
}

static void test_near_miss_first(void **state)
{
	(void)state;
	assert_names("mesage", 5,
		"'message', 'addrbook', 'block', 'script' and 'transaction'");
	assert_names("scritp", 3, "'script', 'block' and 'transaction'");
	assert_names("fuzz_block", 2, "'block' and 'transaction'");
	assert_names("act", 3, "'transaction', 'block' and 'script'");
}

static void test_no_near_miss(void **state)
{
	(void)state;
	assert_names("zzzzzz", 3, "'block', 'script' and 'transaction'");
	assert_names("", 1, "'transaction'");
	assert_names("block", 0, "none");
}

static void test_each_once(void **state)
{
	(void)state;
	assert_names("blocks", 7,
		"'block', 'addrbook', 'message', 'relay', 'script' and 'transaction'");
}

static void test_many(void **state)
{
	const char *many[20];
	char text[20][3];
	_auto_free_ char *words = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		text[i][0] = 'a';
		text[i][1] = (char)('a' + i);
		text[i][2] = '\0';
		many[i] = text[i];
	}
	words = cli_near_names("atx", many, 20);
	assert_string_equal(words, "'at', 'aa', 'ab', 'ac', 'ad', 'ae' and 14 more");
}

/* Longer than anybody types: neither side writes past a row. */
static void test_long(void **state)
{
	char text[301];
	const char *const longs[] = {text, "block"};
	_auto_free_ char *words = NULL, *back = NULL;

	(void)state;
	memset(text, 'x', 300);
	text[300] = '\0';
	words = cli_near_names("blok", longs, 2);
	assert_int_equal(strncmp(words, "'block' and 'xxx", 15), 0);
	back = cli_near_names(text, names, 2);
	assert_string_equal(back, "'block' and 'transaction'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near_miss_first),
		cmocka_unit_test(test_no_near_miss),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("cli_near_name", tests, NULL, NULL);
}
