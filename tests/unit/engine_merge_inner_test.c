/* What libFuzzer appends to a control file, whole and cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "engine/merge_inner.h"

#include "base/banned.h"

#define HEAD "3\n0\n/work/0\n/work/1\n/work/2\n"

static void test_answers(void **state)
{
	static const struct {
		const char *text;
		size_t measured;
		int64_t culprit;
	} cases[] = {
		{HEAD, 0, -1},
		{HEAD "STARTED 0 5\n", 0, 0},
		{HEAD "STARTED 0 5\nFT 0 9 3\nCOV 0 1\n", 1, -1},
		{HEAD "STARTED 0 5\nFT 0\nCOV 0\nSTARTED 1 2\n", 1, 1},
		{HEAD "STARTED 0 5\nFT 0 1\nSTARTED 1 2\nFT 1 1\nSTARTED 2 0\nFT 2 7\n",
			3, -1},
		{HEAD "STARTED 0 5\nFT 0 1\nSTARTED 1 2\nFT 1 12", 1,
			1},			       /* no end of line */
		{HEAD "STARTED 1 5\nFT 1 1\n", 0, -1}, /* out of order */
		{HEAD "FT 0 1\n", 0, -1},	       /* never started */
		{HEAD "STARTED 0 5\nFT 0 1\nSTARTED 99 1\n", 1, -1},
		{HEAD "STARTED x\n", 0, -1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(cases); i++) {
		struct engine_results results;
		int64_t culprit;
		size_t measured;

		engine_results_init(&results, 10);
		measured = engine_merge_inner_parse(cases[i].text, strlen(cases[i].text),
			5, 3, 0, &results, &culprit);
		if (measured != cases[i].measured || culprit != cases[i].culprit)
			fail_msg("case %zu: %zu measured, culprit %lld", i, measured,
				(long long)culprit);
		assert_int_equal(results.units[5].outcome,
			measured > 0 ? ENGINE_PASSED : ENGINE_NOT_RUN);
		engine_results_fini(&results);
	}
}

static void test_features_are_sorted_and_bounded(void **state)
{
	static const char text[] =
		HEAD "STARTED 0 5\nFT 0 900 3 17 3 79 80 99999999999\n";
	struct engine_results results;
	uint32_t numbers[3];
	int64_t culprit;

	(void)state;
	engine_results_init(&results, 3);
	assert_int_equal(engine_merge_inner_parse(
				 text, strlen(text), 0, 3, 80, &results, &culprit),
		1);
	assert_int_equal(results.units[0].feature_count, 3);
	assert_true(engine_features_decode(engine_features(&results, results.units),
		results.units[0].features_len, 3, 0, numbers));
	assert_int_equal(numbers[0], 3);
	assert_int_equal(numbers[1], 17);
	assert_int_equal(numbers[2], 79);
	engine_results_fini(&results);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_features_are_sorted_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
