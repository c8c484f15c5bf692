/* From the target's counters to the payload of a record. */
#ifndef IW_PRELOAD_FEATURES_H
#define IW_PRELOAD_FEATURES_H

#include <stddef.h>
#include <stdint.h>

/* What a payload needs at most: a counter gives one feature of at most five bytes. */
#define FEATURES_SIZE_MAX(counters) ((size_t)(counters)*5)

/*
 * Writes the features of the counters [begin, end) to out, clears the counters, and
 * returns the size of the payload. See engine/driver_format.h for the encoding.
 */
size_t features_take(uint8_t *begin, const uint8_t *end, uint8_t *out, uint32_t *count);

/* Forgets what ran so far. */
void features_clear(uint8_t *begin, const uint8_t *end);

#endif
