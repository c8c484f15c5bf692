#include "addrbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct book_state book;
	struct cur_reader in;

	book_init(&book);
	cur_start(&in, data, len);
	book_replay(&book, &in);
	book_fini(&book);
	return 0;
}
