/*
 * Time: wall clock in milliseconds UTC for what is stored, monotonic for what is waited
 * for. Tests move both through iw_time_set(). Thread: any.
 */
#ifndef IW_BASE_TIME_H
#define IW_BASE_TIME_H

#include <stdint.h>

int64_t iw_time_wall_ms(void);
int64_t iw_time_mono_ms(void);

/* From now on both clocks stand at these values; negative gives the real ones back. */
void iw_time_set(int64_t wall_ms, int64_t mono_ms);

/* "12s", "2m 05s", "1h 02m", "3d 04h" */
void iw_time_words(int64_t ms, char words[static 24]);
/* "2026-01-31T12:00:00Z" */
void iw_time_iso(int64_t wall_ms, char iso[static 24]);
/* Reads "90s", "5m", "0.5h", "1d", nothing without a unit; returns milliseconds or -1. */
int64_t iw_time_parse(const char *s);

#endif
