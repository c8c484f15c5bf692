/* The set of features, and the two forms in which they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "corpus/features.h"
#include "engine/result.h"

#include "base/banned.h"

#define TOP (8u * 700000)

static uint32_t *make_numbers(size_t count, unsigned seed)
{
	uint32_t *numbers = iw_calloc(count + 1, sizeof *numbers), last = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		last += 1 + (uint32_t)rand_r(&seed) % (i % 50 == 0 ? 20000 : 9);
		numbers[i] = last;
	}
	return numbers;
}

static void test_set(void **state)
{
	struct corpus_features *set = corpus_features_new();
	uint32_t first[] = {0, 5, 63, 64, TOP - 1}, second[] = {5, 6, TOP - 1, TOP};

	(void)state;
	assert_int_equal(corpus_features_add(set, NULL, 0), 0);
	assert_int_equal(corpus_features_add(set, first, 5), 5);
	assert_int_equal(corpus_features_add(set, first, 5), 0);
	assert_int_equal(corpus_features_add(set, second, 4), 2);
	assert_int_equal(corpus_features_total(set), 7);
	assert_true(corpus_features_has(set, 0));
	assert_true(corpus_features_has(set, TOP));
	assert_false(corpus_features_has(set, 1));
	assert_false(corpus_features_has(set, UINT32_MAX));
	corpus_features_free(set);
}

static void check_round_trip(struct corpus_feature_packer *packer, size_t count)
{
	uint32_t *numbers = make_numbers(count, (unsigned)count), *back;
	struct iw_buf encoded = {0}, blob = {0};
	struct iw_err err = IW_ERR_INIT;

	engine_features_encode(&encoded, numbers, count);
	corpus_features_pack(
		packer, encoded.data ? encoded.data : "", encoded.len, &blob);
	back = iw_calloc(count + 1, sizeof *back);
	assert_int_equal(corpus_features_unpack(packer, blob.data, blob.len,
				 (uint32_t)count, back, &err),
		0);
	assert_memory_equal(numbers, back, count * sizeof *back);
	/* A count that is wrong is not believed. */
	assert_int_equal(corpus_features_unpack(packer, blob.data, blob.len,
				 (uint32_t)count + 1, back, &err),
		IW_EINVAL);
	iw_buf_fini(&encoded);
	iw_buf_fini(&blob);
	free(numbers);
	free(back);
}

static void test_pack_round_trip(void **state)
{
	static const size_t counts[] = {0, 1, 2, 31, 32, 33, 1000, 30000};
	struct corpus_feature_packer *packer = corpus_feature_packer_new();
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(counts); i++)
		check_round_trip(packer, counts[i]);
	corpus_feature_packer_free(packer);
}

static void test_damaged_blobs(void **state)
{
	struct corpus_feature_packer *packer = corpus_feature_packer_new();
	uint32_t *numbers = make_numbers(2000, 7), back[2001];
	struct iw_buf encoded = {0}, blob = {0};
	struct iw_err err;
	size_t len;

	(void)state;
	engine_features_encode(&encoded, numbers, 2000);
	corpus_features_pack(packer, encoded.data, encoded.len, &blob);
	for (len = 0; len < blob.len; len += 3)
		assert_int_equal(
			corpus_features_unpack(packer, blob.data, len, 2000, back, &err),
			IW_EINVAL);
	blob.data[0] = 9;
	assert_int_equal(
		corpus_features_unpack(packer, blob.data, blob.len, 2000, back, &err),
		IW_EINVAL);
	iw_buf_fini(&encoded);
	iw_buf_fini(&blob);
	free(numbers);
	corpus_feature_packer_free(packer);
}

static void test_decode_refuses(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t count;
		uint64_t limit;
		bool is_good;
	} cases[] = {
		{"", 0, 0, 0, true},
		{"\x00", 1, 1, 0, true},
		{"\x05\x01", 2, 2, 7, true},
		{"\x05\x01", 2, 2, 6, false},		 /* reaches the limit */
		{"\x05\x00", 2, 2, 0, false},		 /* twice the same */
		{"\x05\x01", 2, 1, 0, false},		 /* bytes left over */
		{"\x85", 1, 1, 0, false},		 /* ends within a number */
		{"\xff\xff\xff\xff\x0f", 5, 1, 0, true}, /* the largest */
		{"\xff\xff\xff\xff\x1f", 5, 1, 0, false},
		{"\x80\x80\x80\x80\x80\x01", 6, 1, 0, false},
	};
	uint32_t numbers[4];
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(cases); i++)
		assert_int_equal(engine_features_decode(cases[i].bytes, cases[i].len,
					 cases[i].count, cases[i].limit, numbers),
			cases[i].is_good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_pack_round_trip),
		cmocka_unit_test(test_damaged_blobs),
		cmocka_unit_test(test_decode_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
