#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A place in bytes that came from outside. Reading past the end yields zeros and sets
 * failed, so that a caller may read a whole record and look once.
 */
struct cur_reader {
	const uint8_t *pos;
	const uint8_t *end;
	bool failed;
};

void cur_start(struct cur_reader *in, const uint8_t *data, size_t len);
size_t cur_left(const struct cur_reader *in);

/* Narrow numbers come back wide, as every sum and comparison would make them anyway. */
unsigned int cur_u8(struct cur_reader *in);
unsigned int cur_u16(struct cur_reader *in);
uint32_t cur_u32(struct cur_reader *in);
uint64_t cur_u64(struct cur_reader *in);

/* One byte up to 252, or a mark and two, four or eight bytes. */
uint64_t cur_compact(struct cur_reader *in);

/* len bytes that stay owned by the input, or NULL when fewer are left. */
const uint8_t *cur_bytes(struct cur_reader *in, size_t len);

#endif
