/*
 * Attributes bugs of made histories, whose truth is known, and says what came of it as one
 * JSON object: per scenario how many answers were right, open (a suspect, flaky) or wrong,
 * what they cost, and how often an answer of some confidence was right.
 *
 *	triage_blame_bench RUNS SEED
 *
 * What can be swept is (every position, every pair, every triple); what depends on chance is
 * made RUNS times.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/lib/staged_world.h"
#include "triage/bisect_tree.h"

#include "base/banned.h"

#define MERGES WORLD_MERGES
#define PAIRED 32   /* merges of histories with two causes */
#define RETURNED 20 /* of those with three */
#define BINS 1000   /* of confidence */

struct tally {
	const char *name;
	unsigned count, cap;
	unsigned right, open, wrong;
	unsigned interactions;
	unsigned *builds, *fresh, *runs;
};

static uint64_t seed;
static unsigned made[BINS + 1], held[BINS + 1]; /* answers by confidence; right ones */
static unsigned scenarios;

static size_t draw(size_t below)
{
	return (size_t)(test_chance(&seed) * (double)below);
}

/* -- what is right --------------------------------------------------------------------- */

static bool is_cause(const struct world *w, size_t merge)
{
	size_t c, i;

	for (c = 0; c < 2; c++)
		for (i = 0; i < 3; i++)
			if (w->causes[c][i] == merge)
				return true;
	return w->returned[2] == merge || (!w->is_new && w->returned[0] == merge);
}

static size_t causes_of(const struct world *w, size_t c)
{
	size_t n = 0;

	while (n < 3 && w->causes[c][n])
		n++;
	return n;
}

/* Of a history that came back: who brought it back; where that only undid a mend, whoever
 * brought it is as guilty, and both together are. */
static bool names_returned(const struct world *w, const struct triage_bisect *b)
{
	const size_t both[] = {w->returned[0], w->returned[2]};

	if (world_names(b, TRIAGE_STAGED, &both[1], 1))
		return true;
	return !w->is_new &&
		(world_names(b, TRIAGE_STAGED, &both[0], 1) ||
			world_names(b, TRIAGE_INTERACTION, both, 2));
}

static bool is_right(const struct world *w, const struct triage_bisect *b)
{
	size_t n = causes_of(w, 0);

	if (w->returned[0])
		return names_returned(w, b);
	if (w->is_pre_existing)
		return world_names(b, TRIAGE_PRE_EXISTING, NULL, 0);
	if (w->causes[1][0]) {
		const size_t both[] = {w->causes[0][0], w->causes[1][0]};

		return world_names(b, TRIAGE_SUSPECT, both, 2);
	}
	/* What is older than the target cannot be told. */
	if (w->target_by && n == 1 && w->causes[0][0] <= w->target_by)
		return triage_bisect_result(b)->outcome == TRIAGE_SUSPECT;
	return world_names(
		b, n > 1 ? TRIAGE_INTERACTION : TRIAGE_STAGED, w->causes[0], n);
}

/* What the confidence is of: a suspect is one of the causes. */
static bool holds(const struct world *w, const struct triage_bisect *b)
{
	const struct triage_attribution *r = triage_bisect_result(b);
	size_t i;

	if (r->outcome != TRIAGE_SUSPECT)
		return is_right(w, b);
	for (i = 0; i < r->count; i++)
		if (is_cause(w, r->merges[i]))
			return true;
	return false;
}

/* -- counting -------------------------------------------------------------------------- */

static void show(const struct triage_bisect *b)
{
	size_t count, i;
	const char *const *log = triage_bisect_log(b, &count);

	for (i = 0; i < count; i++)
		fprintf(stderr, "    %s\n", log[i]);
}

/* Trees that had to be built. */
static unsigned fresh_builds(const struct world *w, const struct triage_bisect *b)
{
	unsigned builds = triage_bisect_result(b)->builds;
	size_t i;

	for (i = 0; i < b->tree_count && w->costs; i++) {
		const struct triage_question *q = &b->trees[i].question;

		if (q->kind == TRIAGE_PREFIX && q->prefix < w->count &&
			w->costs[q->prefix] < 1)
			builds--;
	}
	return builds;
}

static void count_one(struct tally *t, const struct world *w)
{
	_auto_(triage_bisect_freep) struct triage_bisect *b = world_run(w, &seed);
	const struct triage_attribution *r = triage_bisect_result(b);
	bool is_open = r->outcome == TRIAGE_SUSPECT || r->outcome == TRIAGE_FLAKY;

	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		t->builds = iw_realloc(t->builds, t->cap * sizeof *t->builds);
		t->fresh = iw_realloc(t->fresh, t->cap * sizeof *t->fresh);
		t->runs = iw_realloc(t->runs, t->cap * sizeof *t->runs);
	}
	t->builds[t->count] = r->builds;
	t->fresh[t->count] = fresh_builds(w, b);
	t->runs[t->count++] = r->runs;
	t->interactions += r->outcome == TRIAGE_INTERACTION;
	if (is_right(w, b))
		t->right++;
	else if (is_open)
		t->open++;
	else if (++t->wrong <= 3 && getenv("BLAME_SHOW")) {
		fprintf(stderr, "%s: cause %zu %zu, %zu\n", t->name, w->causes[0][0],
			w->causes[0][1], w->causes[1][0]);
		show(b);
	}
	if (r->confidence > 0) {
		unsigned bin = (unsigned)(r->confidence * BINS);

		made[bin]++;
		held[bin] += holds(w, b);
	}
}

static int by_size(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void end(struct tally *t)
{
	qsort(t->builds, t->count, sizeof *t->builds, by_size);
	qsort(t->fresh, t->count, sizeof *t->fresh, by_size);
	qsort(t->runs, t->count, sizeof *t->runs, by_size);
	printf("%s{\"name\": \"%s\", \"count\": %u, \"right\": %u, \"open\": %u, "
	       "\"wrong\": %u, \"interactions\": %u, \"builds_median\": %u, "
	       "\"builds_max\": %u, \"fresh_median\": %u, \"fresh_max\": %u, "
	       "\"runs_median\": %u, \"runs_max\": %u}",
		scenarios++ ? ",\n" : "", t->name, t->count, t->right, t->open, t->wrong,
		t->interactions, t->builds[t->count / 2], t->builds[t->count - 1],
		t->fresh[t->count / 2], t->fresh[t->count - 1], t->runs[t->count / 2],
		t->runs[t->count - 1]);
	free(t->builds);
	free(t->fresh);
	free(t->runs);
}

/* -- scenarios ------------------------------------------------------------------------- */

static void every_position(void)
{
	struct tally t = {.name = "deterministic"};
	size_t n, m;

	for (n = 1; n <= MERGES; n++)
		for (m = 1; m <= n; m++)
			count_one(&t, &(struct world){.count = n, .causes = {{m}}});
	end(&t);
}

static void at_a_rate(const char *name, double rate, double told, unsigned runs)
{
	struct tally t = {.name = name};
	unsigned i;

	for (i = 0; i < runs; i++)
		count_one(&t,
			&(struct world){.count = MERGES,
				.rate = rate,
				.told = told,
				.causes = {{1 + i % MERGES}}});
	end(&t);
}

static void every_pair(const char *name, double rate, bool is_either)
{
	struct tally t = {.name = name};
	size_t i, j;

	for (j = 2; j <= PAIRED; j++) {
		for (i = 1; i < j; i++) {
			struct world w = {.count = PAIRED, .rate = rate};

			w.causes[0][0] = i;
			w.causes[is_either][!is_either] = j;
			count_one(&t, &w);
		}
	}
	end(&t);
}

static void old_bugs(const char *name, double rate, unsigned runs)
{
	struct tally t = {.name = name};
	unsigned i;

	for (i = 0; i < runs; i++)
		count_one(&t,
			&(struct world){.count = 1 + i % MERGES,
				.rate = rate,
				.is_pre_existing = true});
	end(&t);
}

/* A tenth of the trees does not build, and one merge brings the target. */
static void untestable(const char *name, double rate, unsigned runs)
{
	struct tally t = {.name = name};
	unsigned i;

	for (i = 0; i < runs; i++)
		count_one(&t,
			&(struct world){.count = MERGES,
				.rate = rate,
				.untestable = 10,
				.salt = (uint64_t)(test_chance(&seed) * 0x1p52),
				.target_by = 1 + draw(MERGES),
				.causes = {{1 + i % MERGES}}});
	end(&t);
}

/* One cause; its revert conflicts, it needs an older merge to be put on, or both. */
static void inconclusive(void)
{
	struct tally t = {.name = "conflicts and suspects that need another"};
	size_t m, other;

	for (m = 2; m <= PAIRED; m++) {
		for (other = 1; other < m; other++) {
			struct world w = {.count = PAIRED, .causes = {{m}}};

			w.conflicts = m;
			count_one(&t, &w);
			w.needs[0] = m;
			w.needs[1] = other;
			count_one(&t, &w);
			w.conflicts = 0;
			count_one(&t, &w);
		}
	}
	end(&t);
}

static void every_return(const char *name, bool is_new)
{
	struct tally t = {.name = name};
	size_t a, m, c;

	for (c = 3; c <= RETURNED; c++)
		for (m = 2; m < c; m++)
			for (a = 1; a < m; a++)
				count_one(&t,
					&(struct world){.count = RETURNED,
						.returned = {a, m, c},
						.is_new = is_new});
	end(&t);
}

/* One tree in four is built already; with is_told the bisection knows. */
static void some_are_built(const char *name, bool is_told, unsigned runs)
{
	struct tally t = {.name = name};
	unsigned i, k;

	for (i = 0; i < runs; i++) {
		double costs[MERGES + 1];

		for (k = 0; k <= MERGES; k++)
			costs[k] = draw(4) ? 1 : 0.3;
		count_one(&t,
			&(struct world){.count = MERGES,
				.costs = costs,
				.is_blind = !is_told,
				.causes = {{1 + i % MERGES}}});
	}
	end(&t);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000, i;
	unsigned bins = 0;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	printf("{\"scenarios\": [\n");
	every_position();
	at_a_rate("rate 20 %", 0.2, 0, runs);
	every_pair("pairs", 0, false);
	every_pair("pairs, rate 20 %", 0.2, false);
	old_bugs("bugs of the base", 0, MERGES);
	old_bugs("bugs of the base, rate 20 %", 0.2, runs);
	untestable("10 % do not build, one brings the target", 0, runs);
	untestable("the same, rate 20 %", 0.2, runs);
	inconclusive();
	every_pair("two causes", 0, true);
	every_pair("two causes, rate 20 %", 0.2, true);
	every_return("mended, and the mend undone", false);
	every_return("mended, and brought once more", true);
	at_a_rate("told 80 %, is 20 %", 0.2, 0.8, runs);
	at_a_rate("rate 5 %", 0.05, 0, runs);
	some_are_built("a quarter is built, not told", false, runs);
	some_are_built("a quarter is built, told", true, runs);
	printf("],\n\"confidence\": [");
	for (i = 0; i <= BINS; i++)
		if (made[i])
			printf("%s[%.3f, %u, %u]", bins++ ? ", " : "", (double)i / BINS,
				made[i], held[i]);
	printf("]}\n");
	return 0;
}
