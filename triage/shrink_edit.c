#include "triage/shrink_edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

bool shrink_is_plain(uint8_t byte)
{
	return byte == 0 || byte == 'A';
}

static size_t colourful(const struct shrink_bytes *bytes)
{
	size_t i, n = 0;

	for (i = 0; i < bytes->len; i++)
		n += !shrink_is_plain(bytes->data[i]);
	return n;
}

bool shrink_is_better(const struct shrink_bytes *a, const struct shrink_bytes *b)
{
	if (a->len != b->len)
		return a->len < b->len;
	return colourful(a) < colourful(b);
}

struct shrink_bytes shrink_bytes_dup(const void *data, size_t len)
{
	struct shrink_bytes bytes = {.data = iw_malloc(len + 1), .len = len};

	if (len)
		memcpy(bytes.data, data, len);
	return bytes;
}

void shrink_bytes_assign(struct shrink_bytes *dst, const struct shrink_bytes *src)
{
	struct shrink_bytes copy = shrink_bytes_dup(src->data, src->len);

	free(dst->data);
	*dst = copy;
}

/* Byte i of the field, the lowest first. */
static uint8_t *field_byte(
	const struct shrink_bytes *bytes, const struct shrink_field *field, size_t i)
{
	return &bytes->data[field->at + (field->is_big ? field->width - 1 - i : i)];
}

static uint64_t field_raw(
	const struct shrink_bytes *bytes, const struct shrink_field *field)
{
	uint64_t raw = 0;
	size_t i;

	for (i = 0; i < field->width; i++)
		raw |= (uint64_t)*field_byte(bytes, field, i) << (8 * i);
	return raw;
}

uint64_t shrink_field_value(
	const struct shrink_bytes *bytes, const struct shrink_field *field)
{
	return field_raw(bytes, field) >> field->shift;
}

static void lower(const struct shrink_bytes *bytes, const struct shrink_op *op)
{
	uint64_t raw;
	size_t i;

	if (op->field.at + op->field.width > bytes->len)
		return;
	raw = field_raw(bytes, &op->field) - (op->amount << op->field.shift);
	for (i = 0; i < op->field.width; i++)
		*field_byte(bytes, &op->field, i) = (uint8_t)(raw >> (8 * i));
}

static void apply_op(
	const struct shrink_bytes *out, bool *is_cut, const struct shrink_op *op)
{
	size_t p;

	if (op->kind == SHRINK_LOWER) {
		lower(out, op);
		return;
	}
	for (p = op->off; p < op->off + op->len && p < out->len; p++) {
		if (op->kind == SHRINK_CUT)
			is_cut[p] = true;
		else if (op->kind == SHRINK_SET || !shrink_is_plain(out->data[p]))
			out->data[p] = op->value;
	}
}

struct shrink_bytes shrink_apply(
	const struct shrink_bytes *base, const struct shrink_edit *edits, size_t count)
{
	struct shrink_bytes out = shrink_bytes_dup(base->data, base->len);
	_auto_free_ bool *is_cut = iw_calloc(base->len + 1, sizeof *is_cut);
	size_t i, o, p, n = 0;

	for (i = 0; i < count; i++)
		for (o = 0; o < edits[i].count; o++)
			apply_op(&out, is_cut, &edits[i].ops[o]);
	for (p = 0; p < base->len; p++)
		if (!is_cut[p])
			out.data[n++] = out.data[p];
	out.len = n;
	return out;
}
