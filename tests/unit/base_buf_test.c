/* Growing strings: any bytes, always a NUL behind them, and the owner changes by steal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

static void test_add(void **state)
{
	struct iw_buf buf = {0};

	(void)state;
	iw_buf_adds(&buf, "one");
	iw_buf_addf(&buf, " %d %s", 2, "three");
	iw_buf_add(&buf, "\0x", 2);
	assert_int_equal(buf.len, 13);
	assert_memory_equal(buf.data, "one 2 three\0x\0", 14);
	iw_buf_fini(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	iw_buf_fini(&buf);
}

static void test_nul_behind_every_length(void **state)
{
	struct iw_buf buf = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		iw_buf_add(&buf, &"abcdefghij"[i % 10], 1);
		assert_int_equal(buf.len, i + 1);
		assert_true(buf.cap > buf.len);
		assert_int_equal(buf.data[buf.len], '\0');
	}
	for (i = 0; i < buf.len; i++)
		assert_int_equal(buf.data[i], 'a' + (int)(i % 10));
	iw_buf_fini(&buf);
}

static void test_format_longer_than_the_room(void **state)
{
	struct iw_buf buf = {0};
	char wide[5000];

	(void)state;
	memset(wide, 'w', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	iw_buf_addf(&buf, "<%s>", wide);
	assert_int_equal(buf.len, sizeof wide + 1);
	assert_int_equal(buf.data[0], '<');
	assert_int_equal(buf.data[buf.len - 1], '>');
	iw_buf_fini(&buf);
}

static void test_clear_keeps_the_room(void **state)
{
	struct iw_buf buf = {0};
	size_t cap;

	(void)state;
	iw_buf_clear(&buf); /* nothing there is fine */
	iw_buf_adds(&buf, "something");
	cap = buf.cap;
	iw_buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.cap, cap);
	assert_string_equal(buf.data, "");
	iw_buf_fini(&buf);
}

static void test_steal(void **state)
{
	struct iw_buf buf = {0};
	_auto_free_ char *empty = iw_buf_steal(&buf);
	_auto_free_ char *full = NULL;

	(void)state;
	assert_string_equal(empty, "");
	iw_buf_adds(&buf, "mine");
	full = iw_buf_steal(&buf);
	assert_string_equal(full, "mine");
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.cap, 0);
}

static void test_adding_nothing_makes_a_string(void **state)
{
	struct iw_buf buf = {0};

	(void)state;
	iw_buf_add(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	iw_buf_addf(&buf, "%s", "");
	assert_int_equal(buf.len, 0);
	iw_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_nul_behind_every_length),
		cmocka_unit_test(test_format_longer_than_the_room),
		cmocka_unit_test(test_clear_keeps_the_room),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_adding_nothing_makes_a_string),
	};

	return cmocka_run_group_tests_name("base_buf", tests, NULL, NULL);
}
