#include "adapters/build_db.h"

#include <stdio.h>

#include "base/time.h"

#include "base/banned.h"

/* A build is asked for often; its row is written seldom. */
#define USED_STEP_MS (10 * 60 * 1000)

static void text_of(sqlite3_stmt *stmt, const char *column, char *to, size_t size)
{
	const char *text = iw_col_str(stmt, column);

	snprintf(to, size, "%s", text ? text : "");
}

int build_db_list(struct iw_dbc *dbc, int64_t adapter_id, build_db_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT id, closure, tree, flavour, is_ok, error, core_ms, bytes, "
		"uninstrumented FROM build WHERE adapter_id = ? ORDER BY id",
		"i", adapter_id);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct iw_build b = {
			.id = iw_col_int(stmt, "id"),
			.is_ok = iw_col_int(stmt, "is_ok"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.bytes = iw_col_int(stmt, "bytes"),
		};

		text_of(stmt, "closure", b.closure, sizeof b.closure);
		text_of(stmt, "tree", b.tree, sizeof b.tree);
		text_of(stmt, "flavour", b.flavour, sizeof b.flavour);
		text_of(stmt, "error", b.error, sizeof b.error);
		text_of(stmt, "uninstrumented", b.uninstrumented,
			sizeof b.uninstrumented);
		each(ctx, &b);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int build_db_put(struct iw_dbc *dbc, int64_t adapter_id, struct iw_build *build,
	struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO build (closure, adapter_id, tree, flavour, is_ok, error, "
		"core_ms, bytes, made_ms, used_ms, uninstrumented) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, '')) "
		"ON CONFLICT (closure) DO UPDATE SET is_ok = excluded.is_ok, "
		"error = excluded.error, core_ms = excluded.core_ms, "
		"bytes = excluded.bytes, made_ms = excluded.made_ms, "
		"used_ms = excluded.used_ms, left_ms = NULL, "
		"uninstrumented = excluded.uninstrumented",
		"sissisiiiis", build->closure, adapter_id, build->tree, build->flavour,
		(int64_t)build->is_ok, build->is_ok ? NULL : build->error, build->core_ms,
		build->bytes, now, now, build->uninstrumented);

	if (rc < 0)
		return rc;
	return iw_db_int(dbc, -1, &build->id, err,
		"SELECT id FROM build WHERE closure = ?", "s", build->closure);
}

int build_db_used(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();

	return iw_db_exec(dbc, err,
		"UPDATE build SET used_ms = ? WHERE id = ? AND used_ms < ?", "iii", now,
		id, now - USED_STEP_MS);
}

int build_db_measured(struct iw_dbc *dbc, int64_t id, int64_t bytes, struct iw_err *err)
{
	return iw_db_exec(
		dbc, err, "UPDATE build SET bytes = ? WHERE id = ?", "ii", bytes, id);
}

int build_db_left(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	return iw_db_exec(dbc, err, "UPDATE build SET left_ms = ? WHERE id = ?", "ii",
		iw_time_wall_ms(), id);
}

int build_db_kept(
	struct iw_dbc *dbc, build_db_kept_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT b.id, b.closure, a.name AS adapter, b.flavour, b.tree, b.bytes, "
		"b.used_ms, b.id IN (SELECT build_id FROM bug WHERE state NOT IN "
		"('flaky', 'fixed') AND waits IS NULL "
		" UNION SELECT build_id FROM crash WHERE state = 'new') AS is_pinned "
		"FROM build b JOIN adapter a ON a.id = b.adapter_id "
		"WHERE b.left_ms IS NULL ORDER BY b.used_ms, b.id",
		"");
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct build_kept kept = {
			.id = iw_col_int(stmt, "id"),
			.closure = iw_col_str(stmt, "closure"),
			.adapter = iw_col_str(stmt, "adapter"),
			.flavour = iw_col_str(stmt, "flavour"),
			.tree = iw_col_str(stmt, "tree"),
			.bytes = iw_col_int(stmt, "bytes"),
			.used_ms = iw_col_int(stmt, "used_ms"),
			.is_pinned = iw_col_int(stmt, "is_pinned"),
		};

		each(ctx, &kept);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int build_db_set_budget(struct iw_dbc *dbc, int64_t bytes, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT INTO disk (id, budget) VALUES (1, nullif(?, 0)) "
		"ON CONFLICT (id) DO UPDATE SET budget = excluded.budget",
		"i", bytes);
}

int build_db_totals(struct iw_dbc *dbc, struct build_totals *totals, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT count(*) FILTER (WHERE left_ms IS NULL AND is_ok) AS count, "
		"coalesce(sum(bytes) FILTER (WHERE left_ms IS NULL), 0) AS bytes, "
		"count(*) FILTER (WHERE left_ms IS NOT NULL AND is_ok) AS gone, "
		"coalesce((SELECT budget FROM disk), 0) AS budget FROM build",
		"");
	int rc = iw_stmt_step(dbc, stmt, err);

	*totals = (struct build_totals){0};
	if (rc == 1) {
		totals->count = iw_col_int(stmt, "count");
		totals->bytes = iw_col_int(stmt, "bytes");
		totals->left = iw_col_int(stmt, "gone");
		totals->budget = iw_col_int(stmt, "budget");
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}
