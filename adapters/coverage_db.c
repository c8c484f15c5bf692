#include "adapters/coverage_db.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/banned.h"

int coverage_db_clear(struct iw_dbc *dbc, int64_t adapter_id, struct iw_err *err)
{
	return iw_db_exec(
		dbc, err, "DELETE FROM coverage WHERE adapter_id = ?", "i", adapter_id);
}

int coverage_db_put(
	struct iw_dbc *dbc, const struct coverage_row *row, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT INTO coverage (adapter_id, target_id, snapshot, lines, "
		"lines_reached, functions, functions_reached, regions, regions_reached, "
		"units, died, core_ms, at_ms) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"insiiiiiiiiii", row->adapter_id, row->target_id, row->snapshot,
		row->lines, row->lines_reached, row->functions, row->functions_reached,
		row->regions, row->regions_reached, row->units, row->died, row->core_ms,
		row->at_ms);
}

int coverage_db_list(
	struct iw_dbc *dbc, coverage_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT c.*, a.name AS adapter, t.name AS target FROM coverage c "
		"JOIN adapter a ON a.id = c.adapter_id "
		"LEFT JOIN target t ON t.id = c.target_id "
		"ORDER BY a.name, c.target_id IS NOT NULL, t.name",
		"");
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct coverage_row row = {
			.adapter_id = iw_col_int(stmt, "adapter_id"),
			.target_id = iw_col_id(stmt, "target_id"),
			.adapter = iw_col_str(stmt, "adapter"),
			.target = iw_col_str(stmt, "target"),
			.snapshot = iw_col_str(stmt, "snapshot"),
			.lines = iw_col_int(stmt, "lines"),
			.lines_reached = iw_col_int(stmt, "lines_reached"),
			.functions = iw_col_int(stmt, "functions"),
			.functions_reached = iw_col_int(stmt, "functions_reached"),
			.regions = iw_col_int(stmt, "regions"),
			.regions_reached = iw_col_int(stmt, "regions_reached"),
			.units = iw_col_int(stmt, "units"),
			.died = iw_col_int(stmt, "died"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.at_ms = iw_col_int(stmt, "at_ms"),
		};

		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int coverage_db_whole(struct iw_dbc *dbc, int64_t adapter_id, char snapshot[IW_GIT_HEX],
	int64_t *units, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT snapshot, units FROM coverage "
		"WHERE adapter_id = ? AND ifnull(target_id, 0) = 0",
		"i", adapter_id);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1) {
		snprintf(snapshot, IW_GIT_HEX, "%s", iw_col_str(stmt, "snapshot"));
		*units = iw_col_int(stmt, "units");
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

/* Paths are strangers' words: what is no UTF-8 has no name. */
static char *gaps_text(const struct staged_reach *reach)
{
	json_t *gaps = json_array();
	char *text;
	size_t i;

	for (i = 0; i < reach->gap_count; i++)
		json_array_append_new(gaps,
			json_pack("{so sI sI}", "path",
				json_string(reach->gaps[i].path) ?: json_string("?"),
				"first", (json_int_t)reach->gaps[i].first, "last",
				(json_int_t)reach->gaps[i].last));
	text = json_dumps(gaps, JSON_COMPACT);
	json_decref(gaps);
	return text;
}

int coverage_db_put_staged(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staged_pr *pr, const struct staged_reach *reach, int64_t at_ms,
	struct iw_err *err)
{
	_auto_free_ char *gaps = gaps_text(reach);

	return iw_db_exec(dbc, err,
		"INSERT INTO staged_coverage (adapter_id, pr, head, lines, "
		"lines_reached, gaps, at_ms) "
		"SELECT adapter_id, pr, head, ?4, ?5, ?6, ?7 FROM staged_pr "
		"WHERE adapter_id = ?1 AND pr = ?2 AND head = ?3 "
		"ON CONFLICT (adapter_id, pr, head) DO UPDATE SET "
		"lines = excluded.lines, lines_reached = excluded.lines_reached, "
		"gaps = excluded.gaps, at_ms = excluded.at_ms",
		"iisiisi", adapter_id, pr->number, pr->head, reach->lines, reach->reached,
		gaps ? gaps : "[]", at_ms);
}
