/*
 * A large target has 600,000 counters of which a unit touches a few thousand, so what
 * counts is how fast zeros are passed: 32 bytes a step. Only words that are not zero are
 * written, which keeps the untouched pages of a forked child shared with its parent.
 */
#include "engine/preload/features.h"

#include "base/banned.h"

#define WORDS 4

/*
 * Counters are read and cleared by plain loads and stores: memcpy and memset would go to
 * the runtime, and TSan would report them as races with the target's own threads.
 */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;

struct encoder {
	uint8_t *out;
	uint64_t last;
	uint32_t count;
};

/* libFuzzer's buckets: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128-255. */
static uint64_t bucket(uint64_t counter)
{
	if (counter >= 128)
		return 7;
	if (counter >= 32)
		return 6;
	if (counter >= 16)
		return 5;
	if (counter >= 8)
		return 4;
	return counter >= 4 ? 3 : counter - 1;
}

static void encode(struct encoder *e, uint64_t feature)
{
	uint64_t delta = feature - e->last;

	for (; delta >= 128; delta >>= 7)
		*e->out++ = (uint8_t)(delta | 128);
	*e->out++ = (uint8_t)delta;
	e->last = feature;
	e->count++;
}

/* One word of counters; its lowest byte is the first counter. */
static void encode_word(struct encoder *e, uint64_t counters, size_t first)
{
	while (counters) {
		unsigned int i = (unsigned int)__builtin_ctzll(counters) / 8;
		uint64_t counter = counters >> (8 * i) & 255;

		encode(e, 8 * (first + i) + bucket(counter));
		counters &= ~(255ull << (8 * i));
	}
}

void features_clear(uint8_t *begin, const uint8_t *end)
{
	for (; begin < end; begin++)
		if (*begin)
			*(volatile uint8_t *)begin = 0;
}

size_t features_take(uint8_t *begin, const uint8_t *end, uint8_t *out, uint32_t *count)
{
	struct encoder e = {.out = out};
	size_t n = (size_t)(end - begin);
	size_t i = 0;

	for (; i + WORDS * sizeof(word) <= n; i += WORDS * sizeof(word)) {
		word *w = (word *)(begin + i);

		if (!(w[0] | w[1] | w[2] | w[3]))
			continue;
		for (size_t k = 0; k < WORDS; k++) {
			encode_word(&e, w[k], i + k * sizeof(word));
			w[k] = 0;
		}
	}
	for (; i < n; i++) {
		encode_word(&e, begin[i], i);
		begin[i] = 0;
	}
	*count = e.count;
	return (size_t)(e.out - out);
}
