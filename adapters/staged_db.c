#include "adapters/staged_db.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

#include "base/banned.h"

/* -- a snapshot --------------------------------------------------------------------- */

static int put(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, size_t i, struct iw_err *err)
{
	const struct staged_pr *pr = &snapshot->prs[i];
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO staged_pr (adapter_id, pr, head, head_ref, title, url, "
		"repo, merge, tree, promoted_ms, position, is_current, since_ms) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) "
		"ON CONFLICT (adapter_id, pr, head) DO UPDATE SET "
		"head_ref = excluded.head_ref, title = excluded.title, "
		"url = excluded.url, repo = excluded.repo, merge = excluded.merge, "
		"tree = excluded.tree, promoted_ms = excluded.promoted_ms, "
		"position = excluded.position, is_current = 1",
		"iisssssssiii", adapter_id, pr->number, pr->head, pr->head_ref, pr->title,
		pr->url, pr->repo, pr->merge, snapshot->tree, pr->promoted_at_ms,
		(int64_t)i + 1, iw_time_wall_ms());

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"INSERT OR IGNORE INTO staged_tree (adapter_id, pr, head, tree) "
			"VALUES (?, ?, ?, ?)",
			"iiss", adapter_id, pr->number, pr->head, snapshot->tree);
	return rc < 0
		? rc
		: iw_db_exec(dbc, err,
			  "DELETE FROM staged_change WHERE adapter_id = ? AND pr = ? "
			  "AND head = ?",
			  "iis", adapter_id, pr->number, pr->head);
}

/* Names are strangers' words: what is no UTF-8 is replaced. */
static char *functions_text(const struct staged_change *change)
{
	struct iw_buf out = {0};
	size_t i;

	iw_buf_adds(&out, "[");
	for (i = 0; i < change->function_count; i++) {
		iw_buf_adds(&out, i ? "," : "");
		iw_text_json(&out, change->functions[i]);
	}
	iw_buf_adds(&out, "]");
	return iw_buf_steal(&out);
}

static int put_change(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, const struct staged_change *change,
	struct iw_err *err)
{
	_auto_free_ char *functions = functions_text(change);
	const struct staged_pr *pr = &snapshot->prs[change->pr];

	return iw_db_exec(dbc, err,
		"INSERT INTO staged_change (adapter_id, pr, head, path, added, removed, "
		"functions, functions_left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		"iissiisi", adapter_id, pr->number, pr->head, change->path, change->added,
		change->removed, functions, change->functions_left_out);
}

int staged_db_open(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, const struct staged_changes *changes,
	struct iw_err *err)
{
	size_t i;
	int rc = iw_db_exec(dbc, err,
		"UPDATE staged_pr SET is_current = 0 WHERE adapter_id = ?", "i",
		adapter_id);

	for (i = 0; rc == 0 && i < snapshot->count; i++)
		if (staging_is_staged(snapshot, i))
			rc = put(dbc, adapter_id, snapshot, i, err);
	for (i = 0; rc == 0 && i < changes->count; i++)
		rc = put_change(dbc, adapter_id, snapshot, &changes->items[i], err);
	return rc;
}

/* -- what ran ----------------------------------------------------------------------- */

int staged_db_add(struct iw_dbc *dbc, const struct staged_work *work, struct iw_err *err)
{
	/* By tree: an engine may end when another snapshot is current already. */
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO tree_work (adapter_id, tree, target_id, flavour, engine, "
		"core_ms, executions) "
		"SELECT adapter_id, tree, ?2, flavour, ?3, ?4, ?5 FROM build WHERE id = "
		"?1 "
		"ON CONFLICT (adapter_id, tree, target_id, flavour, engine) DO UPDATE "
		"SET "
		"core_ms = core_ms + excluded.core_ms, "
		"executions = executions + excluded.executions",
		"iisii", work->build_id, work->target_id, work->engine, work->core_ms,
		work->executions);

	if (rc < 0 || strcmp(work->engine, STAGED_REPLAY) == 0)
		return rc;
	return iw_db_exec(dbc, err,
		"UPDATE staged_pr SET executions = executions + ?1, "
		"core_ms = core_ms + ?2 WHERE (adapter_id, tree) = "
		"(SELECT adapter_id, tree FROM build WHERE id = ?3)",
		"iii", work->executions, work->core_ms, work->build_id);
}

int staged_db_put_target(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staged_pr *pr, const char *target, bool is_near, int64_t lines,
	struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT INTO staged_target (adapter_id, pr, head, target_id, is_near, "
		"lines) "
		"SELECT s.adapter_id, s.pr, s.head, t.id, ?5, nullif(?6, -1) "
		"FROM staged_pr s JOIN target t ON t.adapter_id = s.adapter_id "
		"WHERE s.adapter_id = ?1 AND s.pr = ?2 AND s.head = ?3 AND t.name = ?4 "
		"ON CONFLICT (adapter_id, pr, head, target_id) DO UPDATE SET "
		"is_near = iif(excluded.lines IS NULL, excluded.is_near, "
		"max(is_near, excluded.is_near)), lines = ifnull(excluded.lines, lines)",
		"iissii", adapter_id, pr->number, pr->head, target, (int64_t)is_near,
		lines);
}

int staged_db_put_reach(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, const char *target,
	const struct staged_reach *reach, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < snapshot->count; i++)
		if (staging_is_staged(snapshot, i))
			rc = staged_db_put_target(dbc, adapter_id, &snapshot->prs[i],
				target, reach[i].reached > 0, reach[i].reached, err);
	return rc;
}

/* -- reading ------------------------------------------------------------------------ */

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
			.title = iw_col_str(stmt, "title"),
			.url = iw_col_str(stmt, "url"),
			.repo = iw_col_str(stmt, "repo"),
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

int staged_db_changes(struct iw_dbc *dbc, const struct staged_row *pr,
	staged_change_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT path, functions, added, removed, functions_left_out "
		"FROM staged_change WHERE adapter_id = ? AND pr = ? AND head = ? "
		"ORDER BY path",
		"iis", pr->adapter_id, pr->pr, pr->head);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct staged_change_row row = {
			.path = iw_col_str(stmt, "path"),
			.functions = iw_col_str(stmt, "functions"),
			.added = iw_col_int(stmt, "added"),
			.removed = iw_col_int(stmt, "removed"),
			.functions_left_out = iw_col_int(stmt, "functions_left_out"),
		};

		each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int staged_db_sum(struct iw_dbc *dbc, const struct staged_row *pr,
	struct staged_change_sum *sum, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT count(*) AS files, total(added) AS added, "
		"total(removed) AS removed, "
		"total(functions_left_out + json_array_length(functions)) AS functions "
		"FROM staged_change WHERE adapter_id = ? AND pr = ? AND head = ?",
		"iis", pr->adapter_id, pr->pr, pr->head);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1)
		*sum = (struct staged_change_sum){
			.files = iw_col_int(stmt, "files"),
			.added = iw_col_int(stmt, "added"),
			.removed = iw_col_int(stmt, "removed"),
			.functions = iw_col_int(stmt, "functions"),
		};
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int staged_db_targets(struct iw_dbc *dbc, const struct staged_row *pr,
	staged_target_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT t.id AS id, t.name AS target, s.is_near AS is_near, "
		"ifnull(s.lines, -1) AS lines FROM staged_target s "
		"JOIN target t ON t.id = s.target_id "
		"WHERE s.adapter_id = ? AND s.pr = ? AND s.head = ? "
		"AND (s.is_near OR s.lines > 0) ORDER BY t.name",
		"iis", pr->adapter_id, pr->pr, pr->head);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct staged_target_row row = {
			.id = iw_col_int(stmt, "id"),
			.target = iw_col_str(stmt, "target"),
			.is_near = iw_col_int(stmt, "is_near"),
			.lines = iw_col_int(stmt, "lines"),
		};

		each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int staged_db_work(struct iw_dbc *dbc, const struct staged_row *pr, staged_work_cb each,
	void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT t.name AS target, w.flavour AS flavour, w.engine AS engine, "
		"sum(w.core_ms) AS core_ms, sum(w.executions) AS executions "
		"FROM staged_tree s JOIN tree_work w USING (adapter_id, tree) "
		"JOIN target t ON t.id = w.target_id "
		"WHERE s.adapter_id = ? AND s.pr = ? AND s.head = ? "
		"GROUP BY t.name, w.flavour, w.engine ORDER BY t.name, w.flavour, "
		"w.engine",
		"iis", pr->adapter_id, pr->pr, pr->head);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct staged_work_row row = {
			.target = iw_col_str(stmt, "target"),
			.flavour = iw_col_str(stmt, "flavour"),
			.engine = iw_col_str(stmt, "engine"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.executions = iw_col_int(stmt, "executions"),
		};

		each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}
