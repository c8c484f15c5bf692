/*
 * Units of a program that the driver cannot run many of in one process, because it is no
 * libFuzzer target: each in a process of its own. Slow (starting one costs more than most
 * units), without times and features, but every death is named.
 *
 * Thread: the loop; the load callback of units runs on a pool thread.
 */
#ifndef IW_ENGINE_APART_H
#define IW_ENGINE_APART_H

#include "base/err.h"
#include "base/job.h"
#include "engine/driver.h"
#include "engine/result.h"

struct engine_apart;
/* Fires once, later; err as for the driver. */
typedef void (*engine_apart_done_cb)(
	struct engine_apart *apart, const struct iw_err *err, void *ctx);

/* spec, whose args say how the program takes an input, and units are borrowed until done;
 * results, which were just initialised for the units, are filled. */
struct engine_apart *engine_apart_start(struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, const struct engine_units *units,
	struct engine_results *results, engine_apart_done_cb done, void *ctx);
void engine_apart_stop(struct engine_apart *apart);
/* How many units have been run by now. */
size_t engine_apart_progress(const struct engine_apart *apart);
int64_t engine_apart_cpu_us(const struct engine_apart *apart);
/* Only after done, also inside it. */
void engine_apart_free(struct engine_apart *apart);

#endif
