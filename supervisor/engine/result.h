/*
 * What became of the units of one batch, whoever measured them.
 *
 * Features stay as they are written and stored: ascending numbers, each the difference to
 * the one before in LEB128 (driver_format.h). They are checked when they come in, so
 * decoding them later cannot fail. One unit has thousands and most readers only pass them
 * on, so numbers would cost four times the memory for nothing.
 *
 * Thread: one at a time.
 */
#ifndef IW_ENGINE_RESULT_H
#define IW_ENGINE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum engine_outcome {
	ENGINE_NOT_RUN, /* no record of it: stopped, killed, max_deaths */
	ENGINE_PASSED,
	ENGINE_DIED,
};

enum engine_death {
	ENGINE_DEATH_CRASH, /* a signal, or a sanitizer stopped it */
	ENGINE_DEATH_TIMEOUT,
	ENGINE_DEATH_OOM,
	ENGINE_DEATH_LEAK,
	ENGINE_DEATH_EXIT, /* the target called exit() */
};

/* The engine's word as table crash keeps it: crash, timeout, oom, leak, exit. */
const char *engine_death_name(enum engine_death death);

struct engine_unit_result {
	enum engine_outcome outcome;
	enum engine_death death; /* when it died */
	int status;		 /* of a death: the raw wait status */
	bool is_rejected;	 /* the target asked not to keep it */
	uint32_t us;		 /* 0 when unknown */
	uint32_t feature_count;
	size_t features_at,
		features_len; /* in the results' bytes; see engine_features() */
	char *report;	      /* of a death: what it wrote; may be NULL */
	size_t report_len;
};

struct engine_results {
	struct engine_unit_result *units;
	size_t count;
	uint64_t counters; /* features are below 8 × counters; 0 when unknown */
	bool is_fallback;  /* libFuzzer measured, not the driver: no times, no leaks */
	/* below: private */
	struct iw_buf bytes;
};

void engine_results_init(struct engine_results *results, size_t count);
void engine_results_fini(struct engine_results *results);

/* The encoded features of a unit, borrowed; features_len bytes. */
const uint8_t *engine_features(
	const struct engine_results *results, const struct engine_unit_result *unit);

/* Takes features of a passed unit from outside: false when they do not ascend, are not
 * `count` many or reach `limit` (0: no limit), and then nothing was taken. */
bool engine_results_add(struct engine_results *results, size_t i, const void *encoded,
	size_t len, uint32_t count, uint64_t limit);
/* The same from plain numbers, which are sorted in place; limit drops instead. */
void engine_results_add_plain(struct engine_results *results, size_t i,
	uint32_t *features, size_t count, uint64_t limit);

/* The encoding by itself. numbers must ascend strictly. */
void engine_features_encode(struct iw_buf *out, const uint32_t *numbers, size_t count);
/* False when encoded is malformed or does not hold exactly count ascending numbers below
 * limit (0: no limit). numbers may be NULL: only check. */
bool engine_features_decode(const void *encoded, size_t len, uint32_t count,
	uint64_t limit, uint32_t *numbers);

#endif
