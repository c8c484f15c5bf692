/* When a round must begin, how long it may be, and what counts as late. The targets are
 * made up, and the clock is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

#define WITHIN (10 * 60 * 1000)
#define T 1800000000000
#define NOT_SAID 100 /* enough was said already */

struct judging_test {
	struct farm farm;
	struct farm_target target;
	struct farm_lane *lane;
	struct farm_judge *judge;
};

static void begin(struct judging_test *j)
{
	*j = (struct judging_test){0};
	j->farm.config.judge_within_ms = WITHIN;
	j->target.farm = &j->farm;
	j->target.spec.name = "made-up";
	j->lane = &j->target.lanes[1];
	j->judge = &j->target.judges[0];
	*j->judge = (struct farm_judge){.target = &j->target,
		.flavour = "libfuzzer+msan",
		.lane = j->lane,
		.since_ms = T - WITHIN};
	*j->lane = (struct farm_lane){.target = &j->target, .judge = j->judge};
	j->target.judge_count = 1;
}

static void test_a_round_begins_in_time(void **state)
{
	struct judging_test j;

	(void)state;
	begin(&j);
	assert_false(farm_judge_is_near(NULL, T));
	assert_false(farm_judge_is_near(j.judge, T)); /* nothing waits */
	j.judge->waiting = (struct corpus_waiting){.units = 1, .oldest_ms = T};
	assert_false(farm_judge_is_near(j.judge, T));
	/* A quarter of the time is kept for what may come between. */
	assert_false(farm_judge_is_near(j.judge, T + WITHIN * 3 / 4 - 1));
	assert_true(farm_judge_is_near(j.judge, T + WITHIN * 3 / 4));
	/* Where rounds take four minutes it is twice as long. */
	j.lane->round_ms = 4 * 60 * 1000;
	assert_false(farm_judge_is_near(j.judge, T + 2 * 60 * 1000 - 1));
	assert_true(farm_judge_is_near(j.judge, T + 2 * 60 * 1000));
	j.lane->round_ms = WITHIN;
	assert_true(farm_judge_is_near(j.judge, T));
}

static void test_a_round_ends_in_time(void **state)
{
	struct judging_test j;

	(void)state;
	begin(&j);
	assert_in_range(farm_judge_limit(j.lane), 64, 1024); /* nobody knows yet */
	j.lane->unit_us = 100;
	assert_int_equal(farm_judge_limit(j.lane), CORPUS_MEASURE_LIMIT);
	j.lane->unit_us = 150 * 1000;
	assert_int_equal(farm_judge_limit(j.lane), WITHIN / 4 / 150);
	j.lane->unit_us = 60 * 1000 * 1000;
	assert_int_equal(farm_judge_limit(j.lane), 64);
	j.lane->judge = NULL; /* the reference has no deadline */
	assert_int_equal(farm_judge_limit(j.lane), CORPUS_MEASURE_LIMIT);
}

/* It was planned to be short, and units turn out to be slow: what it has is stored. */
static void test_a_slow_round_is_cut_once(void **state)
{
	struct judging_test j;

	(void)state;
	begin(&j);
	j.lane->began_ms = 1000;
	assert_false(farm_judge_is_slow(j.lane, 1000 + WITHIN / 2));
	assert_true(farm_judge_is_slow(j.lane, 1001 + WITHIN / 2));
	j.lane->is_cut = true;
	assert_false(farm_judge_is_slow(j.lane, 1001 + WITHIN / 2));
	/* However short the time is: a round must come to something. */
	j.lane->is_cut = false;
	j.farm.config.judge_within_ms = 1000;
	assert_false(farm_judge_is_slow(j.lane, 11000));
	j.lane->judge = NULL;
	assert_false(farm_judge_is_slow(j.lane, 1000 + 100 * WITHIN));
}

/* A round of two units that came at these times, the second one not run. */
static void note(struct judging_test *j, int64_t first, int64_t second, int64_t now)
{
	struct engine_unit_result results[] = {
		{.outcome = ENGINE_PASSED, .us = 3000}, {.outcome = ENGINE_NOT_RUN}};
	struct corpus_measured units[] = {{.unit.added_ms = first, .result = &results[0]},
		{.unit.added_ms = second, .result = &results[1]}};
	struct corpus_measure_result result = {
		.units = units, .count = 2, .passed = 1, .not_run = 1, .cpu_us = 9000};

	farm_judge_note(j->lane, &result, now);
}

static void test_waits_of_the_last_hour(void **state)
{
	const int64_t hour = 60 * 60 * 1000;
	struct judging_test j;

	(void)state;
	begin(&j);
	assert_int_equal(farm_judge_delay(j.judge, T), 0);
	note(&j, T - 70000, T - 90000, T);
	assert_int_equal(farm_judge_delay(j.judge, T), 70000);
	assert_true(j.lane->unit_us >= 9000); /* starting the process counts */
	note(&j, T - 5000, T, T + 1000);
	assert_int_equal(farm_judge_delay(j.judge, T + 1000), 70000);
	note(&j, T + hour / 2, T, T + hour / 2 + 20000);
	assert_int_equal(farm_judge_delay(j.judge, T + hour / 2), 70000);
	assert_int_equal(farm_judge_delay(j.judge, T + hour), 20000);
	assert_int_equal(farm_judge_delay(j.judge, T + 2 * hour), 0);
	assert_int_equal(j.judge->late_judged, 0);
	/* Older than the build: it waited for this one only since that is there. */
	note(&j, 1, 1, T + 1);
	assert_int_equal(j.judge->late_judged, 1);
	assert_int_equal(farm_judge_delay(j.judge, T + 1), WITHIN + 1);
	/* Who waits now has waited, too. */
	j.judge->waiting.oldest_ms = T;
	assert_int_equal(farm_judge_delay(j.judge, T + 3 * hour), 3 * hour);
}

static void see(struct judging_test *j, int64_t units, int64_t late)
{
	struct corpus_waiting w = {.units = units, .oldest_ms = T, .late = late};
	int said = NOT_SAID;

	farm_judge_seen(j->judge, &w, &said);
}

static void test_who_is_late_stays_counted(void **state)
{
	struct judging_test j;

	(void)state;
	begin(&j);
	see(&j, 5, 0);
	assert_false(j.judge->is_missed);
	see(&j, 5, 2);
	assert_true(j.judge->is_missed);
	assert_int_equal(j.judge->missed, 2);
	/* One of them is judged, which counts it no second time. */
	note(&j, T - 2 * WITHIN, T, T + 1);
	see(&j, 4, 1);
	assert_int_equal(j.judge->missed, 2);
	see(&j, 4, 3);
	assert_int_equal(j.judge->missed, 4);
	see(&j, 0, 0); /* quarantined on another flavour's behalf */
	assert_false(j.judge->is_missed);
	assert_int_equal(j.judge->missed, 4);
}

static void test_words(void **state)
{
	struct farm_target_view view = {.judge_count = 0};
	struct judging_test j;

	(void)state;
	begin(&j);
	j.target.state = FARM_TARGET_READY;
	iw_time_set(T + 4000, -1);
	see(&j, 5, 0);
	farm_judges_look(&j.target, &view);
	assert_int_equal(view.judge_count, 1);
	assert_int_equal(view.judges[0].waiting, 5);
	assert_int_equal(view.judges[0].oldest_ms, 4000);
	assert_string_equal(view.judges[0].why, "");
	see(&j, 5, 1);
	j.lane->retry_ms = 1;
	farm_judges_look(&j.target, &view);
	assert_non_null(strstr(view.judges[0].why, "rounds fail"));
	j.target.state = FARM_TARGET_BROKEN;
	farm_judges_look(&j.target, &view);
	assert_string_equal(view.judges[0].why, "the target is left out");
	j.judge->lane = NULL;
	j.judge->missing = "it does not build";
	farm_judges_look(&j.target, &view);
	assert_string_equal(view.judges[0].why, "it does not build");
	iw_time_set(-1, -1);
}

static void test_new_units_wait_at_once(void **state)
{
	struct judging_test j;

	(void)state;
	begin(&j);
	iw_time_set(T, -1);
	farm_judges_added(&j.target, 0);
	assert_int_equal(j.judge->waiting.oldest_ms, 0);
	farm_judges_added(&j.target, 3);
	iw_time_set(T + 5, -1);
	farm_judges_added(&j.target, 4);
	assert_int_equal(j.judge->waiting.oldest_ms, T);
	assert_int_equal(j.judge->waiting.units, 7);
	iw_time_set(-1, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_round_begins_in_time),
		cmocka_unit_test(test_a_round_ends_in_time),
		cmocka_unit_test(test_a_slow_round_is_cut_once),
		cmocka_unit_test(test_waits_of_the_last_hour),
		cmocka_unit_test(test_who_is_late_stays_counted),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_new_units_wait_at_once),
	};

	return cmocka_run_group_tests_name("farm_judging", tests, NULL, NULL);
}
