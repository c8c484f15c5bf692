/*
 * Measuring: runs units of a target on one of its builds, each once, and keeps what they
 * did. On the reference build that is their features; on a sanitizer's, whether they
 * pass.
 *
 * One corpus_measure is one round: it asks the database which units were not measured on
 * this build, runs them through the driver in one or more jobs, and stores the answers in
 * one transaction. When nothing is new nothing is executed. Callers go on until a round
 * has selected none.
 *
 * A unit that dies is quarantined in the same transaction, in which the caller's
 * store_death makes a crash of it: either both are on disk or neither.
 *
 * Thread: the loop, but for the callbacks that say otherwise.
 */
#ifndef CORPUS_MEASURE_H
#define CORPUS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "base/job.h"
#include "corpus/cover.h"
#include "corpus/features.h"
#include "corpus/pack.h"
#include "corpus/unit_db.h"
#include "engine/driver.h"

#define CORPUS_MEASURE_LIMIT 8192
#define CORPUS_MEASURE_SHARDS_MAX 64

/* What one unit did; borrowed. */
struct corpus_measured {
	struct corpus_unit unit;
	const struct engine_unit_result *result;
	size_t new_features; /* to the set of the spec, in the order of the round */
	bool is_damaged;     /* its record is unreadable; quarantined, not run */
	char *content;	     /* of a death */
	size_t content_len;
};

/* On the writer thread, inside the transaction, for each death. Failing fails the round:
 * nothing of it is stored. */
typedef int (*corpus_store_death_cb)(struct iw_dbc *dbc, void *ctx,
	const struct corpus_measured *death, struct iw_err *err);

struct corpus_measure_spec {
	struct iw_db *db;
	struct iw_jobs *jobs;
	struct corpus_packs *packs;
	/* The target and its limits; wants_features says whether features are kept.
	 * Copied. */
	struct engine_driver_spec driver;
	int64_t build_id, target_id;
	/* These units, borrowed until done; NULL: all good ones of the target. */
	const int64_t *ids;
	size_t id_count;
	size_t limit; /* of one round, when ids is NULL; default CORPUS_MEASURE_LIMIT */
	bool is_oldest_first; /* when ids is NULL; else small units come first */
	int shards;	      /* jobs at once; default 1. A few units get one job */
	/* The target's features, to count new ones; the round's own until done. Or NULL.
	 */
	struct corpus_features *features;
	/* Gets the units that pass, while they are stored; the round's own until done,
	 * and of no use after an error. Or NULL. */
	struct corpus_cover *cover;
	/* On a pool thread, when the cover is filled and perhaps before all is stored;
	 * done waits for it. Or NULL. */
	void (*covered)(void *ctx);
	void *covered_ctx;
	corpus_store_death_cb store_death; /* or NULL */
	void *store_ctx;
};

struct corpus_measure_result {
	const struct corpus_measured *units; /* in the order of the round */
	size_t count; /* 0: nothing was new, nothing was executed */
	size_t passed, died, not_run;
	size_t new_features;
	int64_t cpu_us;
	bool is_fallback; /* libFuzzer measured: no times, no leaks */
};

struct corpus_measure;
/* Fires once, later. With err the result still holds what was stored, which may be
 * nothing. */
typedef void (*corpus_measure_done_cb)(
	struct corpus_measure *measure, const struct iw_err *err, void *ctx);

struct corpus_measure *corpus_measure_start(
	const struct corpus_measure_spec *spec, corpus_measure_done_cb done, void *ctx);
/* Ends early; what was measured is stored, done comes as always. */
void corpus_measure_stop(struct corpus_measure *measure);
/* Whether none of its jobs has a core yet. */
bool corpus_measure_is_waiting(const struct corpus_measure *measure);
/* From done on, until the free. */
const struct corpus_measure_result *corpus_measure_result(
	const struct corpus_measure *measure);
/* From done on, also inside it. */
void corpus_measure_free(struct corpus_measure *measure);

#endif
