/*
 * Rows of the table crash_burn: where crashes strike, and what they cost engines. A place
 * is known on one build of one target, from the moment that its crash is stored until
 * triage finds that it does not reproduce. Synchronous; thread: the connection's.
 */
#ifndef TRIAGE_BURN_DB_H
#define TRIAGE_BURN_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/hash.h"

/* So many crashes at one place that triage does not believe: engines go on past it all
 * the same. What keeps failing only beside other units need not end each of them. */
#define BURN_DOUBTED_MAX 8

/* What a new slice has to know. */
struct burn_known {
	uint64_t places[64]; /* the most frequent first */
	size_t count;
	bool has_hang; /* units that hang are known on this build */
};
/* At most max places. */
int burn_db_known(struct iw_dbc *dbc, int64_t target_id, int64_t build_id, size_t max,
	struct burn_known *known, struct iw_err *err);

/* An engine ended with this input, which is stored as a crash of the build; place 0:
 * nobody could tell. 1: there is no such crash. */
int burn_db_died(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	const struct iw_sha256 *input, uint64_t place, int64_t us, struct iw_err *err);
/* Executions ended at a place, and the engine went on. 1: there is no such place. */
int burn_db_swallowed(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	uint64_t place, int64_t count, int64_t us, struct iw_err *err);

#endif
