/* How long who shows wrong tokens has to wait, and how much of it is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "web/patience.h"

#define NOW INT64_C(1000000)

static void test_mistakes_cost_nothing_and_guesses_more_and_more(void **state)
{
	static const int waits[] = {1, 2, 4, 8, 16, 32, WEB_PATIENCE_WAIT_MAX,
		WEB_PATIENCE_WAIT_MAX, WEB_PATIENCE_WAIT_MAX};
	struct web_patience p = {0};
	bool is_news;
	size_t i;

	(void)state;
	for (i = 0; i < WEB_PATIENCE_EACH; i++) {
		assert_int_equal(web_patience_try(&p, "127.0.0.1", NOW, &is_news), 0);
		assert_true(is_news);
	}
	for (i = 0; i < sizeof waits / sizeof *waits; i++) {
		assert_int_equal(
			web_patience_try(&p, "127.0.0.1", NOW, &is_news), waits[i]);
		assert_false(is_news);
	}
	assert_int_equal(web_patience_try(&p, "127.0.0.2", NOW, &is_news), 0);
	assert_true(is_news);
}

static void test_quiet_is_forgiven(void **state)
{
	struct web_patience p = {0};
	int64_t now = NOW;
	bool is_news;
	int i;

	(void)state;
	for (i = 0; i < 2 * WEB_PATIENCE_EACH; i++)
		web_patience_try(&p, "::1", now, &is_news);
	/* Not while it goes on, however slowly. */
	for (i = 0; i < 5; i++) {
		now += WEB_PATIENCE_QUIET_MS - 1;
		assert_true(web_patience_try(&p, "::1", now, &is_news) > 0);
	}
	now += WEB_PATIENCE_QUIET_MS;
	assert_int_equal(web_patience_try(&p, "::1", now, &is_news), 0);
	assert_int_equal(p.all.count, 1);
}

/* More addresses than there is room for do not begin anew, neither in waiting nor in the
 * log: 127.0.0.0/8 has sixteen million of them. */
static void test_many_addresses(void **state)
{
	struct web_patience p = {0};
	int i, news = 0, mistakes = 0;
	char address[INET6_ADDRSTRLEN];
	bool is_news;

	(void)state;
	for (i = 0; i < 100000; i++) {
		snprintf(address, sizeof address, "127.0.%d.%d", i / 256 % 256, i % 256);
		mistakes += web_patience_try(&p, address, NOW + i, &is_news) == 0;
		news += is_news;
	}
	assert_int_equal(mistakes, WEB_PATIENCE_ALL);
	assert_true(news <= WEB_PATIENCE_ALL + 20);
	assert_int_equal(p.all.count, 100000);
}

static void test_one_address_in_the_log(void **state)
{
	struct web_patience p = {0};
	int i, news = 0;
	bool is_news;

	(void)state;
	for (i = 0; i < 100000; i++) {
		web_patience_try(&p, "127.0.0.1", NOW + i, &is_news);
		news += is_news;
	}
	assert_true(news > WEB_PATIENCE_EACH && news < 30);
}

/* The one with the longest silence goes, not the one that is loud. */
static void test_the_loud_are_remembered(void **state)
{
	struct web_patience p = {0};
	char address[INET6_ADDRSTRLEN];
	int64_t now = NOW;
	bool is_news;
	int i;

	(void)state;
	for (i = 0; i < WEB_PATIENCE_EACH; i++)
		web_patience_try(&p, "127.0.0.1", now, &is_news);
	for (i = 0; i < WEB_PATIENCE_ADDRESSES / 2; i++) {
		snprintf(address, sizeof address, "127.0.1.%d", i);
		web_patience_try(&p, address, ++now, &is_news);
		assert_true(web_patience_try(&p, "127.0.0.1", ++now, &is_news) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes_cost_nothing_and_guesses_more_and_more),
		cmocka_unit_test(test_quiet_is_forgiven),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_one_address_in_the_log),
		cmocka_unit_test(test_the_loud_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
