/* The minimizer against oracles that know what is essential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/shrink.h"

#include "base/banned.h"

#define BATCH 32

typedef bool oracle_cb(const uint8_t *data, size_t len);

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

struct outcome {
	uint8_t best[4096];
	size_t len, candidates, batches;
};

static bool contains_in_order(const uint8_t *data, size_t len, const char *wanted)
{
	for (; len > 0 && *wanted; data++, len--)
		if (*data == (uint8_t)*wanted)
			wanted++;
	return !*wanted;
}

/* Runs to the end; checks every promise of the header on the way. */
static void shrink(const uint8_t *data, size_t len, oracle_cb *oracle, size_t limit,
	struct outcome *out)
{
	struct triage_shrink_limits limits = {.candidates = limit};
	_auto_(triage_shrink_freep) struct triage_shrink *s =
		triage_shrink_new(data, len, &limits);
	struct triage_candidate batch[BATCH];
	size_t n, i, best_len;
	const uint8_t *best;

	assert_true(oracle(data, len));
	while ((n = triage_shrink_next(s, batch, BATCH)) > 0) {
		bool is_same[BATCH];
		size_t before;

		for (i = 0; i < n; i++)
			is_same[i] = oracle(batch[i].data, batch[i].len);
		triage_shrink_best(s, &before);
		triage_shrink_feed(s, is_same, n);
		best = triage_shrink_best(s, &best_len);
		assert_true(best_len <= before);
		assert_true(oracle(best, best_len));
	}
	assert_true(triage_shrink_is_done(s));
	best = triage_shrink_best(s, &out->len);
	memcpy(out->best, best, out->len);
	out->candidates = triage_shrink_candidates(s);
	out->batches = triage_shrink_batches(s);
	if (limit)
		assert_true(out->candidates <= limit);
}

static const uint8_t essential[6] = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6};

static bool six_in_order(const uint8_t *data, size_t len)
{
	return contains_in_order(data, len, "\x81\x92\xa3\xb4\xc5\xd6");
}

static void six_essential_bytes_of_512(void **state)
{
	size_t round, i, worst = 0, sum = 0, batches = 0;

	(void)state;
	random_state = 88172645463325252ULL;
	for (round = 0; round < 200; round++) {
		struct outcome out;
		uint8_t data[512];
		size_t at = 0;

		for (i = 0; i < sizeof data; i++)
			data[i] = next_random() & 0x7f;
		for (i = 0; i < 6; i++) {
			at += 1 + next_random() % (sizeof data / 6 - 1);
			data[at] = essential[i];
		}
		shrink(data, sizeof data, six_in_order, 0, &out);
		assert_int_equal(out.len, 6);
		assert_true(out.candidates <= 500);
		worst = out.candidates > worst ? out.candidates : worst;
		sum += out.candidates;
		batches += out.batches;
	}
	print_message("six of 512: mean %zu candidates in %zu batches, worst %zu\n",
		sum / round, batches / round, worst);
}

static bool long_enough(const uint8_t *data, size_t len)
{
	return len >= 100 && data[99] != 'z';
}

static void a_size_is_reached_and_bytes_become_plain(void **state)
{
	struct outcome out;
	uint8_t data[512];
	size_t i;

	(void)state;
	memset(data, 'q', sizeof data);
	shrink(data, sizeof data, long_enough, 0, &out);
	assert_int_equal(out.len, 100);
	for (i = 0; i < out.len; i++)
		assert_int_equal(out.best[i], 0);
}

static bool refuses_zero(const uint8_t *data, size_t len)
{
	return len == 4 && !memchr(data, 0, len);
}

static void what_cannot_be_zero_becomes_a_letter(void **state)
{
	struct outcome out;

	(void)state;
	shrink((const uint8_t *)"\xf0\x9f\x8d\xba", 4, refuses_zero, 0, &out);
	assert_memory_equal(out.best, "AAAA", 4);
}

/* Length byte, payload, then a trailer that must be the last byte. */
static bool framed(const uint8_t *data, size_t len)
{
	return len >= 3 && data[0] == 'L' && (size_t)data[1] + 3 == len &&
		data[len - 1] == '!' && memchr(data, '#', len);
}

static void a_length_field_follows_its_payload(void **state)
{
	uint8_t data[103] = {'L', 100};
	struct outcome out;

	(void)state;
	memset(data + 2, 'x', 100);
	data[40] = '#';
	data[102] = '!';
	shrink(data, sizeof data, framed, 0, &out);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.best, "L\x01#!", 4);
	print_message("length field, 103 to 4 bytes: %zu candidates\n", out.candidates);
}

/* Elements of a tag, a length in two bytes and as many bytes, up to the end. */
static bool elements(const uint8_t *data, size_t len)
{
	bool found = false;

	while (len >= 3) {
		size_t size = (size_t)data[1] << 8 | data[2];

		if (size > len - 3)
			return false;
		found |= data[0] == 'E' && size > 0 && memchr(data + 3, '#', size);
		data += 3 + size;
		len -= 3 + size;
	}
	return found && len == 0;
}

static void elements_go_with_their_lengths(void **state)
{
	uint8_t data[900];
	struct outcome out;
	size_t i, at = 0;

	(void)state;
	random_state = 99;
	for (i = 0; i < 3; i++) {
		data[at] = i == 1 ? 'E' : 'x';
		data[at + 1] = 1;
		data[at + 2] = 41;
		for (at += 3; at < (i + 1) * 300; at++)
			data[at] = next_random() & 0x1f;
	}
	data[450] = '#';
	shrink(data, sizeof data, elements, 0, &out);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.best, "E\0\x01#", 4);
	print_message(
		"an element of three, 900 to 4 bytes: %zu candidates\n", out.candidates);
}

/* Lines that begin with a word, of which one is wanted; their number must be even. */
static bool two_lines(const uint8_t *data, size_t len)
{
	size_t i, lines = 0;
	bool found = false;

	for (i = 0; i < len; i++) {
		if (len - i >= 5 && memcmp(data + i, "<row>", 5) == 0)
			lines++;
		found |= data[i] == '#';
	}
	return found && lines % 2 == 0 && len >= 5 && memcmp(data, "<row>", 5) == 0;
}

static void words_that_come_again_bound_cuts(void **state)
{
	uint8_t data[600];
	struct outcome out;
	size_t i;

	(void)state;
	random_state = 5;
	for (i = 0; i < sizeof data; i++)
		data[i] = 'a' + next_random() % 26;
	for (i = 0; i < sizeof data; i += 100)
		memcpy(data + i, "<row>", 5);
	data[270] = '#';
	shrink(data, sizeof data, two_lines, 0, &out);
	assert_true(out.len <= 12);
}

/* The sum of two bytes far apart is the length. */
static bool sums_up(const uint8_t *data, size_t len)
{
	return len >= 8 && (size_t)data[0] + data[7] == len;
}

static void chance_finds_what_no_pass_foresees(void **state)
{
	struct triage_shrink_limits limits = {.chances = 4000, .candidates = 100000};
	_auto_(triage_shrink_freep) struct triage_shrink *s = NULL;
	struct triage_candidate batch[BATCH];
	uint8_t data[100] = {40};
	size_t n, i, len;

	(void)state;
	data[7] = 60;
	s = triage_shrink_new(data, sizeof data, &limits);
	while ((n = triage_shrink_next(s, batch, BATCH)) > 0) {
		bool is_same[BATCH];

		for (i = 0; i < n; i++)
			is_same[i] = sums_up(batch[i].data, batch[i].len);
		triage_shrink_feed(s, is_same, n);
	}
	assert_true(sums_up(triage_shrink_best(s, &len), len));
	assert_true(len <= 10);
}

static bool balanced(const uint8_t *data, size_t len)
{
	size_t i, depth = 0, top = 0;

	for (i = 0; i < len; i++) {
		if (data[i] == '(')
			depth++;
		else if (data[i] == ')' && depth > 0)
			depth--;
		else
			return false;
		top = depth > top ? depth : top;
	}
	return depth == 0 && top >= 3;
}

static void pairs_keep_a_balance(void **state)
{
	struct outcome out;

	(void)state;
	shrink((const uint8_t *)"()((()(())))()(())", 18, balanced, 0, &out);
	assert_int_equal(out.len, 6);
}

/* Whatever two chunks go together breaks it: combinations must not be assumed. */
static bool only_one_may_go(const uint8_t *data, size_t len)
{
	(void)data;
	return len >= 200 || len == 137;
}

static void combinations_are_verified(void **state)
{
	struct outcome out;
	uint8_t data[256] = {1};

	(void)state;
	shrink(data, sizeof data, only_one_may_go, 0, &out);
	assert_true(out.len <= 200);
}

static bool anything(const uint8_t *data, size_t len)
{
	(void)data;
	(void)len;
	return true;
}

static void everything_goes_to_nothing(void **state)
{
	uint8_t data[300] = {7};
	struct outcome out;

	(void)state;
	shrink(data, sizeof data, anything, 0, &out);
	assert_int_equal(out.len, 0);
	assert_true(out.candidates <= 16);
	shrink(data, 0, anything, 0, &out);
	assert_int_equal(out.candidates, 0);
}

static uint8_t original[400];

static bool the_original(const uint8_t *data, size_t len)
{
	return len == sizeof original && memcmp(data, original, len) == 0;
}

static void nothing_goes_and_it_ends(void **state)
{
	struct outcome out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof original; i++)
		original[i] = (uint8_t)(i * 7 + 1);
	shrink(original, sizeof original, the_original, 0, &out);
	assert_int_equal(out.len, sizeof original);
	assert_true(out.candidates <= 4000);
}

static void the_limit_holds_at_every_value(void **state)
{
	uint8_t data[64] = {0};
	struct outcome out;
	size_t limit;

	(void)state;
	memcpy(data + 30, essential, sizeof essential);
	for (limit = 1; limit < 120; limit++)
		shrink(data, sizeof data, six_in_order, limit, &out);
	assert_int_equal(out.len, 6);
}

static void two_runs_are_equal_and_batches_repeat_until_fed(void **state)
{
	struct triage_candidate batch[BATCH], again[BATCH];
	_auto_(triage_shrink_freep) struct triage_shrink *s = NULL;
	struct outcome a, b;
	uint8_t data[200];
	size_t i, n;

	(void)state;
	random_state = 42;
	for (i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)next_random();
	memcpy(data + 77, essential, sizeof essential);
	shrink(data, sizeof data, six_in_order, 0, &a);
	shrink(data, sizeof data, six_in_order, 0, &b);
	assert_int_equal(a.candidates, b.candidates);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.best, b.best, a.len);

	s = triage_shrink_new(data, sizeof data, NULL);
	n = triage_shrink_next(s, batch, BATCH);
	assert_int_equal(triage_shrink_next(s, again, BATCH), n);
	for (i = 0; i < n; i++)
		assert_ptr_equal(batch[i].data, again[i].data);
}

/* Answers at random, as a flaky caller would: no promise is broken, and it ends. */
static void random_answers_end(void **state)
{
	size_t round;

	(void)state;
	random_state = 7;
	for (round = 0; round < 300; round++) {
		struct triage_candidate batch[BATCH];
		uint8_t data[130];
		_auto_(triage_shrink_freep) struct triage_shrink *s = NULL;
		size_t i, n, len, before = sizeof data;

		for (i = 0; i < sizeof data; i++)
			data[i] = (uint8_t)next_random();
		s = triage_shrink_new(data, sizeof data, NULL);
		while ((n = triage_shrink_next(s, batch, 1 + round % BATCH)) > 0) {
			bool is_same[BATCH];

			for (i = 0; i < n; i++)
				is_same[i] = next_random() % (2 + round % 7) == 0;
			triage_shrink_feed(s, is_same, n);
			triage_shrink_best(s, &len);
			assert_true(len <= before);
			before = len;
		}
		assert_true(triage_shrink_is_done(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_essential_bytes_of_512),
		cmocka_unit_test(a_size_is_reached_and_bytes_become_plain),
		cmocka_unit_test(what_cannot_be_zero_becomes_a_letter),
		cmocka_unit_test(a_length_field_follows_its_payload),
		cmocka_unit_test(elements_go_with_their_lengths),
		cmocka_unit_test(words_that_come_again_bound_cuts),
		cmocka_unit_test(chance_finds_what_no_pass_foresees),
		cmocka_unit_test(pairs_keep_a_balance),
		cmocka_unit_test(combinations_are_verified),
		cmocka_unit_test(everything_goes_to_nothing),
		cmocka_unit_test(nothing_goes_and_it_ends),
		cmocka_unit_test(the_limit_holds_at_every_value),
		cmocka_unit_test(two_runs_are_equal_and_batches_repeat_until_fed),
		cmocka_unit_test(random_answers_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
