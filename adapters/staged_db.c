#include "adapters/staged_db.h"

#include "base/time.h"

#include "base/banned.h"

static int put(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, size_t i, struct iw_err *err)
{
	const struct staged_pr *pr = &snapshot->prs[i];

	return iw_db_exec(dbc, err,
		"INSERT INTO staged_pr (adapter_id, pr, head, head_ref, merge, tree, "
		"promoted_ms, position, is_current, since_ms) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?) "
		"ON CONFLICT (adapter_id, pr, head) DO UPDATE SET "
		"head_ref = excluded.head_ref, merge = excluded.merge, "
		"tree = excluded.tree, promoted_ms = excluded.promoted_ms, "
		"position = excluded.position, is_current = 1",
		"iissssiii", adapter_id, pr->number, pr->head, pr->head_ref, pr->merge,
		snapshot->tree, pr->promoted_at_ms, (int64_t)i + 1, iw_time_wall_ms());
}

int staged_db_open(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, struct iw_err *err)
{
	size_t i;
	int rc = iw_db_exec(dbc, err,
		"UPDATE staged_pr SET is_current = 0 WHERE adapter_id = ?", "i",
		adapter_id);

	for (i = 0; rc == 0 && i < snapshot->count; i++)
		if (snapshot->prs[i].number > 0)
			rc = put(dbc, adapter_id, snapshot, i, err);
	return rc;
}

int staged_db_add(struct iw_dbc *dbc, int64_t build_id, int64_t executions,
	int64_t core_ms, struct iw_err *err)
{
	/* By tree: an engine may end when another snapshot is current already. */
	return iw_db_exec(dbc, err,
		"UPDATE staged_pr SET executions = executions + ?1, "
		"core_ms = core_ms + ?2 WHERE (adapter_id, tree) = "
		"(SELECT adapter_id, tree FROM build WHERE id = ?3)",
		"iii", executions, core_ms, build_id);
}

int staged_db_list(struct iw_dbc *dbc, staged_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT s.*, a.name AS adapter, ifnull(c.lines, -1) AS lines, "
		"ifnull(c.lines_reached, -1) AS lines_reached, c.gaps, "
		"c.at_ms AS covered_ms FROM staged_pr s "
		"JOIN adapter a ON a.id = s.adapter_id "
		"LEFT JOIN staged_coverage c USING (adapter_id, pr, head) "
		"ORDER BY s.promoted_ms DESC, s.position DESC, s.adapter_id, s.pr",
		"");
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct staged_row row = {
			.adapter_id = iw_col_int(stmt, "adapter_id"),
			.adapter = iw_col_str(stmt, "adapter"),
			.pr = iw_col_int(stmt, "pr"),
			.head = iw_col_str(stmt, "head"),
			.head_ref = iw_col_str(stmt, "head_ref"),
			.merge = iw_col_str(stmt, "merge"),
			.promoted_ms = iw_col_int(stmt, "promoted_ms"),
			.position = iw_col_int(stmt, "position"),
			.is_current = iw_col_int(stmt, "is_current"),
			.since_ms = iw_col_int(stmt, "since_ms"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.executions = iw_col_int(stmt, "executions"),
			.lines = iw_col_int(stmt, "lines"),
			.lines_reached = iw_col_int(stmt, "lines_reached"),
			.gaps = iw_col_str(stmt, "gaps"),
			.covered_ms = iw_col_int(stmt, "covered_ms"),
		};

		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}
