/* The totals of a summary, as llvm-cov prints it and as it should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cover_report.h"

#include "base/banned.h"

#define LINES "\"lines\":{\"count\":14,\"covered\":12,\"percent\":85.7}"
#define FUNCTIONS ",\"functions\":{\"count\":3,\"covered\":3,\"percent\":100}"
#define REGIONS                                                                          \
	",\"regions\":{\"count\":13,\"covered\":9,\"notcovered\":4,\"percent\":69.2}"
#define WHOLE(inside) "{\"data\":[{\"files\":[],\"totals\":{" inside "}}],\"type\":\"x\"}"

static void test_totals(void **state)
{
	static const char text[] = WHOLE(LINES FUNCTIONS REGIONS) "\n";
	struct iw_err err = IW_ERR_INIT;
	struct cover_totals totals;

	(void)state;
	assert_int_equal(cover_totals_parse(text, sizeof text - 1, &totals, &err), 0);
	assert_int_equal(totals.lines, 14);
	assert_int_equal(totals.lines_reached, 12);
	assert_int_equal(totals.functions, 3);
	assert_int_equal(totals.functions_reached, 3);
	assert_int_equal(totals.regions, 13);
	assert_int_equal(totals.regions_reached, 9);
}

static void test_wrong(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"data\":[]}",
		"{\"data\":{}}",
		WHOLE(""),
		WHOLE(LINES FUNCTIONS),
		WHOLE(LINES FUNCTIONS ",\"regions\":{\"count\":1}"),
		WHOLE(LINES FUNCTIONS ",\"regions\":{\"count\":1,\"covered\":2}"),
		WHOLE(LINES FUNCTIONS ",\"regions\":{\"count\":1,\"covered\":-1}"),
		WHOLE(LINES FUNCTIONS ",\"regions\":{\"count\":\"1\",\"covered\":1}"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(texts); i++) {
		struct iw_err err = IW_ERR_INIT;
		struct cover_totals totals;

		assert_int_equal(
			cover_totals_parse(texts[i], strlen(texts[i]), &totals, &err),
			IW_EINVAL);
		assert_non_null(strstr(err.msg, "the summary has no"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests_name("farm_cover_report", tests, NULL, NULL);
}
