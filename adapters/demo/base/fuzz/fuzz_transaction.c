#include "transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cur_reader in;
	struct tx_body tx;

	cur_start(&in, data, len);
	if (tx_read(&tx, &in) && tx_check(&tx))
		tx_id(&tx);
	tx_fini(&tx);
	return 0;
}
