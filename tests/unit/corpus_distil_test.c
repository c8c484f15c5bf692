/* The distilled set: covers all, is small, and does not depend on the input's order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "corpus/distil.h"

#include "base/banned.h"

#define UNITS_MAX 4000
#define FEATURES 16 /* of the small instances: a mask of one unit fits an int */

struct instance {
	struct corpus_distil_unit units[UNITS_MAX + 1];
	uint32_t *features[UNITS_MAX];
	size_t count;
};

static void add_unit(
	struct instance *in, const uint32_t *features, size_t count, uint32_t size)
{
	struct corpus_distil_unit *unit = &in->units[in->count];

	in->features[in->count] = iw_calloc(count + 1, sizeof *features);
	if (count)
		memcpy(in->features[in->count], features, count * sizeof *features);
	unit->features = in->features[in->count];
	unit->feature_count = (uint32_t)count;
	unit->size = size;
	unit->sha = iw_sha256(&in->count, sizeof in->count);
	in->count++;
}

static void add_mask(struct instance *in, unsigned mask, uint32_t size)
{
	uint32_t features[FEATURES];
	size_t count = 0;
	unsigned bit;

	for (bit = 0; bit < FEATURES; bit++)
		if (mask >> bit & 1)
			features[count++] = bit * 1000;
	add_unit(in, features, count, size);
}

static void instance_fini(struct instance *in)
{
	while (in->count > 0)
		free(in->features[--in->count]);
}

/* Distils a copy: the features are rewritten. */
static struct corpus_distil_result distil(const struct instance *in, bool *chosen)
{
	struct corpus_distil_unit *units =
		iw_memdup(in->units, (in->count + 1) * sizeof *units);
	struct corpus_distil_result result;
	size_t i;

	for (i = 0; i < in->count; i++)
		units[i].features = iw_memdup(units[i].features,
			(units[i].feature_count + 1) * sizeof *units[i].features);
	result = corpus_distil(units, in->count, chosen);
	for (i = 0; i < in->count; i++)
		free(units[i].features);
	free(units);
	return result;
}

static unsigned mask_of(const struct corpus_distil_unit *unit)
{
	unsigned mask = 0;
	size_t k;

	for (k = 0; k < unit->feature_count; k++)
		mask |= 1u << unit->features[k] / 1000;
	return mask;
}

/* The optimum by trying every subset: fewest files, then fewest bytes. */
static void find_optimum(const struct instance *in, size_t *files, uint64_t *bytes)
{
	unsigned all = 0, subset;
	size_t i;

	for (i = 0; i < in->count; i++)
		all |= mask_of(&in->units[i]);
	*files = in->count + 1;
	*bytes = 0;
	for (subset = 0; subset < 1u << in->count; subset++) {
		unsigned mask = 0;
		size_t n = 0;
		uint64_t size = 0;

		for (i = 0; i < in->count; i++) {
			if (!(subset >> i & 1))
				continue;
			mask |= mask_of(&in->units[i]);
			size += in->units[i].size;
			n++;
		}
		if (mask == all && (n < *files || (n == *files && size < *bytes))) {
			*files = n;
			*bytes = size;
		}
	}
}

static void check_covers_all(const struct instance *in, const bool *chosen)
{
	unsigned all = 0, kept = 0;
	size_t i;

	for (i = 0; i < in->count; i++) {
		all |= mask_of(&in->units[i]);
		if (chosen[i])
			kept |= mask_of(&in->units[i]);
	}
	assert_int_equal(all, kept);
}

static void test_nothing(void **state)
{
	static struct instance in;
	bool chosen[2] = {true, true};
	struct corpus_distil_result r = distil(&in, chosen);

	(void)state;
	assert_int_equal(r.chosen, 0);
	add_mask(&in, 0, 10); /* a unit without a feature is never needed */
	r = distil(&in, chosen);
	assert_int_equal(r.chosen + r.features, 0);
	assert_false(chosen[0]);
	instance_fini(&in);
}

static void test_known(void **state)
{
	static struct instance in;
	struct corpus_distil_result r;
	bool chosen[8];

	(void)state;
	/* Greedy takes the middle four and then needs both ends; two would do. */
	add_mask(&in, 0x07, 10);
	add_mask(&in, 0x38, 10);
	add_mask(&in, 0x1e, 10);
	r = distil(&in, chosen);
	assert_int_equal(r.chosen, 2);
	assert_int_equal(r.features, 6);
	assert_false(chosen[2]);
	/* The same for less. */
	add_mask(&in, 0x07, 4);
	r = distil(&in, chosen);
	assert_int_equal(r.chosen_bytes, 14);
	assert_true(chosen[3]);
	instance_fini(&in);
}

static void test_near_optimum(void **state)
{
	size_t total = 0, best_total = 0, exact = 0;
	unsigned seed = 1;
	int round;

	(void)state;
	for (round = 0; round < 300; round++) {
		static struct instance in;
		struct corpus_distil_result r;
		bool chosen[16];
		size_t files, n = 2 + (size_t)rand_r(&seed) % 10;
		uint64_t bytes;

		while (in.count < n)
			add_mask(&in,
				(unsigned)rand_r(&seed) & (unsigned)rand_r(&seed) & 0xfff,
				1 + (uint32_t)rand_r(&seed) % 50);
		r = distil(&in, chosen);
		check_covers_all(&in, chosen);
		find_optimum(&in, &files, &bytes);
		assert_true(r.chosen >= files);
		assert_true(r.chosen <= files + 1);
		total += r.chosen;
		best_total += files;
		exact += r.chosen == files && r.chosen_bytes == bytes;
		instance_fini(&in);
	}
	print_message("files %zu, optimum %zu, %zu of 300 instances exact\n", total,
		best_total, exact);
	assert_true(total <= best_total + best_total / 50);
	assert_true(exact >= 270);
}

static void make_large(struct instance *in)
{
	uint32_t *features = iw_calloc(3000, sizeof *features);
	unsigned seed = 3;
	size_t i;

	for (i = 0; i < UNITS_MAX; i++) {
		uint32_t f = (uint32_t)rand_r(&seed) % 200;
		size_t count = 0;

		while (f < 40000 && count < 3000) {
			features[count++] = f;
			f += 1 + (uint32_t)rand_r(&seed) % (count % 7 ? 40 : 3000);
		}
		add_unit(in, features, count, (uint32_t)rand_r(&seed) % 1000);
	}
	free(features);
}

static int compare_sha(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct iw_sha256));
}

static size_t chosen_shas(
	const struct instance *in, const bool *chosen, struct iw_sha256 *shas)
{
	size_t i, n = 0;

	for (i = 0; i < in->count; i++)
		if (chosen[i])
			shas[n++] = in->units[i].sha;
	qsort(shas, n, sizeof *shas, compare_sha);
	return n;
}

static void test_large_covers_all_and_is_minimal(void **state)
{
	static struct instance in;
	static bool chosen[UNITS_MAX];
	static uint32_t covers[50000];
	struct corpus_distil_result r;
	size_t i, k, all = 0;

	(void)state;
	make_large(&in);
	r = distil(&in, chosen);
	for (i = 0; i < in.count; i++)
		for (k = 0; chosen[i] && k < in.units[i].feature_count; k++)
			covers[in.units[i].features[k]]++;
	for (i = 0; i < in.count; i++)
		for (k = 0; k < in.units[i].feature_count; k++)
			assert_true(covers[in.units[i].features[k]] > 0);
	for (i = 0; i < 50000; i++)
		all += covers[i] > 0;
	assert_int_equal(all, r.features);
	/* None of the chosen could go. */
	for (i = 0; i < in.count; i++) {
		bool is_needed = false;

		for (k = 0; chosen[i] && k < in.units[i].feature_count; k++)
			is_needed |= covers[in.units[i].features[k]] == 1;
		assert_true(!chosen[i] || is_needed);
	}
	instance_fini(&in);
}

static void test_order_does_not_matter(void **state)
{
	static struct instance in;
	static bool chosen[UNITS_MAX];
	static struct iw_sha256 first[UNITS_MAX], second[UNITS_MAX];
	unsigned seed = 9;
	size_t i, n;

	(void)state;
	make_large(&in);
	distil(&in, chosen);
	n = chosen_shas(&in, chosen, first);
	for (i = in.count; i > 1; i--) {
		size_t k = (size_t)rand_r(&seed) % i;
		struct corpus_distil_unit tmp = in.units[i - 1];

		in.units[i - 1] = in.units[k];
		in.units[k] = tmp;
	}
	distil(&in, chosen);
	assert_int_equal(chosen_shas(&in, chosen, second), n);
	assert_memory_equal(first, second, n * sizeof *first);
	instance_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_near_optimum),
		cmocka_unit_test(test_large_covers_all_and_is_minimal),
		cmocka_unit_test(test_order_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
