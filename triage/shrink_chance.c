#include "triage/shrink_chance.h"

#include "base/banned.h"

/* A length stands near what it covers more often than not. */
#define NEAR 24

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

/* All magnitudes are equally likely; a small cut more often holds, a large one gains
 * more. */
static size_t draw_len(uint64_t *state, size_t max)
{
	size_t top = 1;

	while (top < max && draw(state, 4) > 0)
		top *= 2;
	if (top > max)
		top = max;
	return 1 + (size_t)draw(state, top);
}

static void add(struct shrink_edit *edit, struct shrink_op op)
{
	if (edit->count < SHRINK_OPS_MAX)
		edit->ops[edit->count++] = op;
}

static size_t add_cut(
	struct shrink_edit *edit, const struct shrink_bytes *bytes, uint64_t *state)
{
	size_t len = draw_len(state, bytes->len);
	size_t off = (size_t)draw(state, bytes->len - len + 1);

	add(edit, (struct shrink_op){.kind = SHRINK_CUT, .off = off, .len = len});
	return off;
}

/* A number before `end`, lowered by what was cut. */
static void add_lower(struct shrink_edit *edit, const struct shrink_bytes *bytes,
	size_t end, size_t amount, uint64_t *state)
{
	static const uint8_t shifts[] = {0, 0, 3, 4, 2, 6};
	size_t back = draw(state, 2) ? NEAR : end;
	struct shrink_op op = {.kind = SHRINK_LOWER, .amount = amount};

	if (back > end)
		back = end;
	op.field.width = (uint8_t)(1 + draw(state, 4));
	op.field.shift = shifts[draw(state, sizeof shifts)];
	op.field.is_big = op.field.shift == 0 && draw(state, 2);
	op.field.at = end - (size_t)draw(state, back + 1);
	if (op.field.at + op.field.width <= bytes->len)
		add(edit, op);
}

/* To nothing, to a neighbour, by a bit, or to anything. */
static void add_change(
	struct shrink_edit *edit, const struct shrink_bytes *bytes, uint64_t *state)
{
	size_t at = (size_t)draw(state, bytes->len);
	uint8_t old = bytes->data[at], value;

	switch (draw(state, 5)) {
	case 0:
		value = 0;
		break;
	case 1:
		value = (uint8_t)(old - 1 - draw(state, 8));
		break;
	case 2:
		value = (uint8_t)(old + 1 + draw(state, 4));
		break;
	case 3:
		value = (uint8_t)(old ^ 1U << draw(state, 8));
		break;
	default:
		value = (uint8_t)draw(state, 256);
	}
	add(edit,
		(struct shrink_op){
			.kind = SHRINK_SET, .off = at, .len = 1, .value = value});
}

struct shrink_edit shrink_chance_edit(const struct shrink_bytes *bytes, uint64_t *state)
{
	struct shrink_edit edit = {0};
	size_t off = add_cut(&edit, bytes, state), amount = edit.ops[0].len;

	switch (draw(state, 8)) {
	case 0:
		add_cut(&edit, bytes, state);
		break;
	case 1:
	case 2:
		add_change(&edit, bytes, state);
		break;
	case 3:
		add_change(&edit, bytes, state);
		add_change(&edit, bytes, state);
		break;
	case 4:
		add_lower(&edit, bytes, off, amount, state);
		add_lower(&edit, bytes, off, amount, state);
		break;
	case 5:
		add_lower(&edit, bytes, off, amount, state);
		add_change(&edit, bytes, state);
		break;
	case 6:
		add_lower(&edit, bytes, off, amount, state);
		break;
	default:
		break;
	}
	return edit;
}
