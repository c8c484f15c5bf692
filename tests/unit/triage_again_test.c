/* What failed comes again, later each time, and a farm that ends does not wait for ever.
 */
#include "tests/lib/temp.h"

#include "base/time.h"
#include "triage/again.h"

#include "base/banned.h"

static void test_cases_wait_longer_each_time(void **state)
{
	static const int64_t rests[] = {
		2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000, 300000};
	struct triage_again again = {0};
	struct triage_case one = {.crash_id = 7}, *c;
	int64_t now = 1000;
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rests); i++) {
		iw_time_set(-1, now);
		triage_again_case(&again, &one);
		assert_int_equal(triage_again_cases(&again), i < 3);
		iw_time_set(-1, now + rests[i] - 1);
		assert_null(triage_again_due_case(&again));
		now += rests[i];
		iw_time_set(-1, now);
		c = triage_again_due_case(&again);
		assert_non_null(c);
		assert_int_equal(c->crash_id, 7);
		one = *c;
		free(c);
		assert_null(triage_again_due_case(&again));
		assert_int_equal(triage_again_cases(&again), 0);
	}
	triage_again_fini(&again);
	iw_time_set(-1, -1);
}

static void test_only_what_is_due_comes(void **state)
{
	struct triage_bug often = {.id = 1, .tries = 5}, once = {.id = 2};
	struct triage_case waiting = {.crash_id = 3};
	struct triage_again again = {0};

	(void)state;
	iw_time_set(-1, 0);
	triage_again_bug(&again, &once);
	triage_again_bug(&again, &often);
	triage_again_case(&again, &waiting);
	assert_int_equal(triage_again_bugs(&again), 1);
	iw_time_set(-1, 2000);
	assert_ptr_equal(triage_again_due_bug(&again), &once);
	assert_null(triage_again_due_bug(&again));
	iw_time_set(-1, 64000);
	assert_ptr_equal(triage_again_due_bug(&again), &often);
	/* What is still waiting goes with it. */
	triage_again_bug(&again, &often);
	triage_again_fini(&again);
	assert_null(again.cases);
	assert_null(again.bugs);
	iw_time_set(-1, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_wait_longer_each_time),
		cmocka_unit_test(test_only_what_is_due_comes),
	};

	return cmocka_run_group_tests_name("triage_again", tests, NULL, NULL);
}
