/*
 * A similarity is made of three parts: how the stacks align, how the types relate, and
 * whether the messages agree. Everything that decides is a number in the block below, or
 * one of crash_type.c's.
 *
 * Measured by tests/bench/planted_bugs.py on crashes of programs of ours, which crashes one
 * fix ends being proven. What it taught are rules, and one number (READ and WRITE in one
 * function are almost one kind): the file belongs to the innermost function; a caller's own
 * fault is not its callee's; an allocation is known by two functions; equal words of
 * assertions in two functions are a coincidence.
 */
#include "triage/similarity.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

const struct triage_thresholds triage_thresholds = {
	.same = 0.6,
	.join = 0.8,
	/* The same innermost function is enough when nothing speaks against it. For
	 * allocations it is often the project's own malloc: there its caller has to be the
	 * same as well. */
	.innermost = 0.6,
	/* The ceiling when the innermost functions differ: never enough by itself. */
	.veto = 0.5,
	.veto_message = 0.65, /* the same message in both, and one has no stack */
	/* One frame more at the innermost end, everything else equal: a function was
	 * inlined where nobody kept a record of it. Only with a message that agrees:
	 * without, a function's own fault would be that of each function that it calls,
	 * and make one bug of all of them. */
	.inlined = 0.65,
	.inlined_rest = 0.9,
	/* How fast a frame loses weight with depth, and a match by moving (CASR: 0.04,
	 * 0.13). */
	.depth = 0.2,
	.shift = 0.13,
	/* Other words in the message: below every threshold. */
	.other_message = 0.3,
	/* Hangs with one sample each: they may part at the end of a long common way in. */
	.hang_shared = 3,
	.hang_share = 0.75,
	.hang_like = 0.65,
	.hang_unlike = 0.3,
};

/* So many frames must agree before one more is taken for an inlined function's. */
#define INLINED_FRAMES 4

/* -- the measure -------------------------------------------------------------------- */

void triage_measure_init(
	struct triage_measure *measure, const struct triage_thresholds *thresholds)
{
	size_t i;

	measure->at = *thresholds;
	for (i = 0; i < IW_COUNT(measure->by_depth); i++)
		measure->by_depth[i] = exp(-thresholds->depth * (double)i / 2);
	for (i = 0; i < IW_COUNT(measure->by_shift); i++)
		measure->by_shift[i] = exp(-thresholds->shift * (double)i);
	/* Added from the outermost on, as align() does, so that equal stacks give 1. */
	for (i = 0; i < IW_COUNT(measure->weight); i++) {
		size_t k;

		measure->weight[i] = 0;
		for (k = i; k-- > 0;)
			measure->weight[i] += measure->by_depth[2 * k];
	}
}

static struct triage_measure usual;

static void init_usual(void)
{
	triage_measure_init(&usual, &triage_thresholds);
}

const struct triage_measure *triage_measure(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_usual);
	return &usual;
}

/* -- shapes ------------------------------------------------------------------------- */

static uint32_t *shape_stack(struct triage_stack *stack, uint32_t *ids,
	struct triage_names *names, const struct triage_frames *frames)
{
	stack->ids = ids;
	stack->count = frames->count;
	for (size_t i = 0; i < frames->count; i++)
		*ids++ = triage_names_function(names, frames->names[i]);
	return ids;
}

static bool has(const struct triage_stack *stack, uint32_t id)
{
	size_t i;

	for (i = 0; i < stack->count; i++)
		if (stack->ids[i] == id)
			return true;
	return false;
}

/* Who takes part in a cycle, each once. */
static void drop_repeated(struct triage_stack *stack)
{
	size_t count = stack->count, i;

	stack->count = 0;
	for (i = 0; i < count; i++)
		if (!has(stack, stack->ids[i]))
			stack->ids[stack->count++] = stack->ids[i];
}

void triage_shape_init(struct triage_shape *shape, struct triage_names *names,
	const struct triage_signature *sig)
{
	size_t count = sig->frames.count + sig->other.count + sig->inside.count;
	uint32_t *ids;

	*shape = (struct triage_shape){.samples = sig->samples};
	triage_crash_type_parse(&shape->type, sig->type);
	shape->message = triage_names_message(names, sig->message);
	shape->file = sig->file ? triage_names_function(names, sig->file) : 0;
	ids = shape->ids = iw_calloc(count + 1, sizeof *ids);
	ids = shape_stack(&shape->frames, ids, names, &sig->frames);
	ids = shape_stack(&shape->other, ids, names, &sig->other);
	shape_stack(&shape->inside, ids, names, &sig->inside);
	if (shape->type.family == TRIAGE_FAMILY_RECURSION)
		drop_repeated(&shape->frames);
}

void triage_shape_fini(struct triage_shape *shape)
{
	free(shape->ids);
	*shape = (struct triage_shape){0};
}

static struct triage_stack without_innermost(const struct triage_stack *stack)
{
	return (struct triage_stack){stack->ids + 1, stack->count - 1};
}

/* -- stacks ------------------------------------------------------------------------- */

/* The heaviest common subsequence of two stacks as a share of what both weigh: ReBucket's
 * model with Dice's normaliser, so that a short stack is not alike to everything that
 * contains it. 1 when both are empty. */
static double align(const struct triage_measure *m, const struct triage_stack *a,
	const struct triage_stack *b)
{
	/* best[j]: of a's frames from i + 1 on and b's from j on; becomes that from i on. */
	double best[TRIAGE_FRAMES_MAX + 1] = {0};
	size_t i, j;

	if (a->count == 0 && b->count == 0)
		return 1;
	for (i = a->count; i-- > 0;) {
		double below = 0; /* best[j + 1] as it was */

		for (j = b->count; j-- > 0;) {
			double old = best[j];

			if (best[j + 1] > best[j])
				best[j] = best[j + 1];
			if (a->ids[i] == b->ids[j]) {
				size_t shift = i > j ? i - j : j - i;
				double v =
					below + m->by_depth[i + j] * m->by_shift[shift];

				if (v > best[j])
					best[j] = v;
			}
			below = old;
		}
	}
	return 2 * best[0] / (m->weight[a->count] + m->weight[b->count]);
}

static double align_callers(const struct triage_measure *m, const struct triage_stack *a,
	const struct triage_stack *b)
{
	struct triage_stack x = without_innermost(a), y = without_innermost(b);

	return align(m, &x, &y);
}

/* deep has one frame more at its innermost end and is otherwise the same stack. */
static bool is_inlined(const struct triage_measure *m, const struct triage_stack *deep,
	const struct triage_stack *flat)
{
	struct triage_stack callers = without_innermost(deep);

	return deep->count > 1 && flat->count >= INLINED_FRAMES &&
		callers.ids[0] == flat->ids[0] &&
		align(m, &callers, flat) >= m->at.inlined_rest;
}

/* Whoever calls the innermost function, in both. */
static bool has_same_caller(const struct triage_stack *a, const struct triage_stack *b)
{
	if (a->count < 2 || b->count < 2)
		return a->count == b->count;
	return a->ids[1] == b->ids[1];
}

/* What two ordinary stacks are judged by beside their frames. */
struct evidence {
	bool is_alloc; /* stacks of allocations */
	bool strong;   /* message and type agree, to the access size */
	bool same_message;
	bool other_file; /* equal names of innermost functions are a coincidence */
};

static double compare_stacks(const struct triage_measure *m, const struct triage_stack *a,
	const struct triage_stack *b, const struct evidence *e)
{
	if (a->count == 0 && b->count == 0)
		return e->same_message ? 1 : m->at.innermost;
	if (a->count == 0 || b->count == 0)
		return e->same_message ? m->at.veto_message : m->at.other_message;
	if (a->ids[0] == b->ids[0] && !e->other_file &&
		(!e->is_alloc || has_same_caller(a, b)))
		return m->at.innermost + (1 - m->at.innermost) * align_callers(m, a, b);
	if (e->strong && (is_inlined(m, a, b) || is_inlined(m, b, a)))
		return m->at.inlined;
	return m->at.veto * align(m, a, b);
}

/* A cycle of calls has no first function: what counts is who takes part. Whoever takes part
 * in both is where one limit ends both. */
static double compare_cycles(const struct triage_measure *m, const struct triage_stack *a,
	const struct triage_stack *b)
{
	size_t shared = 0, i;

	if (a->count == 0 && b->count == 0)
		return m->at.innermost;
	for (i = 0; i < a->count; i++)
		shared += has(b, a->ids[i]);
	if (shared == 0)
		return 0;
	return m->at.innermost +
		(1 - m->at.innermost) * (double)shared /
		(double)(a->count + b->count - shared);
}

/* -- hangs -------------------------------------------------------------------------- */

/* deep goes on where flat ends. It is the same loop when flat's runs were seen in deep's
 * next function too, or when neither was sampled enough to tell. */
static double compare_deeper(const struct triage_measure *m,
	const struct triage_shape *flat, const struct triage_shape *deep, size_t shared)
{
	size_t more = deep->frames.count - shared;

	if (has(&flat->inside, deep->frames.ids[more - 1]))
		return 1 - 0.1 * (double)more / (double)deep->frames.count;
	if (flat->samples <= 1 && deep->samples <= 1 && more == 1 && shared > 1)
		return m->at.hang_like;
	return m->at.hang_unlike;
}

static size_t shared_way_in(const struct triage_stack *a, const struct triage_stack *b)
{
	size_t n = 0;

	while (n < a->count && n < b->count &&
		a->ids[a->count - 1 - n] == b->ids[b->count - 1 - n])
		n++;
	return n;
}

/* Samples of one loop share the way in up to the function that loops; two loops part
 * earlier. Leaf functions say nothing: both loops may be caught in the same one. */
static double compare_hangs(const struct triage_measure *m, const struct triage_shape *a,
	const struct triage_shape *b)
{
	size_t shared = shared_way_in(&a->frames, &b->frames);
	size_t longest =
		a->frames.count > b->frames.count ? a->frames.count : b->frames.count;

	if (longest == 0)
		return m->at.innermost;
	if (shared == a->frames.count && shared == b->frames.count)
		return 1;
	if (shared == 0)
		return 0;
	if (shared == a->frames.count)
		return compare_deeper(m, a, b, shared);
	if (shared == b->frames.count)
		return compare_deeper(m, b, a, shared);
	if (a->samples <= 1 && b->samples <= 1 && shared >= m->at.hang_shared &&
		(double)shared >= m->at.hang_share * (double)longest)
		return m->at.hang_like;
	return m->at.hang_unlike;
}

/* -- races -------------------------------------------------------------------------- */

static double compare_access(const struct triage_measure *m, const struct triage_stack *a,
	const struct triage_stack *b)
{
	return compare_stacks(m, a, b, &(struct evidence){.is_alloc = false});
}

/* Both accesses must be alike, in whatever order the reports name them. */
static double compare_races(const struct triage_measure *m, const struct triage_shape *a,
	const struct triage_shape *b)
{
	double straight = compare_access(m, &a->frames, &b->frames), crossed;

	if (a->other.count == 0 && b->other.count == 0)
		return straight;
	if (a->other.count == 0)
		return fmax(straight, compare_access(m, &a->frames, &b->other));
	if (b->other.count == 0)
		return fmax(straight, compare_access(m, &a->other, &b->frames));
	straight = fmin(straight, compare_access(m, &a->other, &b->other));
	crossed = fmin(compare_access(m, &a->frames, &b->other),
		compare_access(m, &a->other, &b->frames));
	return fmax(straight, crossed);
}

/* -- all together ------------------------------------------------------------------- */

static double compare(const struct triage_measure *m, const struct triage_shape *a,
	const struct triage_shape *b, bool same_message)
{
	const struct evidence evidence = {
		.is_alloc = triage_crash_type_is_alloc(&a->type),
		.strong = same_message && triage_crash_type_equal(&a->type, &b->type),
		.same_message = same_message,
		.other_file = a->file && b->file && a->file != b->file,
	};

	if (a->type.family == TRIAGE_FAMILY_HANG || b->type.family == TRIAGE_FAMILY_HANG)
		return compare_hangs(m, a, b);
	if (a->type.family == TRIAGE_FAMILY_RECURSION)
		return compare_cycles(m, &a->frames, &b->frames);
	/* Two locks in either order are like two accesses. */
	if (a->type.family == TRIAGE_FAMILY_RACE || a->other.count > 0 ||
		b->other.count > 0)
		return compare_races(m, a, b);
	return compare_stacks(m, &a->frames, &b->frames, &evidence);
}

double triage_shape_similarity(const struct triage_measure *measure,
	const struct triage_shape *a, const struct triage_shape *b)
{
	bool is_hang = a->type.family == TRIAGE_FAMILY_HANG ||
		b->type.family == TRIAGE_FAMILY_HANG;
	bool has_messages = a->message && b->message;
	bool same_message = has_messages && a->message == b->message;
	double types = triage_crash_type_similarity(&a->type, &b->type), stacks;

	if (types == 0)
		return 0;
	stacks = compare(measure, a, b, same_message);
	if (has_messages && !same_message && !is_hang)
		return fmin(types * stacks, measure->at.other_message);
	return types * stacks;
}
