#include "triage/verdict_db.h"

#include "base/banned.h"

int verdict_db_put(struct iw_dbc *dbc, int64_t bug_id, const struct iw_sha256 *input,
	const struct verdict_row *row, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT INTO verdict (bug_id, input, tree, answer, runs, hits, others) "
		"VALUES (?, ?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (bug_id, input, tree) DO UPDATE SET "
		"answer = excluded.answer, runs = excluded.runs, hits = excluded.hits, "
		"others = excluded.others",
		"ibssiii", bug_id, input->bytes, sizeof input->bytes, row->tree,
		row->answer, row->runs, row->hits, row->others);
}

int verdict_db_list(struct iw_dbc *dbc, int64_t bug_id, const struct iw_sha256 *input,
	verdict_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT v.tree, v.answer, v.runs, v.hits, v.others, "
		"v.bug_id = me.id AS is_own FROM verdict v "
		"JOIN bug other ON other.id = v.bug_id JOIN bug me ON me.id = ? "
		"WHERE v.input = ? AND other.flavour = me.flavour "
		"AND other.target_id = me.target_id "
		"AND (other.id = me.id OR other.merged_into = me.id "
		"OR (v.answer = 'good' AND v.others = 0)) "
		"ORDER BY is_own, v.runs",
		"ib", bug_id, input->bytes, sizeof input->bytes);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1)
		each(ctx,
			&(struct verdict_row){.tree = iw_col_str(stmt, "tree"),
				.answer = iw_col_str(stmt, "answer"),
				.runs = iw_col_int(stmt, "runs"),
				.hits = iw_col_int(stmt, "hits"),
				.others = iw_col_int(stmt, "others")});
	iw_stmt_done(dbc, stmt);
	return rc;
}
