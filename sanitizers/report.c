#include "sanitizers/report.h"

#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define SHORTEST 6	/* no dialect says anything in less */
#define FRAMES_FIRST 16 /* a stack's first room; each next one is four times as large */

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

size_t san_kept_slot(size_t n, size_t max)
{
	size_t head = max * 3 / 4;

	return n < head ? n : head + (n - head) % (max - head);
}

struct san_raw *san_report_open(
	struct san_parse *p, enum san_dialect dialect, enum san_kind kind)
{
	size_t slot = san_kept_slot(p->count++, SAN_REPORTS);
	struct san_raw *r = p->reports[slot];

	if (r) { /* its frames are storage for the new one's */
		struct san_raw_stack stacks[SAN_STACKS_KEPT];
		size_t own = r->frames_own;

		memcpy(stacks, r->stacks, sizeof stacks);
		memset(r, 0, sizeof *r);
		memcpy(r->stacks, stacks, sizeof stacks);
		r->frames_own = own;
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
	stack = &p->beyond;
	if (r->stack_count < SAN_STACKS_KEPT)
		stack = &r->stacks[r->stack_count++];
	stack->role = role;
	stack->count = 0;
	p->stack = stack;
}

/* More room for the frames of a stack, while there is some. */
static void grow(struct san_parse *p, struct san_raw *r, struct san_raw_stack *s)
{
	size_t cap = s->cap ? 4 * s->cap : FRAMES_FIRST;
	struct san_raw_frame *grown;

	if (cap > SAN_STACK_FRAMES)
		return;
	if (r->frames_own + cap <= SAN_FRAMES_OWN)
		r->frames_own += cap;
	else if (p->frames_shared + cap <= SAN_FRAMES_SHARED)
		p->frames_shared += cap;
	else
		return;
	grown = iw_arena_alloc(p->arena, cap * sizeof *grown);
	if (s->count)
		memcpy(grown, s->frames, s->count * sizeof *grown);
	s->frames = grown;
	s->cap = cap;
}

void san_frame_add(struct san_parse *p, enum san_frame_form form)
{
	struct san_raw_stack *s = p->stack;

	if (!s)
		return;
	p->cur->end = p->end;
	if (s == &p->beyond) {
		p->cur->stacks_dropped += !s->count++;
		return;
	}
	if (s->count == s->cap)
		grow(p, p->cur, s);
	if (s->cap)
		s->frames[san_kept_slot(s->count, s->cap)] = (struct san_raw_frame){
			.line = p->at.p, .line_len = (uint16_t)p->at.n, .form = form};
	s->count++;
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
	if (!s || !s->count || !s->cap)
		return true;
	last = &s->frames[san_kept_slot(s->count - 1, s->cap)];
	if (!last->where) {
		last->where = p->at.p;
		last->where_len = (uint16_t)p->at.n;
	}
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

void san_unread_add(struct san_parse *p, struct san_view line, size_t begin, size_t end)
{
	if (p->unread_count == SAN_UNREAD) {
		p->unread_dropped++;
		return;
	}
	p->unread[p->unread_count++] = (struct san_unread){
		.line = san_view_dup(p->arena, line, 512),
		.begin = begin,
		.end = end,
	};
}

static void note_unread(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];

	/* All of them have one of these. */
	if (p->at.n < 8 ||
		(!memchr(p->at.p, ':', p->at.n) && !san_view_has(p->at, " failed") &&
			!san_view_has(p->at, "terminate") &&
			!san_view_has(p->at, " signal ") && !san_view_has(p->at, "Segm")))
		return;
	for (size_t i = 0; i < IW_COUNT(heading_patterns); i++) {
		if (!san_pattern_match(p->at, heading_patterns[i], captures))
			continue;
		san_unread_add(p, p->at, p->begin, p->end);
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
	if (p->at.n < SHORTEST)
		is_taken = true;
	for (size_t i = 0; i < IW_COUNT(dialects) && !is_taken; i++)
		is_taken = dialects[i](p);
	if (!is_taken && p->unread)
		note_unread(p);
	p->go_talk = san_view_starts(p->at, "runtime: ");
	p->was_frame = false;
}

static void read_lines(struct san_parse *p, size_t size)
{
	size_t begin = 0;

	while (begin < size) {
		const char *line = p->text + begin;
		const char *nl = memchr(line, '\n', size - begin);
		size_t len = nl ? (size_t)(nl - line) : size - begin;

		p->begin = begin;
		p->end = begin + len;
		p->at = (struct san_view){line, len < SAN_LINE_MAX ? len : SAN_LINE_MAX};
		p->at = san_view_trim(p->at);
		take_line(p);
		begin += len + 1;
	}
}

static int read_text(
	struct san_parse *p, size_t len, struct san_reading *reading, struct iw_err *err)
{
	struct san_raw *kept[SAN_REPORTS] = {NULL};

	if (!p->text && len)
		return iw_err_set(err, IW_EINVAL, "there is no text to parse");
	p->reports = kept;
	read_lines(p, len);
	san_parse_finish(p, reading);
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
