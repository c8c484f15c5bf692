/*
 * The job in which a target measures units: what it may read, its environment, its
 * bounds. The same for the driver and for libFuzzer's own way. Thread: the loop.
 */
#ifndef IW_ENGINE_TARGET_JOB_H
#define IW_ENGINE_TARGET_JOB_H

#include <stddef.h>

#include "base/err.h"
#include "base/job.h"
#include "engine/driver.h"

/* A job for that many units (0: their time is bounded elsewhere), without its command
 * line. */
int engine_target_job(struct iw_job **out, struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, size_t units, struct iw_err *err);

/* The command line that runs the target with the driver preloaded. */
void engine_target_command(struct iw_job *job, const struct engine_driver_spec *spec);

/* A copy that owns everything it points to. */
void engine_spec_copy(
	struct engine_driver_spec *to, const struct engine_driver_spec *from);
void engine_spec_fini(struct engine_driver_spec *spec);

#endif
