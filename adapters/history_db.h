/*
 * Rows of the table target_history: what a target had done by then, so that a curve can
 * be drawn. Synchronous; thread: that of the connection.
 */
#ifndef ADAPTERS_HISTORY_DB_H
#define ADAPTERS_HISTORY_DB_H

#include <stdint.h>

#include "base/db.h"

/* A target never has more points; when it would, old ones go. */
#define HISTORY_POINTS_MAX 2000

struct history_point {
	int64_t at_ms;
	int64_t executions; /* of all runs */
	int64_t features, units;
	int64_t per_second; /* of the engines that ran then */
};

int history_db_add(struct iw_dbc *dbc, int64_t target_id,
	const struct history_point *point, struct iw_err *err);

typedef int (*history_db_cb)(void *ctx, const struct history_point *point);
/* Oldest first. Stops when each returns non-zero, and returns that. */
int history_db_list(struct iw_dbc *dbc, int64_t target_id, history_db_cb each, void *ctx,
	struct iw_err *err);

#endif
