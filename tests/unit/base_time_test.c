/* Time: words for people, strict reading, clocks that tests can hold still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
	int64_t ms;
	const char *words;
} words[] = {
	{0, "0s"},
	{-5, "0s"},
	{999, "0s"},
	{12 * SECOND, "12s"},
	{MINUTE - 1, "59s"},
	{MINUTE, "1m 00s"},
	{2 * MINUTE + 5 * SECOND, "2m 05s"},
	{HOUR - 1, "59m 59s"},
	{HOUR + 2 * MINUTE, "1h 02m"},
	{DAY - 1, "23h 59m"},
	{3 * DAY + 4 * HOUR, "3d 04h"},
	{1000 * DAY, "1000d 00h"},
	{INT64_MAX, "106751991167d 07h"},
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(words); i++) {
		char found[24];

		iw_time_words(words[i].ms, found);
		assert_string_equal(found, words[i].words);
	}
}

static const struct {
	const char *text;
	int64_t ms;
} parses[] = {
	{"0", -1},
	{"0s", 0},
	{"90", -1},
	{"90s", 90 * SECOND},
	{"5m", 5 * MINUTE},
	{"2h", 2 * HOUR},
	{"1d", DAY},
	{"007s", 7 * SECOND},
	{"", -1},
	{" 5", -1},
	{"-5", -1},
	{"+5", -1},
	{"s", -1},
	{"5x", -1},
	{"5M", -1},
	{"5mm", -1},
	{"5 m", -1},
	{"1h30m", -1},
	{"1.5h", 5400000},
	{"0.5m", 30 * SECOND},
	{".", -1},
	{".s", -1},
	{"1.2.3s", -1},
	{"infs", -1},
	{"nand", -1},
	{"0x10", -1},
	{"1e3", -1},
	{"99999999999999999999", -1},
	{"9223372036854775807d", -1},
	/* a hundred years of seconds are the most any unit takes */
	{"3153600000s", 3153600000 * SECOND},
	{"3153600001s", -1},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(parses); i++)
		assert_int_equal(iw_time_parse(parses[i].text), parses[i].ms);
	/* The largest number with the largest unit still fits. */
	assert_true(iw_time_parse("3153600000d") > 0);
}

static void test_iso(void **state)
{
	char iso[24];

	(void)state;
	iw_time_iso(0, iso);
	assert_string_equal(iso, "1970-01-01T00:00:00Z");
	iw_time_iso(INT64_C(1769860800999), iso);
	assert_string_equal(iso, "2026-01-31T12:00:00Z");
	iw_time_iso(INT64_C(253402300799000), iso);
	assert_string_equal(iso, "9999-12-31T23:59:59Z");
}

/* A time that no calendar has room for (a commit may claim any) is still a string. */
static void test_iso_of_absurd_times(void **state)
{
	static const int64_t absurd[] = {INT64_MAX, INT64_MIN, INT64_MAX / 1000};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(absurd); i++) {
		char iso[24];

		memset(iso, 'x', sizeof iso);
		iw_time_iso(absurd[i], iso);
		assert_non_null(memchr(iso, '\0', sizeof iso));
	}
}

static void test_clocks_stand_still(void **state)
{
	int64_t before;

	(void)state;
	iw_time_set(1000, 7);
	assert_int_equal(iw_time_wall_ms(), 1000);
	assert_int_equal(iw_time_mono_ms(), 7);
	iw_time_set(-1, -1);
	assert_true(iw_time_wall_ms() > INT64_C(1600000000000));
	before = iw_time_mono_ms();
	assert_true(before > 0);
	assert_true(iw_time_mono_ms() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_iso),
		cmocka_unit_test(test_iso_of_absurd_times),
		cmocka_unit_test(test_clocks_stand_still),
	};

	return cmocka_run_group_tests_name("base_time", tests, NULL, NULL);
}
