#include "triage/shrink_shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* A word is so long, and says nothing when it comes more often. */
#define WORD 4
#define WORD_TIMES 12
/* So many edits of one kind are worth the runs they cost. */
#define MARKS_MAX 96
#define ELEMENTS_MAX 128
#define FIELDS_MAX 24
#define PAYLOADS_MAX 1024
#define NESTED_MAX 64
#define LENGTHS_MAX 2048
/* A checksum or the like may stand behind the last element. */
#define TRAILER 4

/* Kinds of lengths, and how many bytes of a tag stand before them in an element. One byte
 * is enough only where nothing but the end of the input is believed. */
static const struct kind {
	uint8_t width, shift, tag;
	bool is_big, is_chained;
} kinds[] = {
	{.width = 4, .tag = 4, .is_chained = true},
	{.width = 4, .tag = 4, .is_big = true, .is_chained = true},
	{.width = 4, .tag = 1, .is_chained = true},
	{.width = 4, .tag = 1, .is_big = true, .is_chained = true},
	{.width = 4, .is_chained = true},
	{.width = 4, .is_big = true, .is_chained = true},
	{.width = 3, .shift = 3, .is_chained = true}, /* with flags below it */
	{.width = 3, .is_chained = true},
	{.width = 3, .is_big = true, .is_chained = true},
	{.width = 2, .tag = 2, .is_chained = true},
	{.width = 2, .tag = 2, .is_big = true, .is_chained = true},
	{.width = 2, .tag = 1, .is_chained = true},
	{.width = 2, .tag = 1, .is_big = true, .is_chained = true},
	{.width = 2, .is_chained = true},
	{.width = 2, .is_big = true, .is_chained = true},
	{.width = 1, .tag = 1},
	{.width = 1},
};

/* A length, what it covers, and its element, which begins with the tag. */
struct part {
	struct shrink_field field;
	size_t begin, end; /* of the element; its payload begins behind the field */
};

struct parts {
	struct part *list;
	size_t count, cap;
};

/* -- words that come again ------------------------------------------------------------ */

struct word {
	uint32_t value;
	uint32_t at;
};

static int compare_words(const void *left, const void *right)
{
	const struct word *a = left, *b = right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* All words of the input by value and place; the caller frees. */
static struct word *sort_words(const struct shrink_bytes *bytes, size_t *count)
{
	struct word *words;
	size_t i;

	*count = bytes->len < WORD ? 0 : bytes->len - WORD + 1;
	words = iw_calloc(*count + 1, sizeof *words);
	for (i = 0; i < *count; i++) {
		memcpy(&words[i].value, bytes->data + i, WORD);
		words[i].at = (uint32_t)i;
	}
	qsort(words, *count, sizeof *words, compare_words);
	return words;
}

/* How many times the word at i of the sorted list comes. */
static size_t times(const struct word *words, size_t count, size_t i)
{
	size_t n = 1;

	while (i + n < count && words[i + n].value == words[i].value)
		n++;
	return n;
}

/* Four equal bytes are filling, no word. */
static bool is_filling(uint32_t value)
{
	return value == (value & 0xff) * 0x01010101u;
}

static void add_cut(struct shrink_edits *edits, size_t begin, size_t end)
{
	iw_grow(edits->list, edits->count, edits->cap);
	edits->list[edits->count++] = (struct shrink_edit){
		.ops = {{.kind = SHRINK_CUT, .off = begin, .len = end - begin}},
		.count = 1};
}

static int compare_cuts(const void *left, const void *right)
{
	const struct shrink_op *a = &((const struct shrink_edit *)left)->ops[0];
	const struct shrink_op *b = &((const struct shrink_edit *)right)->ops[0];

	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	return a->off < b->off ? -1 : a->off > b->off;
}

/* The largest first, none twice, at most max. */
static void sort_cuts(struct shrink_edits *edits, size_t max)
{
	size_t i, n = 0;

	if (edits->count)
		qsort(edits->list, edits->count, sizeof *edits->list, compare_cuts);
	for (i = 0; i < edits->count && n < max; i++)
		if (n == 0 || compare_cuts(&edits->list[n - 1], &edits->list[i]) != 0)
			edits->list[n++] = edits->list[i];
	edits->count = n;
}

/* Two words that begin alike and stay so are one longer word: its start alone counts. */
static bool continues(const struct shrink_bytes *bytes, size_t a, size_t b)
{
	return a > 0 && bytes->data[a - 1] == bytes->data[b - 1];
}

void shrink_shape_marks(const struct shrink_bytes *bytes, struct shrink_edits *edits)
{
	size_t count, i, k, n;
	_auto_free_ struct word *words = sort_words(bytes, &count);

	for (i = 0; i < count; i += n) {
		n = times(words, count, i);
		if (n > WORD_TIMES || is_filling(words[i].value))
			continue;
		for (k = i + 1; k < i + n; k++)
			if (!continues(bytes, words[k - 1].at, words[k].at))
				add_cut(edits, words[k - 1].at, words[k].at);
	}
	sort_cuts(edits, MARKS_MAX);
}

/* -- lengths ---------------------------------------------------------------------------- */

/* Where something is known to begin or end; the caller frees. The first word of the input
 * is its kind's mark, and where it comes again the next of that kind begins. */
static bool *find_anchors(const struct shrink_bytes *bytes)
{
	bool *is_anchor = iw_calloc(bytes->len + 1, sizeof *is_anchor);
	size_t i;

	is_anchor[bytes->len] = true;
	if (bytes->len > TRAILER)
		is_anchor[bytes->len - TRAILER] = true;
	for (i = 1; bytes->len > WORD && i + WORD <= bytes->len; i++)
		if (memcmp(bytes->data + i, bytes->data, WORD) == 0)
			is_anchor[i] = true;
	return is_anchor;
}

/* Lengths of one kind, from the end backwards: one that ends where another begins is
 * believed, too. Without anchors all are. */
static void find_kind(const struct shrink_bytes *bytes, const struct kind *kind,
	const bool *is_anchor, struct parts *parts)
{
	_auto_free_ bool *is_good = iw_calloc(bytes->len + 1, sizeof *is_good);
	size_t head = (size_t)kind->tag + kind->width, p;

	for (p = bytes->len; p-- > 0;) {
		struct shrink_field field = {.at = p + kind->tag,
			.width = kind->width,
			.shift = kind->shift,
			.is_big = kind->is_big};
		uint64_t value;
		size_t end;

		if (bytes->len - p <= head)
			continue;
		value = shrink_field_value(bytes, &field);
		if (value == 0 || value > bytes->len - p - head)
			continue;
		end = p + head + (size_t)value;
		if (is_anchor && !is_anchor[end] && !(kind->is_chained && is_good[end]))
			continue;
		is_good[p] = true;
		iw_grow(parts->list, parts->count, parts->cap);
		parts->list[parts->count++] =
			(struct part){.field = field, .begin = p, .end = end};
	}
}

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left, *b = right;
	size_t a_len = a->end - a->begin, b_len = b->end - b->begin;

	if (a_len != b_len)
		return a_len > b_len ? -1 : 1;
	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* The largest first; the caller frees the list. */
static struct parts find_parts(const struct shrink_bytes *bytes, bool any)
{
	_auto_free_ bool *is_anchor = any ? NULL : find_anchors(bytes);
	struct parts parts = {0};
	size_t i;

	for (i = 0; i < IW_COUNT(kinds); i++)
		if (!any || (kinds[i].width > 1 && !kinds[i].tag))
			find_kind(bytes, &kinds[i], is_anchor, &parts);
	if (parts.count)
		qsort(parts.list, parts.count, sizeof *parts.list, compare_parts);
	return parts;
}

static size_t payload_of(const struct part *part)
{
	return part->field.at + part->field.width;
}

static void add_op(struct shrink_edit *edit, struct shrink_op op)
{
	if (edit->count < SHRINK_OPS_MAX)
		edit->ops[edit->count++] = op;
}

static void add_lower(struct shrink_edit *edit, const struct part *part, size_t amount)
{
	add_op(edit,
		(struct shrink_op){
			.kind = SHRINK_LOWER, .field = part->field, .amount = amount});
}

static bool lies_in(const struct part *inner, const struct part *outer)
{
	return inner != outer && inner->begin >= payload_of(outer) &&
		inner->end <= outer->end;
}

void shrink_shape_elements(const struct shrink_bytes *bytes, struct shrink_edits *edits)
{
	struct parts parts = find_parts(bytes, false);
	size_t i, k, nested;

	for (i = 0; i < parts.count; i++)
		add_cut(edits, parts.list[i].begin, parts.list[i].end);
	sort_cuts(edits, ELEMENTS_MAX);
	nested = edits->count;
	for (i = 0; i < parts.count; i++) {
		for (k = 0; k < i && edits->count < nested + NESTED_MAX; k++) {
			const struct part *inner = &parts.list[i];

			if (!lies_in(inner, &parts.list[k]))
				continue;
			add_cut(edits, inner->begin, inner->end);
			add_lower(&edits->list[edits->count - 1], &parts.list[k],
				inner->end - inner->begin);
		}
	}
	free(parts.list);
}

/* outer may be NULL. */
static void add_payload_cuts(
	struct shrink_edits *edits, const struct part *part, const struct part *outer)
{
	size_t begin = payload_of(part), len = part->end - begin, k, side;

	for (k = len; k > 0; k /= 2) {
		for (side = 0; side < (k == len ? 1U : 2U); side++) {
			size_t at = side ? begin : part->end - k;

			add_cut(edits, at, at + k);
			add_lower(&edits->list[edits->count - 1], part, k);
			if (outer)
				add_lower(&edits->list[edits->count - 1], outer, k);
		}
	}
}

void shrink_shape_fields(const struct shrink_bytes *bytes, struct shrink_edits *edits)
{
	struct parts parts = find_parts(bytes, false);
	size_t i, k;

	for (i = 0; i < parts.count && i < FIELDS_MAX; i++)
		add_payload_cuts(edits, &parts.list[i], NULL);
	for (i = 0; i < parts.count && i < FIELDS_MAX; i++)
		for (k = 0; k < i && edits->count < PAYLOADS_MAX; k++)
			if (lies_in(&parts.list[i], &parts.list[k]))
				add_payload_cuts(edits, &parts.list[i], &parts.list[k]);
	free(parts.list);
}

/* The bits below a length say what kind of thing it measures: each other kind, with the
 * same cut. */
static void add_flags(struct shrink_edits *edits, const struct shrink_bytes *bytes,
	const struct part *part)
{
	const struct shrink_edit plain = edits->list[edits->count - 1];
	struct part raw = *part;
	size_t old, new;

	raw.field.shift = 0;
	old = (size_t)shrink_field_value(bytes, &raw.field) &
		((1U << part->field.shift) - 1);
	for (new = 0; new < 1U << part->field.shift; new ++) {
		if (new == old)
			continue;
		iw_grow(edits->list, edits->count, edits->cap);
		edits->list[edits->count] = plain;
		add_lower(&edits->list[edits->count++], &raw, old - new);
	}
}

void shrink_shape_lengths(const struct shrink_bytes *bytes, struct shrink_edits *edits)
{
	struct parts parts = find_parts(bytes, true);
	size_t i, len, left;

	for (i = 0; i < parts.count && edits->count < LENGTHS_MAX; i++) {
		const struct part *part = &parts.list[i];

		len = part->end - payload_of(part);
		for (left = 0; left <= 1 && left < len; left++) {
			add_cut(edits, payload_of(part) + left, part->end);
			add_lower(&edits->list[edits->count - 1], part, len - left);
			add_flags(edits, bytes, part);
		}
		if (len > 2) {
			add_cut(edits, part->end - len / 2, part->end);
			add_lower(&edits->list[edits->count - 1], part, len / 2);
		}
	}
	free(parts.list);
}
