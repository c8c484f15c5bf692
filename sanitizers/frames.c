#include "sanitizers/frames.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

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

static bool matches(const char *s, enum how how, const char *text)
{
	size_t n, len;

	switch (how) {
	case IS:
		return *s == *text && !strcmp(s, text);
	case STARTS:
		return *s == *text && !strncmp(s, text, strlen(text));
	case HAS:
		return strstr(s, text) != NULL;
	case ENDS:
		n = strlen(text);
		len = strlen(s);
		return len >= n && !strcmp(s + len - n, text);
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *back = strrchr(path, '\\');

	if (!slash || (back && back > slash))
		slash = back;
	return slash ? slash + 1 : path;
}

/* Removes every occurrence of word from s. */
static void cut_all(char *s, const char *word)
{
	size_t n = strlen(word);
	char *to = s;

	while (*s) {
		if (!strncmp(s, word, n))
			s += n;
		else
			*to++ = *s++;
	}
	*to = '\0';
}

/* "pkg/path.(*T).f(0x1, {…})" is "path.(*T).f": the arguments are the last group. */
static void cut_go(char *s)
{
	size_t n = strlen(s);
	int depth = 0;
	char *slash;

	if (n && s[n - 1] == ')') {
		size_t i = n;

		while (i-- > 0) {
			if (s[i] == ')')
				depth++;
			else if (s[i] == '(' && --depth == 0)
				break;
		}
		if (i < n)
			s[i] = '\0';
	}
	slash = strrchr(s, '/');
	if (slash)
		memmove(s, slash + 1, strlen(slash + 1) + 1);
}

static void cut_arguments(char *s)
{
	char *end = s + strcspn(s, "([");

	/* "operator()" and "operator[]" are names. */
	if (end - s >= 8 && !strncmp(end - 8, "operator", 8) && end[0] && end[1])
		end += 2;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
}

static char *bare_name(struct iw_arena *arena, const struct san_frame *f)
{
	char *s = iw_arena_strdup(arena, f->function);

	if (f->is_go) {
		cut_go(s);
		return s;
	}
	cut_all(s, "(anonymous namespace)::");
	cut_all(s, "`anonymous namespace'::");
	cut_all(s, "(anonymous class)::");
	cut_arguments(s);
	return s;
}

static bool is_plumbing_in(const char *s, enum where where, enum whose whose)
{
	for (size_t i = 0; i < IW_COUNT(plumbing); i++)
		if (plumbing[i].where == where &&
			(plumbing[i].whose == BOTH || plumbing[i].whose == whose) &&
			matches(s, plumbing[i].how, plumbing[i].text))
			return true;
	return false;
}

static bool is_entry(const char *name)
{
	return !strcmp(name, "LLVMFuzzerTestOneInput");
}

static bool judge(struct iw_arena *arena, const struct san_frame *f, enum whose whose)
{
	if (f->function) {
		const char *name = bare_name(arena, f);

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
	struct iw_arena *arena = iw_arena_new();
	bool is = judge(arena, frame, OURS);

	iw_arena_free(arena);
	return is;
}

static bool is_number_char(char c)
{
	return isdigit((unsigned char)c) || c == '.';
}

/* Addresses are 0x and four or more digits; numbers four or more digits or points that do
 * not touch a name or a line number. */
const char *san_text_normalise(struct iw_arena *arena, const char *text)
{
	struct iw_buf out = {0};
	const char *s = text;
	char *result;

	while (*s && out.len < 4UL * SAN_STATE_WIDTH) {
		size_t n = 0;
		char before = s == text ? '\0' : s[-1];

		if (s[0] == '0' && s[1] == 'x') {
			for (n = 2; isxdigit((unsigned char)s[n]); n++)
				;
			if (n >= 6) {
				iw_buf_adds(&out, "ADDRESS");
				s += n;
				continue;
			}
		}
		for (n = 0; is_number_char(s[n]); n++)
			;
		if (n >= 4 && before != ':' && !isalnum((unsigned char)s[n])) {
			iw_buf_adds(&out, "NUMBER");
			s += n;
			continue;
		}
		if (!n)
			n = 1;
		iw_buf_add(&out, s, n);
		s += n;
	}
	result = iw_arena_strndup(arena, out.data ? out.data : "", SAN_STATE_WIDTH);
	iw_buf_fini(&out);
	for (size_t i = strlen(result); i > 0 && result[i - 1] == ' '; i--)
		result[i - 1] = '\0';
	return result;
}

/* The whole name, for clustering; the state cuts it. */
static const char *full_name(struct iw_arena *arena, const struct san_frame *f)
{
	const char *name;

	if (!f->function)
		return f->module;
	name = bare_name(arena, f);
	if (is_entry(name))
		name = f->file ? base_name(f->file) : "";
	return *name ? name : NULL;
}

const char *san_frame_normalise(struct iw_arena *arena, const struct san_frame *frame)
{
	const char *name = full_name(arena, frame);

	return name ? san_text_normalise(arena, name) : NULL;
}

/* The relevant frames of a stack, as indices. */
static size_t relevant(struct iw_arena *arena, const struct san_stack *stack,
	enum whose whose, size_t out[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; stack && i < stack->count && n < max; i++)
		if (!judge(arena, &stack->frames[i], whose))
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
static int add_stack(struct iw_arena *arena, const struct san_stack *stack,
	enum whose whose, bool is_recursion, struct iw_buf *out, int lines)
{
	const char *names[NAMES];
	size_t idx[NAMES];
	size_t n = relevant(
		arena, stack, whose, idx, is_recursion ? NAMES : SAN_STATE_LINES);
	size_t count = 0;
	size_t start = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = san_frame_normalise(arena, &stack->frames[idx[i]]);

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
		lines = add_stack(
			work, stack, whose, r->kind == SAN_STACK_OVERFLOW, &out, lines);
		for (size_t i = 0; opts->as_clusterfuzz && i < r->stack_count; i++)
			if (&r->stacks[i] > stack && r->stacks[i].role != SAN_STACK_PLACE)
				lines = add_stack(
					work, &r->stacks[i], whose, false, &out, lines);
		if (!out.len && opts->target)
			iw_buf_addf(&out, "%s\n", opts->target);
	}
	state = iw_arena_strdup(arena, out.data ? out.data : "");
	iw_buf_fini(&out);
	iw_arena_free(work);
	return state;
}

static const char *dup_name(
	struct iw_arena *arena, struct iw_arena *work, const struct san_frame *f)
{
	const char *name;

	if (!f->function)
		return iw_arena_fmt(arena, "%s+0x%llx", base_name(f->module),
			(unsigned long long)f->offset);
	name = full_name(work, f);
	return name ? iw_arena_strdup(arena, name) : NULL;
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

static size_t signature(struct iw_arena *arena, const struct san_stack *stack,
	struct san_sig_frame out[], size_t max)
{
	struct iw_arena *work = iw_arena_new();
	size_t n = 0;

	for (size_t i = 0; stack && i < stack->count && n < max; i++) {
		const struct san_frame *f = &stack->frames[i];
		const char *name;

		if (judge(work, f, OURS) || !(name = dup_name(arena, work, f)))
			continue;
		out[n++] = (struct san_sig_frame){name,
			f->file ? iw_arena_strdup(arena, base_name(f->file)) : NULL};
		n -= cycle_length(out, n);
	}
	iw_arena_free(work);
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

size_t san_report_signature_frames(struct iw_arena *arena, const struct san_report *r,
	struct san_sig_frame out[SAN_SIGNATURE_FRAMES])
{
	struct san_sig_frame other[SAN_SIGNATURE_FRAMES / 2];
	struct san_sig_frame first[SAN_SIGNATURE_FRAMES / 2];
	const size_t half = SAN_SIGNATURE_FRAMES / 2;
	const struct san_stack *second;
	size_t n, m;
	bool is_swapped;

	second = san_report_stack(r, SAN_STACK_OTHER_ACCESS);
	if (!second || (r->kind != SAN_DATA_RACE && r->kind != SAN_LOCK_ORDER))
		return signature(arena, main_stack(r), out, SAN_SIGNATURE_FRAMES);
	n = signature(arena, san_report_stack(r, SAN_STACK_CRASH), first, half);
	m = signature(arena, second, other, half);
	is_swapped = compare(first, n, other, m) > 0;
	memcpy(out, is_swapped ? other : first, (is_swapped ? m : n) * sizeof *out);
	memcpy(out + (is_swapped ? m : n), is_swapped ? first : other,
		(is_swapped ? n : m) * sizeof *out);
	return n + m;
}
