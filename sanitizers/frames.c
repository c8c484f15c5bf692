#include "sanitizers/frames.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "base/buf.h"

#include "base/banned.h"

#define CYCLE_MAX 10
#define CYCLE_REPEATS 3
#define NAMES 128 /* of a stack that we look at */
#define NAME_SIZE 2064

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

/* Removes every occurrence of word from s. */
static void cut_all(char *s, const char *word)
{
	size_t n = strlen(word);
	char *to = strchr(s, *word);
	const char *from = to;

	if (!to)
		return;
	while (*from) {
		if (*from == *word && !strncmp(from, word, n))
			from += n;
		else
			*to++ = *from++;
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

/* How long an operator's name is at s, "operator<<"; 0: none is there. */
static size_t operator_length(const char *s)
{
	return strncmp(s, "operator", 8) ? 0 : 8 + strspn(s + 8, "<>=-");
}

/* "x<int (*)(char)>::f<int>" is "x::f", whatever it was made for. "<T as U>::f" is how Rust
 * calls the U of a T, and "f::<T>" what C++ calls f<T>. */
static void cut_templates(char *s)
{
	char *to = s, *open = NULL;
	size_t depth = 0;

	for (const char *from = s; *from;) {
		size_t n = operator_length(from);

		if (n) {
			memmove(to, from, n);
			to += n;
			from += n;
			continue;
		}
		if (*from == '<' && (depth || to > s) && !depth++)
			open = to;
		*to++ = *from;
		if (*from == '>' && depth && from[-1] != '-' && !--depth) {
			to = open;
			if (to - s > 2 && !strncmp(to - 2, "::", 2))
				to -= 2;
		}
		from++;
	}
	*to = '\0';
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

/* Longer names are cut; the reader of reports makes none. For ClusterFuzz templates are part
 * of a name, up to the first parenthesis in them. */
static void bare_name(const struct san_frame *f, enum whose whose, char name[NAME_SIZE])
{
	size_t n = strnlen(f->function, NAME_SIZE - 1);

	memcpy(name, f->function, n);
	name[n] = '\0';
	if (f->is_go) {
		cut_go(name);
		return;
	}
	cut_all(name, "(anonymous namespace)::");
	cut_all(name, "`anonymous namespace'::");
	cut_all(name, "(anonymous class)::");
	if (whose == OURS)
		cut_templates(name);
	cut_arguments(name);
}

static bool is_entry(const char *name)
{
	return !strcmp(name, "LLVMFuzzerTestOneInput");
}

static bool judge(const struct san_frame *f, enum whose whose)
{
	char name[NAME_SIZE];

	if (f->function) {
		bare_name(f, THEIRS, name);
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
static bool full_name(const struct san_frame *f, enum whose whose, char name[NAME_SIZE])
{
	if (!f->function) {
		snprintf(name, NAME_SIZE, "%s", f->module ? f->module : "");
		return f->module;
	}
	bare_name(f, whose, name);
	if (is_entry(name))
		snprintf(name, NAME_SIZE, "%s", f->file ? base_name(f->file) : "");
	return *name;
}

static const char *normalise(
	struct iw_arena *arena, const struct san_frame *frame, enum whose whose)
{
	char name[NAME_SIZE];

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
	char name[NAME_SIZE];

	if (!f->function)
		return iw_arena_fmt(arena, "%s+0x%llx", base_name(f->module),
			(unsigned long long)f->offset);
	return full_name(f, OURS, name) ? iw_arena_strdup(arena, name) : NULL;
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
	size_t begin, struct san_sig_frame out[], size_t max)
{
	size_t n = 0;

	for (size_t i = begin; stack && i < stack->count && n < max; i++) {
		const struct san_frame *f = &stack->frames[i];
		const char *name;

		if (judge(f, OURS) || !(name = dup_name(arena, f)))
			continue;
		out[n++] = (struct san_sig_frame){name,
			f->file ? iw_arena_strdup(arena, base_name(f->file)) : NULL};
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
		return signature(arena, main_stack(r), first_told(r, main_stack(r)), out,
			SAN_SIGNATURE_FRAMES);
	n = signature(arena, san_report_stack(r, SAN_STACK_CRASH), 0, first, half);
	m = signature(arena, second, 0, other, half);
	is_swapped = compare(first, n, other, m) > 0;
	memcpy(out, is_swapped ? other : first, (is_swapped ? m : n) * sizeof *out);
	memcpy(out + (is_swapped ? m : n), is_swapped ? first : other,
		(is_swapped ? n : m) * sizeof *out);
	return n + m;
}
