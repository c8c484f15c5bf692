#include "sanitizers/frames.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "base/buf.h"
#include "sanitizers/frame_name.h"

#include "base/banned.h"

#define CYCLE_MAX 10
#define CYCLE_REPEATS 3
#define NAMES 128 /* of a stack that we look at */

/* By whose rules a frame is judged: ours, or ClusterFuzz's. */
enum whose { BOTH, OURS, THEIRS };
enum where { FUNCTION, FILE_, MODULE };
enum how { IS, STARTS, HAS, ENDS };

static const struct {
	enum whose whose;
	enum where where;
	enum how how;
	const char *text;
} plumbing[] = {
#define FILE FILE_
#define MATCH(where, how, text) {BOTH, where, how, text},
#define MATCH_OURS(where, how, text) {OURS, where, how, text},
#define MATCH_THEIRS(where, how, text) {THEIRS, where, how, text},
#include "sanitizers/plumbing.inc"
#undef MATCH
#undef MATCH_OURS
#undef MATCH_THEIRS
#undef FILE
};

#define ROWS IW_COUNT(plumbing)

/* Rows that say how a string starts, by its first byte, and the others at [0]: numbers of
 * rows plus one; next[] is the row behind one. */
static unsigned short heads[MODULE + 1][256], next[ROWS];
static once_flag heads_once = ONCE_FLAG_INIT;

static void sort_rows(void)
{
	for (size_t i = ROWS; i-- > 0;) {
		bool is_start = plumbing[i].how == IS || plumbing[i].how == STARTS;
		unsigned short *head =
			&heads[plumbing[i].where]
			      [is_start ? (unsigned char)plumbing[i].text[0] : 0];

		next[i] = *head;
		*head = (unsigned short)(i + 1);
	}
}

static bool matches(const char *s, enum how how, const char *text)
{
	size_t n, len;

	switch (how) {
	case IS:
		return !strcmp(s, text);
	case STARTS:
		return !strncmp(s, text, strlen(text));
	case HAS:
		return strstr(s, text) != NULL;
	case ENDS:
		n = strlen(text);
		len = strlen(s);
		return len >= n && !strcmp(s + len - n, text);
	}
	return false;
}

static bool matches_any(const char *s, unsigned row, enum whose whose)
{
	for (; row; row = next[row - 1])
		if ((plumbing[row - 1].whose == BOTH ||
			    plumbing[row - 1].whose == whose) &&
			matches(s, plumbing[row - 1].how, plumbing[row - 1].text))
			return true;
	return false;
}

static bool is_plumbing_in(const char *s, enum where where, enum whose whose)
{
	call_once(&heads_once, sort_rows);
	return (*s && matches_any(s, heads[where][(unsigned char)*s], whose)) ||
		matches_any(s, heads[where][0], whose);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *back = strrchr(path, '\\');

	if (!slash || (back && back > slash))
		slash = back;
	return slash ? slash + 1 : path;
}

static bool is_entry(const char *name)
{
	return !strcmp(name, "LLVMFuzzerTestOneInput");
}

static bool judge(const struct san_frame *f, enum whose whose)
{
	char name[SAN_NAME_SIZE];

	if (f->function) {
		san_frame_bare_name(f, true, name);
		if (!*name || is_plumbing_in(name, FUNCTION, whose))
			return true;
		/* An entry without its file names nothing. */
		if (is_entry(name))
			return !f->file;
	}
	if (f->file && is_plumbing_in(f->file, FILE_, whose))
		return true;
	if (f->module && is_plumbing_in(f->module, MODULE, whose))
		return true;
	return !f->function && !f->module;
}

bool san_frame_is_plumbing(const struct san_frame *frame)
{
	return judge(frame, OURS);
}

static bool is_number_char(char c)
{
	return isdigit((unsigned char)c) || c == '.';
}

/* What text[n] begins that differs between two runs, and its length; NULL: nothing. */
static const char *variable(const char *text, size_t at, size_t *len)
{
	const char *s = text + at;
	char before = at ? text[at - 1] : '\0';
	size_t n;

	if (s[0] == '0' && s[1] == 'x') {
		for (n = 2; isxdigit((unsigned char)s[n]); n++)
			;
		*len = n;
		if (n >= 6)
			return "ADDRESS";
	}
	for (n = 0; is_number_char(s[n]); n++)
		;
	*len = n ? n : 1;
	if (n >= 4 && before != ':' && !isalnum((unsigned char)s[n]))
		return "NUMBER";
	return NULL;
}

/* Addresses are 0x and four or more digits; numbers four or more digits or points that do
 * not touch a name or a line number. */
const char *san_text_normalise(struct iw_arena *arena, const char *text)
{
	char out[SAN_STATE_WIDTH + 1];
	size_t n = 0, at = 0, len;

	while (text[at] && n < SAN_STATE_WIDTH) {
		const char *word = variable(text, at, &len);
		size_t size = word ? strlen(word) : len;

		if (size > SAN_STATE_WIDTH - n)
			size = SAN_STATE_WIDTH - n;
		memcpy(out + n, word ? word : text + at, size);
		n += size;
		at += len;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	return iw_arena_strndup(arena, out, n);
}

/* The whole name, for clustering; the state cuts it. False when there is none. */
static bool full_name(
	const struct san_frame *f, enum whose whose, char name[SAN_NAME_SIZE])
{
	if (!f->function) {
		snprintf(name, SAN_NAME_SIZE, "%s", f->module ? f->module : "");
		return f->module;
	}
	san_frame_bare_name(f, whose == THEIRS, name);
	if (is_entry(name))
		snprintf(name, SAN_NAME_SIZE, "%s", f->file ? base_name(f->file) : "");
	return *name;
}

static const char *normalise(
	struct iw_arena *arena, const struct san_frame *frame, enum whose whose)
{
	char name[SAN_NAME_SIZE];

	return full_name(frame, whose, name) ? san_text_normalise(arena, name) : NULL;
}

const char *san_frame_normalise(struct iw_arena *arena, const struct san_frame *frame)
{
	return normalise(arena, frame, OURS);
}

/* Where a stack begins to say something. A timer's signal may come before a function's
 * first instruction, and runtimes look up the address before that, which is nobody's: such
 * frames are passed over, unless the stack has no names at all. */
static size_t first_told(const struct san_report *r, const struct san_stack *stack)
{
	size_t i;

	for (i = 0; r->kind == SAN_TIMEOUT && stack && i < stack->count; i++)
		if (stack->frames[i].function && !judge(&stack->frames[i], OURS))
			return i;
	return 0;
}

/* The relevant frames of a stack from begin on, as indices. */
static size_t relevant(const struct san_stack *stack, size_t begin, enum whose whose,
	size_t out[], size_t max)
{
	size_t n = 0;

	for (size_t i = begin; stack && i < stack->count && n < max; i++)
		if (!judge(&stack->frames[i], whose))
			out[n++] = i;
	return n;
}

/* Where the first cycle of up to ten names starts that repeats three times, or 0. */
static size_t cycle_start(const char *const names[], size_t count)
{
	for (size_t start = 0; start < count; start++) {
		for (size_t len = 1; len <= CYCLE_MAX; len++) {
			size_t i;

			if (start + len * CYCLE_REPEATS > count)
				break;
			for (i = len; i < len * CYCLE_REPEATS; i++)
				if (strcmp(names[start + i], names[start + i - len]) != 0)
					break;
			if (i == len * CYCLE_REPEATS)
				return start;
		}
	}
	return 0;
}

/* The stack that a report is about. */
static const struct san_stack *main_stack(const struct san_report *r)
{
	static const enum san_stack_role order[] = {SAN_STACK_CRASH, SAN_STACK_ALLOC,
		SAN_STACK_LIVE, SAN_STACK_OTHER_ACCESS, SAN_STACK_OTHER,
		SAN_STACK_THREAD};

	for (size_t i = 0; i < IW_COUNT(order); i++) {
		const struct san_stack *s = san_report_stack(r, order[i]);

		if (s && s->count)
			return s;
	}
	return NULL;
}

const struct san_frame *san_report_place(const struct san_report *r)
{
	const struct san_stack *stack = main_stack(r);
	const struct san_frame *entry = NULL;

	for (size_t i = 0; stack && i < stack->count; i++) {
		const struct san_frame *f = &stack->frames[i];

		if (f->file && !san_frame_is_plumbing(f))
			return f;
		if (!entry && f->file && f->function && !strcmp(f->function, "main"))
			entry = f;
	}
	return entry;
}

static bool is_about_target(enum san_kind kind)
{
	return san_kind_is_limit(kind) || kind == SAN_OVERWRITES_INPUT;
}

/* Appends the names of a stack's relevant frames until lines are full. */
static int add_stack(struct iw_arena *arena, const struct san_stack *stack, size_t begin,
	enum whose whose, bool is_recursion, struct iw_buf *out, int lines)
{
	const char *names[NAMES];
	size_t idx[NAMES];
	size_t n = relevant(
		stack, begin, whose, idx, is_recursion ? NAMES : SAN_STATE_LINES);
	size_t count = 0;
	size_t start = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = normalise(arena, &stack->frames[idx[i]], whose);

		if (name)
			names[count++] = name;
	}
	if (is_recursion)
		start = cycle_start(names, count);
	for (size_t i = start; i < count && lines < SAN_STATE_LINES; i++, lines++)
		iw_buf_addf(out, "%s\n", names[i]);
	return lines;
}

const char *san_report_state(struct iw_arena *arena, const struct san_report *r,
	const struct san_state_opts *opts)
{
	static const struct san_state_opts none = {NULL, false};
	const struct san_stack *stack = main_stack(r);
	struct iw_arena *work = iw_arena_new();
	struct iw_buf out = {0};
	const char *state;
	enum whose whose;
	int lines = 0;

	if (!opts)
		opts = &none;
	whose = opts->as_clusterfuzz ? THEIRS : OURS;
	if (opts->target && is_about_target(r->kind)) {
		iw_buf_addf(&out, "%s\n", opts->target);
	} else {
		if (r->title) {
			iw_buf_addf(&out, "%s\n", san_text_normalise(work, r->title));
			lines++;
		}
		lines = add_stack(work, stack, whose == OURS ? first_told(r, stack) : 0,
			whose, r->kind == SAN_STACK_OVERFLOW, &out, lines);
		for (size_t i = 0; opts->as_clusterfuzz && i < r->stack_count; i++)
			if (&r->stacks[i] > stack && r->stacks[i].role != SAN_STACK_PLACE)
				lines = add_stack(work, &r->stacks[i], 0, whose, false,
					&out, lines);
		if (!out.len && opts->target)
			iw_buf_addf(&out, "%s\n", opts->target);
	}
	state = iw_arena_strdup(arena, out.data ? out.data : "");
	iw_buf_fini(&out);
	iw_arena_free(work);
	return state;
}

static const char *dup_name(struct iw_arena *arena, const struct san_frame *f)
{
	char name[SAN_NAME_SIZE];

	if (!f->function)
		return iw_arena_fmt(arena, "%s+0x%llx", base_name(f->module),
			(unsigned long long)f->offset);
	return full_name(f, OURS, name) ? iw_arena_strdup(arena, name) : NULL;
}

static const char *base_or_null(struct iw_arena *arena, const struct san_frame *f)
{
	return f->file ? iw_arena_strdup(arena, base_name(f->file)) : NULL;
}

/* Recursion counts once, whatever its depth: how many names at the end repeat those
 * before them. */
static size_t cycle_length(const struct san_sig_frame *out, size_t n)
{
	for (size_t len = 1; len <= CYCLE_MAX && 2 * len <= n; len++) {
		size_t i;

		for (i = 0; i < len; i++)
			if (strcmp(out[n - 1 - i].function,
				    out[n - 1 - i - len].function) != 0)
				break;
		if (i == len)
			return len;
	}
	return 0;
}

/* One function, or without names one place in a module: callers of a cycle are at the same
 * few of them each time around, wherever the stack ended. */
static bool is_same_frame(const struct san_frame *a, const struct san_frame *b)
{
	if (a->function || b->function)
		return a->function && b->function &&
			strcmp(a->function, b->function) == 0;
	return a->module && b->module && a->offset && a->offset == b->offset &&
		strcmp(a->module, b->module) == 0;
}

/* Whether a stack that overflowed holds the frame so often that it takes part. */
static bool is_in_cycle(const struct san_stack *stack, const struct san_frame *frame)
{
	int times = 0;

	for (size_t i = 0; i < stack->count && times < CYCLE_REPEATS; i++)
		times += is_same_frame(&stack->frames[i], frame);
	return times == CYCLE_REPEATS;
}

/* Who calls each other for ever, without whom they called last and who called them first;
 * none where nothing comes again. */
static size_t cycle(struct iw_arena *arena, const struct san_stack *stack,
	struct san_sig_frame out[], size_t max)
{
	size_t n = 0, i, k;

	for (i = 0; stack && i < stack->count && n < max; i++) {
		const struct san_frame *f = &stack->frames[i];
		const char *name;

		for (k = 0; k < i && !is_same_frame(f, &stack->frames[k]); k++)
			;
		if (k < i || judge(f, OURS) || !is_in_cycle(stack, f) ||
			!(name = dup_name(arena, f)))
			continue;
		for (k = 0; k < n && strcmp(out[k].function, name) != 0; k++)
			;
		if (k == n)
			out[n++] = (struct san_sig_frame){name, base_or_null(arena, f)};
	}
	return n;
}

static size_t signature(struct iw_arena *arena, const struct san_stack *stack,
	size_t begin, struct san_sig_frame out[], size_t max)
{
	size_t n = 0;

	for (size_t i = begin; stack && i < stack->count && n < max; i++) {
		const struct san_frame *f = &stack->frames[i];
		const char *name;

		if (judge(f, OURS) || !(name = dup_name(arena, f)))
			continue;
		out[n++] = (struct san_sig_frame){name, base_or_null(arena, f)};
		n -= cycle_length(out, n);
	}
	return n;
}

static int compare(const struct san_sig_frame *a, size_t an,
	const struct san_sig_frame *b, size_t bn)
{
	for (size_t i = 0; i < an && i < bn; i++) {
		int c = strcmp(a[i].function, b[i].function);

		if (c)
			return c;
	}
	return (an > bn) - (an < bn);
}

/* An assertion says itself where it is. The stack may not: a call that never returns is one
 * that compilers share between functions, or put where no line is known. */
static size_t begin_with_told(struct iw_arena *arena, const struct san_report *r,
	struct san_sig_frame out[SAN_SIGNATURE_FRAMES], size_t n)
{
	const struct san_frame told = {.function = r->function, .file = r->file};
	const char *name;
	size_t at = 0, kept;

	if (judge(&told, OURS) || !(name = dup_name(arena, &told)))
		return n;
	while (at < n && strcmp(out[at].function, name) != 0)
		at++;
	if (at < n) {
		memmove(out, out + at, (n - at) * sizeof *out);
		return n - at;
	}
	kept = n < SAN_SIGNATURE_FRAMES ? n : SAN_SIGNATURE_FRAMES - 1;
	memmove(out + 1, out, kept * sizeof *out);
	out[0] = (struct san_sig_frame){name, base_or_null(arena, &told)};
	return kept + 1;
}

static bool has_two_sides(const struct san_report *r)
{
	return (r->kind == SAN_DATA_RACE || r->kind == SAN_LOCK_ORDER) &&
		san_report_stack(r, SAN_STACK_CRASH) &&
		san_report_stack(r, SAN_STACK_OTHER_ACCESS);
}

/* Of a race the same side comes first whichever thread did. A stack that could not be
 * restored, or has no frame of the program, comes last. */
static size_t both_sides(struct iw_arena *arena, const struct san_report *r,
	struct san_sig_frame out[SAN_SIGNATURE_BOTH], size_t *other)
{
	struct san_sig_frame a[SAN_SIGNATURE_FRAMES], b[SAN_SIGNATURE_FRAMES];
	size_t n = signature(
		arena, san_report_stack(r, SAN_STACK_CRASH), 0, a, SAN_SIGNATURE_FRAMES);
	size_t m = signature(arena, san_report_stack(r, SAN_STACK_OTHER_ACCESS), 0, b,
		SAN_SIGNATURE_FRAMES);
	bool is_swapped = n == 0 || (m > 0 && compare(a, n, b, m) > 0);

	*other = is_swapped ? m : n;
	memcpy(is_swapped ? out + m : out, a, n * sizeof *out);
	memcpy(is_swapped ? out : out + n, b, m * sizeof *out);
	return n + m;
}

size_t san_report_signature_frames(struct iw_arena *arena, const struct san_report *r,
	struct san_sig_frame out[SAN_SIGNATURE_BOTH], size_t *other)
{
	const struct san_stack *stack = main_stack(r);
	size_t n = 0, unasked;

	if (!other)
		other = &unasked;
	if (has_two_sides(r))
		return both_sides(arena, r, out, other);
	if (r->kind == SAN_STACK_OVERFLOW || r->kind == SAN_GO_STACK)
		n = cycle(arena, stack, out, SAN_SIGNATURE_FRAMES);
	if (n == 0) {
		n = signature(
			arena, stack, first_told(r, stack), out, SAN_SIGNATURE_FRAMES);
		if (r->function)
			n = begin_with_told(arena, r, out, n);
	}
	*other = n;
	return n;
}

static bool is_among(const char *const names[], size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

size_t san_report_way_in(struct iw_arena *arena, const struct san_report *report,
	const char *out[], size_t max)
{
	const struct san_stack *stack = main_stack(report);
	size_t n = 0, i;

	for (i = stack ? stack->count : 0; i-- > 0 && n < max;) {
		const struct san_frame *f = &stack->frames[i];
		const char *name;

		if (!f->function || judge(f, OURS) || !(name = dup_name(arena, f)))
			continue;
		if (!is_among(out, n, name))
			out[n++] = name;
	}
	for (i = 0; i < n / 2; i++) {
		const char *outer = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = outer;
	}
	return n;
}
