/*
 * The calls by which a build tells libFuzzer what it compares, divides and indexes. They
 * steer mutation and show no feature, so nobody listens here; in ordinary code they take
 * a third of a unit's time.
 */
#ifndef IW_PRELOAD_TRACES_H
#define IW_PRELOAD_TRACES_H

#include <stdbool.h>

#include "engine/preload/target.h"

/* Whether a symbol is such a function. */
bool trace_is_name(const char *name);

/*
 * Makes each of them return at once, in this process and those forked from it. Where the
 * system lets nobody write to code they stay as they are, which costs time only.
 */
void traces_silence(const struct target *target);

#endif
