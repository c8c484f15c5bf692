/*
 * Profiles: runs the whole corpus of a target on its coverage build and keeps what the
 * counters of that build wrote, one file for each process that ran units.
 *
 * The counters lie in mapped files, so a unit that dies takes nothing with it: what it and
 * all before it reached is counted. No row is made of anything: a unit that fails here has
 * passed on the builds that judge.
 *
 * Thread: the loop.
 */
#ifndef CORPUS_PROFILE_H
#define CORPUS_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "base/job.h"
#include "corpus/pack.h"
#include "engine/driver.h"

/* More units that die in one batch, and the rest of the batch is not run. */
#define CORPUS_PROFILE_DEATHS_MAX 64

struct corpus_profile_spec {
	struct iw_db *db;
	struct iw_jobs *jobs;
	struct corpus_packs *packs;
	/* The target on that build, and its limits. Copied. */
	struct engine_driver_spec driver;
	int64_t target_id;
	const char *dir; /* where the files go: made, and only they are in it. Copied */
};

struct corpus_profile_result {
	size_t units, died, not_run; /* died and not_run: of the units */
	size_t files;		     /* named "N.profraw", N from 0 on */
	int64_t cpu_us;
};

struct corpus_profile;
/* Fires once, later. */
typedef void (*corpus_profile_done_cb)(
	struct corpus_profile *profile, const struct iw_err *err, void *ctx);

struct corpus_profile *corpus_profile_start(
	const struct corpus_profile_spec *spec, corpus_profile_done_cb done, void *ctx);
/* Ends early; done comes as always, with IW_ECANCELED. */
void corpus_profile_stop(struct corpus_profile *profile);
/* From done on, until the free. */
const struct corpus_profile_result *corpus_profile_result(
	const struct corpus_profile *profile);
/* From done on, also inside it. */
void corpus_profile_free(struct corpus_profile *profile);

#endif
