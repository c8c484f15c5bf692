#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct msg_session peer;
	struct cur_reader in;

	msg_session_init(&peer);
	cur_start(&in, data, len);
	msg_session_feed(&peer, &in);
	msg_session_fini(&peer);
	return 0;
}
