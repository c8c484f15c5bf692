#include "adapters/history_db.h"

#include "base/banned.h"

/* Of every two in the older half one goes, where they are closest: so the old ones come
 * to lie evenly over all the time there was, and the newest as dense as they came. */
static int thin_out(struct iw_dbc *dbc, int64_t target_id, struct iw_err *err)
{
	int64_t count;
	int rc = iw_db_int(dbc, 0, &count, err,
		"SELECT count(*) FROM target_history WHERE target_id = ?", "i",
		target_id);

	if (rc < 0 || count <= HISTORY_POINTS_MAX)
		return rc;
	return iw_db_exec(dbc, err,
		"DELETE FROM target_history WHERE target_id = ?1 AND at_ms IN "
		"(SELECT at_ms FROM (SELECT at_ms, row_number() OVER w AS n, "
		" at_ms - lag(at_ms) OVER w AS gap FROM target_history "
		" WHERE target_id = ?1 WINDOW w AS (ORDER BY at_ms)) "
		"WHERE n <= ?2 AND n % 2 = 0 ORDER BY gap, at_ms LIMIT ?3)",
		"iii", target_id, count / 2, count / 8);
}

int history_db_add(struct iw_dbc *dbc, int64_t target_id,
	const struct history_point *point, struct iw_err *err)
{
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO target_history (target_id, at_ms, executions, features, "
		"units, per_second) VALUES (?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (target_id, at_ms) DO UPDATE SET "
		"executions = excluded.executions, features = excluded.features, "
		"units = excluded.units, per_second = excluded.per_second",
		"iiiiii", target_id, point->at_ms, point->executions, point->features,
		point->units, point->per_second);

	return rc < 0 ? rc : thin_out(dbc, target_id, err);
}

int history_db_list(struct iw_dbc *dbc, int64_t target_id, history_db_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT at_ms, executions, features, units, per_second "
		"FROM target_history WHERE target_id = ? ORDER BY at_ms",
		"i", target_id);
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct history_point point = {
			.at_ms = iw_col_int(stmt, "at_ms"),
			.executions = iw_col_int(stmt, "executions"),
			.features = iw_col_int(stmt, "features"),
			.units = iw_col_int(stmt, "units"),
			.per_second = iw_col_int(stmt, "per_second"),
		};

		stop = each(ctx, &point);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}
