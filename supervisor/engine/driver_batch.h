/*
 * The files by which one batch goes to the driver and comes back (driver_format.h).
 *
 * The target may have scribbled over everything the driver wrote, so the result is read
 * as foreign input: nothing in it can make more than its own units wrong.
 *
 * Everything blocks. Thread: a pool thread.
 */
#ifndef IW_ENGINE_DRIVER_BATCH_H
#define IW_ENGINE_DRIVER_BATCH_H

#include <stddef.h>

#include "base/err.h"
#include "engine/driver.h"
#include "engine/result.h"

/* Writes spec and batch into dir. */
int engine_batch_write(const char *dir, const struct engine_driver_spec *spec,
	const struct engine_units *units, struct iw_err *err);

enum engine_batch_end {
	ENGINE_BATCH_WHOLE,  /* every unit has a record */
	ENGINE_BATCH_CUT,    /* the driver was killed; the rest was not run */
	ENGINE_BATCH_ABSENT, /* the driver never came in: a static binary, a bad start */
	ENGINE_BATCH_UNFIT,  /* the driver cannot serve this target */
	ENGINE_BATCH_INIT,   /* the target died before its first unit */
};

/* Reads the result of a batch of results->count units into results, which was just
 * initialised. why gets the driver's own words for UNFIT, the target's for INIT, or
 * stays empty. IW_EINVAL: malformed; what stood before the bad place counts. */
int engine_batch_read(const char *dir, struct engine_results *results,
	enum engine_batch_end *end, char why[static 512], struct iw_err *err);

/* What the end of a batch means, together with how its job ended: 0 it is whole, 1 the
 * driver cannot serve this target, else the error. why as above. Thread: any. */
int engine_batch_judge(enum engine_batch_end end, const struct iw_exit *exit,
	enum iw_purpose purpose, const char *why, struct iw_err *err);
/* IW_EJOB with "what: words"; the words are foreign ones. */
int engine_batch_failed(struct iw_err *err, const char *what, const char *words);

#endif
