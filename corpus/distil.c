#include "corpus/distil.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

#define PASSES 4 /* the third rarely wins anything */

/*
 * Features of a corpus are spread over millions of numbers but are themselves some ten
 * thousand: all units are rewritten with dense numbers first, so that everything below
 * works in the cache.
 */
struct cover {
	const struct corpus_distil_unit *units;
	size_t count;
	size_t features; /* how many there are */
	bool *chosen;
	uint32_t *covers; /* by dense number: how many chosen units show it */
	uint32_t *owner;  /* likewise: their indices xored; of one that is its index */
	uint32_t *alone;  /* by unit: features that it alone shows among the chosen */
};

/* The order among equals, which makes the answer independent of the input's order. */
static bool is_better(
	const struct corpus_distil_unit *a, const struct corpus_distil_unit *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	return memcmp(&a->sha, &b->sha, sizeof a->sha) < 0;
}

/* Gives every feature its dense number. */
static void translate(struct cover *c)
{
	uint32_t top = 0, *numbers;
	size_t i, k;

	for (i = 0; i < c->count; i++) {
		const struct corpus_distil_unit *unit = &c->units[i];

		if (unit->feature_count && unit->features[unit->feature_count - 1] > top)
			top = unit->features[unit->feature_count - 1];
	}
	numbers = iw_calloc((size_t)top + 1, sizeof *numbers);
	for (i = 0; i < c->count; i++) {
		for (k = 0; k < c->units[i].feature_count; k++) {
			uint32_t *feature = &c->units[i].features[k];

			if (numbers[*feature] == 0)
				numbers[*feature] = (uint32_t)++c->features;
			*feature = numbers[*feature] - 1;
		}
	}
	free(numbers);
}

static void init(struct cover *c, const struct corpus_distil_unit *units, size_t count,
	bool *chosen)
{
	*c = (struct cover){.units = units, .count = count, .chosen = chosen};
	memset(chosen, 0, count * sizeof *chosen);
	translate(c);
	c->covers = iw_calloc(c->features + 1, sizeof *c->covers);
	c->owner = iw_calloc(c->features + 1, sizeof *c->owner);
	c->alone = iw_calloc(count + 1, sizeof *c->alone);
}

static void fini(struct cover *c)
{
	free(c->alone);
	free(c->owner);
	free(c->covers);
}

static void choose(struct cover *c, size_t i)
{
	const struct corpus_distil_unit *unit = &c->units[i];
	size_t k;

	assert(!c->chosen[i]);
	c->chosen[i] = true;
	for (k = 0; k < unit->feature_count; k++) {
		uint32_t n = unit->features[k];

		if (c->covers[n] == 0)
			c->alone[i]++;
		else if (c->covers[n] == 1)
			c->alone[c->owner[n]]--;
		c->covers[n]++;
		c->owner[n] ^= (uint32_t)i;
	}
}

static void drop(struct cover *c, size_t i)
{
	const struct corpus_distil_unit *unit = &c->units[i];
	size_t k;

	assert(c->chosen[i]);
	c->chosen[i] = false;
	for (k = 0; k < unit->feature_count; k++) {
		uint32_t n = unit->features[k];

		c->covers[n]--;
		c->owner[n] ^= (uint32_t)i;
		if (c->covers[n] == 0)
			c->alone[i]--;
		else if (c->covers[n] == 1)
			c->alone[c->owner[n]]++;
	}
}

static uint32_t gain_of(const struct cover *c, size_t i)
{
	const struct corpus_distil_unit *unit = &c->units[i];
	uint32_t gain = 0;
	size_t k;

	for (k = 0; k < unit->feature_count; k++)
		gain += c->covers[unit->features[k]] == 0;
	return gain;
}

/* A heap of candidates. Gains only shrink while units are chosen, so a gain that was true
 * once is an upper bound, and the top counts only when it is still true (lazy greedy). */
struct heap {
	const struct cover *c;
	struct candidate {
		uint32_t gain;
		uint32_t unit;
	} * items;
	size_t count;
};

static bool is_above(
	const struct heap *h, const struct candidate *a, const struct candidate *b)
{
	if (a->gain != b->gain)
		return a->gain > b->gain;
	return is_better(&h->c->units[a->unit], &h->c->units[b->unit]);
}

static void sift_down(struct heap *h, size_t at)
{
	struct candidate item = h->items[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
			is_above(h, &h->items[child + 1], &h->items[child]))
			child++;
		if (!is_above(h, &h->items[child], &item))
			break;
		h->items[at] = h->items[child];
		at = child;
	}
	h->items[at] = item;
}

static void cover_greedily(struct cover *c)
{
	struct heap h = {.c = c, .items = iw_calloc(c->count + 1, sizeof *h.items)};
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->units[i].feature_count)
			h.items[h.count++] = (struct candidate){
				c->units[i].feature_count, (uint32_t)i};
	for (i = h.count / 2; i-- > 0;)
		sift_down(&h, i);
	while (h.count > 0) {
		uint32_t gain = gain_of(c, h.items[0].unit);

		if (gain == h.items[0].gain && gain > 0) {
			choose(c, h.items[0].unit);
			gain = 0;
		}
		if (gain == 0)
			h.items[0] = h.items[--h.count];
		else
			h.items[0].gain = gain;
		if (h.count > 0)
			sift_down(&h, 0);
	}
	free(h.items);
}

/* Largest first. */
static int compare_units(const void *a, const void *b, void *ctx)
{
	const struct corpus_distil_unit *units = ctx;
	const struct corpus_distil_unit *x = &units[*(const uint32_t *)a];
	const struct corpus_distil_unit *y = &units[*(const uint32_t *)b];

	return is_better(x, y) - is_better(y, x);
}

static void sort_units(const struct cover *c, uint32_t *list, size_t count)
{
	qsort_r(list, count, sizeof *list, compare_units, (void *)c->units);
}

/* The units that are chosen, or those that are not, largest first; the caller frees. */
static uint32_t *list_units(const struct cover *c, bool chosen, size_t *count)
{
	uint32_t *list = iw_calloc(c->count + 1, sizeof *list);
	size_t i;

	*count = 0;
	for (i = 0; i < c->count; i++)
		if (c->chosen[i] == chosen && c->units[i].feature_count)
			list[(*count)++] = (uint32_t)i;
	sort_units(c, list, *count);
	return list;
}

static void drop_redundant(struct cover *c)
{
	size_t count, i;
	_auto_free_ uint32_t *list = list_units(c, true, &count);

	for (i = 0; i < count; i++)
		if (c->alone[list[i]] == 0)
			drop(c, list[i]);
}

/* The chosen units that would be redundant if unit i were chosen too, each by itself:
 * those of whose own features it shows every one. tally is by unit, all zero before and
 * after; touched is room for as many. Returns how many went into losers. */
static size_t find_losers(const struct cover *c, size_t i, uint32_t *tally,
	uint32_t *touched, uint32_t *losers)
{
	const struct corpus_distil_unit *unit = &c->units[i];
	size_t count = 0, touches = 0, k;

	for (k = 0; k < unit->feature_count; k++) {
		uint32_t owner = c->owner[unit->features[k]];

		if (c->covers[unit->features[k]] != 1)
			continue;
		if (tally[owner]++ == 0)
			touched[touches++] = owner;
		if (tally[owner] == c->alone[owner])
			losers[count++] = owner;
	}
	while (touches > 0)
		tally[touched[--touches]] = 0;
	return count;
}

/* Tries to let unit i replace losers; false when that wins neither files nor bytes. */
static bool exchange(struct cover *c, size_t i, uint32_t *losers, size_t count)
{
	size_t dropped = 0, k;

	sort_units(c, losers, count);
	if (count == 0 || (count == 1 && c->units[losers[0]].size <= c->units[i].size))
		return false;
	choose(c, i);
	for (k = 0; k < count; k++) {
		/* What one loser gives up may be needed of the next. */
		if (c->alone[losers[k]] == 0) {
			drop(c, losers[k]);
			losers[dropped++] = losers[k];
		}
	}
	if (dropped > 1 || c->units[losers[0]].size > c->units[i].size)
		return true;
	choose(c, losers[0]);
	drop(c, i);
	return false;
}

/* Exchanges until nothing is won any more; each pass reads every feature once. */
static void improve(struct cover *c)
{
	_auto_free_ uint32_t *tally = iw_calloc(c->count + 1, sizeof *tally);
	_auto_free_ uint32_t *touched = iw_calloc(c->count + 1, sizeof *touched);
	_auto_free_ uint32_t *losers = iw_calloc(c->count + 1, sizeof *losers);
	bool has_changed = true;
	int pass;

	for (pass = 0; has_changed && pass < PASSES; pass++) {
		size_t count, i;
		_auto_free_ uint32_t *list = list_units(c, false, &count);

		has_changed = false;
		for (i = count; i-- > 0;) /* small ones first */
			if (exchange(c, list[i], losers,
				    find_losers(c, list[i], tally, touched, losers)))
				has_changed = true;
	}
}

struct corpus_distil_result corpus_distil(
	const struct corpus_distil_unit *units, size_t count, bool *chosen)
{
	struct corpus_distil_result result = {0};
	struct cover c;
	size_t i;

	assert(count < UINT32_MAX);
	init(&c, units, count, chosen);
	cover_greedily(&c);
	drop_redundant(&c);
	improve(&c);
	drop_redundant(&c);
	result.features = c.features;
	for (i = 0; i < count; i++) {
		if (!chosen[i])
			continue;
		result.chosen++;
		result.chosen_bytes += units[i].size;
	}
	fini(&c);
	return result;
}
