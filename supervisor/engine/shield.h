/*
 * The crash shield of a slice, seen from the farm: what it is told, and what it says. Its
 * page lies in the job's work/, so counts survive whoever reads them; what stands there is
 * foreign and bounded here. Blocks. Thread: any.
 */
#ifndef IW_ENGINE_SHIELD_H
#define IW_ENGINE_SHIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/shield_format.h"

/* Of a job's work/. */
#define ENGINE_SHIELD_DIR "shield"

struct engine_shield_spec {
	const uint64_t *keys; /* places that are known, the most frequent first */
	size_t key_count;
	int64_t deaths_max; /* 0: a new place never becomes known in this slice */
	int64_t rss_limit_mb;
	int64_t warm_units; /* how many the engine begins with */
	bool wants_samples;
};

/* Makes the folder and its page. */
int engine_shield_write(
	const char *work, const struct engine_shield_spec *spec, struct iw_err *err);

/* A place where units crash. */
struct engine_shield_place {
	uint64_t key;
	uint64_t input; /* iw_shield_hash() of the first that died; 0: none did */
	int64_t deaths, swallowed;
	int64_t us; /* CPU time of these executions */
};

struct engine_shield {
	bool works; /* it came in */
	bool has_renewed;
	int64_t executions;
	int64_t warm_us; /* CPU time until the corpus was read; 0: it never was */
	struct engine_shield_place places[IW_SHIELD_SLOTS];
	size_t count;
};

/* False, and all zero, when there is none, or the target made it unreadable. */
bool engine_shield_read(const char *work, struct engine_shield *shield);
/* Whether a file in ENGINE_SHIELD_DIR is an input that was swallowed. */
bool engine_shield_is_sample(const char *name);
/* The place at which this input (its iw_shield_hash()) died first; NULL: none. */
const struct engine_shield_place *engine_shield_find(
	const struct engine_shield *shield, uint64_t input);

#endif
