/* Chance for simulations: the same world on every machine. */
#ifndef TESTS_LIB_CHANCE_H
#define TESTS_LIB_CHANCE_H

#include <stdint.h>

/* In [0, 1), by xorshift64*. The seed is not 0, and moves on. */
static inline double test_chance(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (double)((*seed * UINT64_C(0x2545F4914F6CDD1D)) >> 11) * 0x1p-53;
}

#endif
