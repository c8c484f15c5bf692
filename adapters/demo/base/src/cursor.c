#include "cursor.h"

void cur_start(struct cur_reader *in, const uint8_t *data, size_t len)
{
	in->pos = data;
	in->end = data + len;
	in->failed = false;
}

size_t cur_left(const struct cur_reader *in)
{
	return (size_t)(in->end - in->pos);
}

const uint8_t *cur_bytes(struct cur_reader *in, size_t len)
{
	const uint8_t *start = in->pos;

	if (in->failed || cur_left(in) < len) {
		in->failed = true;
		return NULL;
	}
	in->pos += len;
	return start;
}

/* All numbers of the protocol are little endian. */
static uint64_t cur_number(struct cur_reader *in, size_t width)
{
	const uint8_t *bytes = cur_bytes(in, width);
	uint64_t number = 0;

	if (!bytes)
		return 0;
	while (width-- > 0)
		number = number << 8 | bytes[width];
	return number;
}

unsigned int cur_u8(struct cur_reader *in)
{
	return (unsigned int)cur_number(in, 1);
}

unsigned int cur_u16(struct cur_reader *in)
{
	return (unsigned int)cur_number(in, 2);
}

uint32_t cur_u32(struct cur_reader *in)
{
	return (uint32_t)cur_number(in, 4);
}

uint64_t cur_u64(struct cur_reader *in)
{
	return cur_number(in, 8);
}

uint64_t cur_compact(struct cur_reader *in)
{
	unsigned int first = cur_u8(in);

	switch (first) {
	case 253:
		return cur_u16(in);
	case 254:
		return cur_u32(in);
	case 255:
		return cur_u64(in);
	default:
		return first;
	}
}
