/*
 * Edits by chance, for what no pass foresees: a cut together with a number lowered by as
 * much, a byte changed, another cut. They are made from a fixed seed, so a run can be
 * repeated. Pure.
 */
#ifndef TRIAGE_SHRINK_CHANCE_H
#define TRIAGE_SHRINK_CHANCE_H

#include <stdint.h>

#include "triage/shrink_edit.h"

/* Always cuts at least one byte. bytes is not empty; state is not 0. */
struct shrink_edit shrink_chance_edit(const struct shrink_bytes *bytes, uint64_t *state);

#endif
