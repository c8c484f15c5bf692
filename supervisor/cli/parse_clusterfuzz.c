/* What was understood of a text in ClusterFuzz's words: one object a text, for tools that
 * speak them. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/parse_view.h"
#include "sanitizers/frames.h"

#include "base/banned.h"

/* The report that identifies the crash, among those that ClusterFuzz would look at. */
static const struct san_report *pick(struct iw_arena *arena,
	const struct parse_knobs *knobs, const struct san_reading *all)
{
	struct san_report *some = iw_arena_alloc(arena, all->count * sizeof *some);
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++)
		if (knobs->has_limits || !san_kind_is_limit(all->reports[i].kind))
			some[n++] = all->reports[i];
	return san_report_primary(some, n);
}

/* Kinds whose address is told and is not looked for there. */
static bool is_without_address_there(enum san_kind kind)
{
	return kind == SAN_FPE || kind == SAN_MISALIGNED || kind == SAN_OBJECT_SIZE;
}

/* There Go has none, and for gdb it is where the program stopped. */
static const char *address_there(struct iw_arena *arena, const struct san_report *r)
{
	const struct san_stack *stack = san_report_stack(r, SAN_STACK_CRASH);

	if (r->dialect == SAN_BY_DEBUGGER && stack && stack->frames[0].pc)
		return iw_arena_fmt(
			arena, "0x%012llx", (unsigned long long)stack->frames[0].pc);
	if (!r->address_text || r->dialect == SAN_BY_GO ||
		is_without_address_there(r->kind))
		return "";
	return r->address_text;
}

static bool is_security_there(const struct parse_knobs *knobs, const struct san_report *r)
{
	if (r->kind == SAN_ASSERT)
		return knobs->asserts_are_security;
	if (r->kind == SAN_CHECK || r->kind == SAN_DCHECK)
		return knobs->checks_are_security;
	/* There a signal that gdb saw is always one. */
	return r->is_security || r->dialect == SAN_BY_DEBUGGER;
}

void cli_parse_clusterfuzz(struct parse_sink *sink, const char *name,
	const struct parse_knobs *knobs, const struct san_reading *reading)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	struct iw_buf *out = &sink->buf;
	const struct san_state_opts state_opts = {
		.target = knobs->target, .as_clusterfuzz = true};
	const struct san_report *r = pick(arena, knobs, reading);
	const char *state = "", *address = "";
	bool is_security = false;

	if (r && r->kind == SAN_BARE_STACK)
		r = NULL;
	if (r) {
		state = san_report_state(arena, r, &state_opts);
		if (!*state)
			state = "NULL";
		address = address_there(arena, r);
		is_security = is_security_there(knobs, r);
	}
	iw_buf_adds(out, "{\"crash_type\": ");
	iw_text_json(out, r ? r->crash_type : "");
	iw_buf_adds(out, ", \"crash_address\": ");
	iw_text_json(out, address);
	iw_buf_adds(out, ", \"crash_state\": ");
	iw_text_json(out, state);
	iw_buf_addf(
		out, ", \"is_security\": %s, \"name\": ", is_security ? "true" : "false");
	iw_text_json(out, name);
	iw_buf_adds(out, "}\n");
}
