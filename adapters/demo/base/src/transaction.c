#include "transaction.h"

#include <stdlib.h>
#include <string.h>

static bool tx_read_inputs(struct tx_body *tx, struct cur_reader *in)
{
	uint64_t count = cur_compact(in);

	if (count > TX_INPUTS_MAX)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		tx->inputs[i].prev = cur_u32(in);
		tx->inputs[i].index = cur_u16(in);
	}
	tx->input_count = count;
	return !in->failed;
}

static bool tx_read_outputs(struct tx_body *tx, struct cur_reader *in)
{
	uint64_t count = cur_compact(in);

	if (count > TX_OUTPUTS_MAX)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct tx_output *out = &tx->outputs[i];

		out->amount = (int64_t)cur_u64(in);
		out->script_len = cur_compact(in);
		if (out->script_len > TX_SCRIPT_MAX)
			return false;
		out->script = cur_bytes(in, out->script_len);
	}
	tx->output_count = count;
	return !in->failed;
}

static void tx_read_memo(struct tx_body *tx, struct cur_reader *in)
{
	size_t len = cur_left(in);

	sum_bytes(&tx->extras, cur_bytes(in, len), len);
	tx->memo_bytes += (unsigned int)len;
}

static void tx_read_expiry(struct tx_body *tx, struct cur_reader *in)
{
	uint32_t height = cur_u32(in);

	if (!in->failed && (tx->expiry == 0 || height < tx->expiry))
		tx->expiry = height;
}

static void tx_read_group(struct tx_body *tx, struct cur_reader *in)
{
	tx->group = cur_u8(in);
	sum_number(&tx->extras, tx->group);
}

static void tx_read_extra(struct tx_body *tx, unsigned int tag, struct cur_reader *in)
{
	if (tag == TX_TAG_MEMO)
		tx_read_memo(tx, in);

	if (tag == TX_TAG_EXPIRY)
		tx_read_expiry(tx, in);

	if (tag == TX_TAG_GROUP)
		tx_read_group(tx, in);
}

static bool tx_read_extras(struct tx_body *tx, struct cur_reader *in)
{
	unsigned int count = cur_u8(in);

	if (count > TX_EXTRAS_MAX)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int tag = cur_u16(in);
		unsigned int len = cur_u8(in);
		const uint8_t *body = cur_bytes(in, len);
		struct cur_reader inner;

		if (!body)
			return false;
		cur_start(&inner, body, len);
		tx_read_extra(tx, tag, &inner);
	}
	return true;
}

bool tx_read(struct tx_body *tx, struct cur_reader *in)
{
	memset(tx, 0, sizeof(*tx));
	sum_start(&tx->extras);
	tx->size = cur_left(in);

	tx->version = cur_u16(in);
	if (!tx_read_inputs(tx, in) || !tx_read_outputs(tx, in))
		return false;
	tx->lock = cur_u32(in);
	if (cur_left(in) > 0 && !tx_read_extras(tx, in))
		return false;
	return !in->failed;
}

void tx_fini(struct tx_body *tx)
{
	tx->input_count = 0;
	tx->output_count = 0;
}

bool tx_check(const struct tx_body *tx)
{
	int64_t total = 0;

	if (tx->input_count == 0 || tx->output_count == 0)
		return false;

	for (size_t i = 0; i < tx->output_count; i++) {
		int64_t amount = tx->outputs[i].amount;

		if (amount < 0 || amount > TX_MONEY_MAX)
			return false;
		total += amount;
	}
	return total <= TX_MONEY_MAX;
}

uint32_t tx_id(const struct tx_body *tx)
{
	struct sum_state sum;

	sum_start(&sum);
	sum_number(&sum, tx->version);
	for (size_t i = 0; i < tx->input_count; i++)
		sum_number(&sum, (uint64_t)tx->inputs[i].prev << 16 | tx->inputs[i].index);
	for (size_t i = 0; i < tx->output_count; i++) {
		sum_number(&sum, (uint64_t)tx->outputs[i].amount);
		sum_bytes(&sum, tx->outputs[i].script, tx->outputs[i].script_len);
	}
	sum_number(&sum, tx->lock);
	return sum_short(&sum);
}
