/* How often an input fails: the interval keeps its promise though runs stop when they like
 * and when they are too dear, and few runs are made of what always fails. */
#include <math.h>

#include "tests/lib/chance.h"
#include "tests/lib/temp.h"

#include "triage/rate.h"

#include "base/banned.h"

#define BUGS 10000

#define MANY 200

struct trial {
	unsigned hits, runs;
};

/* The same few questions are asked a million times. */
static struct triage_rate rate_of(unsigned hits, unsigned runs)
{
	static struct {
		struct triage_rate rate;
		bool is_known;
	} known[MANY + 1][MANY + 1];

	if (!known[runs][hits].is_known) {
		known[runs][hits].rate = triage_rate_of(hits, runs);
		known[runs][hits].is_known = true;
	}
	return known[runs][hits].rate;
}

static bool wants_more(unsigned hits, unsigned runs, bool is_hang)
{
	static signed char known[2][MANY + 1][MANY + 1];
	signed char *k = &known[is_hang][runs][hits];

	if (!*k)
		*k = triage_rate_wants_more(hits, runs, 0, is_hang) ? 1 : -1;
	return *k > 0;
}

/* As the judge does it: up to the first hit, then on until the rule has enough. */
static struct trial judge(double p, bool is_hang, uint64_t *seed)
{
	struct trial t = {0};

	do {
		t.runs++;
		t.hits += test_chance(seed) < p;
		if (t.hits == 0 && t.runs >= TRIAGE_RATE_MISSES)
			break;
	} while (t.hits == 0 || wants_more(t.hits, t.runs, is_hang));
	return t;
}

/* The same, where a run takes up to twice as long as these say, by chance. */
struct times {
	int64_t pass_ms, fail_ms;
};

static struct trial judge_dear(double p, struct times times, uint64_t *seed)
{
	struct trial t = {0};
	int64_t ms = 0;

	do {
		bool fails = test_chance(seed) < p;
		int64_t least = fails ? times.fail_ms : times.pass_ms;

		t.runs++;
		t.hits += fails;
		ms += least + (int64_t)((double)least * test_chance(seed));
		if (t.hits == 0 &&
			(t.runs >= TRIAGE_RATE_MISSES ||
				triage_rate_is_spent(t.runs, ms, TRIAGE_RATE_MS)))
			break;
	} while (t.hits == 0 || triage_rate_wants_more(t.hits, t.runs, ms, false));
	return t;
}

static bool holds(struct trial t, double p)
{
	struct triage_rate rate = rate_of(t.hits, t.runs);

	return rate.low <= p && p <= rate.high;
}

/* 10,000 bugs of each rate: the true one lies inside as often as is stated, at least. */
static void test_interval_keeps_its_promise(void **state)
{
	static const double rates[] = {
		0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 1};
	uint64_t seed = 20261128;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * IW_COUNT(rates); i++) {
		bool is_hang = i % 2;
		unsigned right = 0;
		int64_t runs = 0;
		int bug;

		for (bug = 0; bug < BUGS; bug++) {
			struct trial t = judge(rates[i / 2], is_hang, &seed);

			right += holds(t, rates[i / 2]);
			runs += t.runs;
		}
		print_message("rate %.2f%s: inside in %.2f %%, %.1f runs\n", rates[i / 2],
			is_hang ? ", hang" : "", 100.0 * right / BUGS,
			(double)runs / BUGS);
		if (right < TRIAGE_RATE_CONFIDENCE * BUGS)
			fail_msg("rate %.2f: only %u of %d", rates[i / 2], right, BUGS);
	}
}

/* Whoever is dear gets fewer runs, and the true rate lies inside as often: also where failures
 * take ten times as long as passes, or a tenth, so that it is one kind which uses time up. */
static void test_dear_runs_make_it_wide_and_not_wrong(void **state)
{
	static const double rates[] = {0.03, 0.1, 0.3, 0.5, 0.8, 0.95, 1};
	static const struct times times[] = {
		{7000, 7000}, {2000, 20000}, {20000, 2000}, {40000, 40000}, {300, 3000}};
	uint64_t seed = 345;
	size_t i, k;

	(void)state;
	for (i = 0; i < IW_COUNT(rates); i++) {
		for (k = 0; k < IW_COUNT(times); k++) {
			unsigned right = 0, bug;
			int64_t runs = 0;

			for (bug = 0; bug < BUGS / 10; bug++) {
				struct trial t = judge_dear(rates[i], times[k], &seed);

				assert_true(t.runs >= TRIAGE_RATE_FEWEST);
				right += holds(t, rates[i]);
				runs += t.runs;
			}
			print_message("rate %.2f, %lld and %lld ms: inside in %.1f %%, "
				      "%.1f runs\n",
				rates[i], (long long)times[k].pass_ms,
				(long long)times[k].fail_ms, 1000.0 * right / BUGS,
				10.0 * (double)runs / BUGS);
			if (right < TRIAGE_RATE_CONFIDENCE * BUGS / 10)
				fail_msg("rate %.2f: only %u of %d", rates[i], right,
					BUGS / 10);
		}
	}
}

/* The worst that somebody can do who looks after each run: stop when it is wrong. */
static void test_it_holds_at_every_moment(void **state)
{
	uint64_t seed = 7;
	unsigned wrong = 0;
	int bug;

	(void)state;
	for (bug = 0; bug < 2000; bug++) {
		struct trial t = {0};
		bool was_wrong = false;

		while (t.runs < MANY) {
			t.runs++;
			t.hits += test_chance(&seed) < 0.2;
			was_wrong |= !holds(t, 0.2);
		}
		wrong += was_wrong;
	}
	assert_in_range(wrong, 0, (1 - TRIAGE_RATE_CONFIDENCE) * 2000);
}

static void test_runs_are_few(void **state)
{
	uint64_t seed = 1;
	unsigned runs;

	(void)state;
	assert_int_equal(judge(1, false, &seed).runs, TRIAGE_RATE_STABLE);
	assert_int_equal(judge(1, true, &seed).runs, TRIAGE_RATE_HANG_STABLE);
	assert_int_equal(judge(0, false, &seed).runs, TRIAGE_RATE_MISSES);
	/* One miss takes the stability away, whenever it comes. */
	assert_true(triage_rate_wants_more(4, 5, 0, false));
	assert_true(triage_rate_wants_more(9, 10, 0, false));
	assert_false(triage_rate_wants_more(1, TRIAGE_RATE_RUNS, 0, false));
	assert_false(triage_rate_wants_more(1, TRIAGE_RATE_HANG_RUNS, 0, true));
	for (runs = 1; runs <= TRIAGE_RATE_RUNS; runs++) {
		struct triage_rate rate = triage_rate_of(runs / 5, runs);

		if (rate.high - rate.low <= TRIAGE_RATE_WIDTH && runs / 5)
			assert_false(triage_rate_wants_more(runs / 5, runs, 0, false));
	}
}

/* A price that is paid ends it, but for the fewest runs that are a rate. */
static void test_price(void **state)
{
	(void)state;
	assert_true(triage_rate_wants_more(3, 4, TRIAGE_RATE_MS - 1, false));
	assert_false(triage_rate_wants_more(3, 4, TRIAGE_RATE_MS, false));
	assert_false(triage_rate_wants_more(3, 3, TRIAGE_RATE_MS, false));
	assert_true(triage_rate_wants_more(2, 2, 100 * TRIAGE_RATE_MS, false));
	assert_true(triage_rate_wants_more(1, 2, 100 * TRIAGE_RATE_MS, true));
	assert_false(triage_rate_is_spent(99, TRIAGE_RATE_MS, TRIAGE_RATE_GONE_MS));
	assert_true(triage_rate_is_spent(99, TRIAGE_RATE_GONE_MS, TRIAGE_RATE_GONE_MS));
}

/* Bounds grow with hits, shrink with runs, and mirror each other. */
static void test_shape(void **state)
{
	unsigned hits, runs;

	(void)state;
	assert_true(triage_rate_of(0, 0).low == 0 && triage_rate_of(0, 0).high == 1);
	for (runs = 1; runs <= 60; runs++) {
		for (hits = 0; hits <= runs; hits++) {
			struct triage_rate a = triage_rate_of(hits, runs);
			struct triage_rate b = triage_rate_of(runs - hits, runs);
			double p = (double)hits / runs;

			assert_true(0 <= a.low && a.low <= p && p <= a.high);
			assert_true(a.high <= 1);
			assert_true(fabs(a.low - (1 - b.high)) < 1e-9);
			assert_true((a.low == 0) == (hits == 0));
			assert_true((a.high == 1) == (hits == runs));
			if (hits > 0)
				assert_true(a.low > triage_rate_of(hits - 1, runs).low);
		}
	}
	/* Of a million all bounds are close, and nothing overflows. */
	assert_true(triage_rate_of(200000, 1000000).low > 0.197);
	assert_true(triage_rate_of(200000, 1000000).high < 0.203);
}

static void expect_words(unsigned hits, unsigned runs, const char *words)
{
	_auto_free_ char *text = triage_rate_words(hits, runs);

	assert_string_equal(text, words);
}

static void test_words(void **state)
{
	_auto_free_ char *stable = triage_rate_brief(5, 5);
	_auto_free_ char *flaky = triage_rate_brief(6, 30);

	(void)state;
	assert_string_equal(stable, "5/5 (41-100%)");
	assert_string_equal(flaky, "6/30 (4-48%)");
	expect_words(0, 0, "no run");
	expect_words(1, 1, "1 of 1 run, at least 2 %");
	/* What is dear says no more than it knows. */
	expect_words(3, 3, "3 of 3 runs, at least 25 %");
	expect_words(0, 7, "0 of 7 runs, at most 48 %");
	expect_words(5, 5, "5 of 5 runs, at least 41 %");
	expect_words(8, 8, "8 of 8 runs, at least 56 %");
	expect_words(6, 30, "6 of 30 runs, 4 to 48 %");
	expect_words(0, 25, "0 of 25 runs, at most 19 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval_keeps_its_promise),
		cmocka_unit_test(test_dear_runs_make_it_wide_and_not_wrong),
		cmocka_unit_test(test_it_holds_at_every_moment),
		cmocka_unit_test(test_runs_are_few),
		cmocka_unit_test(test_price),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("triage_rate", tests, NULL, NULL);
}
