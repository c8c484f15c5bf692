#include "block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct blk_body block;
	struct cur_reader in;

	cur_start(&in, data, len);
	if (blk_read(&block, &in))
		blk_check(&block);
	return 0;
}
