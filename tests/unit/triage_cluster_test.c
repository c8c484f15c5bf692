/* The index finds exactly what comparing with each one finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/crash_mill.h"
#include "triage/cluster.h"
#include "triage/similarity.h"

#include "base/banned.h"

#define MEMBERS 600
#define SEARCHES 300

struct pool {
	struct triage_signature *sigs;
	struct triage_shape *shapes; /* for the long way */
	struct triage_names *names;
	struct triage_clusters *clusters;
	size_t count, told;
	const struct triage_signature *asked;
	struct triage_shape shape; /* of that */
	size_t at;		   /* the next that may be told */
};

static void pool_init(struct pool *p)
{
	*p = (struct pool){.sigs = iw_calloc(MEMBERS, sizeof *p->sigs)};
	p->shapes = iw_calloc(MEMBERS, sizeof *p->shapes);
	p->names = triage_names_new();
	p->clusters = triage_clusters_new();
}

static void pool_fini(struct pool *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		triage_signature_fini(&p->sigs[i]);
		triage_shape_fini(&p->shapes[i]);
	}
	triage_names_free(p->names);
	triage_clusters_free(p->clusters);
	free(p->shapes);
	free(p->sigs);
}

/* The signature behind the last one is whole. */
static void pool_add(struct pool *p)
{
	struct triage_signature *sig = &p->sigs[p->count];

	triage_shape_init(&p->shapes[p->count++], p->names, sig);
	triage_clusters_add(p->clusters, sig, sig);
}

static double long_way(const struct pool *p, size_t i)
{
	return triage_shape_similarity(triage_measure(), &p->shapes[i], &p->shape);
}

static void on_found(void *ctx, void *owner, double similarity)
{
	struct pool *p = ctx;

	/* All that are passed over are not alike, and this one is, to the last bit. */
	for (; &p->sigs[p->at] != owner; p->at++) {
		assert_true(p->at < p->count);
		assert_true(long_way(p, p->at) < triage_thresholds.same);
	}
	assert_true(similarity == long_way(p, p->at));
	if (p->told++ % 64 == 0)
		assert_true(similarity ==
			triage_signature_similarity(&p->sigs[p->at], p->asked));
	p->at++;
}

static void search(struct pool *p, const struct triage_signature *sig)
{
	p->asked = sig;
	p->at = 0;
	triage_shape_init(&p->shape, p->names, sig);
	triage_clusters_find(p->clusters, sig, on_found, p);
	for (; p->at < p->count; p->at++)
		assert_true(long_way(p, p->at) < triage_thresholds.same);
	triage_shape_fini(&p->shape);
}

static void compare_with_the_long_way(unsigned bugs, uint64_t seed)
{
	struct mill mill = {.seed = seed, .bugs = bugs};
	struct pool p;
	size_t i;

	pool_init(&p);
	for (i = 0; i < MEMBERS; i++) {
		mill_crash(&mill, mill_draw(&mill.seed, bugs), &p.sigs[i]);
		pool_add(&p);
	}
	for (i = 0; i < SEARCHES; i++) {
		struct triage_signature sig;

		mill_crash(&mill, mill_draw(&mill.seed, bugs), &sig);
		search(&p, &sig);
		triage_signature_fini(&sig);
	}
	assert_true(p.told > 0);
	pool_fini(&p);
}

static void random_programs(void **state)
{
	(void)state;
	compare_with_the_long_way(5, 1);
	compare_with_the_long_way(60, 2);
	compare_with_the_long_way(3000, 3);
}

/* Three names, short stacks, every family: all rules meet. */
static void make_tiny(struct triage_signature *sig, uint64_t *seed)
{
	static const char *const types[] = {"Timeout", "Out-of-memory", "Data race",
		"Stack-overflow", "ASSERT", "Direct-leak", "Heap-buffer-overflow\nREAD 1",
		"UNKNOWN READ"};
	static const char *const names[] = {"f", "g", "h"};
	uint32_t depth = mill_draw(seed, 8), others = mill_draw(seed, 3), i;

	triage_signature_init(sig, types[mill_draw(seed, IW_COUNT(types))],
		mill_draw(seed, 2) ? NULL : names[mill_draw(seed, 2)]);
	for (i = 0; i < depth; i++)
		triage_signature_add(sig, names[mill_draw(seed, 3)]);
	if (mill_draw(seed, 2))
		triage_signature_set_file(sig, names[mill_draw(seed, 2)]);
	for (i = 0; mill_draw(seed, 3) == 0 && i < others; i++)
		triage_signature_add_other(sig, names[mill_draw(seed, 3)]);
	for (i = 0; mill_draw(seed, 3) == 0 && i < 2; i++) {
		const char *stack[] = {
			names[mill_draw(seed, 3)], names[mill_draw(seed, 3)], "f"};

		triage_signature_sample(sig, stack, IW_COUNT(stack));
	}
}

static void tiny_random_signatures(void **state)
{
	uint64_t seed = 9;
	struct pool p;
	size_t i;

	(void)state;
	pool_init(&p);
	for (i = 0; i < MEMBERS; i++) {
		make_tiny(&p.sigs[i], &seed);
		pool_add(&p);
	}
	for (i = 0; i < MEMBERS; i++)
		search(&p, &p.sigs[i]);
	assert_true(p.told >= MEMBERS);
	pool_fini(&p);
}

static void count(void *ctx, void *owner, double similarity)
{
	(void)owner;
	assert_true(similarity == 1);
	++*(int *)ctx;
}

static void what_is_removed_is_not_found(void **state)
{
	struct triage_clusters *c = triage_clusters_new();
	struct triage_signature sig;
	int a, b, found = 0;

	(void)state;
	triage_signature_init(&sig, "Abrt", NULL);
	triage_signature_add(&sig, "f");
	triage_clusters_add(c, &sig, &a);
	triage_clusters_add(c, &sig, &b);
	triage_clusters_find(c, &sig, count, &found);
	assert_int_equal(found, 2);
	triage_clusters_remove(c, &a);
	triage_clusters_find(c, &sig, count, &found);
	assert_int_equal(found, 3);
	triage_signature_fini(&sig);
	triage_clusters_free(c);
}

/* Of equal ones the oldest; what was merged is one bug. */
static void the_nearest(void **state)
{
	struct triage_nearest n = {0};
	int a = 0, b = 0, c = 0; /* gcc thinks that somebody reads them */

	(void)state;
	triage_nearest_take(&n, &a, &a, 0.7);
	triage_nearest_take(&n, &b, &a, 0.9);
	assert_ptr_equal(n.owner, &b);
	assert_null(n.other);
	triage_nearest_take(&n, &c, &c, 0.9);
	assert_ptr_equal(n.owner, &b);
	assert_ptr_equal(n.other, &c);
	assert_true(triage_nearest_joins(&n));
	n = (struct triage_nearest){0};
	triage_nearest_take(&n, &a, &a, 0.7);
	triage_nearest_take(&n, &c, &c, 0.9);
	assert_ptr_equal(n.owner, &c);
	assert_ptr_equal(n.other, &a);
	assert_false(triage_nearest_joins(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs),
		cmocka_unit_test(tiny_random_signatures),
		cmocka_unit_test(what_is_removed_is_not_found),
		cmocka_unit_test(the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
