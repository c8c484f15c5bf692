#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"

void msg_session_init(struct msg_session *peer)
{
	memset(peer, 0, sizeof(*peer));
}

void msg_session_fini(struct msg_session *peer)
{
	free(peer->agent);
	free(peer->reason);
}

/* Texts of a peer end up on a terminal, so whatever could steer one is replaced. */
static char msg_printable(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
}

static char *msg_keep_text(struct cur_reader *in)
{
	uint64_t len = cur_compact(in);
	const uint8_t *text;
	char *kept;

	if (len > MSG_TEXT_MAX) {
		in->failed = true;
		return NULL;
	}
	text = cur_bytes(in, len);
	if (!text)
		return NULL;

	kept = malloc(len + 1);
	if (!kept)
		return NULL;
	for (size_t i = 0; i < len; i++)
		kept[i] = msg_printable(text[i]);
	kept[len] = '\0';
	return kept;
}

static void msg_read_version(struct msg_session *peer, struct cur_reader *in)
{
	peer->version = cur_u32(in);
	free(peer->agent);
	peer->agent = msg_keep_text(in);
}

static void msg_read_reject(struct msg_session *peer, struct cur_reader *in)
{
	unsigned int code = cur_u8(in);

	if (code == 0)
		return;
	free(peer->reason);
	peer->reason = msg_keep_text(in);
}

static void msg_read_ping(struct msg_session *peer, struct cur_reader *in)
{
	uint32_t nonce = cur_u32(in);

	if (in->failed)
		return;

	peer->last_nonce = nonce;
	peer->pings++;
}

static void msg_read_pong(struct msg_session *peer, struct cur_reader *in)
{
	uint32_t nonce = cur_u32(in);

	if (in->failed)
		return;

	if (nonce == peer->last_nonce)
		peer->pongs++;
}

static void msg_read_inventory(struct msg_session *peer, struct cur_reader *in)
{
	uint64_t count = cur_compact(in);

	if (count > MSG_INVENTORY_MAX) {
		in->failed = true;
		return;
	}
	for (uint64_t i = 0; i < count && !in->failed; i++) {
		unsigned int kind = cur_u8(in);
		uint32_t id = cur_u32(in);

		if (kind == 1 && id != 0)
			peer->known_txs++;
		else if (kind == 2 && id != 0)
			peer->known_blocks++;
	}
}

static void msg_read_header(struct msg_header *header, struct cur_reader *in)
{
	header->prev = cur_u32(in);
	header->root = cur_u32(in);
	header->time = cur_u32(in);
	header->bits = cur_u32(in);
}

static uint32_t msg_header_id(const struct msg_header *header)
{
	return sum_pair(sum_pair(header->prev, header->root),
			sum_pair(header->time, header->bits));
}

static void msg_read_headers(struct msg_session *peer, struct cur_reader *in)
{
	unsigned int count = cur_u16(in);
	struct msg_header header;

	if (count > MSG_HEADERS_MAX) {
		in->failed = true;
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		msg_read_header(&header, in);
		if (in->failed)
			return;
		peer->tip = msg_header_id(&header);
		peer->headers++;
	}
}

static void msg_apply(struct msg_session *peer, unsigned int type, struct cur_reader *in)
{
	switch (type) {
	case MSG_VERSION:
		msg_read_version(peer, in);
		break;
	case MSG_REJECT:
		msg_read_reject(peer, in);
		break;
	case MSG_PING:
		msg_read_ping(peer, in);
		break;
	case MSG_PONG:
		msg_read_pong(peer, in);
		break;
	case MSG_INVENTORY:
		msg_read_inventory(peer, in);
		break;
	case MSG_HEADERS:
		msg_read_headers(peer, in);
		break;
	default:
		/* Newer peers know more types than we do. */
		break;
	}
}

bool msg_session_feed(struct msg_session *peer, struct cur_reader *in)
{
	while (cur_left(in) > 0) {
		uint32_t magic = cur_u32(in);
		unsigned int type = cur_u8(in);
		unsigned int len = cur_u16(in);
		const uint8_t *body = cur_bytes(in, len);
		struct cur_reader inner;

		if (!body || magic != MSG_MAGIC)
			return false;
		cur_start(&inner, body, len);
		msg_apply(peer, type, &inner);
		if (inner.failed)
			return false;
	}
	return true;
}
