/*
 * A similarity is made of three parts: how the stacks align, how the types relate, and
 * whether the messages agree. Everything that decides is a number in the block below.
 *
 * Measured on the labelled stacks of CASR's test suite (896 crashes, 5 sets; the unit
 * test prints the table when they lie beside the project): pair precision 0.991, recall
 * 0.9998 against CASR's own clusters. What we join and CASR does not shares its innermost
 * function under other callers, which is one bug on purpose. Any SAME from 0.45 to 0.65
 * gives the same pairs there; the unit test's pairs allow 0.55 to 0.6.
 */
#include "triage/signature.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "triage/crash_type.h"

#include "base/banned.h"

/* The same innermost function is enough when nothing speaks against it; for allocations
 * it is often the project's own malloc, so there its callers have to agree as well. */
#define INNERMOST 0.6
#define INNERMOST_ALLOC 0.45
/* The ceiling when the innermost functions differ: never enough by itself. */
#define VETO 0.5
#define VETO_MESSAGE 0.65 /* the same message in both: enough with equal callers */
/* One frame more at the innermost end, everything else equal: a function was inlined.
 * Only with an access size or a message that agrees: without, CASR's sets show a SEGV in
 * a callee taken for another in its caller. */
#define INLINED 0.65
#define INLINED_REST 0.9
#define INLINED_FRAMES 4
/* How fast a frame loses weight with depth, and a match by moving (CASR: 0.04, 0.13). */
#define DEPTH 0.2
#define SHIFT 0.13
/* Other words in the message: below every threshold. */
#define OTHER_MESSAGE 0.3
/* Hangs with one sample each: they may part at the end of a long common way in. */
#define HANG_SHARED 3
#define HANG_SHARE 0.75
#define HANG_LIKE 0.65
#define HANG_UNLIKE 0.3

void triage_signature_init(
	struct triage_signature *sig, const char *type, const char *message)
{
	*sig = (struct triage_signature){0};
	snprintf(sig->type, sizeof sig->type, "%s", type ? type : "");
	if (message && *message)
		sig->message = iw_strdup(message);
}

static void frames_fini(struct triage_frames *frames)
{
	size_t i;

	for (i = 0; i < frames->count; i++)
		free(frames->names[i]);
	free(frames->names);
	*frames = (struct triage_frames){0};
}

void triage_signature_fini(struct triage_signature *sig)
{
	frames_fini(&sig->inside);
	frames_fini(&sig->other);
	frames_fini(&sig->frames);
	free(sig->message);
	*sig = (struct triage_signature){0};
}

static void frames_add(struct triage_frames *frames, const char *name)
{
	/* An unknown function is no evidence, and two of them are not the same one. */
	if (frames->count >= TRIAGE_FRAMES_MAX || !*name || strcmp(name, "??") == 0)
		return;
	iw_grow(frames->names, frames->count, frames->cap);
	frames->names[frames->count++] = iw_strdup(name);
}

void triage_signature_add(struct triage_signature *sig, const char *frame)
{
	frames_add(&sig->frames, frame);
}

void triage_signature_add_other(struct triage_signature *sig, const char *frame)
{
	frames_add(&sig->other, frame);
}

static void frames_copy(struct triage_frames *dst, const struct triage_frames *src)
{
	size_t i;

	for (i = 0; i < src->count; i++)
		frames_add(dst, src->names[i]);
}

void triage_signature_copy(
	struct triage_signature *dst, const struct triage_signature *src)
{
	triage_signature_init(dst, src->type, src->message);
	frames_copy(&dst->frames, &src->frames);
	frames_copy(&dst->other, &src->other);
	frames_copy(&dst->inside, &src->inside);
	dst->samples = src->samples;
}

/* The length of a name without what compilers add to clones of one function. */
static size_t name_len(const char *name)
{
	static const char *const marks[] = {
		".constprop.", ".isra.", ".part.", ".cold", ".llvm.", "[abi:"};
	size_t len = strlen(name), i;

	for (i = 0; i < IW_COUNT(marks); i++) {
		const char *at = strstr(name, marks[i]);

		if (at && at != name && (size_t)(at - name) < len)
			len = (size_t)(at - name);
	}
	return len;
}

static bool same_name(const char *a, const char *b)
{
	size_t len = name_len(a);

	return len == name_len(b) && memcmp(a, b, len) == 0;
}

static bool has_name(const struct triage_frames *frames, const char *name)
{
	size_t i;

	for (i = 0; i < frames->count; i++)
		if (same_name(frames->names[i], name))
			return true;
	return false;
}

/* How many frames two stacks share, counted from the outermost. */
static size_t shared_way_in(const struct triage_frames *a, const struct triage_frames *b)
{
	size_t n = 0;

	while (n < a->count && n < b->count &&
		same_name(a->names[a->count - 1 - n], b->names[b->count - 1 - n]))
		n++;
	return n;
}

static void keep_inside(struct triage_frames *inside, const char *name)
{
	if (!has_name(inside, name))
		frames_add(inside, name);
}

void triage_signature_sample(
	struct triage_signature *sig, const char *const *frames, size_t count)
{
	struct triage_frames stack = {0}, kept = {0};
	size_t shared, i;

	for (i = 0; i < count; i++)
		frames_add(&stack, frames[i]);
	if (stack.count == 0)
		return;
	if (sig->frames.count == 0) {
		sig->frames = stack;
		sig->samples = 1;
		return;
	}
	shared = shared_way_in(&sig->frames, &stack);
	if (shared == 0) { /* another thread's stack, or one that nobody could read */
		frames_fini(&stack);
		return;
	}
	for (i = 0; i + shared < sig->frames.count; i++)
		keep_inside(&sig->inside, sig->frames.names[i]);
	for (i = 0; i + shared < stack.count; i++)
		keep_inside(&sig->inside, stack.names[i]);
	for (i = sig->frames.count - shared; i < sig->frames.count; i++)
		frames_add(&kept, sig->frames.names[i]);
	frames_fini(&sig->frames);
	frames_fini(&stack);
	sig->frames = kept;
	sig->samples = (sig->samples ? sig->samples : 1) + 1;
}

static json_t *frames_json(const struct triage_frames *frames)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < frames->count; i++) {
		json_t *name = json_string(frames->names[i]);

		/* jansson refuses invalid UTF-8; reports were cleaned before, names from
		 * elsewhere keep their place. */
		json_array_append_new(array, name ? name : json_string("??"));
	}
	return array;
}

char *triage_signature_json(const struct triage_signature *sig)
{
	_auto_(iw_json_freep) json_t *array = frames_json(&sig->frames);
	json_t *extra = json_object();
	char *text;

	if (sig->message)
		json_object_set_new(extra, "message", json_string(sig->message));
	if (sig->other.count)
		json_object_set_new(extra, "other", frames_json(&sig->other));
	if (sig->inside.count)
		json_object_set_new(extra, "inside", frames_json(&sig->inside));
	if (sig->samples > 1)
		json_object_set_new(extra, "samples", json_integer(sig->samples));
	if (json_object_size(extra))
		json_array_append_new(array, extra);
	else
		json_decref(extra);
	text = json_dumps(array, JSON_COMPACT);
	if (!text)
		abort(); /* no memory; nothing else can fail here */
	return text;
}

static int parse_names(const json_t *array, const struct iw_json_at *at,
	struct triage_frames *frames, struct iw_err *err)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++) {
		const json_t *name = json_array_get(array, i);
		struct iw_json_at here = {.up = at, .index = (int)i};

		if (!json_is_string(name))
			return iw_json_fail(&here, err, "expected a function name");
		frames_add(frames, json_string_value(name));
	}
	return 0;
}

static int parse_extra(struct triage_signature *sig, const json_t *extra,
	const struct iw_json_at *at, struct iw_err *err)
{
	struct iw_json_at other_at = {.up = at, .name = "other"};
	struct iw_json_at inside_at = {.up = at, .name = "inside"};
	json_t *other = NULL, *inside = NULL;
	const char *message;
	int64_t samples;

	if (iw_json_str_or(extra, at, "message", NULL, &message, err) < 0 ||
		iw_json_array(extra, at, "other", 0, &other, err) < 0 ||
		iw_json_array(extra, at, "inside", 0, &inside, err) < 0 ||
		iw_json_int_or(extra, at, "samples", 0, 1 << 20, 0, &samples, err) < 0)
		return IW_EINVAL;
	sig->message = message ? iw_strdup(message) : NULL;
	sig->samples = (unsigned)samples;
	if (parse_names(other, &other_at, &sig->other, err) < 0)
		return IW_EINVAL;
	return parse_names(inside, &inside_at, &sig->inside, err);
}

static int parse_array(struct triage_signature *sig, json_t *array,
	const struct iw_json_at *at, struct iw_err *err)
{
	size_t count = json_array_size(array);
	const json_t *last = json_array_get(array, count - 1);

	if (json_is_object(last)) {
		struct iw_json_at here = {.up = at, .index = (int)count - 1};

		if (parse_extra(sig, last, &here, err) < 0)
			return IW_EINVAL;
		json_array_remove(array, count - 1);
	}
	return parse_names(array, at, &sig->frames, err);
}

int triage_signature_parse(struct triage_signature *sig, const char *type,
	const char *frames_json, struct iw_err *err)
{
	struct iw_json_at top = {.name = "frames"};
	_auto_(iw_json_freep) json_t *array = NULL;
	json_error_t jerr;

	triage_signature_init(sig, type, NULL);
	array = json_loads(frames_json, 0, &jerr);
	if (!json_is_array(array)) {
		iw_err_set(err, IW_EINVAL, "frames of a bug: expected a JSON array");
		triage_signature_fini(sig);
		return IW_EINVAL;
	}
	if (parse_array(sig, array, &top, err) < 0) {
		triage_signature_fini(sig);
		return IW_EINVAL;
	}
	return 0;
}

/* The heaviest common subsequence of two stacks from frame `from_…` outwards as a share
 * of what both weigh: ReBucket's model with Dice's normaliser, so that a short stack is
 * not alike to everything that contains it. 1 when both are empty. */
static double align(const struct triage_frames *a, size_t from_a,
	const struct triage_frames *b, size_t from_b)
{
	double best[TRIAGE_FRAMES_MAX + 1][TRIAGE_FRAMES_MAX + 1] = {0};
	size_t n = a->count - from_a, m = b->count - from_b, i, j;
	double weight_a = 0, weight_b = 0;

	if (n == 0 && m == 0)
		return 1;
	for (i = n; i-- > 0;) {
		for (j = m; j-- > 0;) {
			double v = fmax(best[i + 1][j], best[i][j + 1]);

			if (same_name(a->names[from_a + i], b->names[from_b + j])) {
				double depth = (double)(i + j) / 2;
				double shift = fabs((double)i - (double)j);

				v = fmax(v,
					best[i + 1][j + 1] +
						exp(-DEPTH * depth - SHIFT * shift));
			}
			best[i][j] = v;
		}
	}
	/* Added in the order of the matches above, so that equal stacks give exactly 1.
	 */
	for (i = n; i-- > 0;)
		weight_a += exp(-DEPTH * (double)i);
	for (j = m; j-- > 0;)
		weight_b += exp(-DEPTH * (double)j);
	return 2 * best[0][0] / (weight_a + weight_b);
}

/* long_ has one frame more at its innermost end and is otherwise the same stack. */
static bool is_inlined(
	const struct triage_frames *long_, const struct triage_frames *short_)
{
	return long_->count > 1 && short_->count >= INLINED_FRAMES &&
		same_name(long_->names[1], short_->names[0]) &&
		align(long_, 1, short_, 0) >= INLINED_REST;
}

/* Two ordinary stacks. strong: the types agree to the access size, or the messages do. */
static double compare_stacks(const struct triage_frames *a, const struct triage_frames *b,
	double innermost, bool strong, bool same_message)
{
	if (a->count == 0 && b->count == 0)
		return same_message ? 1 : innermost;
	if (a->count == 0 || b->count == 0)
		return same_message ? VETO_MESSAGE : OTHER_MESSAGE;
	if (same_name(a->names[0], b->names[0]))
		return innermost + (1 - innermost) * align(a, 1, b, 1);
	if (strong && (is_inlined(a, b) || is_inlined(b, a)))
		return INLINED;
	if (same_message)
		return VETO_MESSAGE * align(a, 1, b, 1);
	return VETO * align(a, 0, b, 0);
}

/* A cycle of calls has no first function: what counts is who takes part. */
static double compare_cycles(const struct triage_frames *a, const struct triage_frames *b)
{
	size_t shared = 0, i;

	if (a->count == 0 && b->count == 0)
		return INNERMOST;
	for (i = 0; i < a->count; i++)
		shared += has_name(b, a->names[i]);
	if (shared > b->count)
		shared = b->count;
	return (double)shared / (double)(a->count + b->count - shared);
}

/* deep goes on where flat ends. It is the same loop when flat's runs were seen in deep's
 * next function too, or when neither was sampled enough to tell. */
static double compare_deeper(const struct triage_signature *flat,
	const struct triage_signature *deep, size_t shared)
{
	size_t more = deep->frames.count - shared;

	if (has_name(&flat->inside, deep->frames.names[more - 1]))
		return 1 - 0.1 * (double)more / (double)deep->frames.count;
	if (flat->samples <= 1 && deep->samples <= 1 && more == 1 && shared > 1)
		return HANG_LIKE;
	return HANG_UNLIKE;
}

/* Samples of one loop share the way in up to the function that loops; two loops part
 * earlier. Leaf functions say nothing: both loops may be caught in the same one. */
static double compare_hangs(
	const struct triage_signature *a, const struct triage_signature *b)
{
	size_t shared = shared_way_in(&a->frames, &b->frames);
	size_t longest =
		a->frames.count > b->frames.count ? a->frames.count : b->frames.count;

	if (longest == 0)
		return INNERMOST;
	if (shared == a->frames.count && shared == b->frames.count)
		return 1;
	if (shared == 0)
		return 0;
	if (shared == a->frames.count)
		return compare_deeper(a, b, shared);
	if (shared == b->frames.count)
		return compare_deeper(b, a, shared);
	if (a->samples <= 1 && b->samples <= 1 && shared >= HANG_SHARED &&
		(double)shared >= HANG_SHARE * (double)longest)
		return HANG_LIKE;
	return HANG_UNLIKE;
}

/* Both accesses must be alike, in whatever order the reports name them. */
static double compare_races(
	const struct triage_signature *a, const struct triage_signature *b)
{
	double straight, crossed;

	straight = compare_stacks(&a->frames, &b->frames, INNERMOST, false, false);
	if (a->other.count == 0 && b->other.count == 0)
		return straight;
	if (a->other.count == 0)
		return fmax(straight,
			compare_stacks(&a->frames, &b->other, INNERMOST, false, false));
	if (b->other.count == 0)
		return fmax(straight,
			compare_stacks(&a->other, &b->frames, INNERMOST, false, false));
	straight = fmin(
		straight, compare_stacks(&a->other, &b->other, INNERMOST, false, false));
	crossed = fmin(compare_stacks(&a->frames, &b->other, INNERMOST, false, false),
		compare_stacks(&a->other, &b->frames, INNERMOST, false, false));
	return fmax(straight, crossed);
}

/* The next character of a message with every number read as '#': sizes, indexes, line
 * numbers and addresses differ from run to run. 0 at the end. */
static int next_word_char(const char **s)
{
	const char *p = *s;

	if (*p == '-' && isdigit((unsigned char)p[1]))
		p++;
	if (isdigit((unsigned char)*p)) {
		while (isxdigit((unsigned char)*p) || *p == 'x')
			p++;
		*s = p;
		return '#';
	}
	if (*p)
		(*s)++;
	return (unsigned char)*p;
}

static bool same_message(const char *a, const char *b)
{
	int c;

	do {
		c = next_word_char(&a);
		if (c != next_word_char(&b))
			return false;
	} while (c);
	return true;
}

double triage_signature_similarity(
	const struct triage_signature *a, const struct triage_signature *b)
{
	struct triage_crash_type ta, tb;
	bool has_messages = a->message && b->message;
	bool agree = has_messages && same_message(a->message, b->message);
	double types, stacks;

	triage_crash_type_parse(&ta, a->type);
	triage_crash_type_parse(&tb, b->type);
	types = triage_crash_type_similarity(&ta, &tb);
	if (types == 0)
		return 0;
	if (ta.family == TRIAGE_FAMILY_HANG || tb.family == TRIAGE_FAMILY_HANG)
		return types * compare_hangs(a, b);
	if (ta.family == TRIAGE_FAMILY_RECURSION)
		stacks = compare_cycles(&a->frames, &b->frames);
	else if (ta.family == TRIAGE_FAMILY_RACE)
		stacks = compare_races(a, b);
	else
		stacks = compare_stacks(&a->frames, &b->frames,
			triage_crash_type_is_alloc(&ta) ? INNERMOST_ALLOC : INNERMOST,
			(agree || *ta.size) && triage_crash_type_equal(&ta, &tb), agree);
	if (has_messages && !agree)
		return fmin(types * stacks, OTHER_MESSAGE);
	return types * stacks;
}

bool triage_signature_same(
	const struct triage_signature *a, const struct triage_signature *b)
{
	return triage_signature_similarity(a, b) >= TRIAGE_SIGNATURE_SAME;
}
