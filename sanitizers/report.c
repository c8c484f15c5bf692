#include "sanitizers/report.h"

#include <limits.h>
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define REPORT_HEAD (SAN_REPORTS * 3 / 4)
#define FRAME_HEAD (SAN_STACK_FRAMES * 3 / 4)

/* Asked in this order for each line that is no frame; the first that knows it has it. */
static bool (*const dialects[])(struct san_parse *p) = {
	san_line_ubsan,
	san_line_sanitizer,
	san_line_tsan,
	san_line_valgrind,
	san_line_engine,
	san_line_debugger,
	san_line_libc,
	san_line_cxx,
	san_line_go,
	san_line_rust,
	san_line_log,
};

static const char *const dialect_names[] = {"none", "asan", "hwasan", "msan", "tsan",
	"lsan", "ubsan", "libfuzzer", "aflpp", "driver", "libc", "cxx", "log", "go",
	"rust", "debugger", "systemsan", "valgrind", "shell"};
static const char *const role_names[] = {"crash", "alloc", "free", "other-access",
	"thread", "origin", "place", "live", "other"};

const char *san_dialect_name(enum san_dialect dialect)
{
	return dialect_names[dialect];
}

const char *san_stack_role_name(enum san_stack_role role)
{
	return role_names[role];
}

/* The slot for item number n of a list that keeps its first head and its last items. */
static size_t kept_slot(size_t n, size_t head, size_t max)
{
	return n < head ? n : head + (n - head) % (max - head);
}

/* The slot of the i-th item that is left. */
static size_t kept_index(size_t i, size_t count, size_t head, size_t max)
{
	if (count <= max || i < head)
		return i;
	return kept_slot(count - max + i, head, max);
}

struct san_raw *san_report_open(
	struct san_parse *p, enum san_dialect dialect, enum san_kind kind)
{
	size_t slot = kept_slot(p->count++, REPORT_HEAD, SAN_REPORTS);
	struct san_raw *r = p->reports[slot];

	if (r) { /* its frames are storage for the new one's */
		struct san_raw_stack stacks[SAN_STACKS_KEPT];

		memcpy(stacks, r->stacks, sizeof stacks);
		memset(r, 0, sizeof *r);
		memcpy(r->stacks, stacks, sizeof stacks);
	} else {
		r = p->reports[slot] = iw_arena_alloc(p->arena, sizeof *r);
	}
	r->dialect = dialect;
	r->kind = kind;
	r->begin = p->begin;
	r->end = p->end;
	r->heading = p->at;
	p->cur = r;
	p->stack = NULL;
	p->go = SAN_GO_OFF;
	p->rust_stack = p->rust_message = p->v8_failure = false;
	return r;
}

static struct san_view capture(const struct san_view *captures, unsigned char number)
{
	return number ? captures[number - 1] : (struct san_view){NULL, 0};
}

bool san_rules_open(struct san_parse *p, enum san_dialect dialect,
	const struct san_rule *rules, struct san_view v)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r;

	for (; rules->pattern; rules++)
		if (san_pattern_match(v, rules->pattern, captures))
			break;
	if (!rules->pattern)
		return false;
	if (rules->flags & SAN_RULE_IGNORE)
		return true;
	r = san_report_open(p, dialect, rules->kind);
	r->flags = rules->flags;
	r->message = rules->message ? capture(captures, rules->message) : v;
	r->address = capture(captures, rules->address);
	r->size = capture(captures, rules->size);
	r->file = capture(captures, rules->file);
	r->line = capture(captures, rules->line);
	if (rules->flags & SAN_RULE_TITLE)
		r->title = r->message;
	if (rules->flags & SAN_RULE_READ)
		r->access = SAN_ACCESS_READ;
	if (rules->flags & SAN_RULE_WRITE)
		r->access = SAN_ACCESS_WRITE;
	return true;
}

void san_stack_open(struct san_parse *p, enum san_stack_role role)
{
	struct san_raw *r = p->cur;
	struct san_raw_stack *stack;

	p->stack = NULL;
	if (!r)
		return;
	/* A heading without frames makes room for the next one. */
	if (r->stack_count && !r->stacks[r->stack_count - 1].count)
		r->stack_count--;
	if (r->stack_count == SAN_STACKS_KEPT)
		return;
	stack = &r->stacks[r->stack_count++];
	stack->role = role;
	stack->count = 0;
	p->stack = stack;
}

void san_frame_add(struct san_parse *p, enum san_frame_form form)
{
	struct san_raw_stack *s = p->stack;
	struct san_raw_frame *frame;

	if (!s)
		return;
	if (s->count == s->cap && s->cap < SAN_STACK_FRAMES) {
		size_t cap = s->cap ? 4 * s->cap : 16;
		struct san_raw_frame *grown =
			iw_arena_alloc(p->arena, cap * sizeof *grown);

		if (s->count)
			memcpy(grown, s->frames, s->count * sizeof *grown);
		s->frames = grown;
		s->cap = cap;
	}
	frame = &s->frames[kept_slot(s->count++, FRAME_HEAD, SAN_STACK_FRAMES)];
	*frame = (struct san_raw_frame){.line = p->at, .form = form};
	p->cur->end = p->end;
}

/* The second line of a frame says where its function is. */
static bool place_line(struct san_parse *p, enum san_frame_form form)
{
	struct san_raw_stack *s = p->stack;
	struct san_raw_frame *last;

	if (form == SAN_FORM_RUST ? !san_view_starts(p->at, "at ")
				  : form != SAN_FORM_GO || !san_frame_is_place(p->at) ||
				san_view_has(p->at, ") in "))
		return false;
	if (!s || !s->count)
		return true;
	last = &s->frames[kept_slot(s->count - 1, FRAME_HEAD, SAN_STACK_FRAMES)];
	if (!last->where.n)
		last->where = p->at;
	return true;
}

static bool has_stack(const struct san_raw *r, enum san_stack_role role)
{
	for (size_t i = 0; i < r->stack_count; i++)
		if (r->stacks[i].role == role && r->stacks[i].count)
			return true;
	return false;
}

/* Frames without a heading: the first are the crash's, and a count that starts again
 * behind other text is another stack's. */
static void frame_line(struct san_parse *p, enum san_frame_form form)
{
	bool is_first = form == SAN_FORM_HASH && san_view_starts(p->at, "#0 ");

	if (place_line(p, form))
		return;
	if (!p->cur && p->unread && form == SAN_FORM_HASH)
		san_report_open(p, SAN_BY_NONE, SAN_BARE_STACK);
	if (!p->cur)
		return;
	if (!p->stack || (is_first && p->stack->count && !p->was_frame)) {
		bool is_crash = !has_stack(p->cur, SAN_STACK_CRASH) &&
			!has_stack(p->cur, SAN_STACK_ALLOC);

		/* Behind a full report frames are nobody's until the next #0. */
		if (!p->stack && !is_first && form == SAN_FORM_HASH &&
			p->cur->stack_count)
			return;
		san_stack_open(p, is_crash ? SAN_STACK_CRASH : SAN_STACK_OTHER);
	}
	san_frame_add(p, form);
}

/* What the headings of failures have in common. What no dialect knows and one of these
 * fits is told to whoever asks what was not understood. */
static const char *const heading_patterns[] = {
	"==*==*ERROR: *",
	"==*==*WARNING: *Sanitizer: *",
	"*ERROR: *Sanitizer: *",
	"*ERROR: libFuzzer: *",
	"*:*: runtime error: *",
	"SUMMARY: *Sanitizer: *",
	"panic: *",
	"fatal error: *",
	"thread '*panicked at *",
	"terminate called *",
	"*ssertion *failed*",
	"*ASSERTION *FAILED*",
	"*rogram received signal *",
	"*rogram terminated with signal *",
	"*Segmentation fault*",
	"*PROGRAM ABORT : *",
	"Fatal glibc error: *",
	"# Fatal error in *",
};

static void note_unread(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];

	/* All of them have one of these. */
	if (p->unread_count == SAN_UNREAD || p->at.n < 8 ||
		(!memchr(p->at.p, ':', p->at.n) && !san_view_has(p->at, " failed") &&
			!san_view_has(p->at, "terminate") &&
			!san_view_has(p->at, " signal ") && !san_view_has(p->at, "Segm")))
		return;
	for (size_t i = 0; i < IW_COUNT(heading_patterns); i++) {
		if (!san_pattern_match(p->at, heading_patterns[i], captures))
			continue;
		p->unread[p->unread_count++] = (struct san_unread){
			.line = san_view_dup(p->arena, p->at, 512),
			.begin = p->begin,
			.end = p->end,
		};
		return;
	}
}

static void take_line(struct san_parse *p)
{
	bool is_taken = false;
	enum san_frame_form form;

	if (!p->at.n) {
		/* Goroutines end with an empty line; other dialects print them amid. */
		p->go = SAN_GO_OFF;
		p->rust_message = false;
		return;
	}
	if (san_frame_line(p, &form)) {
		frame_line(p, form);
		p->was_frame = true;
		return;
	}
	/* A panic's message may look like anything. */
	if (p->rust_message)
		is_taken = san_line_rust(p);
	for (size_t i = 0; i < IW_COUNT(dialects) && !is_taken; i++)
		is_taken = dialects[i](p);
	if (!is_taken && p->unread)
		note_unread(p);
	p->go_talk = san_view_starts(p->at, "runtime: ");
	p->was_frame = false;
}

static void read_lines(struct san_parse *p, size_t begin, size_t end)
{
	while (begin < end) {
		const char *line = p->text + begin;
		const char *nl = memchr(line, '\n', end - begin);
		size_t len = nl ? (size_t)(nl - line) : end - begin;

		p->begin = begin;
		p->end = begin + len;
		p->at = (struct san_view){line, len < SAN_LINE_MAX ? len : SAN_LINE_MAX};
		p->at = san_view_trim(p->at);
		take_line(p);
		begin += len + 1;
	}
}

static void finish_stack(
	struct iw_arena *arena, const struct san_raw_stack *raw, struct san_stack *stack)
{
	size_t count = raw->count < SAN_STACK_FRAMES ? raw->count : SAN_STACK_FRAMES;

	stack->role = raw->role;
	stack->count = count;
	stack->dropped = raw->count - count;
	stack->frames = iw_arena_alloc(arena, count * sizeof *stack->frames);
	for (size_t i = 0; i < count; i++)
		san_frame_parse(arena,
			&raw->frames[kept_index(
				i, raw->count, FRAME_HEAD, SAN_STACK_FRAMES)],
			&stack->frames[i]);
	/* What was inlined shares the address of what it went into; so does a function
	 * that calls itself. */
	for (size_t i = 0; i + 1 < count; i++) {
		struct san_frame *f = &stack->frames[i];

		if (f->pc && f->pc == f[1].pc && f->function && f[1].function &&
			strcmp(f->function, f[1].function) != 0)
			f->is_inlined = true;
	}
}

static const char *dup_or_null(struct iw_arena *arena, struct san_view v, size_t max)
{
	return v.n ? san_view_dup(arena, v, max) : NULL;
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
	struct iw_arena *arena, const struct san_raw *raw, struct san_report *r)
{
	if (!raw->title.n)
		return;
	r->title = iw_arena_fmt(arena, "%s%s%s%s",
		raw->title_before ? raw->title_before : "",
		san_view_dup(arena, raw->title, 1024),
		raw->title_between ? raw->title_between : "",
		san_view_dup(arena, raw->title_more, 256));
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

static void finish_report(
	struct iw_arena *arena, const struct san_raw *raw, struct san_report *r)
{
	struct san_view rest;
	uint64_t number;

	r->dialect = raw->dialect;
	r->kind = raw->kind;
	r->access = raw->access;
	r->heading = san_view_dup(arena, raw->heading, 512);
	r->message = san_view_dup(arena, raw->message, 1024);
	r->file = dup_or_null(arena, raw->file, 1024);
	r->summary = dup_or_null(arena, raw->summary, 1024);
	r->begin = raw->begin;
	r->end = raw->end;
	if (san_view_number(raw->line, &number, NULL) && number <= INT_MAX)
		r->line = (int)number;
	if (san_view_number(raw->column, &number, NULL) && number <= INT_MAX)
		r->column = (int)number;
	san_view_number(raw->size, &r->size, NULL);
	if (read_address(raw, &r->address, &rest)) {
		struct san_view digits = {
			raw->address.p, (size_t)(rest.p - raw->address.p)};

		r->has_address = true;
		r->address_text = san_view_dup(arena, digits, 32);
	}
	judge_address(r);
	finish_title(arena, raw, r);
	r->is_security = san_kind_row(r->kind)->is_security;
	r->crash_type = san_kind_crash_type(arena, r, raw->word);
	r->stacks = iw_arena_alloc(arena, raw->stack_count * sizeof *r->stacks);
	for (size_t i = 0; i < raw->stack_count; i++)
		if (raw->stacks[i].count)
			finish_stack(
				arena, &raw->stacks[i], &r->stacks[r->stack_count++]);
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
static void finish(struct san_parse *p, struct san_reading *reading)
{
	size_t n = p->count < SAN_REPORTS ? p->count : SAN_REPORTS;

	reading->dropped = p->count - n;
	reading->reports = iw_arena_alloc(p->arena, n * sizeof *reading->reports);
	for (size_t i = 0; i < n; i++) {
		const struct san_raw *raw =
			p->reports[kept_index(i, p->count, REPORT_HEAD, SAN_REPORTS)];

		if (!is_talk(raw))
			finish_report(p->arena, raw, &reading->reports[reading->count++]);
		else if (p->unread && p->unread_count < SAN_UNREAD)
			p->unread[p->unread_count++] = (struct san_unread){
				.line = san_view_dup(p->arena, raw->heading, 512),
				.begin = raw->begin,
				.end = raw->begin + raw->heading.n,
			};
	}
	share_stacks(reading->reports, reading->count);
	reading->unread = p->unread;
	reading->unread_count = p->unread_count;
}

static int read_text(
	struct san_parse *p, size_t len, struct san_reading *reading, struct iw_err *err)
{
	struct san_raw *kept[SAN_REPORTS] = {NULL};

	if (!p->text && len)
		return iw_err_set(err, IW_EINVAL, "there is no text to parse");
	p->reports = kept;
	if (len <= SAN_TEXT_MAX) {
		read_lines(p, 0, len);
	} else {
		read_lines(p, 0, SAN_TEXT_MAX / 2);
		read_lines(p, len - SAN_TEXT_MAX / 2, len);
	}
	finish(p, reading);
	return 0;
}

int san_report_read(struct iw_arena *arena, const char *text, size_t len,
	struct san_reading *reading, struct iw_err *err)
{
	struct san_parse p = {.arena = arena, .text = text};

	*reading = (struct san_reading){0};
	p.unread = iw_arena_alloc(arena, SAN_UNREAD * sizeof *p.unread);
	return read_text(&p, len, reading, err);
}

int san_report_parse(struct iw_arena *arena, const char *text, size_t len,
	struct san_report **reports, size_t *count, struct iw_err *err)
{
	struct san_parse p = {.arena = arena, .text = text};
	struct san_reading reading = {0};
	int rc = read_text(&p, len, &reading, err);

	*reports = reading.reports;
	*count = reading.count;
	return rc;
}

const struct san_stack *san_report_stack(
	const struct san_report *report, enum san_stack_role role)
{
	for (size_t i = 0; i < report->stack_count; i++)
		if (report->stacks[i].role == role)
			return &report->stacks[i];
	return NULL;
}

static bool is_leak(enum san_kind kind)
{
	return kind == SAN_DIRECT_LEAK || kind == SAN_INDIRECT_LEAK;
}

/* Whether r identifies the crash rather than best, which stands before it. */
static bool is_better(const struct san_report *r, const struct san_report *best)
{
	const struct san_kind_row *row = san_kind_row(r->kind);
	const struct san_kind_row *old = san_kind_row(best->kind);

	if (row->rank != old->rank)
		return row->rank > old->rank;
	/* What is reachable from a leak is reported too; the leak is the bug. */
	if (r->kind == SAN_DIRECT_LEAK && best->kind == SAN_INDIRECT_LEAK)
		return true;
	/* What a broken program did not free, it was not able to. */
	if (is_leak(r->kind) && !is_leak(best->kind))
		return false;
	/* The signal that an access ended in says less than the access. */
	if (r->kind == best->kind && !r->access && best->access)
		return false;
	if (row->is_first && old->is_first)
		return false;
	return row->rank != SAN_RANK_END;
}

const struct san_report *san_report_primary(
	const struct san_report *reports, size_t count)
{
	const struct san_report *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (!best || is_better(&reports[i], best))
			best = &reports[i];
	return best;
}
