#include "sanitizers/report.h"

#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define SHORTEST 6 /* no dialect says anything in less */

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
