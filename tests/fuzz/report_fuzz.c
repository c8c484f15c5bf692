/*
 * Reports are written by programs under attack: whatever a text holds, the parser ends,
 * stays inside it and keeps its promises.
 */
#include "tests/lib/promises.h"

#include "base/mem.h"
#include "sanitizers/frames.h"
#include "sanitizers/headline.h"
#include "sanitizers/report.h"

#include "base/banned.h"

/* The names of a few reports cost as much as parsing them all. */
#define NAMED 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s)
{
	for (; s && *s; s++)
		PROMISE((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_stack(const struct san_stack *stack)
{
	PROMISE(stack->count > 0 && stack->count <= SAN_STACK_FRAMES);
	PROMISE(stack->gap <= stack->count);
	PROMISE(*san_stack_role_name(stack->role));
	for (size_t i = 0; i < stack->count; i++) {
		const struct san_frame *f = &stack->frames[i];

		check_text(f->function);
		check_text(f->mangled);
		check_text(f->file);
		check_text(f->module);
		PROMISE(f->line >= 0 && f->column >= 0);
	}
}

static void check_names(struct iw_arena *arena, const struct san_report *r)
{
	static const struct san_state_opts theirs = {"target", true};
	struct san_sig_frame frames[2 * SAN_SIGNATURE_FRAMES];
	const char *state = san_report_state(arena, r, NULL);
	size_t lines = 0;
	size_t n, other;

	for (const char *s = state; *s; s += strcspn(s, "\n") + 1) {
		PROMISE(strcspn(s, "\n") <= SAN_STATE_WIDTH && s[strcspn(s, "\n")]);
		lines++;
	}
	PROMISE(lines <= SAN_STATE_LINES);
	san_report_state(arena, r, &theirs);
	check_text(san_report_headline(arena, r));
	san_report_place(r);
	n = san_report_signature_frames(arena, r, frames, &other);
	PROMISE(other <= SAN_SIGNATURE_FRAMES && other <= n && n <= IW_COUNT(frames));
	for (size_t i = 0; i < n; i++) {
		PROMISE(frames[i].function && *frames[i].function);
		check_text(frames[i].function);
		check_text(frames[i].file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iw_arena *arena = iw_arena_new();
	char *text = iw_memdup(data, size); /* so that one byte more is an error */
	struct san_reading reading;
	struct san_report *reports;
	size_t count;

	PROMISE(san_report_read(arena, text, size, &reading, NULL) == 0);
	PROMISE(iw_arena_used(arena) <= SAN_READ_MAX);
	reports = reading.reports;
	count = reading.count;
	free(text); /* nothing may point into it */
	PROMISE(count <= SAN_REPORTS);
	PROMISE(!count == !san_report_primary(reports, count));
	for (int status = 0; status < 128; status++)
		PROMISE(!count == !san_report_of_exit(reports, count, status));
	PROMISE(reading.unread_count <= SAN_UNREAD);
	for (size_t i = 0; i < reading.unread_count; i++) {
		const struct san_unread *u = &reading.unread[i];

		PROMISE(u->begin <= u->end && u->end <= size);
		check_text(u->line);
	}
	for (size_t i = 0; i < count; i++) {
		const struct san_report *r = &reports[i];

		PROMISE(r->begin <= r->end && r->end <= size);
		PROMISE(r->kind > SAN_NOTHING && r->kind < SAN_KINDS);
		PROMISE(*san_kind_name(r->kind));
		PROMISE(*r->crash_type || r->kind == SAN_BARE_STACK);
		PROMISE(*san_dialect_name(r->dialect));
		check_text(r->heading);
		check_text(r->message);
		check_text(r->title);
		check_text(r->summary);
		check_text(r->file);
		check_text(r->address_text);
		for (size_t j = 0; j < r->stack_count; j++)
			check_stack(&r->stacks[j]);
		if (i < NAMED)
			check_names(arena, r);
	}
	iw_arena_free(arena);
	return 0;
}
