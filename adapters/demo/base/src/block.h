#ifndef BLOCK_H
#define BLOCK_H

#include "cursor.h"

enum {
	BLK_TXS_MAX = 16,
	BLK_HINTS_MAX = 8,
};

/* Hints follow the transactions; unknown ones are skipped. */
enum blk_hint {
	BLK_HINT_HEIGHT = @hint_height@,

	BLK_HINT_WEIGHT = @hint_weight@,
};

struct blk_tx {
	uint32_t id;
	unsigned int flags;
};

struct blk_body {
	unsigned int version;
	uint32_t prev;
	uint32_t root;
	uint32_t time;
	uint32_t bits;

	struct blk_tx txs[BLK_TXS_MAX];
	size_t tx_count;

	uint32_t height;
	uint32_t weight;

	uint64_t work;
};

bool blk_read(struct blk_body *block, struct cur_reader *in);
uint32_t blk_merkle_root(const struct blk_body *block);

/* Whether header and transactions agree with each other. */
bool blk_check(const struct blk_body *block);

#endif
