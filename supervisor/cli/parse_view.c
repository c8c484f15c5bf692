#include "cli/parse_view.h"

#include <string.h>

#include "base/text.h"
#include "sanitizers/frames.h"
#include "sanitizers/headline.h"

#include "base/banned.h"

#define SINK_MANY ((size_t)16 << 10)

static const char *const accesses[] = {"none", "read", "write"};

static const char *const headings[] = {
	[SAN_STACK_CRASH] = "crashed in",
	[SAN_STACK_ALLOC] = "allocated by",
	[SAN_STACK_FREE] = "freed by",
	[SAN_STACK_OTHER_ACCESS] = "other access",
	[SAN_STACK_THREAD] = "thread created by",
	[SAN_STACK_ORIGIN] = "value came from",
	[SAN_STACK_PLACE] = "place",
	[SAN_STACK_LIVE] = "was doing",
	[SAN_STACK_OTHER] = "another stack",
};

static const char *place(struct iw_arena *arena, const char *file, int line, int column)
{
	if (line && column)
		return iw_arena_fmt(arena, "%s:%d:%d", file, line, column);
	return line ? iw_arena_fmt(arena, "%s:%d", file, line) : file;
}

/* An assertion of a library is told in its own file, which a frame above ours names. */
static bool is_in_library(const struct san_report *r)
{
	const struct san_stack *stack = san_report_stack(r, SAN_STACK_CRASH);

	for (size_t i = 0; stack && i < stack->count; i++) {
		const struct san_frame *f = &stack->frames[i];

		if (f->file && f->line == r->line && !strcmp(f->file, r->file))
			return san_frame_is_plumbing(f);
	}
	return false;
}

/* What the message says, or else where the bug shows; NULL unknown. */
static const char *place_of(struct iw_arena *arena, const struct san_report *r)
{
	const struct san_frame *f = san_report_place(r);

	if (r->file && r->line && !(f && is_in_library(r)))
		return place(arena, r->file, r->line, r->column);
	return f ? place(arena, f->file, f->line, f->column) : r->file;
}

/* Called where nothing is half said. */
static void drain(struct parse_sink *sink)
{
	if (sink->drain && sink->buf.len > SINK_MANY)
		sink->drain(&sink->buf);
}

static void json_signature(
	struct iw_buf *out, struct iw_arena *arena, const struct san_report *r)
{
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	size_t n = san_report_signature_frames(arena, r, frames, NULL);

	iw_buf_adds(out, ", \"signature\": [");
	for (size_t i = 0; i < n; i++) {
		if (i)
			iw_buf_adds(out, ", ");
		iw_text_json(out, frames[i].function);
	}
	iw_buf_adds(out, "]");
}

/* People */

static void field(struct iw_buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	iw_buf_addf(out, "     %-9s ", name);
	iw_text_plain(out, value);
	iw_buf_adds(out, "\n");
}

static void plain_frame(struct iw_buf *out, const struct san_frame *f, size_t number)
{
	iw_buf_addf(out, "       #%-3zu ", number);
	iw_text_plain(out, f->function ? f->function : "??");
	if (f->file) {
		iw_buf_adds(out, "  ");
		iw_text_plain(out, f->file);
		if (f->line)
			iw_buf_addf(out, ":%d", f->line);
		if (f->column)
			iw_buf_addf(out, ":%d", f->column);
	}
	if (f->module && !f->file) {
		iw_buf_adds(out, "  (");
		iw_text_plain(out, f->module);
		iw_buf_addf(out, "+0x%llx)", (unsigned long long)f->offset);
	}
	if (!f->function && !f->file && !f->module)
		iw_buf_addf(out, "  0x%llx", (unsigned long long)f->pc);
	iw_buf_adds(out, f->is_inlined ? "  inlined\n" : "\n");
}

static void plain_dropped(struct iw_buf *out, size_t frames)
{
	iw_buf_addf(out, "       … %zu frames left out\n", frames);
}

static void plain_stacks(struct parse_sink *sink, const struct san_report *r)
{
	struct iw_buf *out = &sink->buf;

	for (size_t i = 0; i < r->stack_count; i++) {
		const struct san_stack *s = &r->stacks[i];

		iw_buf_addf(out, "     %s\n", headings[s->role]);
		for (size_t j = 0; j < s->count; j++) {
			if (s->dropped && j == s->gap)
				plain_dropped(out, s->dropped);
			plain_frame(out, &s->frames[j], j < s->gap ? j : j + s->dropped);
		}
		if (s->dropped && s->gap == s->count)
			plain_dropped(out, s->dropped);
	}
	if (r->stacks_dropped)
		iw_buf_addf(out, "     and %zu more stacks\n", r->stacks_dropped);
}

/* Lines of a text are counted as far as they were asked for, in order. */
struct lines {
	const char *text;
	size_t at, line;
};

static size_t line_at(struct lines *l, size_t offset)
{
	if (offset < l->at)
		*l = (struct lines){l->text, 0, 1};
	while (l->at < offset) {
		const char *nl = memchr(l->text + l->at, '\n', offset - l->at);

		if (!nl)
			break;
		l->at = (size_t)(nl - l->text) + 1;
		l->line++;
	}
	return l->line;
}

static void plain_report(struct parse_sink *sink, struct lines *lines,
	const struct san_report *r, const char *target, size_t number, bool is_primary)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	const struct san_state_opts opts = {.target = target};
	struct iw_buf *out = &sink->buf;
	size_t first = line_at(lines, r->begin);
	size_t last = line_at(lines, r->end);

	iw_buf_addf(out, "%3zu%c ", number, is_primary ? '*' : ' ');
	iw_text_plain(out, san_report_headline(arena, r));
	iw_buf_addf(out, "\n     kind      %s, told by %s\n", san_kind_name(r->kind),
		san_dialect_name(r->dialect));
	if (r->access != SAN_ACCESS_NONE && r->size)
		iw_buf_addf(out, "     access    %s of %llu bytes\n", accesses[r->access],
			(unsigned long long)r->size);
	else if (r->access != SAN_ACCESS_NONE)
		iw_buf_addf(out, "     access    %s\n", accesses[r->access]);
	else if (r->size)
		iw_buf_addf(
			out, "     size      %llu bytes\n", (unsigned long long)r->size);
	field(out, "address", r->address_text);
	field(out, "message", r->message);
	field(out, "title", r->title);
	field(out, "at", place_of(arena, r));
	field(out, "summary", r->summary);
	field(out, "state", san_report_state(arena, r, &opts));
	field(out, "security", r->is_security ? "yes" : "no");
	iw_buf_addf(out, "     text      lines %zu-%zu, bytes %zu-%zu\n", first, last,
		r->begin, r->end);
	if (r->death)
		field(out, "died of", san_kind_name(r->death->kind));
	plain_stacks(sink, r);
}

void cli_parse_plain(struct parse_sink *sink, const char *name, const char *target,
	const char *text, const struct san_reading *reading)
{
	const struct san_report *primary =
		san_report_primary(reading->reports, reading->count);
	struct lines lines = {text, 0, 1};
	struct iw_buf *out = &sink->buf;

	iw_text_plain(out, name);
	if (!reading->count)
		iw_buf_adds(out, ": no failure was found in it\n");
	else
		iw_buf_addf(out, ": %zu finding%s\n", reading->count + reading->dropped,
			reading->count + reading->dropped == 1 ? "" : "s");
	for (size_t i = 0; i < reading->count; i++)
		plain_report(sink, &lines, &reading->reports[i], target, i + 1,
			&reading->reports[i] == primary);
	if (reading->dropped)
		iw_buf_addf(out, "     %zu findings in the middle were left out\n",
			reading->dropped);
	if (reading->unread_count)
		iw_buf_adds(out, "     not understood, though it looks like a failure\n");
	for (size_t i = 0; i < reading->unread_count; i++) {
		iw_buf_addf(out,
			"       line %zu: ", line_at(&lines, reading->unread[i].begin));
		iw_text_plain(out, reading->unread[i].line);
		iw_buf_adds(out, "\n");
	}
	if (reading->unread_dropped)
		iw_buf_addf(out, "       and %zu more lines\n", reading->unread_dropped);
}

/* Programs */

static void text_member(struct iw_buf *out, const char *name, const char *value)
{
	iw_buf_adds(out, ", \"");
	iw_buf_adds(out, name);
	iw_buf_adds(out, "\": ");
	if (value)
		iw_text_json(out, value);
	else
		iw_buf_adds(out, "null");
}

static void number_member(struct iw_buf *out, const char *name, unsigned long long value)
{
	char digits[24];
	size_t at = sizeof digits;

	iw_buf_adds(out, ", \"");
	iw_buf_adds(out, name);
	iw_buf_adds(out, "\": ");
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	iw_buf_add(out, digits + at, sizeof digits - at);
}

static void bool_member(struct iw_buf *out, const char *name, bool value)
{
	iw_buf_adds(out, ", \"");
	iw_buf_adds(out, name);
	iw_buf_adds(out, value ? "\": true" : "\": false");
}

static void json_frame(struct iw_buf *out, const struct san_frame *f)
{
	iw_buf_adds(out, "{\"function\": ");
	if (f->function)
		iw_text_json(out, f->function);
	else
		iw_buf_adds(out, "null");
	if (f->mangled)
		text_member(out, "mangled", f->mangled);
	text_member(out, "file", f->file);
	number_member(out, "line", (unsigned)f->line);
	number_member(out, "column", (unsigned)f->column);
	text_member(out, "module", f->module);
	number_member(out, "offset", f->offset);
	number_member(out, "address", f->pc);
	bool_member(out, "inlined", f->is_inlined);
	bool_member(out, "plumbing", san_frame_is_plumbing(f));
	iw_buf_adds(out, "}");
}

static void json_stacks(struct parse_sink *sink, const struct san_report *r)
{
	struct iw_buf *out = &sink->buf;

	iw_buf_adds(out, ", \"stacks\": [");
	for (size_t i = 0; i < r->stack_count; i++) {
		const struct san_stack *s = &r->stacks[i];

		iw_buf_addf(out, "%s{\"role\": \"%s\"", i ? ", " : "",
			san_stack_role_name(s->role));
		number_member(out, "dropped", s->dropped);
		number_member(out, "gap", s->gap);
		iw_buf_adds(out, ", \"frames\": [");
		for (size_t j = 0; j < s->count; j++) {
			if (j)
				iw_buf_adds(out, ", ");
			json_frame(out, &s->frames[j]);
			drain(sink);
		}
		iw_buf_adds(out, "]}");
	}
	iw_buf_adds(out, "]");
}

static void json_report(struct parse_sink *sink, const struct san_report *r,
	const char *target, bool is_primary)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	const struct san_state_opts opts = {.target = target};
	struct iw_buf *out = &sink->buf;

	iw_buf_adds(out, "{\"headline\": ");
	iw_text_json(out, san_report_headline(arena, r));
	text_member(out, "kind", san_kind_name(r->kind));
	text_member(out, "dialect", san_dialect_name(r->dialect));
	text_member(out, "crash_type", r->crash_type);
	text_member(out, "access", accesses[r->access]);
	number_member(out, "size", r->size);
	text_member(out, "address", r->address_text);
	text_member(out, "message", r->message);
	text_member(out, "title", r->title);
	text_member(out, "file", r->file);
	number_member(out, "line", (unsigned)r->line);
	number_member(out, "column", (unsigned)r->column);
	text_member(out, "place", place_of(arena, r));
	text_member(out, "summary", r->summary);
	text_member(out, "state", san_report_state(arena, r, &opts));
	bool_member(out, "is_security", r->is_security);
	bool_member(out, "is_primary", is_primary);
	text_member(out, "died_of", r->death ? san_kind_name(r->death->kind) : NULL);
	number_member(out, "begin", r->begin);
	number_member(out, "end", r->end);
	json_signature(out, arena, r);
	json_stacks(sink, r);
	number_member(out, "stacks_dropped", r->stacks_dropped);
	iw_buf_adds(out, "}");
}

void cli_parse_json(struct parse_sink *sink, const char *name, const char *target,
	const struct san_reading *reading)
{
	struct iw_buf *out = &sink->buf;
	const struct san_report *primary =
		san_report_primary(reading->reports, reading->count);

	iw_buf_adds(out, "{\"name\": ");
	iw_text_json(out, name);
	iw_buf_adds(out, ", \"findings\": [");
	for (size_t i = 0; i < reading->count; i++) {
		if (i)
			iw_buf_adds(out, ", ");
		json_report(sink, &reading->reports[i], target,
			&reading->reports[i] == primary);
	}
	iw_buf_adds(out, "]");
	number_member(out, "dropped", reading->dropped);
	iw_buf_adds(out, ", \"unread\": [");
	for (size_t i = 0; i < reading->unread_count; i++) {
		iw_buf_adds(out, i ? ", {\"line\": " : "{\"line\": ");
		iw_text_json(out, reading->unread[i].line);
		number_member(out, "begin", reading->unread[i].begin);
		number_member(out, "end", reading->unread[i].end);
		iw_buf_adds(out, "}");
	}
	iw_buf_adds(out, "]");
	number_member(out, "unread_dropped", reading->unread_dropped);
	iw_buf_adds(out, "}");
}
