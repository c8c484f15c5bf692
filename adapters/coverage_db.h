/*
 * Rows of the tables coverage and staged_coverage: which lines the corpora reach, when it
 * was last looked at. Synchronous; thread: that of the connection.
 */
#ifndef ADAPTERS_COVERAGE_DB_H
#define ADAPTERS_COVERAGE_DB_H

#include <stdint.h>

#include "adapters/staged_reach.h"
#include "base/db.h"

/* Of a target, or of an adapter as a whole. Strings are borrowed. */
struct coverage_row {
	int64_t adapter_id, target_id; /* target_id -1: the whole */
	const char *adapter, *target;  /* target NULL: the whole; not for storing */
	const char *snapshot;	       /* commit */
	int64_t lines, lines_reached;
	int64_t functions, functions_reached;
	int64_t regions, regions_reached;
	int64_t units, died; /* run, and died of those */
	int64_t core_ms;
	int64_t at_ms;
};

/* Forgets what was known of the adapter and its targets. */
int coverage_db_clear(struct iw_dbc *dbc, int64_t adapter_id, struct iw_err *err);
int coverage_db_put(
	struct iw_dbc *dbc, const struct coverage_row *row, struct iw_err *err);
/* By adapter, the whole first, then by target. Stops when each returns non-zero, and
 * returns that. */
typedef int (*coverage_db_cb)(void *ctx, const struct coverage_row *row);
int coverage_db_list(
	struct iw_dbc *dbc, coverage_db_cb each, void *ctx, struct iw_err *err);
/* The whole of one adapter: 1 when it has been looked at, else 0. */
int coverage_db_whole(struct iw_dbc *dbc, int64_t adapter_id, char snapshot[IW_GIT_HEX],
	int64_t *units, struct iw_err *err);

/* What is reached of a staged pull request that has a row. */
int coverage_db_put_staged(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staged_pr *pr, const struct staged_reach *reach, int64_t at_ms,
	struct iw_err *err);

#endif
