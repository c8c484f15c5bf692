/*
 * The rows of units: tables unit, target_unit and measure. All SQL on them is here.
 *
 * Plain synchronous functions on a connection; each is meant to run inside the caller's
 * transaction (a request to the writer thread is one), and those that must be atomic open
 * their own.
 *
 * Thread: the connection's.
 */
#ifndef CORPUS_UNIT_DB_H
#define CORPUS_UNIT_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "base/hash.h"
#include "corpus/pack.h"
#include "engine/result.h"

#define CORPUS_ORIGIN_SEED "seed"
#define CORPUS_ORIGIN_FUZZ "fuzz"
#define CORPUS_ORIGIN_IMPORT "import"

/* A unit on its way into the store. */
struct corpus_new_unit {
	struct iw_sha256 sha;
	uint32_t size;
	const char *record; /* made by corpus_encode() */
	size_t record_len;
	/* results */
	int64_t id;
	bool is_stored; /* its content is new to the store */
	bool is_added;	/* it is new to this target */
};

/*
 * Stores the contents, syncs the pack and adds the rows, in one transaction. packs must
 * have begun (corpus_units_begin()). 1: every unit belonged to the target already.
 */
int corpus_units_add(struct iw_dbc *dbc, struct corpus_packs *packs, int64_t target_id,
	const char *origin, struct corpus_new_unit *units, size_t count,
	struct iw_err *err);

/* Tells the packs where the last good record ends; once, before anything is added. */
int corpus_units_begin(
	struct iw_dbc *dbc, struct corpus_packs *packs, struct iw_err *err);

/* A stored unit. */
struct corpus_unit {
	int64_t id;
	struct iw_sha256 sha;
	uint32_t size;
	struct corpus_place place;
	int64_t added_ms; /* to its target; only where a function says so */
};

/* *units is an array for the caller to free. Ordered by id, good ones only. */
int corpus_units_list(struct iw_dbc *dbc, int64_t target_id, struct corpus_unit **units,
	size_t *count, struct iw_err *err);
/* The good units of a target that were not measured on this build, small ones first, at
 * most limit. Where the build judges (judging_db.h) those are found by what it has seen.
 */
int corpus_units_unmeasured(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	size_t limit, struct corpus_unit **units, size_t *count, struct iw_err *err);
/* The same with those that wait longest first; added_ms is set. */
int corpus_units_waiting(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	size_t limit, struct corpus_unit **units, size_t *count, struct iw_err *err);
/* Of these ids, those that were not measured on this build, in the order given. */
int corpus_units_unmeasured_of(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	const int64_t *ids, size_t id_count, struct corpus_unit **units, size_t *count,
	struct iw_err *err);
int corpus_unit_get(
	struct iw_dbc *dbc, int64_t id, struct corpus_unit *unit, struct iw_err *err);
/* IW_ENOENT when the store has none of that hash. */
int corpus_unit_find(struct iw_dbc *dbc, const struct iw_sha256 *sha,
	struct corpus_unit *unit, struct iw_err *err);
int corpus_units_count(
	struct iw_dbc *dbc, int64_t target_id, int64_t *count, struct iw_err *err);

/* Engines get it no more, and neither does anybody outside. */
int corpus_unit_quarantine(
	struct iw_dbc *dbc, int64_t target_id, int64_t unit_id, struct iw_err *err);

/* A newer build may have mended what a unit did: those that are quarantined and have not
 * run on it are good until they have. */
int corpus_units_retest(
	struct iw_dbc *dbc, int64_t target_id, int64_t build_id, struct iw_err *err);

/* What a unit did on one build. */
struct corpus_measure_row {
	int64_t unit_id;
	enum engine_outcome outcome; /* passed or died */
	uint32_t us;
	uint32_t feature_count;
	const void *features; /* a blob of corpus_features_pack(), or NULL */
	size_t features_len;
};

/* Adds the rows in one transaction; a unit that has one on this build keeps it. */
int corpus_measures_add(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	const struct corpus_measure_row *rows, size_t count, struct iw_err *err);

/* Calls back for each good unit of the target that passed on this build, by id; row's
 * features are borrowed. A non-zero return ends the walk and is returned. */
typedef int (*corpus_measure_cb)(void *ctx, const struct corpus_unit *unit,
	const struct corpus_measure_row *row, struct iw_err *err);
int corpus_measures_each(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	corpus_measure_cb cb, void *ctx, struct iw_err *err);
/* The same rows, of which features, features_len and feature_count are set: in no order,
 * and for a large corpus in a third of the time. */
typedef int (*corpus_features_cb)(
	void *ctx, const struct corpus_measure_row *row, struct iw_err *err);
int corpus_features_each(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	corpus_features_cb cb, void *ctx, struct iw_err *err);
/* Whether any unit of the target has run on this build. */
int corpus_measures_any(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	bool *any, struct iw_err *err);

#endif
