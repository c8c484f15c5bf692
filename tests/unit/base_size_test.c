/* Sizes: words for people, strict reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/size.h"

#include "base/banned.h"

static void test_words(void **state)
{
	static const struct {
		int64_t bytes;
		const char *words;
	} rows[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{20 << 10, "20 KiB"},
		{(int64_t)999 << 10, "999 KiB"},
		{(int64_t)1000 << 10, "1.0 MiB"},
		{(int64_t)300 << 30, "300 GiB"},
		{(int64_t)5000 << 40, "5000 TiB"},
	};
	char words[24];
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rows); i++) {
		iw_size_words(rows[i].bytes, words);
		assert_string_equal(words, rows[i].words);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = {
		{"0", 0},
		{"1048576", 1 << 20},
		{"500M", (int64_t)500 << 20},
		{"1.5G", (int64_t)3 << 29},
		{"2TiB", (int64_t)2 << 40},
		{"7KB", 7 << 10},
		{"", -1},
		{"G", -1},
		{".5G", -1},
		{"-1", -1},
		{" 1", -1},
		{"1 G", -1},
		{"1g", -1},
		{"0x10", -1},
		{"1e9", -1},
		{"1..5G", -1},
		{"inf", -1},
		{"1Gi", -1},
		{"99999999T", -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rows); i++)
		assert_int_equal(iw_size_parse(rows[i].text), rows[i].bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
