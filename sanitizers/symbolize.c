/*
 * Line by line. A frame is recognised by its shape, whoever printed it; what is known of
 * its place is put in, and the frames behind it in the same stack are counted on. Two
 * things depend on the lines before: inside a race's report frames have TSan's own form
 * and a stack loses what called main(), and a summary names the first frame of the stack
 * it belongs to that is the program's own.
 *
 * The shapes, all behind "#N ":
 *
 *	0xPC  (MODULE+0xOFF) (BuildId: …)	in clang's runtimes; gcc's have no id
 *	<null> <null> (NAME+0xOFF) (BuildId: …)	TSan's, with the module's name only
 */
#include "sanitizers/symbolize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "sanitizers/report_parse.h"

#include "base/banned.h"

/* No runtime prints longer ones; they are copied as they are. */
#define LINE_MAX_ 8192
/* Frames of one report that its summary may mean. */
#define SUMMARY_FRAMES 1024
/* What names may add to a text: far more than they do, far less than they could. */
#define NAMES_MAX ((size_t)4 << 20)
/* Runtimes of clang 17 and newer take their own prefix off a name; those of 18 and newer
 * pass over the C++ library's frames in a summary. */
#define MAJOR_STRIPS 17
#define MAJOR_SKIPS 18

enum form { OTHER, NUMBERED, FRAME, RACE_FRAME, SUMMARY };

/* A line, taken apart. */
struct line {
	enum form form;
	struct san_view whole;	/* with its line feed */
	struct san_view before; /* of a frame its indent, of a summary its words */
	uint64_t index;
	struct san_view behind; /* what follows the index */
	struct san_view pc;
	struct san_place place;
	struct san_view id; /* " (BuildId: …)", or nothing */
};

struct writer {
	const struct san_symbolize_spec *spec;
	san_symbol_cb find;
	void *ctx;
	struct iw_buf *out;
	size_t out_max;
	bool is_race;
	/* The stack that is being written. */
	bool is_in_stack;
	uint64_t more;			  /* frames that it has got in addition */
	size_t frames, last_at;		  /* where the last one begins in out */
	const char *function, *function2; /* of the last and the one before */
	/* What the next summary may mean. */
	struct {
		struct san_place place;
		bool is_first;
	} * seen;
	size_t seen_count;
};

static size_t count_spaces(struct san_view v)
{
	size_t n = 0;

	while (n < v.n && (v.p[n] == ' ' || v.p[n] == '\t'))
		n++;
	return n;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "(MODULE+0xOFF) (BuildId: …)" and nothing behind but spaces. */
static bool read_place(struct san_view v, struct line *line)
{
	static const char build_id[] = " (BuildId: ";
	const char *id;
	size_t digits;

	while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\r'))
		v.n--;
	id = v.n ? memmem(v.p, v.n, build_id, sizeof build_id - 1) : NULL;
	if (id) {
		line->id = san_view_skip(v, (size_t)(id - v.p));
		v.n = (size_t)(id - v.p);
	}
	if (v.n < 7 || v.p[0] != '(' || v.p[v.n - 1] != ')')
		return false;
	for (digits = v.n - 1; digits > 0 && is_hex(v.p[digits - 1]); digits--)
		;
	if (digits < 5 || digits == v.n - 1 || v.n - 1 - digits > 16 ||
		memcmp(v.p + digits - 3, "+0x", 3) != 0)
		return false;
	line->place.module = v.p + 1;
	line->place.module_len = digits - 4;
	return san_view_number(san_view_skip(v, digits - 2), &line->place.offset, NULL);
}

static bool read_numbered(struct san_view v, struct line *line)
{
	size_t n = count_spaces(v);

	line->before = (struct san_view){v.p, n};
	v = san_view_skip(v, n);
	if (v.n < 4 || v.p[0] != '#' || v.p[1] < '0' || v.p[1] > '9' ||
		!san_view_number(san_view_skip(v, 1), &line->index, &v) || !v.n ||
		v.p[0] != ' ' || line->index > 99999)
		return false;
	line->behind = v;
	return true;
}

static enum form read_frame(struct line *line)
{
	struct san_view v = san_view_skip(line->behind, count_spaces(line->behind));
	size_t n = 2;

	if (san_view_starts(v, "<null> <null> ("))
		return read_place(san_view_skip(v, 14), line) ? RACE_FRAME : NUMBERED;
	if (!san_view_starts(v, "0x"))
		return NUMBERED;
	while (n < v.n && is_hex(v.p[n]))
		n++;
	line->pc = (struct san_view){v.p, n};
	v = san_view_skip(v, n);
	if (n == 2 || count_spaces(v) == 0)
		return NUMBERED;
	return read_place(san_view_skip(v, count_spaces(v)), line) ? FRAME : NUMBERED;
}

/* "SUMMARY: ThreadSanitizer: data race (MODULE+0xOFF) …" */
static bool read_summary(struct san_view v, struct line *line)
{
	const char *open;

	if (!san_view_starts(v, "SUMMARY: ") || !san_view_has(v, "Sanitizer: "))
		return false;
	open = memmem(v.p, v.n, " (/", 3);
	if (!open)
		return false;
	line->before = (struct san_view){v.p, (size_t)(open - v.p)};
	return read_place(san_view_skip(v, line->before.n + 1), line);
}

/* TSan tells only the module's name, and of the program we know where it is. */
static void complete(const struct san_symbolize_spec *spec, struct san_place *place)
{
	const char *base = spec->binary ? iw_path_base(spec->binary) : NULL;

	if (!base || memchr(place->module, '/', place->module_len) ||
		strlen(base) != place->module_len ||
		memcmp(base, place->module, place->module_len) != 0)
		return;
	place->module = spec->binary;
	place->module_len = strlen(spec->binary);
}

static void read_line(
	const struct san_symbolize_spec *spec, struct san_view v, struct line *line)
{
	*line = (struct line){.whole = v};
	if (v.n > LINE_MAX_)
		return;
	if (v.n && v.p[v.n - 1] == '\n')
		v.n--;
	if (read_numbered(v, line))
		line->form = read_frame(line);
	else if (read_summary(v, line))
		line->form = SUMMARY;
	if (line->form > NUMBERED)
		complete(spec, &line->place);
}

/* Takes the next line off text, with its line feed. */
static struct san_view next_line(struct san_view *text)
{
	const char *nl = memchr(text->p, '\n', text->n);
	size_t n = nl ? (size_t)(nl - text->p) + 1 : text->n;
	struct san_view v = {text->p, n};

	text->p += n;
	text->n -= n;
	return v;
}

void san_symbolize_ask(
	const struct san_symbolize_spec *spec, san_place_cb each, void *ctx)
{
	struct san_view text = {spec->text, spec->len};
	struct line line;

	while (text.n) {
		read_line(spec, next_line(&text), &line);
		if (line.form > NUMBERED)
			each(ctx, &line.place);
	}
}

static void add_view(struct writer *w, struct san_view v)
{
	iw_buf_add(w->out, v.p ? v.p : "", v.n);
}

static bool is_newer(const struct writer *w, int major)
{
	return w->spec->major == 0 || w->spec->major >= major;
}

/* What the runtime calls a function: an interceptor by the name of what it stands for. */
static const char *function_of(const struct writer *w, const struct san_call *call)
{
	static const char *const prefixes[] = {"___interceptor_", "__interceptor_"};
	const char *name = call->function;
	bool strips = is_newer(w, MAJOR_STRIPS);
	size_t i;

	for (i = strips ? 0 : 1; name && (strips || w->is_race) && i < 2; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return name + strlen(prefixes[i]);
	return name;
}

static void add_file(struct writer *w, const struct san_call *call)
{
	const char *file = call->file;

	if (file[0] == '.' && file[1] == '/')
		file += 2;
	iw_buf_adds(w->out, file);
	if (call->line)
		iw_buf_addf(w->out, ":%d", call->line);
	if (call->line && call->column)
		iw_buf_addf(w->out, ":%d", call->column);
}

static void add_module(struct writer *w, const struct line *line, bool is_path)
{
	const struct san_place *p = &line->place;
	const char *slash = is_path ? NULL : memrchr(p->module, '/', p->module_len);
	size_t skip = slash ? (size_t)(slash + 1 - p->module) : 0;

	iw_buf_adds(w->out, "(");
	iw_buf_add(w->out, p->module + skip, p->module_len - skip);
	iw_buf_addf(w->out, "+0x%" PRIx64 ")", p->offset);
}

static void begin_frame(struct writer *w, const struct line *line, const char *function)
{
	w->last_at = w->out->len;
	w->function2 = w->function;
	w->function = function;
	add_view(w, line->before);
	iw_buf_addf(w->out, "#%" PRIu64, line->index + w->more);
	w->frames++;
}

static void add_race_call(struct writer *w, const struct line *line,
	const struct san_call *call, bool is_first)
{
	const char *function = function_of(w, call);

	begin_frame(w, line, function);
	iw_buf_addf(w->out, " %s ", function ? function : "<null>");
	if (call->file)
		add_file(w, call);
	else
		iw_buf_adds(w->out, "<null>");
	iw_buf_adds(w->out, " ");
	add_module(w, line, false);
	if (is_first)
		add_view(w, line->id);
	iw_buf_adds(w->out, "\n");
}

static void add_call(struct writer *w, const struct line *line,
	const struct san_call *call, bool is_first)
{
	const char *function = function_of(w, call);

	begin_frame(w, line, function);
	iw_buf_adds(w->out, " ");
	add_view(w, line->pc);
	iw_buf_addf(w->out, " %s%s ", function ? "in " : "", function ? function : "");
	if (call->file) {
		add_file(w, call);
	} else {
		add_module(w, line, true);
		if (is_first)
			add_view(w, line->id);
	}
	iw_buf_adds(w->out, "\n");
}

static void add_frame(struct writer *w, const struct line *line)
{
	static const struct san_call nothing = {0};
	bool is_race = w->is_race || line->form == RACE_FRAME;
	const struct san_symbol *symbol =
		w->out->len < w->out_max ? w->find(w->ctx, &line->place) : NULL;
	size_t i, count = symbol ? symbol->count : 0;

	for (i = 0; i < count || i == 0; i++) {
		const struct san_call *call = count ? &symbol->calls[i] : &nothing;

		w->more += i > 0;
		if (is_race)
			add_race_call(w, line, call, i == 0);
		else
			add_call(w, line, call, i == 0);
	}
}

/* Behind main() a race's stack says nothing, and so does what starts a thread. */
static void end_stack(struct writer *w)
{
	static const char *const starters[] = {"__tsan_thread_start_func",
		"__do_global_ctors_aux", "__libc_csu_init", "__libc_start_main"};
	bool is_cut = w->function2 && strcmp(w->function2, "main") == 0;
	size_t i;

	for (i = 0; w->function && i < IW_COUNT(starters); i++)
		is_cut |= strcmp(w->function, starters[i]) == 0;
	if (w->is_race && w->is_in_stack && w->frames > 1 && is_cut) {
		w->out->len = w->last_at;
		w->out->data[w->out->len] = '\0';
	}
	w->is_in_stack = false;
	w->more = w->frames = 0;
	w->function = w->function2 = NULL;
}

static void note_frame(struct writer *w, const struct line *line, bool is_first)
{
	if (w->seen_count == SUMMARY_FRAMES)
		return;
	w->seen[w->seen_count].place = line->place;
	w->seen[w->seen_count++].is_first = is_first;
}

static void take_frame(struct writer *w, const struct line *line)
{
	if (w->is_in_stack && line->index == 0)
		end_stack(w);
	if (line->form > NUMBERED) {
		note_frame(w, line, !w->is_in_stack);
		w->is_in_stack = true;
		add_frame(w, line);
	} else if (w->is_in_stack) {
		begin_frame(w, line, NULL);
		add_view(w, line->behind);
		iw_buf_adds(w->out, "\n");
	} else {
		add_view(w, line->whole);
	}
}

/* The C++ library's, inlined into the program, or a runtime's. */
static bool is_internal(const struct san_call *call)
{
	static const char *const parts[] = {
		"/compiler-rt/lib/", "/include/c++/", "/include/g++"};
	size_t i;

	for (i = 0; call->file && i < IW_COUNT(parts); i++)
		if (strstr(call->file, parts[i]))
			return true;
	return false;
}

static bool is_place(const struct san_place *a, const struct san_place *b)
{
	return a->offset == b->offset && a->module_len == b->module_len &&
		memcmp(a->module, b->module, a->module_len) == 0;
}

/* What the summary means: the place that it tells, or the first frame above it in that
 * stack that is the program's own. Moves place. */
static const struct san_call *find_summary(struct writer *w, struct san_place *place)
{
	const struct san_symbol *symbol = w->find(w->ctx, place);
	const struct san_call *top = symbol && symbol->count ? &symbol->calls[0] : NULL;
	size_t i = 0, k;

	if (!top || !is_newer(w, MAJOR_SKIPS))
		return top;
	while (i < w->seen_count && !is_place(&w->seen[i].place, place))
		i++;
	do {
		for (k = 0; symbol && k < symbol->count; k++)
			if (!is_internal(&symbol->calls[k]))
				return &symbol->calls[k];
		if (++i >= w->seen_count || w->seen[i].is_first)
			break;
		*place = w->seen[i].place;
		symbol = w->find(w->ctx, place);
	} while (symbol && symbol->count);
	return top;
}

static void take_summary(struct writer *w, struct line *line)
{
	struct san_place place = line->place;
	const struct san_call *call = find_summary(w, &place);
	const char *function = call ? function_of(w, call) : NULL;

	w->seen_count = 0;
	if (!call) {
		add_view(w, line->whole);
		return;
	}
	line->place = place;
	add_view(w, line->before);
	iw_buf_adds(w->out, " ");
	if (call->file) {
		add_file(w, call);
	} else {
		add_module(w, line, true);
		add_view(w, line->id);
	}
	iw_buf_addf(w->out, " %s%s\n", function ? "in " : "", function ? function : "");
}

static void take_line(struct writer *w, struct line *line)
{
	if (line->form == OTHER || line->form == SUMMARY)
		end_stack(w);
	switch (line->form) {
	case FRAME:
	case RACE_FRAME:
	case NUMBERED:
		take_frame(w, line);
		break;
	case SUMMARY:
		take_summary(w, line);
		w->is_race = false;
		break;
	case OTHER:
		if (san_view_starts(line->whole, "WARNING: ThreadSanitizer: "))
			w->is_race = true;
		else if (w->is_race && san_view_has(line->whole, "==ERROR: "))
			w->is_race = false;
		add_view(w, line->whole);
		break;
	}
}

void san_symbolize(const struct san_symbolize_spec *spec, san_symbol_cb find, void *ctx,
	struct iw_buf *out)
{
	struct writer w = {.spec = spec, .find = find, .ctx = ctx, .out = out};
	struct san_view text = {spec->text, spec->len};
	struct line line;

	w.out_max = out->len + spec->len + NAMES_MAX;
	w.seen = iw_calloc(SUMMARY_FRAMES, sizeof *w.seen);
	while (text.n) {
		read_line(spec, next_line(&text), &line);
		take_line(&w, &line);
	}
	end_stack(&w);
	free(w.seen);
}
