#include "block.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"

static void blk_read_header(struct blk_body *block, struct cur_reader *in)
{
	block->version = cur_u16(in);
	block->prev = cur_u32(in);
	block->root = cur_u32(in);
	block->time = cur_u32(in);
	block->bits = cur_u32(in);
}

static bool blk_read_txs(struct blk_body *block, struct cur_reader *in)
{
	uint64_t count = cur_compact(in);

	if (count > BLK_TXS_MAX)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		block->txs[i].id = cur_u32(in);
		block->txs[i].flags = cur_u8(in);
		if (in->failed)
			return false;
	}
	block->tx_count = count;
	return true;
}

static void blk_apply_hint(struct blk_body *block, unsigned int tag, uint32_t value)
{
	if (tag == BLK_HINT_HEIGHT)
		block->height = value;

	if (tag == BLK_HINT_WEIGHT && value < block->weight)
		block->weight = value;
}

static bool blk_read_hints(struct blk_body *block, struct cur_reader *in)
{
	unsigned int count = cur_u8(in);

	if (count > BLK_HINTS_MAX)
		return false;
	for (unsigned int i = 0; i < count && !in->failed; i++) {
		unsigned int tag = cur_u16(in);
		uint32_t value = cur_u32(in);

		blk_apply_hint(block, tag, value);
	}
	return !in->failed;
}

/* The target is a mantissa of 23 bits and an exponent in bytes. */
static uint64_t blk_work(uint32_t bits)
{
	uint32_t mantissa = bits & 0x7fffff;
	uint32_t exponent = bits >> 24;

	if (mantissa == 0 || exponent > 32)
		return 0;
	return ((uint64_t)(33 - exponent) << 24) / mantissa;
}

bool blk_read(struct blk_body *block, struct cur_reader *in)
{
	memset(block, 0, sizeof(*block));
	block->weight = UINT32_MAX;

	blk_read_header(block, in);
	if (in->failed || !blk_read_txs(block, in))
		return false;
	block->work = blk_work(block->bits);

	if (cur_left(in) > 0 && !blk_read_hints(block, in))
		return false;
	return true;
}

uint32_t blk_merkle_root(const struct blk_body *block)
{
	uint32_t level[BLK_TXS_MAX];
	size_t count = block->tx_count;

	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		level[i] = block->txs[i].id;

	while (count > 1) {
		size_t pairs = (count + 1) / 2;

		for (size_t i = 0; i < pairs; i++) {
			size_t right = 2 * i + 1 < count ? 2 * i + 1 : 2 * i;

			level[i] = sum_pair(level[2 * i], level[right]);
		}
		count = pairs;
	}
	return level[0];
}

bool blk_check(const struct blk_body *block)
{
	if (block->tx_count == 0 || block->work == 0)
		return false;

	for (size_t i = 1; i < block->tx_count; i++) {
		if (block->txs[i].id == block->txs[i - 1].id)
			return false;
	}
	return blk_merkle_root(block) == block->root;
}
