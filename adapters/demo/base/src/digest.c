#include "digest.h"

enum { SUM_ROUND = 31 };

void sum_start(struct sum_state *sum)
{
	sum->value = UINT64_C(0x9d3f5ac17be04d62);
}

static void sum_mix(struct sum_state *sum, uint8_t byte)
{
	sum->value = (sum->value ^ byte) * UINT64_C(0x2545f4914f6cdd1d);
	sum->value ^= sum->value >> SUM_ROUND;
}

void sum_bytes(struct sum_state *sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum_mix(sum, data[i]);
}

void sum_number(struct sum_state *sum, uint64_t number)
{
	for (int i = 0; i < 8; i++)
		sum_mix(sum, (uint8_t)(number >> (8 * i)));
}

uint32_t sum_short(const struct sum_state *sum)
{
	return (uint32_t)(sum->value >> 32);
}

uint32_t sum_pair(uint32_t left, uint32_t right)
{
	struct sum_state sum;

	sum_start(&sum);
	sum_number(&sum, (uint64_t)left << 32 | right);
	return sum_short(&sum);
}
