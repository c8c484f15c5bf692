/* How often a bug runs on a newer snapshot, what is said of it, and which bugs that is
 * for. */
#include <math.h>

#include "tests/lib/temp.h"

#include "triage/bisect.h"
#include "triage/retest.h"
#include "triage/unfinished.h"

#include "base/banned.h"

/* A bug with exactly the rate that was seen hides with at most the chance that is
 * allowed, unless it is too rare to be chased. */
static void test_enough_runs(void **state)
{
	unsigned hits, runs;

	(void)state;
	for (runs = 1; runs <= 40; runs++) {
		for (hits = 1; hits <= runs; hits++) {
			struct triage_retest_plan p =
				triage_retest_plan(hits, runs, false);
			double hides = pow(1 - (double)hits / runs, p.all);

			assert_in_range(p.first, 1, p.all);
			assert_in_range(p.all, 5, TRIAGE_RETEST_RUNS);
			if (p.all < TRIAGE_RETEST_RUNS && hides > TRIAGE_BISECT_MISS)
				fail_msg("%u of %u: %u runs", hits, runs, p.all);
		}
	}
}

static void test_runs(void **state)
{
	unsigned before = TRIAGE_RETEST_RUNS, hits;

	(void)state;
	assert_int_equal(triage_retest_plan(8, 8, false).all, 5);
	assert_int_equal(triage_retest_plan(1, 25, false).all, TRIAGE_RETEST_RUNS);
	/* Few runs say little of the rate, so more are wanted. */
	assert_true(triage_retest_plan(2, 2, false).all >
		triage_retest_plan(8, 8, false).all);
	for (hits = 1; hits <= 30; hits++) {
		unsigned all = triage_retest_plan(hits, 30, false).all;

		assert_in_range(all, 5, before);
		before = all;
	}
	/* A hang's runs each cost its timeout. */
	assert_int_equal(triage_retest_plan(3, 3, true).first, 2);
	assert_in_range(triage_retest_plan(3, 3, true).all, 3, TRIAGE_RETEST_HANG_RUNS);
	assert_int_equal(triage_retest_plan(1, 9, true).all, TRIAGE_RETEST_HANG_RUNS);
}

static const struct {
	struct triage_retest_seen seen;
	const char *words;
} words[] = {
	{{.hits = 5, .runs = 5, .was_hits = 8, .was_runs = 8},
		"still shows on abc, 5 of 5"},
	{{.hits = 1, .runs = 30, .was_hits = 2, .was_runs = 9},
		"still shows on abc, 1 of 30"},
	{{.runs = 20, .was_hits = 8, .was_runs = 8}, "no longer shows on abc, 0 of 20"},
	{{.runs = 200, .was_hits = 1, .was_runs = 25},
		"no longer shows on abc, 0 of 200; one of its rate hides so long by "
		"chance in 1.3 %"},
	{{.runs = 18, .others = 2, .was_hits = 8, .was_runs = 8},
		"no longer shows on abc, 0 of 18; its input fails in another way in 2 "
		"more"},
	{{.others = 5, .was_hits = 8, .was_runs = 8},
		"cannot be tested on abc: its input fails in another way there"},
	{{.obstacle = "its target is not there"},
		"cannot be tested on abc: its target is not there"},
	{{.was_hits = 8, .was_runs = 8}, "cannot be tested on abc"},
};

static void test_words(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(words); i++) {
		struct triage_retest_seen seen = words[i].seen;
		_auto_free_ char *text = NULL;

		seen.snapshot = "abc";
		text = triage_retest_words(&seen);
		assert_string_equal(text, words[i].words);
	}
}

#define NOTHING (-1)

static const struct {
	const char *found, *tested;
	int64_t hits;
	bool has_outcome, has_issue;
	int what;
} bugs[] = {
	/* Found on this snapshot. */
	{"now", NULL, 0, false, false, TRIAGE_UNFINISHED_PURSUIT},
	{"now", NULL, 0, true, false, TRIAGE_UNFINISHED_PURSUIT},
	{"now", NULL, 0, true, true, NOTHING},
	/* On another one: first of all, does it show here? */
	{"old", NULL, 0, false, false, TRIAGE_UNFINISHED_RETEST},
	{"old", NULL, 0, true, true, TRIAGE_UNFINISHED_RETEST},
	{"old", "older", 5, true, true, TRIAGE_UNFINISHED_RETEST},
	/* The branch went there and back. */
	{"now", "old", 0, true, true, TRIAGE_UNFINISHED_RETEST},
	{"old", "now", 5, true, true, NOTHING},
	{"old", "now", 0, true, true, NOTHING},
	/* Nobody can find its cause where it does not show. */
	{"old", "now", 5, false, false, TRIAGE_UNFINISHED_PURSUIT},
	{"old", "now", 0, false, false, TRIAGE_UNFINISHED_ISSUE},
	{"old", "now", 0, false, true, NOTHING},
};

static void test_who_is_tested(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(bugs); i++) {
		struct bug_row row = {
			.id = 7,
			.tested_tree = (char *)bugs[i].tested,
			.tested_hits = bugs[i].hits,
			.outcome = bugs[i].has_outcome ? (char *)"staged" : NULL,
			.issue = bugs[i].has_issue ? (char *)"a.md" : NULL,
		};
		struct triage_unfinished_bug bug;
		bool is_any;

		snprintf(row.found_tree, sizeof row.found_tree, "%s", bugs[i].found);
		is_any = triage_unfinished_look(&row, "now", &bug);
		if (is_any != (bugs[i].what != NOTHING) ||
			(is_any && (int)bug.what != bugs[i].what))
			fail_msg("row %zu: %d", i, is_any ? (int)bug.what : NOTHING);
		assert_int_equal(
			bug.is_settled, bugs[i].has_outcome && bugs[i].has_issue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough_runs),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_who_is_tested),
	};

	return cmocka_run_group_tests_name("triage_retest", tests, NULL, NULL);
}
