/*
 * What a slice's engine is told of the crashes that are known on its build, and what they
 * cost it.
 */
#ifndef IW_SLICE_SHIELD_H
#define IW_SLICE_SHIELD_H

#include "base/db.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "engine/shield.h"
#include "triage/triage.h"

/* An input that is stored as a crash of the slice's build. */
struct slice_death {
	struct iw_sha256 sha;
	uint64_t input; /* iw_shield_hash() */
	bool is_hang;
};

/* sha: of the crash's input. */
struct slice_death slice_death_of(
	const struct triage_crash *crash, const struct iw_sha256 *sha);

/* The end of a slice. */
struct slice_bill {
	int64_t target_id, build_id;
	const struct engine_ops *engine;
	const struct engine_shield *shield;
	const struct slice_death *deaths;
	size_t death_count;
	int64_t timeout_us; /* of one unit */
	int64_t cpu_us;	    /* of the slice: all that it can have lost */
};

/* Writes down the places of new crashes, and the CPU time that each took: of the executions
 * that ended there, of the unit that hung, and of starting the engine again. For the
 * transaction of its totals. */
int slice_bill_store(
	struct iw_dbc *dbc, const struct slice_bill *bill, struct iw_err *err);

/* How long an engine's build rests, in ms, after so many slices in a row that ended with a
 * crash at once: where the shield cannot help, it gives way to builds that get somewhere. */
int64_t slice_rest_ms(int deaths_in_a_row);

#endif
