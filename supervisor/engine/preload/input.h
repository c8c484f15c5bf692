/* What the driver is told: the options of the spec and the units of the batch. */
#ifndef IW_PRELOAD_INPUT_H
#define IW_PRELOAD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/preload/sys.h"

/* The keys of the spec, see engine/driver_format.h. */
struct options {
	uint32_t features;
	uint32_t timeout_ms;
	uint32_t cpu_ms;
	uint32_t rss_limit_mb;
	uint32_t malloc_limit_mb;
	uint32_t leaks;
	uint32_t max_deaths;
	uint32_t repeat;
	uint32_t first;
	uint32_t spawn;
	uint32_t serve;
};

/* The batch stays mapped, read-only, as long as it is run. */
struct batch {
	uint32_t units;
	uint64_t size;
	const uint8_t *data;
	const uint64_t *offsets; /* of each unit's length field */
};

/* False, with the reason in *why, when a file is missing or malformed. */
bool options_load(struct options *options, int dir, struct text *why);
bool batch_load(struct batch *batch, int dir, struct text *why);
void batch_unload(struct batch *batch);

const uint8_t *batch_unit(const struct batch *batch, uint32_t index, uint32_t *size);

#endif
