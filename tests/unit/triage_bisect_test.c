/* The attribution against simulated histories whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/staged_world.h"

#include "base/banned.h"

#define MERGES_MAX WORLD_MERGES

static uint64_t seed = 1;

static uint64_t next_random(void)
{
	return (uint64_t)(test_chance(&seed) * 0x1p52);
}

static struct triage_bisect *run(const struct world *w)
{
	return world_run(w, &seed);
}

static void show(const struct triage_bisect *b)
{
	size_t count, i;
	const char *const *log = triage_bisect_log(b, &count);

	for (i = 0; i < count; i++)
		print_message("    %s\n", log[i]);
}

static void expect(const struct world *w, enum triage_outcome outcome,
	const size_t *merges, size_t count, unsigned max_builds)
{
	_auto_(triage_bisect_freep) struct triage_bisect *b = run(w);
	const struct triage_attribution *r = triage_bisect_result(b);

	if (!world_names(b, outcome, merges, count) || r->builds > max_builds) {
		show(b);
		fail_msg("expected %s of %zu within %u builds, not %s of %zu in %u",
			triage_outcome_word(outcome), count, max_builds,
			triage_outcome_word(r->outcome), r->count, r->builds);
	}
	if (count)
		assert_int_equal(r->prs[0], WORLD_PR + (int)merges[0]);
	assert_true(strlen(r->reason) > 10);
}

static unsigned log2_up(size_t n)
{
	unsigned bits = 0;

	while ((1UL << bits) < n)
		bits++;
	return bits;
}

static void every_position_of_1_to_64_merges(void **state)
{
	size_t n, m;

	(void)state;
	for (n = 1; n <= MERGES_MAX; n++) {
		for (m = 1; m <= n; m++) {
			struct world w = {.count = n, .causes = {{m}}};

			expect(&w, TRIAGE_STAGED, &m, 1, 3 + log2_up(n));
		}
	}
}

static void pre_existing_costs_one_build(void **state)
{
	struct world w = {.count = 64, .is_pre_existing = true};
	struct world none = {.count = 0, .is_pre_existing = true};

	(void)state;
	expect(&w, TRIAGE_PRE_EXISTING, NULL, 0, 1);
	expect(&none, TRIAGE_PRE_EXISTING, NULL, 0, 0);
}

static void every_pair_and_some_triples(void **state)
{
	size_t i, j;
	unsigned worst = 0;

	(void)state;
	for (j = 2; j <= 32; j++) {
		for (i = 1; i < j; i++) {
			struct world w = {.count = 32, .causes = {{i, j}}};
			_auto_(triage_bisect_freep) struct triage_bisect *b = run(&w);
			unsigned builds = triage_bisect_result(b)->builds;

			expect(&w, TRIAGE_INTERACTION, (size_t[]){i, j}, 2, 20);
			worst = builds > worst ? builds : worst;
		}
	}
	print_message("pairs in 32 merges: at most %u builds\n", worst);
	for (j = 3; j <= 20; j++) {
		struct world w = {.count = 20, .causes = {{j / 3, j / 3 + 1, j}}};

		expect(&w, TRIAGE_INTERACTION, (size_t[]){j / 3, j / 3 + 1, j}, 3, 30);
	}
}

struct tally {
	unsigned right, wrong, open, pre, builds, runs;
};

/* right: the truth; wrong: blame of others; open: suspect or flaky. */
static void count_one(struct tally *t, const struct world *w)
{
	_auto_(triage_bisect_freep) struct triage_bisect *b = run(w);
	const struct triage_attribution *r = triage_bisect_result(b);
	size_t count = 0;

	while (count < 3 && w->causes[0][count])
		count++;
	t->builds += r->builds;
	t->runs += r->runs;
	if (w->is_pre_existing
			? r->outcome == TRIAGE_PRE_EXISTING
			: world_names(b, count > 1 ? TRIAGE_INTERACTION : TRIAGE_STAGED,
				  w->causes[0], count))
		t->right++;
	else if (r->outcome == TRIAGE_SUSPECT || r->outcome == TRIAGE_FLAKY)
		t->open++;
	else
		t->wrong++;
}

static void print_tally(const char *what, const struct tally *t, unsigned n)
{
	print_message(
		"%s: %u right, %u wrong, %u open of %u; mean %.1f builds, %.0f runs\n",
		what, t->right, t->wrong, t->open, n, (double)t->builds / n,
		(double)t->runs / n);
}

static void flaky_bugs_are_named(void **state)
{
	static const double rates[] = {0.2, 0.5, 0.9};
	size_t k;

	(void)state;
	for (k = 0; k < IW_COUNT(rates); k++) {
		struct tally t = {0};
		unsigned i;

		seed = 0x1234567 + k;
		for (i = 0; i < 1000; i++) {
			struct world w = {.count = 1 + next_random() % MERGES_MAX,
				.rate = rates[k]};

			w.causes[0][0] = 1 + next_random() % w.count;
			count_one(&t, &w);
		}
		print_message("rate %.1f, ", rates[k]);
		print_tally("one cause", &t, 1000);
		assert_true(t.right >= 990);
		assert_true(t.wrong <= 10);
	}
}

static void flaky_pairs_and_old_bugs(void **state)
{
	struct tally pairs = {0}, old = {0};
	unsigned i;

	(void)state;
	seed = 0xabcdef;
	for (i = 0; i < 1000; i++) {
		struct world w = {.count = 2 + next_random() % 30, .rate = 0.2};
		struct world past = {.count = 1 + next_random() % 64,
			.rate = 0.2,
			.is_pre_existing = true};

		w.causes[0][1] = 2 + next_random() % (w.count - 1);
		w.causes[0][0] = 1 + next_random() % (w.causes[0][1] - 1);
		count_one(&pairs, &w);
		count_one(&old, &past);
	}
	print_tally("rate 0.2, pairs", &pairs, 1000);
	print_tally("rate 0.2, pre-existing", &old, 1000);
	assert_true(pairs.right >= 980 && pairs.wrong <= 10);
	assert_true(old.right >= 990 && old.wrong <= 10);
}

static void a_tenth_of_the_trees_is_untestable(void **state)
{
	struct tally one = {0}, pair = {0};
	unsigned i;

	(void)state;
	seed = 0x777;
	for (i = 0; i < 1000; i++) {
		struct world w = {.count = 1 + next_random() % MERGES_MAX,
			.untestable = 10,
			.salt = next_random()};

		w.causes[0][0] = 1 + next_random() % w.count;
		count_one(&one, &w);
		if (w.count < 2)
			continue;
		w.causes[0][1] = 2 + next_random() % (w.count - 1);
		w.causes[0][0] = 1 + next_random() % (w.causes[0][1] - 1);
		count_one(&pair, &w);
	}
	print_tally("untestable 10 %, one cause", &one, 1000);
	print_tally("untestable 10 %, pairs", &pair, 1000);
	assert_int_equal(one.wrong, 0);
	assert_true(one.right >= 930);
	assert_true(pair.wrong <= 10);
}

static void the_pull_request_that_adds_the_target(void **state)
{
	size_t n = 20, t, m;

	(void)state;
	for (t = 1; t <= n; t++) {
		for (m = 1; m <= n; m++) {
			struct world w = {.count = n, .target_by = t, .causes = {{m}}};

			if (m > t) /* the target came before: found although not alone */
				expect(&w, TRIAGE_STAGED, &m, 1, 16);
			else /* what is older than the target cannot be told */
				expect(&w, TRIAGE_SUSPECT, &t, 1, 16);
		}
	}
}

/* Two that need each other and a target that came shortly before: few trees can be run, and
 * these have to carry the proof. */
static void a_pair_behind_the_target(void **state)
{
	struct world w = {.count = 5, .target_by = 3, .causes = {{4, 5}}};
	size_t pair[] = {4, 5};

	(void)state;
	expect(&w, TRIAGE_INTERACTION, pair, 2, 16);
}

static void says(const struct world *w, const char *words)
{
	_auto_(triage_bisect_freep) struct triage_bisect *b = run(w);
	_auto_free_ char *text = NULL;
	json_t *json = triage_bisect_json(b);

	text = json_dumps(json, 0);
	json_decref(json);
	if (!strstr(text, words)) {
		show(b);
		fail_msg("'%s' is not said", words);
	}
}

/* What would tell more is said where it would. */
static void what_is_older_than_the_target(void **state)
{
	struct world w = {.count = 9, .target_by = 5, .may_carry = true};
	struct world after = w, own = w;
	_auto_(triage_bisect_freep) struct triage_bisect *b = NULL, *c = NULL;
	const char *words = "'target_files' in adapter.json would decide it";
	size_t five = 5, seven = 7;

	(void)state;
	w.causes[0][0] = own.causes[0][0] = 5;
	after.causes[0][0] = 7;
	expect(&w, TRIAGE_SUSPECT, &five, 1, 16);
	says(&w, words);
	expect(&after, TRIAGE_STAGED, &seven, 1, 16);
	b = run(&after);
	assert_null(strstr(triage_bisect_result(b)->reason, words));
	own.may_carry = false;
	c = run(&own);
	assert_null(strstr(triage_bisect_result(c)->reason, words));
}

static void proofs_that_are_short_of_one_half(void **state)
{
	struct world revert = {.count = 9, .conflicts = 4, .causes = {{4}}};
	struct world stacked = {.count = 9, .needs = {7, 3}, .causes = {{7}}};
	struct world both = {
		.count = 9, .conflicts = 7, .needs = {7, 6}, .causes = {{7}}};
	struct world adds = {.count = 9, .target_by = 5, .causes = {{5}}};
	struct world adjacent = {.count = 9, .needs = {7, 6}, .causes = {{7}}};
	size_t four = 4, seven = 7;

	(void)state;
	expect(&revert, TRIAGE_STAGED, &four, 1, 7);
	says(&revert, "revert conflicts");
	expect(&stacked, TRIAGE_STAGED, &seven, 1, 12);
	expect(&adjacent, TRIAGE_STAGED, &seven, 1, 12);
	expect(&both, TRIAGE_SUSPECT, &seven, 1, 9);
	says(&both, "neither alone nor taken out");
	says(&adds, "the target does not exist before PR #105");
}

static void two_independent_causes_are_no_proof(void **state)
{
	struct world w = {.count = 9, .causes = {{3}, {8}}};
	struct world mixed = {.count = 9, .causes = {{2, 4}, {8}}};
	size_t both[] = {3, 8}, four = 4;

	(void)state;
	expect(&w, TRIAGE_SUSPECT, both, 2, 13);
	says(&w, "each by itself");
	expect(&mixed, TRIAGE_SUSPECT, &four, 1, 9);
}

/* Who mended what a merge, or the base, has brought: each position of both. */
static void every_mend(void **state)
{
	size_t n = 24, brought, mended;

	(void)state;
	for (brought = 0; brought < n; brought++) {
		for (mended = brought + 1; mended <= n; mended++) {
			struct world w = {.count = n,
				.is_pre_existing = brought == 0,
				.returned = {brought, mended},
				.is_mend = true,
				.shown = brought};
			struct world flaky = w;

			expect(&w, TRIAGE_STAGED, &mended, 1, 9);
			flaky.rate = 0.4;
			flaky.told_runs = 40;
			expect(&flaky, TRIAGE_STAGED, &mended, 1, 12);
		}
	}
}

/* What a mend that was taken back leaves is the very tree from before it, and who is sure of
 * the one is sure of the other. */
static void a_mend_that_was_taken_back(void **state)
{
	struct world w = {.count = 5,
		.returned = {2, 5},
		.undone = {3, 4},
		.is_mend = true,
		.shown = 2};
	_auto_(triage_bisect_freep) struct triage_bisect *b = NULL;
	size_t five = 5;

	(void)state;
	expect(&w, TRIAGE_STAGED, &five, 1, 7);
	b = world_run(&w, &(uint64_t){1});
	assert_true(triage_bisect_result(b)->confidence > 0.95);
}

/* Who brought back what a merge, or the base, had brought and another one mended: by undoing
 * the mend, or by bringing it once more. */
static void every_return(void **state)
{
	size_t n = 16, brought, mended, back;

	(void)state;
	for (brought = 0; brought < n; brought++) {
		for (mended = brought + 1; mended < n; mended++) {
			for (back = mended + 1; back <= n; back++) {
				struct world w = {.count = n,
					.is_pre_existing = brought == 0,
					.returned = {brought, mended, back},
					.is_new = (brought + back) % 2,
					.after = mended};

				expect(&w, TRIAGE_STAGED, &back, 1, 8);
			}
		}
	}
}

static void what_is_said_of_a_return(void **state)
{
	struct world one = {.count = 9, .returned = {2, 4, 7}, .after = 4};
	struct world still = {.count = 9, .causes = {{2}}, .after = 4};
	struct world gone = {.count = 9, .causes = {{7}}, .after = 4, .is_gone = true};
	size_t seven = 7;

	(void)state;
	expect(&one, TRIAGE_STAGED, &seven, 1, 7);
	says(&one,
		"PR #107 brought it back: where it is missing the bug, which PR #104 "
		"mended");
	says(&one, "the tree at PR #104: good");
	says(&one, "the tree at PR #104 with PR #107: bad");
	says(&one, "the snapshot without PR #107: good");
	expect(&still, TRIAGE_PRE_EXISTING, NULL, 0, 1);
	says(&still, "the tree at PR #104 shows it as well");
	expect(&gone, TRIAGE_FLAKY, NULL, 0, 12);
	says(&gone, "which pull request brought it back is not known");
}

static void what_no_staged_merge_mended(void **state)
{
	struct world base = {.count = 9, .is_mend = true};
	struct world changed = {.count = 9, .is_mend = true, .shown = 4};
	struct world last = {.count = 9, .is_mend = true, .shown = 9};
	struct world still = {.count = 9, .is_mend = true, .causes = {{2}}, .shown = 2};
	struct world two = {.count = 9, .returned = {2, 5}, .is_mend = true, .shown = 2};
	size_t five = 5;

	(void)state;
	expect(&base, TRIAGE_SUSPECT, NULL, 0, 1);
	says(&base, "the base does not show it any more");
	expect(&changed, TRIAGE_SUSPECT, NULL, 0, 1);
	says(&changed, "PR #104 itself was changed");
	expect(&last, TRIAGE_SUSPECT, NULL, 0, 1);
	says(&last, "PR #109 itself was changed");
	expect(&still, TRIAGE_PRE_EXISTING, NULL, 0, 2);
	says(&still, "the snapshot still shows it");
	expect(&two, TRIAGE_STAGED, &five, 1, 7);
	says(&two, "PR #105 mended it");
	says(&two, "the snapshot without PR #105: bad");
	says(&two, "the tree at PR #102 with PR #105: good");
}

static void what_went_away_is_flaky(void **state)
{
	struct world w = {.count = 9, .causes = {{3}}, .is_gone = true};
	struct triage_bisect_spec never = {.count = 1, .prs = (int[]){7}, .runs = 50};
	struct triage_bisect_spec rare = {
		.count = 1, .prs = (int[]){7}, .hits = 1, .runs = 400};
	_auto_(triage_bisect_freep) struct triage_bisect *a = triage_bisect_new(&never);
	_auto_(triage_bisect_freep) struct triage_bisect *b = triage_bisect_new(&rare);
	struct triage_question q;

	(void)state;
	expect(&w, TRIAGE_FLAKY, NULL, 0, 12);
	says(&w, "does not show the bug any more");
	assert_int_equal(triage_bisect_next(a, &q), 0);
	assert_int_equal(triage_bisect_result(a)->outcome, TRIAGE_FLAKY);
	assert_int_equal(triage_bisect_next(b, &q), 0);
	assert_int_equal(triage_bisect_result(b)->outcome, TRIAGE_FLAKY);
}

static void nothing_builds_and_our_machines_fail(void **state)
{
	struct triage_bisect_spec spec = {
		.count = 3, .prs = (int[]){1, 2, 3}, .hits = 5, .runs = 5};
	_auto_(triage_bisect_freep) struct triage_bisect *a = triage_bisect_new(&spec);
	_auto_(triage_bisect_freep) struct triage_bisect *b = triage_bisect_new(&spec);
	struct triage_answer none = {.kind = TRIAGE_UNTESTABLE, .why = TRIAGE_WHY_BUILD};
	struct triage_answer infra = {.kind = TRIAGE_INFRA};
	struct triage_question q;

	(void)state;
	while (triage_bisect_next(a, &q) > 0)
		triage_bisect_answer(a, &none);
	assert_int_equal(triage_bisect_result(a)->outcome, TRIAGE_SUSPECT);
	assert_int_equal(triage_bisect_result(a)->count, 3);
	assert_int_equal(triage_bisect_next(b, &q), 1);
	triage_bisect_answer(b, &infra);
	assert_int_equal(triage_bisect_next(b, &q), 0);
	assert_int_equal(triage_bisect_result(b)->outcome, TRIAGE_OUTCOME_INFRA);
}

static void what_hides_a_bug_is_told(void **state)
{
	struct triage_bisect_spec spec = {
		.count = 1, .prs = (int[]){1}, .hits = 5, .runs = 5};
	_auto_(triage_bisect_freep) struct triage_bisect *b = triage_bisect_new(&spec);
	struct triage_answer hidden = {
		.kind = TRIAGE_UNTESTABLE, .runs = 5, .other = "Abrt in check"};
	struct triage_question q;
	const char *const *log;
	json_t *proof, *tree;
	size_t count;

	(void)state;
	assert_int_equal(triage_bisect_next(b, &q), 1);
	triage_bisect_answer(b, &hidden);
	log = triage_bisect_log(b, &count);
	assert_non_null(strstr(log[count - 1],
		"untestable, its input fails in another way there: Abrt in check"));
	proof = triage_bisect_json(b);
	tree = json_array_get(json_object_get(proof, "trees"), 0);
	assert_string_equal(json_string_value(json_object_get(tree, "why")),
		"its input fails in another way there: Abrt in check");
	json_decref(proof);
}

static void too_few_runs_are_asked_again_and_builds_are_bounded(void **state)
{
	struct triage_bisect_spec spec = {.count = 3,
		.prs = (int[]){1, 2, 3},
		.hits = 4,
		.runs = 20,
		.max_builds = 2};
	_auto_(triage_bisect_freep) struct triage_bisect *b = triage_bisect_new(&spec);
	struct triage_answer a = {.kind = TRIAGE_GOOD, .runs = 10};
	struct triage_question q;
	unsigned wanted = triage_bisect_runs(4, 20), asked = 0;

	(void)state;
	while (triage_bisect_next(b, &q) > 0 && q.kind == TRIAGE_PREFIX &&
		q.prefix == 0) {
		assert_int_equal(q.runs, wanted - asked);
		a.runs = q.runs < 10 ? q.runs : 10;
		asked += a.runs;
		triage_bisect_answer(b, &a);
	}
	assert_int_equal(asked, wanted);
	a.runs = TRIAGE_BISECT_RUNS;
	while (triage_bisect_next(b, &q) > 0)
		triage_bisect_answer(b, &a);
	assert_int_equal(triage_bisect_result(b)->builds, 2);
	assert_int_equal(triage_bisect_result(b)->outcome, TRIAGE_SUSPECT);
}

static void runs_grow_as_the_rate_falls(void **state)
{
	unsigned hits, before = TRIAGE_BISECT_RUNS;

	(void)state;
	for (hits = 0; hits <= 20; hits++) {
		unsigned n = triage_bisect_runs(hits, 20);

		assert_in_range(n, 1, before);
		before = n;
	}
	assert_int_equal(before, 3);
	print_message("runs for 20/20: %u, 10/20: %u, 5/20: %u, 20/100: %u\n", before,
		triage_bisect_runs(10, 20), triage_bisect_runs(5, 20),
		triage_bisect_runs(20, 100));
}

/* Random answers, right or not: it ends, and blame always has its hits. */
static void nonsense_ends(void **state)
{
	unsigned round;

	(void)state;
	seed = 99;
	for (round = 0; round < 3000; round++) {
		int prs[MERGES_MAX] = {0}, guard = 0;
		struct triage_bisect_spec spec = {.prs = prs,
			.count = 1 + next_random() % MERGES_MAX,
			.hits = 1 + (unsigned)next_random() % 20,
			.runs = 20};
		_auto_(triage_bisect_freep) struct triage_bisect *b =
			triage_bisect_new(&spec);
		struct triage_question q, again;

		while (triage_bisect_next(b, &q) > 0) {
			struct triage_answer a = {.runs = q.runs};

			assert_int_equal(triage_bisect_next(b, &again), 1);
			assert_memory_equal(&q, &again, sizeof q);
			a.kind = (enum triage_answer_kind)(next_random() % 3);
			a.why = (enum triage_why)(next_random() % 4);
			a.hits = a.kind == TRIAGE_BAD;
			triage_bisect_answer(b, &a);
			assert_true(guard++ < 200);
		}
		assert_true(triage_bisect_result(b)->builds <= 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_position_of_1_to_64_merges),
		cmocka_unit_test(pre_existing_costs_one_build),
		cmocka_unit_test(every_pair_and_some_triples),
		cmocka_unit_test(flaky_bugs_are_named),
		cmocka_unit_test(flaky_pairs_and_old_bugs),
		cmocka_unit_test(a_tenth_of_the_trees_is_untestable),
		cmocka_unit_test(the_pull_request_that_adds_the_target),
		cmocka_unit_test(a_pair_behind_the_target),
		cmocka_unit_test(proofs_that_are_short_of_one_half),
		cmocka_unit_test(what_is_older_than_the_target),
		cmocka_unit_test(two_independent_causes_are_no_proof),
		cmocka_unit_test(every_mend),
		cmocka_unit_test(a_mend_that_was_taken_back),
		cmocka_unit_test(every_return),
		cmocka_unit_test(what_is_said_of_a_return),
		cmocka_unit_test(what_no_staged_merge_mended),
		cmocka_unit_test(what_went_away_is_flaky),
		cmocka_unit_test(nothing_builds_and_our_machines_fail),
		cmocka_unit_test(what_hides_a_bug_is_told),
		cmocka_unit_test(too_few_runs_are_asked_again_and_builds_are_bounded),
		cmocka_unit_test(runs_grow_as_the_rate_falls),
		cmocka_unit_test(nonsense_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
