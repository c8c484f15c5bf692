/*
 * Numbers in the text that engines and targets print. Everything is foreign: a target
 * prints what it likes between the engine's own lines.
 */
#ifndef IW_ENGINE_NUMBER_H
#define IW_ENGINE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any slice can execute; what claims more is the target's own print. */
#define ENGINE_NUMBER_MAX INT64_C(1000000000000000)

/* The whole number at p, after spaces; false when there is none, when it is too large, or
 * when the text ends in the middle of it. *next, which may be NULL, is what follows. */
bool engine_number(const char *p, const char *end, int64_t *value, const char **next);

/* The newest whole number behind key: the text may end in the middle of one. */
bool engine_last_number(const char *text, size_t len, const char *key, int64_t *value);

#endif
