/* How often a bug runs on a newer snapshot, what is said of it, and which bugs that is
 * for. */
#include <math.h>

#include "tests/lib/chance.h"
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
	assert_int_equal(triage_retest_plan(3, 3, true).all, 10);
	assert_int_equal(triage_retest_plan(1, 9, true).all, TRIAGE_RETEST_RUNS);
}

static const struct {
	struct triage_retest_seen seen;
	const char *words;
} words[] = {
	{{.hits = 5, .runs = 5, .was_hits = 8, .was_runs = 8},
		"still shows on abc, 5 of 5"},
	{{.hits = 1, .runs = 30, .was_hits = 2, .was_runs = 9},
		"still shows on abc, 1 of 30"},
	{{.runs = 20, .was_hits = 8, .was_runs = 8, .reach = TRIAGE_REACH_YES},
		"no longer shows on abc, 0 of 20; its input still reaches the code that "
		"failed"},
	{{.runs = 200, .was_hits = 1, .was_runs = 25, .reach = TRIAGE_REACH_NOT},
		"no longer shows on abc, 0 of 200; one of its rate hides so long by "
		"chance in 1.3 %; its input no longer reaches the code that failed, "
		"which therefore may fail as ever"},
	{{.runs = 18,
		 .others = 2,
		 .was_hits = 8,
		 .was_runs = 8,
		 .reach = TRIAGE_REACH_UNKNOWN},
		"no longer shows on abc, 0 of 18; whether its input still reaches the "
		"code that failed is not known; its input fails in another way in 2 "
		"more"},
	{{.runs = 20,
		 .was_hits = 8,
		 .was_runs = 8,
		 .reach = TRIAGE_REACH_YES,
		 .shows_elsewise = true},
		"no longer shows on abc, 0 of 20; but another input of it fails there"},
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

static const struct {
	const char *before;
	struct triage_retest_seen seen;
	const char *after;
} lives[] = {
	{"open", {.hits = 5, .runs = 5, .was_hits = 8, .was_runs = 8}, "open"},
	{"new", {.hits = 5, .runs = 5, .was_hits = 8, .was_runs = 8}, "new"},
	{"fixed", {.hits = 1, .runs = 5, .was_hits = 8, .was_runs = 8}, "regressed"},
	{"regressed", {.hits = 5, .runs = 5, .was_hits = 8, .was_runs = 8}, "regressed"},
	/* Gone, and the way to it is still there. */
	{"open", {.runs = 5, .was_hits = 8, .was_runs = 8, .reach = 1}, "fixed"},
	{"new", {.runs = 5, .was_hits = 8, .was_runs = 8, .reach = 1}, "fixed"},
	{"regressed", {.runs = 5, .was_hits = 8, .was_runs = 8, .reach = 1}, "fixed"},
	{"flaky", {.runs = 80, .was_hits = 6, .was_runs = 30, .reach = 1}, "fixed"},
	/* Too few runs for its rate. */
	{"flaky", {.runs = 20, .was_hits = 6, .was_runs = 30, .reach = 1}, "flaky"},
	{"flaky", {.runs = 200, .was_hits = 1, .was_runs = 25, .reach = 1}, "flaky"},
	/* Nobody comes there any more, or nobody knows. */
	{"open", {.runs = 99, .was_hits = 8, .was_runs = 8, .reach = 0}, "open"},
	{"open", {.runs = 99, .was_hits = 8, .was_runs = 8, .reach = -1}, "open"},
	{"open",
		{.runs = 99,
			.was_hits = 8,
			.was_runs = 8,
			.reach = 1,
			.shows_elsewise = true},
		"open"},
	{"open", {.others = 5, .was_hits = 8, .was_runs = 8, .reach = 1}, "open"},
	{"fixed", {.was_hits = 8, .was_runs = 8, .obstacle = "gone"}, "fixed"},
};

static void test_life(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(lives); i++)
		assert_string_equal(triage_retest_state(lives[i].before, &lives[i].seen),
			lives[i].after);
}

/* A bug that still is there, called fixed: at most once in a thousand, whatever its rate,
 * when that was measured before. */
static void test_false_fixes_are_rare(void **state)
{
	static const double rates[] = {0.1, 0.2, 0.4, 0.7, 0.95, 1};
	uint64_t seed = 77;
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rates); i++) {
		unsigned wrong = 0, bug;

		for (bug = 0; bug < 10000; bug++) {
			struct triage_retest_seen seen = {.reach = TRIAGE_REACH_YES};
			struct triage_retest_plan plan;

			do {
				seen.was_runs++;
				seen.was_hits += test_chance(&seed) < rates[i];
			} while (seen.was_hits == 0 || seen.was_runs < 30);
			plan = triage_retest_plan(seen.was_hits, seen.was_runs, false);
			while (seen.hits == 0 && seen.runs < plan.all) {
				seen.runs++;
				seen.hits += test_chance(&seed) < rates[i];
			}
			wrong += !strcmp(triage_retest_state("open", &seen), "fixed");
		}
		print_message("rate %.2f: %u of 10,000 are wrong\n", rates[i], wrong);
		assert_in_range(wrong, 0, 10);
	}
}

#define COVERED(n, name) "COVERED_FUNC: hits: 1 edges: 2/" n " " name " /src/a.c:8\n"

/* Which functions were entered, as the engine tells it; what it has no line for was
 * inlined, and says nothing. */
static void test_reach(void **state)
{
	static const char text[] =
		"Running: in\nFULL COVERAGE:\nC\nU 8\nCOVERAGE:\n"
		"UN" COVERED("3", "copy_word") COVERED("4",
			"ns::read(int, char const*)") "  UNCOVERED_PC: "
						      "/src/a.c:5\n" COVERED("5",
							      "parse") "UN" COVERED("1",
							      "never");
	static const struct {
		const char *frames[5];
		enum triage_reach reach;
	} asked[] = {
		{{"copy_word", "parse"}, TRIAGE_REACH_YES},
		{{"parse"}, TRIAGE_REACH_YES},
		{{"ns::read", "never"}, TRIAGE_REACH_YES},
		{{"inlined", "gone", "parse", "never"}, TRIAGE_REACH_YES},
		{{"copy_word", "never", "parse"}, TRIAGE_REACH_NOT},
		{{"inlined"}, TRIAGE_REACH_NOT},
		{{"pars"}, TRIAGE_REACH_NOT},
		{{NULL}, TRIAGE_REACH_YES},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < IW_COUNT(asked); i++) {
		struct triage_signature sig = {0};
		enum triage_reach reach;

		for (k = 0; asked[i].frames[k]; k++)
			triage_signature_add(&sig, asked[i].frames[k]);
		reach = triage_reach_read(text, sizeof text - 1, &sig.frames);
		if (reach != asked[i].reach)
			fail_msg("row %zu: %d", i, reach);
		assert_int_equal(
			triage_reach_read("", 0, &sig.frames), TRIAGE_REACH_UNKNOWN);
		assert_int_equal(triage_reach_read("nonsense\n", 9, &sig.frames),
			TRIAGE_REACH_UNKNOWN);
		triage_signature_fini(&sig);
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
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_false_fixes_are_rare),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_who_is_tested),
	};

	return cmocka_run_group_tests_name("triage_retest", tests, NULL, NULL);
}
