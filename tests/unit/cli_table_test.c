/* Tables as wide as they may be: what goes, what is cut, what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/table.h"

static struct cli_table *make(void)
{
	struct cli_table *t = cli_table_new("target|on|>units|>crashes");

	cli_table_cell(t, "node/address_manager_deserialize");
	cli_table_cell(t, "libfuzzer+asan+ubsan");
	cli_table_number(t, 1234567);
	cli_table_number(t, 3);
	return t;
}

static void assert_line(struct cli_table *t, int row, const char *expected)
{
	struct iw_buf line = {0};

	cli_table_line(t, row, &line);
	assert_string_equal(line.data, expected);
	iw_buf_fini(&line);
}

static void test_wide_enough(void **state)
{
	struct cli_table *t = make();

	(void)state;
	cli_table_fit(t, 200, "31");
	assert_line(t, 0,
		"target                            on                        units  "
		"crashes");
	assert_line(t, 1,
		"node/address_manager_deserialize  libfuzzer+asan+ubsan  1,234,567       "
		" 3");
	cli_table_free(t);
}

static void test_text_is_cut_then_columns_go(void **state)
{
	struct cli_table *t = make();

	(void)state;
	cli_table_fit(t, 65, "31");
	assert_line(t, 1,
		"node/address_manager_d…  libfuzzer+asan+ubsan  1,234,567        3");
	cli_table_free(t);
	t = make();
	cli_table_fit(t, 60, "31");
	assert_line(t, 1, "node/address_manager_deser…  libfuzzer+asan+ubsan  1,234,567");
	cli_table_free(t);
	t = make();
	cli_table_fit(t, 40, "31");
	assert_line(t, 1, "node/address_manager_deseria…  1,234,567");
	cli_table_free(t);
}

static void test_every_width(void **state)
{
	int width, row;

	(void)state;
	for (width = 14; width < 90; width++) {
		struct cli_table *t = make();
		struct iw_buf line = {0};

		cli_table_cell(t, "日本/日本語の名前がとても長いので切られます");
		cli_table_cell(t, "%s", "");
		cli_table_number(t, 0);
		cli_table_number(t, 0);
		cli_table_fit(t, width, "31");
		for (row = 0; row < cli_table_lines(t); row++) {
			iw_buf_clear(&line);
			cli_table_line(t, row, &line);
			assert_true(iw_text_width(line.data) <= (size_t)width);
		}
		iw_buf_fini(&line);
		cli_table_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide_enough),
		cmocka_unit_test(test_text_is_cut_then_columns_go),
		cmocka_unit_test(test_every_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
