/* What one farm leaves to the next of the branches it follows. */
#include "tests/lib/temp.h"

#include "config.h"
#include "follow.h"

#include "base/banned.h"

static struct adapter a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static void put(char id[static IW_GIT_HEX], char digit)
{
	memset(id, digit, IW_GIT_HEX - 1);
	id[IW_GIT_HEX - 1] = '\0';
}

static void set(struct follow_list *list, struct adapter *x, struct adapter *y)
{
	struct adapter *const adapters[] = {x, y};
	const int64_t follow_ms[] = {IW_FOLLOW_AS_SAID, 0};

	follow_list_set(list, adapters, follow_ms, 2, 60000);
}

static void test_refusals_outlive_a_configuration(void **state)
{
	struct follow_list list = {0};

	(void)state;
	set(&list, &a, &b);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.entries[1].adapter, "b");
	assert_int_equal(list.entries[0].every_ms, 60000);
	assert_int_equal(list.entries[1].every_ms, 0);
	assert_string_equal(list.entries[0].commit, "");
	put(list.entries[0].commit, '1');
	put(list.entries[0].refused, '2');
	list.entries[0].failures = 3;
	list.entries[0].due_ms = 77;
	/* Another place in the list, and looked at at once. */
	set(&list, &c, &a);
	assert_string_equal(list.entries[0].refused, "");
	assert_int_equal(list.entries[0].failures, 0);
	assert_int_equal(list.entries[1].refused[0], '2');
	assert_int_equal(list.entries[1].failures, 3);
	assert_int_equal(list.entries[1].due_ms, 0);
	assert_string_equal(list.entries[1].commit, "");
	follow_list_fini(&list);
	assert_null(list.entries);
}

static void test_back_to_the_one_before(void **state)
{
	const struct farm_follow *back;
	struct follow_list list = {0};

	(void)state;
	set(&list, &a, &b);
	assert_null(follow_list_go_back(&list));
	put(list.entries[0].commit, '7'); /* of who has not moved */
	put(list.entries[1].commit, '2');
	put(list.entries[1].before, '1');
	back = follow_list_go_back(&list);
	assert_ptr_equal(back, &list.entries[1]);
	assert_int_equal(back->refused[0], '2');
	assert_int_equal(back->commit[0], '1');
	assert_int_equal(list.entries[0].commit[0], '7');
	assert_string_equal(list.entries[0].refused, "");
	/* The one before has nothing before it. */
	assert_null(follow_list_go_back(&list));
	follow_list_fini(&list);
}

static void test_newest_is_tried_once(void **state)
{
	struct follow_list list = {0};

	(void)state;
	set(&list, &a, &b);
	assert_false(follow_list_go_on(&list));
	list.entries[0].is_old = true;
	assert_true(follow_list_go_on(&list));
	assert_true(list.entries[0].wants_newest);
	assert_false(list.entries[1].wants_newest);
	assert_false(follow_list_go_on(&list));
	follow_list_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_outlive_a_configuration),
		cmocka_unit_test(test_back_to_the_one_before),
		cmocka_unit_test(test_newest_is_tried_once),
	};

	return cmocka_run_group_tests_name("farm_follow", tests, NULL, NULL);
}
