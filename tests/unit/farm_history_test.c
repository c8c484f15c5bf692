/* When a point of a target's history is due. */
#include "tests/lib/temp.h"

#include "farm_room.h"

#include "base/banned.h"

#define S 1000
#define START (1000 * S)

static void test_when_a_point_is_due(void **state)
{
	struct farm_target t = {.state = FARM_TARGET_READY, .units = 3};
	uint32_t feature = 17;

	(void)state;
	t.features = corpus_features_new();
	/* The first one when it is fuzzed first. */
	assert_false(farm_history_is_due(&t, START));
	t.engines = 1;
	assert_true(farm_history_is_due(&t, START));
	t.history = (struct history_point){.at_ms = START, .units = 3};
	/* Nothing is new: every ten minutes, and only while it is fuzzed. */
	assert_false(farm_history_is_due(&t, START + 599 * S));
	assert_true(farm_history_is_due(&t, START + 600 * S));
	t.engines = 0;
	assert_false(farm_history_is_due(&t, START + 600 * S));
	/* Something is: after a minute, also while others are fuzzed. */
	t.units = 4;
	assert_false(farm_history_is_due(&t, START + 59 * S));
	assert_true(farm_history_is_due(&t, START + 60 * S));
	t.units = 3;
	corpus_features_add(t.features, &feature, 1);
	assert_false(farm_history_is_due(&t, START + 59 * S));
	assert_true(farm_history_is_due(&t, START + 60 * S));
	t.state = FARM_TARGET_BROKEN;
	assert_false(farm_history_is_due(&t, START + 600 * S));
	corpus_features_free(t.features);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_a_point_is_due),
	};

	return cmocka_run_group_tests_name("farm_history", tests, NULL, NULL);
}
