/*
 * What is kept of a text, copied: strings without control characters, frames split into
 * their parts, and the failures of one death joined.
 *
 * The bytes of all of it are bounded (SAN_RESULT_MAX). Each report may use an equal part of
 * what is left, and each of its stacks a third, so that neither the first of a thousand
 * reports nor one name of 4 KB takes the place of what comes behind it.
 */
#include <limits.h>
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define NAME_MAX_ 2048
#define NAME_MIN 256   /* of a name that cannot be kept whole */
#define FIRST_STACKS 3 /* the first stacks of a report say most */
#define STRING_PART 10 /* of a report's room for one of its own strings */
#define FRAME_COST 64  /* of three strings: their NULs and what alignment takes */

/* How many bytes a part of the result may take, counted by the arena. */
struct room {
	struct iw_arena *arena;
	size_t end; /* what the arena has given away when the room is full */
};

static size_t room_left(const struct room *room)
{
	size_t used = iw_arena_used(room->arena);

	return used < room->end ? room->end - used : 0;
}

/* An equal part of it for one of count. */
static struct room room_part(const struct room *room, size_t count)
{
	return (struct room){
		room->arena, iw_arena_used(room->arena) + room_left(room) / count};
}

static const char *keep(const struct room *room, struct san_view v, size_t max)
{
	size_t part = room_left(room) / STRING_PART;

	return san_view_dup(room->arena, v, part < max ? part : max);
}

static const char *keep_or_null(const struct room *room, struct san_view v, size_t max)
{
	return v.n ? keep(room, v, max) : NULL;
}

/* The i-th frame that is left of a stack. */
static const struct san_raw_frame *raw_frame(const struct san_raw_stack *raw, size_t i)
{
	if (raw->count > raw->cap && i >= raw->cap * 3 / 4)
		i = san_kept_slot(raw->count - raw->cap + i, raw->cap);
	return &raw->frames[i];
}

/* What was inlined shares the address of what it went into; so does a function that calls
 * itself. */
static void mark_inlined(struct san_stack *stack)
{
	for (size_t i = 0; i + 1 < stack->count; i++) {
		struct san_frame *f = &stack->frames[i];

		if (f->pc && f->pc == f[1].pc && f->function && f[1].function &&
			strcmp(f->function, f[1].function) != 0)
			f->is_inlined = true;
	}
}

/* Whether the strings of a frame fit; a demangled name can be longer than the line. */
static bool fits(const struct san_raw_frame *frame, size_t name_max, size_t left)
{
	const struct san_view line = {frame->line, frame->line_len};
	size_t longest = line.n + frame->where_len;

	if (longest > 2 * name_max)
		longest = 2 * name_max;
	longest += FRAME_COST;
	return longest + name_max <= left ||
		(longest <= left && !san_view_has(line, "_Z") &&
			!san_view_has(line, "_R"));
}

/* Whether a frame was kept at least. */
static bool finish_stack(
	const struct room *room, const struct san_raw_stack *raw, struct san_stack *stack)
{
	size_t kept = raw->count < raw->cap ? raw->count : raw->cap, i;
	size_t gap = raw->count > raw->cap ? raw->cap * 3 / 4 : kept;
	size_t most = room_left(room) / 4 / sizeof *stack->frames;
	size_t name_max = room_left(room) / 8;

	if (name_max < NAME_MIN)
		name_max = NAME_MIN;
	if (name_max > NAME_MAX_)
		name_max = NAME_MAX_;
	if (most > kept)
		most = kept;
	stack->role = raw->role;
	stack->frames = iw_arena_alloc(room->arena, most * sizeof *stack->frames);
	for (i = 0; i < most; i++) {
		const struct san_raw_frame *frame = raw_frame(raw, i);

		if (!fits(frame, name_max, room_left(room)))
			break;
		san_frame_parse(room->arena, frame, name_max, &stack->frames[i]);
	}
	/* Without room for all of them the outermost are left out. */
	if (i < kept)
		gap = kept = i < gap ? i : gap;
	stack->count = kept;
	stack->gap = gap;
	stack->dropped = raw->count - kept;
	mark_inlined(stack);
	return kept > 0;
}

static void finish_stacks(
	const struct room *room, const struct san_raw *raw, struct san_report *r)
{
	r->stacks = iw_arena_alloc(room->arena, raw->stack_count * sizeof *r->stacks);
	r->stacks_dropped = raw->stacks_dropped;
	for (size_t i = 0; i < raw->stack_count; i++) {
		size_t rest = raw->stack_count - i;
		struct room part =
			room_part(room, rest < FIRST_STACKS ? rest : FIRST_STACKS);

		if (!raw->stacks[i].count)
			continue;
		if (finish_stack(&part, &raw->stacks[i], &r->stacks[r->stack_count]))
			r->stack_count++;
		else
			r->stacks_dropped++;
	}
}

/* Below the first page a pointer was NULL with an offset, whatever it was used for. */
static void judge_address(struct san_report *r)
{
	if (!r->has_address || r->address >= 0x1000)
		return;
	if (r->kind == SAN_SEGV) {
		r->kind = SAN_NULL_DEREFERENCE;
	} else if (r->kind == SAN_UNKNOWN_CRASH) {
		r->kind = SAN_NULL_DEREFERENCE;
		if (r->dialect != SAN_BY_VALGRIND)
			r->access = SAN_ACCESS_NONE;
	}
}

static void finish_title(
	const struct room *room, const struct san_raw *raw, struct san_report *r)
{
	if (!raw->title.n)
		return;
	r->title = iw_arena_fmt(room->arena, "%s%s%s%s",
		raw->title_before ? raw->title_before : "", keep(room, raw->title, 1024),
		raw->title_between ? raw->title_between : "",
		keep(room, raw->title_more, 256));
}

/* Chromium's handler prints an address without 0x. */
static bool read_address(
	const struct san_raw *raw, uint64_t *address, struct san_view *rest)
{
	char hex[19] = "0x";
	struct san_view v = raw->address;

	if (!(raw->flags & SAN_RULE_HEX))
		return san_view_number(v, address, rest);
	if (!v.n || v.n > 16)
		return false;
	memcpy(hex + 2, v.p, v.n);
	*rest = san_view_skip(v, v.n);
	return san_view_number((struct san_view){hex, v.n + 2}, address, NULL);
}

static void finish_numbers(
	const struct room *room, const struct san_raw *raw, struct san_report *r)
{
	struct san_view rest;
	uint64_t number;

	if (san_view_number(raw->line, &number, NULL) && number <= INT_MAX)
		r->line = (int)number;
	if (san_view_number(raw->column, &number, NULL) && number <= INT_MAX)
		r->column = (int)number;
	san_view_number(raw->size, &r->size, NULL);
	if (read_address(raw, &r->address, &rest)) {
		struct san_view digits = {
			raw->address.p, (size_t)(rest.p - raw->address.p)};

		r->has_address = true;
		r->address_text = keep(room, digits, 32);
	}
	judge_address(r);
}

static void finish_report(
	const struct room *room, const struct san_raw *raw, struct san_report *r)
{
	r->dialect = raw->dialect;
	r->kind = raw->kind;
	r->access = raw->access;
	r->heading = keep(room, raw->heading, 512);
	r->message = keep(room, raw->message, 1024);
	r->file = keep_or_null(room, raw->file, 1024);
	r->function = keep_or_null(room, raw->function, 1024);
	r->summary = keep_or_null(room, raw->summary, 1024);
	r->begin = raw->begin;
	r->end = raw->end;
	finish_numbers(room, raw, r);
	finish_title(room, raw, r);
	r->is_security = san_kind_row(r->kind)->is_security;
	r->crash_type = san_kind_crash_type(room->arena, r, raw->word);
	finish_stacks(room, raw, r);
}

/* A backtrace that the program printed itself often knows no files. */
static bool knows_files(const struct san_report *r, enum san_stack_role role)
{
	const struct san_stack *stack = san_report_stack(r, role);

	for (size_t i = 0; stack && i < stack->count; i++)
		if (stack->frames[i].file)
			return true;
	return false;
}

static bool wants_stacks(const struct san_report *r, const struct san_report *death)
{
	if (!death->stack_count || san_report_stack(r, SAN_STACK_ALLOC))
		return false;
	if (!san_report_stack(r, SAN_STACK_CRASH))
		return true;
	return !knows_files(r, SAN_STACK_CRASH) && knows_files(death, SAN_STACK_CRASH);
}

/* An assertion's text or a panic's comes first, the signal's report with the better
 * stack later: they are one death. */
static void share_stacks(struct san_report *reports, size_t count)
{
	const struct san_report *death = NULL;

	for (size_t i = count; i-- > 0;) {
		struct san_report *r = &reports[i];

		enum san_rank rank = san_kind_row(r->kind)->rank;

		if (rank == SAN_RANK_END || rank == SAN_RANK_SIGNAL) {
			death = r;
		} else if (death && rank == SAN_RANK_CAUSE) {
			r->death = death;
			if (wants_stacks(r, death)) {
				r->stacks = death->stacks;
				r->stack_count = death->stack_count;
			}
		}
	}
}

/* What looked like the start of a failure and has no stack was talk, and so was what
 * nothing followed. */
static bool is_talk(const struct san_raw *raw)
{
	return (raw->flags & SAN_RULE_MAYBE) &&
		(!raw->stack_count || raw->kind == SAN_NOTHING);
}

/* The heading of a failure that turned out to be talk was not understood either. */
void san_parse_finish(struct san_parse *p, struct san_reading *reading)
{
	size_t n = p->count < SAN_REPORTS ? p->count : SAN_REPORTS;
	struct room room = {p->arena, 0};

	reading->dropped = p->count - n;
	reading->reports = iw_arena_alloc(p->arena, n * sizeof *reading->reports);
	room.end = iw_arena_used(p->arena) + SAN_RESULT_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t slot = i < SAN_REPORTS * 3 / 4 ? i : p->count - n + i;
		const struct san_raw *raw = p->reports[san_kept_slot(slot, SAN_REPORTS)];
		struct room part = room_part(&room, n - i);

		if (!is_talk(raw))
			finish_report(&part, raw, &reading->reports[reading->count++]);
		else if (p->unread)
			san_unread_add(
				p, raw->heading, raw->begin, raw->begin + raw->heading.n);
	}
	share_stacks(reading->reports, reading->count);
	reading->unread = p->unread;
	reading->unread_count = p->unread_count;
	reading->unread_dropped = p->unread_dropped;
}
