#include "token_db.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

int token_db_add(struct iw_dbc *dbc, const char *name, const char *role,
	const struct iw_sha256 *hash, int64_t *id, struct iw_err *err)
{
	int64_t other;
	int rc = iw_db_int(dbc, 0, &other, err,
		"SELECT id FROM token WHERE name = ? AND revoked_ms IS NULL", "s", name);

	if (rc < 0)
		return rc;
	if (other)
		return iw_err_set(err, IW_EEXIST,
			"there is a token '%s' already; revoke it first, or take another "
			"name",
			name);
	rc = iw_db_exec(dbc, err,
		"INSERT INTO token (name, role, hash, created_ms) VALUES (?, ?, ?, ?)",
		"ssbi", name, role, hash->bytes, sizeof hash->bytes, iw_time_wall_ms());
	*id = iw_db_last_id(dbc);
	return rc;
}

int token_db_list(
	struct iw_dbc *dbc, int64_t id, token_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(
		dbc, "SELECT * FROM token WHERE ?1 = 0 OR id = ?1 ORDER BY id", "i", id);
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct token_row row = {
			.id = iw_col_int(stmt, "id"),
			.name = iw_col_str(stmt, "name"),
			.role = iw_col_str(stmt, "role"),
			.created_ms = iw_col_int(stmt, "created_ms"),
			.last_used_ms = iw_col_id(stmt, "last_used_ms"),
			.revoked_ms = iw_col_id(stmt, "revoked_ms"),
		};
		size_t len;
		const void *hash = iw_col_blob(stmt, "hash", &len);

		/* The table holds no other length. */
		memcpy(row.hash.bytes, hash, sizeof row.hash.bytes);
		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int token_db_revoke(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	int64_t found;
	int rc = iw_db_int(
		dbc, 0, &found, err, "SELECT id FROM token WHERE id = ?", "i", id);

	if (rc < 0)
		return rc;
	if (!found)
		return iw_err_set(err, IW_ENOENT,
			"there is no token %lld; 'ironworks token list' shows all",
			(long long)id);
	return iw_db_exec(dbc, err,
		"UPDATE token SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL",
		"ii", iw_time_wall_ms(), id);
}

int token_db_used(struct iw_dbc *dbc, int64_t id, int64_t at_ms, struct iw_err *err)
{
	return iw_db_exec(dbc, err, "UPDATE token SET last_used_ms = ? WHERE id = ?",
		"ii", at_ms, id);
}
