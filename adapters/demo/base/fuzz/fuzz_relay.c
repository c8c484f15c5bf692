#include "relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct relay_pool pool;
	struct cur_reader in;

	cur_start(&in, data, len);
	relay_run(&pool, &in);
	return 0;
}
