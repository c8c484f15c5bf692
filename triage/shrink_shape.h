/*
 * What of an input's shape can be seen from outside: words that come again, numbers that
 * say how long something is. Each becomes edits that keep the shape: an element is cut
 * whole, a payload is cut and its length lowered.
 *
 * A number is taken for a length when what it covers ends where something else is known to
 * begin or end: the input's end, a word that comes again, or an element of the same kind.
 * Some are no lengths; the target says so.
 *
 * Pure.
 */
#ifndef TRIAGE_SHRINK_SHAPE_H
#define TRIAGE_SHRINK_SHAPE_H

#include <stddef.h>

#include "triage/shrink_edit.h"

struct shrink_edits {
	struct shrink_edit *list;
	size_t count, cap;
};

/* Cuts from one occurrence of a word to its next, the largest first. */
void shrink_shape_marks(const struct shrink_bytes *bytes, struct shrink_edits *edits);
/* Cuts of elements with their lengths, by themselves and with the length of what they
 * lie in lowered, the largest first. */
void shrink_shape_elements(const struct shrink_bytes *bytes, struct shrink_edits *edits);
/* Cuts out of payloads, from all of it by halves to one byte. */
void shrink_shape_fields(const struct shrink_bytes *bytes, struct shrink_edits *edits);
/* The same for every number that may be a length, whatever it ends at: all of the payload,
 * all but one byte, and half; where flags lie below it, with each of them. Many, unless most
 * bytes are plain. */
void shrink_shape_lengths(const struct shrink_bytes *bytes, struct shrink_edits *edits);

#endif
