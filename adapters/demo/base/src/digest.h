#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* A quick mixing sum. It tells records apart and protects against nothing. */
struct sum_state {
	uint64_t value;
};

void sum_start(struct sum_state *sum);
void sum_bytes(struct sum_state *sum, const uint8_t *data, size_t len);
void sum_number(struct sum_state *sum, uint64_t number);
uint32_t sum_short(const struct sum_state *sum);

/* The parent of two nodes of a tree of sums. */
uint32_t sum_pair(uint32_t left, uint32_t right);

#endif
