/*
 * libFuzzer's own -merge_inner=2 as a way to measure units, for targets that the driver
 * cannot serve (stripped or static binaries). Slower by a factor of five, without times
 * and leaks, but it names every death and measures everything else.
 *
 * Thread: the loop; the load callback of units runs on a pool thread.
 */
#ifndef IW_ENGINE_MERGE_INNER_H
#define IW_ENGINE_MERGE_INNER_H

#include "base/err.h"
#include "base/job.h"
#include "engine/driver.h"
#include "engine/result.h"

struct engine_merge_inner;
/* Fires once, later; err as for the driver. */
typedef void (*engine_merge_inner_done_cb)(
	struct engine_merge_inner *merge, const struct iw_err *err, void *ctx);

/* spec and units are borrowed until done; results, which were just initialised for the
 * units, are filled. */
struct engine_merge_inner *engine_merge_inner_start(struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, const struct engine_units *units,
	struct engine_results *results, engine_merge_inner_done_cb done, void *ctx);
void engine_merge_inner_stop(struct engine_merge_inner *merge);
int64_t engine_merge_inner_cpu_us(const struct engine_merge_inner *merge);
/* Only after done, also inside it. */
void engine_merge_inner_free(struct engine_merge_inner *merge);

/* Reads one control file's answers for units first … first + count - 1 of the results.
 * Returns how many of them are known to be measured, in order; *culprit gets the one
 * (counted from first) that was started and not measured, or -1. A malformed line ends
 * the reading. limit as in engine_results_add_plain(). Exposed for tests. */
size_t engine_merge_inner_parse(const char *text, size_t len, size_t first, size_t count,
	uint64_t limit, struct engine_results *results, int64_t *culprit);

#endif
