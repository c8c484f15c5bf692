#ifndef MESSAGE_H
#define MESSAGE_H

#include "cursor.h"

#define MSG_MAGIC @net_magic@u

enum msg_type {
	MSG_VERSION = @type_version@,
	MSG_REJECT = @type_reject@,

	MSG_PING = @type_ping@,
	MSG_PONG = @type_pong@,

	MSG_INVENTORY = @type_inventory@,
	MSG_HEADERS = @type_headers@,
};

enum {
	MSG_TEXT_MAX = 80,

	MSG_INVENTORY_MAX = 50,

	MSG_HEADERS_MAX = 32,
};

struct msg_header {
	uint32_t prev;
	uint32_t root;
	uint32_t time;
	uint32_t bits;
};

/* What one peer has told us so far. */
struct msg_session {
	uint32_t version;
	char *agent;
	char *reason;

	uint32_t last_nonce;
	unsigned int pings;
	unsigned int pongs;

	unsigned int known_txs;
	unsigned int known_blocks;

	uint32_t tip;
	unsigned int headers;
};

void msg_session_init(struct msg_session *peer);
void msg_session_fini(struct msg_session *peer);

/* Handles every whole message of in. False when the peer broke the protocol. */
bool msg_session_feed(struct msg_session *peer, struct cur_reader *in);

#endif
