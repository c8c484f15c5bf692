/*
 * The happy path of a search: the keys of the signature are looked up, whoever stands
 * under one of them is compared in full, and those that are alike enough are told.
 *
 * Which keys two signatures of one bug must share follows from similarity.c, rule by rule:
 *
 *	one innermost function             INNERMOST of both (a race: any of two stacks)
 *	inlined                            INNERMOST of one is SECOND of the other, and the
 *	                                   types are equal to the access size
 *	one message                        MESSAGE, where one of them has no stack
 *	no stacks                          NO_STACK
 *	one cycle of calls                 MEMBER, one function that takes part in both
 *	one loop                           WAY_IN, the common part, or WHOLE, where one stack
 *	                                   ends on the other's way in
 *
 * That nothing else reaches the threshold depends on the numbers there; new() checks
 * what it can, and the unit test compares with the long way.
 */
#include "triage/cluster.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "triage/similarity.h"

#include "base/banned.h"

enum key {
	INNERMOST,
	SECOND,
	MESSAGE,
	MESSAGE_NO_STACK,
	NO_STACK,
	MEMBER,
	WAY_IN,
	WHOLE,
};

#define BUCKETS_FIRST 1024 /* powers of two */
#define NONE UINT32_MAX

struct member {
	struct triage_shape shape;
	void *owner;   /* NULL: forgotten */
	uint64_t seen; /* the last search that met it */
};

/* One member under one key. Equal keys are in one bucket, as are some others: that costs a
 * comparison and changes nothing. */
struct entry {
	uint64_t key;
	uint32_t member, next;
};

struct triage_clusters {
	struct triage_names *names;
	struct member *members;
	size_t count, cap;
	struct entry *entries;
	size_t entry_count, entry_cap;
	uint32_t *buckets;
	size_t bucket_count;
	uint64_t searches;
	uint32_t *found; /* of the search that is under way */
	size_t found_count, found_cap;
};

static void check_numbers(const struct triage_measure *m)
{
	assert(m->at.veto < m->at.same && m->at.other_message < m->at.same);
	assert(m->at.hang_unlike < m->at.same);
	(void)m;
}

static void reset_buckets(struct triage_clusters *c, size_t count)
{
	size_t i;

	free(c->buckets);
	c->bucket_count = count;
	c->buckets = iw_reallocarray(NULL, count, sizeof *c->buckets);
	for (i = 0; i < count; i++)
		c->buckets[i] = NONE;
}

struct triage_clusters *triage_clusters_new(void)
{
	struct triage_clusters *c = iw_calloc(1, sizeof *c);

	check_numbers(triage_measure());
	c->names = triage_names_new();
	reset_buckets(c, BUCKETS_FIRST);
	return c;
}

void triage_clusters_free(struct triage_clusters *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->count; i++)
		triage_shape_fini(&c->members[i].shape);
	triage_names_free(c->names);
	free(c->members);
	free(c->entries);
	free(c->buckets);
	free(c->found);
	free(c);
}

/* -- keys --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t key, uint64_t more)
{
	key = (key ^ more) * UINT64_C(0x9e3779b97f4a7c15);
	return key ^ (key >> 29);
}

static uint64_t key_of(enum key kind, uint64_t a, uint64_t b)
{
	return mix(mix(mix(0, kind + 1), a), b);
}

static uint64_t second_key(const struct triage_shape *s, uint32_t function)
{
	uint64_t type = 0;
	const char *c;

	for (c = s->type.kind; *c; c++)
		type = mix(type, (unsigned char)*c);
	for (c = s->type.size; *c; c++)
		type = mix(type, (unsigned char)*c);
	return key_of(SECOND, function, mix(type, (unsigned char)s->type.access));
}

static bool may_hang(const struct triage_shape *s)
{
	return s->type.family == TRIAGE_FAMILY_HANG ||
		s->type.family == TRIAGE_FAMILY_MEMORY;
}

/* What a way in of n functions is known by: keys[n - 1]. */
static void ways_in(const struct triage_stack *stack, uint64_t *keys)
{
	uint64_t way = 0;
	size_t n;

	for (n = 1; n <= stack->count; n++)
		keys[n - 1] = way = mix(way, stack->ids[stack->count - n]);
}

/* -- adding ------------------------------------------------------------------------- */

static void put(struct triage_clusters *c, uint64_t key, uint32_t member)
{
	uint32_t *bucket;
	size_t i;

	if (c->entry_count == c->bucket_count) {
		reset_buckets(c, 2 * c->bucket_count);
		for (i = 0; i < c->entry_count; i++) {
			struct entry *e = &c->entries[i];

			bucket = &c->buckets[e->key & (c->bucket_count - 1)];
			e->next = *bucket;
			*bucket = (uint32_t)i;
		}
	}
	iw_grow(c->entries, c->entry_count, c->entry_cap);
	bucket = &c->buckets[key & (c->bucket_count - 1)];
	c->entries[c->entry_count] = (struct entry){key, member, *bucket};
	*bucket = (uint32_t)c->entry_count++;
}

static void put_hang(
	struct triage_clusters *c, const struct triage_shape *s, uint32_t member)
{
	uint64_t ways[TRIAGE_FRAMES_MAX];
	size_t n;

	ways_in(&s->frames, ways);
	for (n = 0; n < s->frames.count; n++)
		put(c, key_of(WAY_IN, ways[n], 0), member);
	if (n > 0)
		put(c, key_of(WHOLE, ways[n - 1], 0), member);
}

static void put_message(
	struct triage_clusters *c, const struct triage_shape *s, uint32_t member)
{
	put(c, key_of(MESSAGE, s->message, 0), member);
	if (s->frames.count == 0)
		put(c, key_of(MESSAGE_NO_STACK, s->message, 0), member);
}

void triage_clusters_add(
	struct triage_clusters *c, const struct triage_signature *sig, void *owner)
{
	uint32_t member = (uint32_t)c->count;
	struct triage_shape *s;
	size_t i;

	iw_grow(c->members, c->count, c->cap);
	c->members[c->count++] = (struct member){.owner = owner};
	s = &c->members[member].shape;
	triage_shape_init(s, c->names, sig);
	if (s->frames.count == 0)
		put(c, key_of(NO_STACK, 0, 0), member);
	if (may_hang(s))
		put_hang(c, s, member);
	if (s->message)
		put_message(c, s, member);
	if (s->type.family == TRIAGE_FAMILY_RECURSION) {
		for (i = 0; i < s->frames.count; i++)
			put(c, key_of(MEMBER, s->frames.ids[i], 0), member);
		return;
	}
	if (s->frames.count > 0)
		put(c, key_of(INNERMOST, s->frames.ids[0], 0), member);
	if (s->other.count > 0)
		put(c, key_of(INNERMOST, s->other.ids[0], 0), member);
	if (s->frames.count > 1)
		put(c, second_key(s, s->frames.ids[1]), member);
}

void triage_clusters_remove(struct triage_clusters *c, const void *owner)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->members[i].owner == owner)
			c->members[i].owner = NULL;
}

/* -- searching ---------------------------------------------------------------------- */

static void look(struct triage_clusters *c, uint64_t key)
{
	uint32_t at = c->buckets[key & (c->bucket_count - 1)];

	for (; at != NONE; at = c->entries[at].next) {
		struct member *m = &c->members[c->entries[at].member];

		if (c->entries[at].key != key || m->seen == c->searches || !m->owner)
			continue;
		m->seen = c->searches;
		iw_grow(c->found, c->found_count, c->found_cap);
		c->found[c->found_count++] = c->entries[at].member;
	}
}

/* What is shared of two loops' ways in is hang_share of either, or one of them whole. */
static void look_for_hangs(struct triage_clusters *c, const struct triage_shape *s)
{
	const struct triage_thresholds *at = &triage_measure()->at;
	size_t count = s->frames.count, least, n;
	uint64_t ways[TRIAGE_FRAMES_MAX];

	if (count == 0)
		return;
	least = (size_t)(at->hang_share * (double)count);
	if (least < at->hang_shared)
		least = at->hang_shared;
	if (least > count)
		least = count;
	ways_in(&s->frames, ways);
	look(c, key_of(WAY_IN, ways[least - 1], 0));
	for (n = 1; n < least; n++)
		look(c, key_of(WHOLE, ways[n - 1], 0));
}

static void look_for_message(struct triage_clusters *c, const struct triage_shape *s)
{
	look(c, key_of(s->frames.count ? MESSAGE_NO_STACK : MESSAGE, s->message, 0));
}

static void look_for_cycle(struct triage_clusters *c, const struct triage_shape *s)
{
	size_t i;

	for (i = 0; i < s->frames.count; i++)
		look(c, key_of(MEMBER, s->frames.ids[i], 0));
}

static void look_for_stacks(struct triage_clusters *c, const struct triage_shape *s)
{
	if (s->frames.count > 0) {
		look(c, key_of(INNERMOST, s->frames.ids[0], 0));
		look(c, second_key(s, s->frames.ids[0]));
	}
	if (s->frames.count > 1)
		look(c, key_of(INNERMOST, s->frames.ids[1], 0));
	if (s->other.count > 0)
		look(c, key_of(INNERMOST, s->other.ids[0], 0));
}

static int by_age(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void tell_found(struct triage_clusters *c, const struct triage_shape *s,
	triage_clusters_cb each, void *ctx)
{
	const struct triage_measure *measure = triage_measure();
	size_t i;

	if (c->found_count > 1)
		qsort(c->found, c->found_count, sizeof *c->found, by_age);
	for (i = 0; i < c->found_count; i++) {
		const struct member *m = &c->members[c->found[i]];
		double v = triage_shape_similarity(measure, &m->shape, s);

		if (v >= measure->at.same)
			each(ctx, m->owner, v);
	}
}

void triage_clusters_find(struct triage_clusters *c, const struct triage_signature *sig,
	triage_clusters_cb each, void *ctx)
{
	struct triage_shape s;

	triage_shape_init(&s, c->names, sig);
	c->searches++;
	c->found_count = 0;
	if (s.frames.count == 0)
		look(c, key_of(NO_STACK, 0, 0));
	if (may_hang(&s))
		look_for_hangs(c, &s);
	if (s.message)
		look_for_message(c, &s);
	if (s.type.family == TRIAGE_FAMILY_RECURSION)
		look_for_cycle(c, &s);
	else
		look_for_stacks(c, &s);
	tell_found(c, &s, each, ctx);
	triage_shape_fini(&s);
}

/* -- the nearest -------------------------------------------------------------------- */

void triage_nearest_take(
	struct triage_nearest *n, void *owner, const void *bug, double similarity)
{
	bool is_other = n->owner && bug != n->bug;

	if (!n->owner || similarity > n->similarity) {
		if (is_other) {
			n->other = n->owner;
			n->other_similarity = n->similarity;
		}
		n->owner = owner;
		n->bug = bug;
		n->similarity = similarity;
	} else if (is_other && similarity > n->other_similarity) {
		n->other = owner;
		n->other_similarity = similarity;
	}
}

bool triage_nearest_joins(const struct triage_nearest *n)
{
	return n->other && n->other_similarity >= triage_measure()->at.join;
}
