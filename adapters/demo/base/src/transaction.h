#ifndef TRANSACTION_H
#define TRANSACTION_H

#include "cursor.h"
#include "digest.h"

#define TX_MONEY_MAX INT64_C(2100000000000000)

enum {
	TX_INPUTS_MAX = 16,
	TX_OUTPUTS_MAX = 16,

	TX_SCRIPT_MAX = 64,
	TX_EXTRAS_MAX = 8,
};

/* Extras follow the transaction proper; unknown ones are skipped. */
enum tx_tag {
	TX_TAG_MEMO = @tag_memo@,

	TX_TAG_EXPIRY = @tag_expiry@,

	TX_TAG_GROUP = @tag_group@,
};

struct tx_input {
	uint32_t prev;
	unsigned int index;
};

struct tx_output {
	int64_t amount;
	const uint8_t *script;
	size_t script_len;
};

/* Scripts point into the bytes that were read; all else is owned. */
struct tx_body {
	unsigned int version;
	size_t size;

	struct tx_input inputs[TX_INPUTS_MAX];
	size_t input_count;

	struct tx_output outputs[TX_OUTPUTS_MAX];
	size_t output_count;

	uint32_t lock;
	uint32_t expiry;

	struct sum_state extras;
	unsigned int memo_bytes;

	unsigned int group;
};

bool tx_read(struct tx_body *tx, struct cur_reader *in);
void tx_fini(struct tx_body *tx);

/* Whether the transaction could be mined at all, whatever the chain says. */
bool tx_check(const struct tx_body *tx);
uint32_t tx_id(const struct tx_body *tx);

#endif
