/* Answers that are remembered: summed up, and enough for a start anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/lib/staged_world.h"
#include "triage/verdicts.h"

#include "base/banned.h"

#define STORED_MAX 256

/* The table, as a kill leaves it. */
struct stored {
	char trees[STORED_MAX][IW_GIT_HEX];
	struct verdict_row rows[STORED_MAX];
	size_t count;
};

static uint64_t seed = 1;

static void put(struct stored *s, const struct verdict_row *row)
{
	size_t i = 0;

	while (i < s->count && strcmp(s->trees[i], row->tree) != 0)
		i++;
	assert_true(i < STORED_MAX);
	s->count = i == s->count ? i + 1 : s->count;
	snprintf(s->trees[i], IW_GIT_HEX, "%s", row->tree);
	s->rows[i] = *row;
	s->rows[i].tree = s->trees[i];
}

static void load(const struct stored *s, struct triage_verdicts *v)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		triage_verdicts_take(v, &s->rows[i]);
}

/* What attribute.c does, without builds: false when it was killed after `steps` answers. */
static bool attribute(const struct world *w, struct stored *s, unsigned steps,
	unsigned *runs, struct triage_bisect **out)
{
	_auto_(triage_bisect_freep) struct triage_bisect *b = NULL;
	struct triage_bisect_spec spec = {.count = w->count, .hits = 8, .runs = 8};
	int prs[WORLD_MERGES];
	double costs[WORLD_MERGES + 1];
	struct triage_verdicts v = {0};
	struct triage_question q;
	char tree[IW_GIT_HEX];
	size_t i;

	load(s, &v);
	for (i = 0; i <= w->count; i++) {
		uint64_t bits = world_tree(
			w, &(struct triage_question){.kind = TRIAGE_PREFIX, .prefix = i});

		prs[i ? i - 1 : 0] = WORLD_PR + (int)i;
		snprintf(tree, sizeof tree, "%llx", (unsigned long long)bits);
		costs[i] = triage_verdicts_give(&v, tree) ? 0.05 : 1;
	}
	spec.prs = prs;
	spec.costs = costs;
	b = triage_bisect_new(&spec);
	while (triage_bisect_next(b, &q) > 0) {
		const struct triage_answer *old;
		struct triage_answer a;
		struct verdict_row row;

		snprintf(
			tree, sizeof tree, "%llx", (unsigned long long)world_tree(w, &q));
		old = q.is_again ? NULL : triage_verdicts_give(&v, tree);
		if (old) {
			triage_bisect_answer(b, old);
			continue;
		}
		if (steps-- == 0) {
			triage_verdicts_fini(&v);
			return false;
		}
		a = world_reply(w, &q, &seed);
		*runs += a.runs;
		triage_verdicts_add(&v, tree, &a, 0, &row);
		put(s, &row);
		triage_bisect_answer(b, &a);
	}
	triage_verdicts_fini(&v);
	*out = iw_steal(&b);
	return true;
}

/* Killed after every single answer, it ends with the same answer and has run no tree twice
 * as often. */
static void assert_survives(const struct world *w)
{
	struct triage_bisect *whole = NULL, *broken = NULL;
	struct stored s = {.count = 0}, t = {.count = 0};
	const struct triage_attribution *a, *b;
	unsigned runs = 0, more = 0, kills = 0;

	assert_true(attribute(w, &s, ~0U, &runs, &whole));
	while (!attribute(w, &t, 1, &more, &broken))
		assert_true(kills++ < 200);
	a = triage_bisect_result(whole);
	b = triage_bisect_result(broken);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->merges, b->merges, a->count * sizeof *a->merges);
	assert_true(more <= runs + 20);
	triage_bisect_free(whole);
	triage_bisect_free(broken);
}

static void kills_after_every_answer(void **state)
{
	size_t m, j;

	(void)state;
	for (m = 1; m <= 24; m++) {
		assert_survives(&(struct world){.count = 24, .causes = {{m}}});
		for (j = m + 1; j <= 24; j += 5)
			assert_survives(&(struct world){.count = 24, .causes = {{m, j}}});
	}
	assert_survives(&(struct world){.count = 24, .is_pre_existing = true});
	assert_survives(&(struct world){.count = 24, .target_by = 9, .causes = {{15}}});
	assert_survives(&(struct world){.count = 24, .causes = {{3}, {17}}});
}

static void answers_are_summed_up(void **state)
{
	struct triage_answer good = {.kind = TRIAGE_GOOD, .runs = 5};
	struct triage_answer none = {.kind = TRIAGE_UNTESTABLE};
	struct triage_answer bad = {.kind = TRIAGE_BAD, .runs = 2, .hits = 1};
	struct triage_verdicts v = {0};
	struct verdict_row row = {.tree = "t", .answer = "good", .runs = 4};

	(void)state;
	triage_verdicts_take(&v, &row);
	assert_true(triage_verdicts_give(&v, "t") && !triage_verdicts_give(&v, "u"));
	assert_int_equal(triage_verdicts_give(&v, "t")->runs, 4);
	assert_null(triage_verdicts_give(&v, "u"));
	triage_verdicts_add(&v, "t", &good, 1, &row);
	assert_int_equal(row.runs, 9);
	assert_int_equal(row.others, 1);
	triage_verdicts_add(&v, "t", &none, 0, &row);
	assert_string_equal(row.answer, "good");
	triage_verdicts_add(&v, "t", &bad, 0, &row);
	assert_string_equal(row.answer, "bad");
	assert_int_equal(row.runs, 11);
	triage_verdicts_add(&v, "u", &good, 0, &row);
	triage_verdicts_keep_bad(&v);
	assert_int_equal(triage_verdicts_give(&v, "t")->hits, 1);
	assert_false(triage_verdicts_give(&v, "u"));
	triage_verdicts_fini(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kills_after_every_answer),
		cmocka_unit_test(answers_are_summed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
