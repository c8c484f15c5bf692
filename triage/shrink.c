/*
 * The happy path: a pass proposes edits of the best input, a batch of them is run, the
 * ones that kept the bug are the winners; the best winner is adopted at once, and when
 * there are several, one candidate with all of them together follows (nearly always it
 * holds too), or its halves and quarters if it does not. At the end of a sweep the pass
 * takes its next, smaller step or hands over to the next pass; rounds repeat until one
 * changes nothing, and then chance has its turn.
 *
 * Where cuts of large chunks all fail, BLANK comes before the small ones: of bytes that
 * are all the same most cuts are the same input, which is run once.
 */
#include "triage/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/shrink_chance.h"
#include "triage/shrink_edit.h"
#include "triage/shrink_shape.h"

#include "base/banned.h"

#define DEFAULT_CANDIDATES 4000
#define BATCH_MAX 256
#define CHANCE_SEED 0x9e3779b97f4a7c15ULL
/* Quadratic passes: only short inputs, and so many candidates in one round. */
#define PAIR_LEN 32
#define BYTE_FIELD_LEN 256
#define PASS_CANDIDATES 512
/* BLANK: inputs of this length, chunks down to a part of it. */
#define BLANK_LEN 64
#define BLANK_PART 128
#define BLANK_MIN 4
/* Cuts that fail down to this part of the input show that it is rigid. */
#define RIGID_PART 16
/* Beyond this nobody looks for a shape. */
#define SHAPE_LEN ((size_t)1 << 20)

enum pass {
	TAIL,
	HEAD,
	MARK,
	ELEMENT,
	FIELD,
	CHUNK,
	PAIR,
	BYTE_FIELD,
	ZERO,
	LETTER,
	LENGTH,
	CHANCE,
	PASSES,
	BLANK, /* in the midst of CHUNK */
};

struct slot {
	struct shrink_bytes bytes;
	size_t first, count; /* in edits, or in winners while combining */
};

struct triage_shrink {
	struct shrink_bytes best, base; /* base: what the edits of this batch refer to */
	size_t max_candidates, candidates, batches;
	enum pass pass;
	size_t window;		      /* of CHUNK, BLANK, ZERO and LETTER */
	size_t i, j, k;		      /* where the sweep is */
	size_t pass_proposed;	      /* since the pass began */
	struct shrink_edits shape;    /* what MARK to FIELD, and LENGTH, propose */
	size_t chances, fruitless;    /* of CHANCE: at most, and so far */
	uint64_t chance;	      /* its state */
	bool is_combining, has_parts; /* winners together; already in parts */
	bool has_batch, is_done;
	bool did_sweep, did_pass, did_round; /* progress since it began */
	bool is_torn;			     /* winners were left over in this sweep */
	bool was_blanked;
	struct shrink_edit edits[BATCH_MAX], winners[BATCH_MAX];
	struct slot slots[BATCH_MAX];
	size_t slot_count, winner_count;
	uint64_t *seen; /* hashes of what was proposed: open addressing, 0 is free */
	size_t seen_count, seen_cap;
};

/* FNV-1a, 64 bits: a collision would skip one candidate, nothing worse. */
static uint64_t hash_bytes(const struct shrink_bytes *bytes)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < bytes->len; i++)
		h = (h ^ bytes->data[i]) * 0x100000001b3ULL;
	h ^= h >> 32;
	return h ? h : 1;
}

static void seen_put(uint64_t *table, size_t cap, uint64_t h)
{
	size_t at = h & (cap - 1);

	while (table[at] && table[at] != h)
		at = (at + 1) & (cap - 1);
	table[at] = h;
}

/* False when these bytes were proposed before. */
static bool is_new(struct triage_shrink *s, const struct shrink_bytes *bytes)
{
	uint64_t h = hash_bytes(bytes);
	size_t at, i;

	if (2 * s->seen_count >= s->seen_cap) {
		size_t cap = s->seen_cap ? 2 * s->seen_cap : 1024;
		uint64_t *bigger = iw_calloc(cap, sizeof *bigger);

		for (i = 0; i < s->seen_cap; i++)
			if (s->seen[i])
				seen_put(bigger, cap, s->seen[i]);
		free(s->seen);
		s->seen = bigger;
		s->seen_cap = cap;
	}
	for (at = h & (s->seen_cap - 1); s->seen[at]; at = (at + 1) & (s->seen_cap - 1))
		if (s->seen[at] == h)
			return false;
	s->seen[at] = h;
	s->seen_count++;
	return true;
}

static struct shrink_edit edit_of(struct shrink_op op)
{
	return (struct shrink_edit){.ops = {op}, .count = 1};
}

/* Cuts of the end or the start: all, then a half, a quarter … one byte. */
static bool next_cut(struct triage_shrink *s, bool is_tail, struct shrink_edit *edit)
{
	size_t len = s->i == 0 ? s->best.len : s->best.len >> s->i;

	if (len == 0)
		return false;
	s->i++;
	*edit = edit_of((struct shrink_op){
		.kind = SHRINK_CUT, .off = is_tail ? s->best.len - len : 0, .len = len});
	return true;
}

/* The chunk at i, to be cut, or filled with a byte. */
static bool next_chunk(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->i >= s->best.len)
		return false;
	*edit = edit_of(
		(struct shrink_op){.kind = s->pass == CHUNK ? SHRINK_CUT : SHRINK_FILL,
			.off = s->i,
			.len = s->window,
			.value = s->pass == LETTER ? 'A' : 0});
	s->i += s->window;
	return true;
}

/* Two single bytes: brackets, or two halves that keep a balance. */
static bool next_pair(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->best.len > PAIR_LEN)
		return false;
	if (++s->j >= s->best.len) {
		s->i++;
		s->j = s->i + 1;
	}
	if (s->j >= s->best.len)
		return false;
	*edit = (struct shrink_edit){.ops = {{.kind = SHRINK_CUT, .off = s->i, .len = 1},
					     {.kind = SHRINK_CUT, .off = s->j, .len = 1}},
		.count = 2};
	return true;
}

/* A byte at i that may be a length: lowered by k, from all of it to 1 by halves, and as
 * many bytes cut at j behind it. */
static bool next_byte_field(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->best.len > BYTE_FIELD_LEN)
		return false;
	for (; s->i < s->best.len; s->i++, s->k = 0) {
		size_t value = s->best.data[s->i];

		if (value == 0 || value > s->best.len - s->i - 1)
			continue;
		if (s->k == 0) {
			s->k = value;
			s->j = s->i + 1;
		}
		if (s->j + s->k > s->best.len) {
			s->k /= 2;
			s->j = s->i + 1;
			if (s->k == 0)
				continue;
		}
		*edit = (struct shrink_edit){
			.ops = {{.kind = SHRINK_LOWER,
					.field = {.at = s->i, .width = 1},
					.amount = s->k},
				{.kind = SHRINK_CUT, .off = s->j, .len = s->k}},
			.count = 2};
		s->j += s->k;
		return true;
	}
	return false;
}

static bool next_of_shape(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->i >= s->shape.count)
		return false;
	*edit = s->shape.list[s->i++];
	return true;
}

/* As long as it bears fruit, and a while longer. */
static bool next_chance(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->fruitless >= s->chances || s->best.len < 2)
		return false;
	s->fruitless++;
	*edit = shrink_chance_edit(&s->best, &s->chance);
	return true;
}

static bool next_edit(struct triage_shrink *s, struct shrink_edit *edit)
{
	if (s->pass_proposed >= PASS_CANDIDATES &&
		(s->pass == PAIR || s->pass == BYTE_FIELD))
		return false;
	switch (s->pass) {
	case TAIL:
	case HEAD:
		return next_cut(s, s->pass == TAIL, edit);
	case MARK:
	case ELEMENT:
	case FIELD:
	case LENGTH:
		return next_of_shape(s, edit);
	case PAIR:
		return next_pair(s, edit);
	case BYTE_FIELD:
		return next_byte_field(s, edit);
	case CHANCE:
		return next_chance(s, edit);
	default:
		return next_chunk(s, edit);
	}
}

/* The shape of what is the best now. */
static void see_shape(struct triage_shrink *s)
{
	s->shape.count = 0;
	if (s->best.len > SHAPE_LEN)
		return;
	if (s->pass == MARK)
		shrink_shape_marks(&s->best, &s->shape);
	else if (s->pass == ELEMENT)
		shrink_shape_elements(&s->best, &s->shape);
	else if (s->pass == FIELD)
		shrink_shape_fields(&s->best, &s->shape);
	else if (s->pass == LENGTH)
		shrink_shape_lengths(&s->best, &s->shape);
}

static void sweep_begin(struct triage_shrink *s)
{
	s->i = s->j = s->k = 0;
	s->did_sweep = false;
	s->is_torn = false;
	see_shape(s);
}

static void pass_begin(struct triage_shrink *s, enum pass pass)
{
	s->pass = pass;
	s->pass_proposed = 0;
	s->did_pass = false;
	s->fruitless = 0;
	if (pass == CHUNK || pass == BLANK)
		s->window = (s->best.len + 1) / 2;
	else
		s->window = s->best.len;
	if (s->window == 0)
		s->window = 1;
	sweep_begin(s);
}

/* How small the windows of this pass get. */
static size_t last_window(const struct triage_shrink *s)
{
	size_t part = s->best.len / BLANK_PART;

	if (s->pass != BLANK)
		return 1;
	return part > BLANK_MIN ? part : BLANK_MIN;
}

static void pass_end(struct triage_shrink *s)
{
	if (s->pass == BLANK) {
		pass_begin(s, CHUNK);
	} else if (s->pass + 1 < PASSES && !(s->pass == LENGTH && s->did_round)) {
		pass_begin(s, s->pass + 1);
	} else if (s->did_round && s->best.len > 0) {
		s->did_round = false;
		pass_begin(s, MARK); /* what the cuts of both ends do, it does too */
	} else {
		s->is_done = true;
	}
}

/* The sweep is over: again, smaller, the next pass, or done. */
static void sweep_end(struct triage_shrink *s)
{
	bool is_windowed = s->pass == CHUNK || s->pass == BLANK || s->pass == ZERO ||
		s->pass == LETTER;
	size_t last = last_window(s);

	if (s->is_torn || (s->did_sweep && (!is_windowed || s->window <= last))) {
		sweep_begin(s);
		return;
	}
	if (s->pass == CHUNK && !s->did_pass && !s->was_blanked &&
		s->best.len >= BLANK_LEN && s->window <= s->best.len / RIGID_PART) {
		s->was_blanked = true;
		pass_begin(s, BLANK);
		return;
	}
	if (is_windowed && s->window > last) {
		s->window /= 2;
		if (s->window > s->best.len / 2 && s->best.len > 1)
			s->window = s->best.len / 2;
		sweep_begin(s);
		return;
	}
	pass_end(s);
}

/* Takes bytes into the batch unless they were proposed before. */
static void propose(
	struct triage_shrink *s, struct shrink_bytes bytes, size_t first, size_t count)
{
	if (!is_new(s, &bytes)) {
		free(bytes.data);
		return;
	}
	s->slots[s->slot_count++] =
		(struct slot){.bytes = bytes, .first = first, .count = count};
}

static void fill_edits(struct triage_shrink *s, size_t max)
{
	struct shrink_edit edit;

	while (s->slot_count < max && next_edit(s, &edit)) {
		s->pass_proposed++;
		s->edits[s->slot_count] = edit;
		propose(s, shrink_apply(&s->base, &edit, 1), s->slot_count, 1);
	}
}

/* All winners; if that failed, halves and quarters of them. */
static void fill_combinations(struct triage_shrink *s, size_t max)
{
	size_t parts, part;

	for (parts = s->has_parts ? 2 : 1; parts <= (s->has_parts ? 4U : 1U);
		parts *= 2) {
		for (part = 0; part < parts && s->slot_count < max; part++) {
			size_t first = part * s->winner_count / parts;
			size_t count = (part + 1) * s->winner_count / parts - first;

			if (count > 1)
				propose(s,
					shrink_apply(&s->base, s->winners + first, count),
					first, count);
		}
	}
}

size_t triage_shrink_next(
	struct triage_shrink *s, struct triage_candidate *batch, size_t max)
{
	size_t left = s->max_candidates - s->candidates, i;

	if (max > BATCH_MAX)
		max = BATCH_MAX;
	if (max > left && !s->has_batch)
		max = left;
	if (max == 0)
		s->is_done = s->is_done || left == 0;
	while (!s->has_batch && !s->is_done && max > 0) {
		if (s->is_combining) {
			fill_combinations(s, max);
			if (s->slot_count == 0)
				s->is_combining = false;
		} else {
			shrink_bytes_assign(&s->base, &s->best);
			fill_edits(s, max);
			if (s->slot_count == 0)
				sweep_end(s);
		}
		if (s->slot_count > 0) {
			s->has_batch = true;
			s->candidates += s->slot_count;
			s->batches++;
		}
	}
	for (i = 0; i < s->slot_count && i < max; i++)
		batch[i] = (struct triage_candidate){
			.data = s->slots[i].bytes.data, .len = s->slots[i].bytes.len};
	return i;
}

/* Makes the bytes the best. The sweep goes on behind what was cut: all edits of the batch
 * lie before its place, so the place moves by what is gone. A shape is seen anew. */
static void adopt(struct triage_shrink *s, const struct shrink_bytes *bytes)
{
	size_t gone = s->best.len - bytes->len;

	shrink_bytes_assign(&s->best, bytes);
	s->did_sweep = s->did_pass = s->did_round = true;
	s->fruitless = 0;
	if (s->pass == CHUNK)
		s->i = s->i > gone ? s->i - gone : 0;
	else if (s->pass == PAIR || s->pass == BYTE_FIELD)
		s->i = s->j = s->k = 0;
	else if (s->pass == MARK || s->pass == ELEMENT || s->pass == FIELD ||
		s->pass == LENGTH)
		sweep_begin(s);
}

static void feed_edits(struct triage_shrink *s, const bool *is_same, size_t count)
{
	const struct shrink_bytes *best = NULL;
	size_t i;

	s->winner_count = 0;
	for (i = 0; i < count; i++) {
		if (!is_same[i])
			continue;
		s->winners[s->winner_count++] = s->edits[s->slots[i].first];
		if (!best || shrink_is_better(&s->slots[i].bytes, best))
			best = &s->slots[i].bytes;
	}
	/* A byte made lower may be worse in colour; shorter it is always. */
	if (best && shrink_is_better(best, &s->best))
		adopt(s, best);
	s->is_combining = s->winner_count > 1 && s->pass != TAIL && s->pass != HEAD;
	s->has_parts = false;
}

static void feed_combinations(struct triage_shrink *s, const bool *is_same, size_t count)
{
	const struct shrink_bytes *best = NULL;
	size_t i;

	for (i = 0; i < count; i++)
		if (is_same[i] && (!best || shrink_is_better(&s->slots[i].bytes, best)))
			best = &s->slots[i].bytes;
	if (best && shrink_is_better(best, &s->best))
		adopt(s, best);
	s->is_combining = !best && !s->has_parts && s->winner_count > 3;
	s->is_torn = s->is_torn || !best || s->has_parts;
	s->has_parts = true;
}

void triage_shrink_feed(struct triage_shrink *s, const bool *is_same, size_t count)
{
	size_t i;

	if (!s->has_batch)
		return;
	if (count > s->slot_count)
		count = s->slot_count;
	if (s->is_combining)
		feed_combinations(s, is_same, count);
	else
		feed_edits(s, is_same, count);
	for (i = 0; i < s->slot_count; i++)
		free(s->slots[i].bytes.data);
	s->slot_count = 0;
	s->has_batch = false;
}

struct triage_shrink *triage_shrink_new(
	const void *data, size_t len, const struct triage_shrink_limits *limits)
{
	struct triage_shrink *s = iw_calloc(1, sizeof *s);

	s->best = shrink_bytes_dup(data, len);
	s->max_candidates =
		limits && limits->candidates ? limits->candidates : DEFAULT_CANDIDATES;
	s->chances = limits ? limits->chances : 0;
	s->chance = CHANCE_SEED;
	is_new(s, &s->best);
	if (len == 0)
		s->is_done = true;
	else
		pass_begin(s, TAIL);
	return s;
}

void triage_shrink_free(struct triage_shrink *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->slot_count; i++)
		free(s->slots[i].bytes.data);
	free(s->shape.list);
	free(s->seen);
	free(s->base.data);
	free(s->best.data);
	free(s);
}

void triage_shrink_freep(struct triage_shrink **s)
{
	triage_shrink_free(*s);
}

const uint8_t *triage_shrink_best(const struct triage_shrink *s, size_t *len)
{
	*len = s->best.len;
	return s->best.data;
}

bool triage_shrink_is_done(const struct triage_shrink *s)
{
	return s->is_done;
}

size_t triage_shrink_candidates(const struct triage_shrink *s)
{
	return s->candidates;
}

size_t triage_shrink_batches(const struct triage_shrink *s)
{
	return s->batches;
}
