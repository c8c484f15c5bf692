#include "adapters/project_db.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

#include "base/banned.h"

/* Characters, of the reason why a target is held. */
#define WHY_MAX 200

int project_db_adapter(struct iw_dbc *dbc, const char *name, const char *dir,
	const char *parameters, int64_t *id, struct iw_err *err)
{
	sqlite3_stmt *stmt;
	int rc;

	rc = iw_db_exec(dbc, err,
		"INSERT INTO adapter (name, dir, parameters) VALUES (?, ?, ?) "
		"ON CONFLICT (name) DO UPDATE SET dir = excluded.dir "
		"WHERE parameters = excluded.parameters",
		"sss", name, dir, parameters);
	if (rc < 0)
		return rc;
	stmt = iw_stmt(
		dbc, "SELECT id, parameters FROM adapter WHERE name = ?", "s", name);
	rc = iw_stmt_step(dbc, stmt, err);
	if (rc == 1) {
		*id = iw_col_int(stmt, "id");
		rc = 0;
		if (strcmp(iw_col_str(stmt, "parameters"), parameters) != 0)
			rc = iw_err_set(err, IW_EINVAL,
				"this state folder holds adapter '%s' with parameters "
				"'%s', not '%s': use another --state folder",
				name, iw_col_str(stmt, "parameters"), parameters);
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int project_db_adapter_id(
	struct iw_dbc *dbc, const char *name, int64_t *id, struct iw_err *err)
{
	int rc = iw_db_int(
		dbc, -1, id, err, "SELECT id FROM adapter WHERE name = ?", "s", name);

	if (rc == 0 && *id < 0)
		return iw_err_set(err, IW_ENOENT, "there is no adapter '%s'", name);
	return rc;
}

int project_db_adapter_dir(
	struct iw_dbc *dbc, const char *name, char **dir, struct iw_err *err)
{
	sqlite3_stmt *stmt =
		iw_stmt(dbc, "SELECT dir FROM adapter WHERE name = ?", "s", name);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1)
		*dir = iw_strdup(iw_col_str(stmt, "dir"));
	iw_stmt_done(dbc, stmt);
	if (rc == 0)
		return iw_err_set(err, IW_ENOENT, "there is no adapter '%s'", name);
	return rc < 0 ? rc : 0;
}

int project_db_adapter_arg(
	struct iw_dbc *dbc, const char *name, char **arg, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(
		dbc, "SELECT dir, parameters FROM adapter WHERE name = ?", "s", name);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1) {
		const char *parameters = iw_col_str(stmt, "parameters");

		*arg = iw_fmt("%s%s%s", iw_col_str(stmt, "dir"), *parameters ? ":" : "",
			parameters);
	}
	iw_stmt_done(dbc, stmt);
	if (rc == 0)
		return iw_err_set(err, IW_ENOENT, "there is no adapter '%s'", name);
	return rc < 0 ? rc : 0;
}

int project_db_set_snapshot(struct iw_dbc *dbc, int64_t adapter_id, const char *commit,
	bool is_main, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE adapter SET snapshot = ?, is_main = ? WHERE id = ?", "sii",
		commit, (int64_t)is_main, adapter_id);
}

int project_db_worked(struct iw_dbc *dbc, int64_t adapter_id, char commit[static 41],
	struct iw_err *err)
{
	sqlite3_stmt *stmt =
		iw_stmt(dbc, "SELECT worked FROM adapter WHERE id = ?", "i", adapter_id);
	int rc = iw_stmt_step(dbc, stmt, err);
	const char *worked = rc == 1 ? iw_col_str(stmt, "worked") : NULL;

	snprintf(commit, 41, "%s", worked ? worked : "");
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int project_db_set_worked(
	struct iw_dbc *dbc, int64_t adapter_id, const char *commit, struct iw_err *err)
{
	return iw_db_exec(dbc, err, "UPDATE adapter SET worked = ? WHERE id = ?", "si",
		commit, adapter_id);
}

int project_db_set_offline(struct iw_dbc *dbc, int64_t adapter_id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE target SET offline_ms = ? WHERE adapter_id = ? "
		"AND offline_ms IS NULL",
		"ii", iw_time_wall_ms(), adapter_id);
}

int project_db_target(struct iw_dbc *dbc, int64_t adapter_id, const char *name,
	int64_t *id, struct iw_err *err)
{
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO target (adapter_id, name) VALUES (?, ?) "
		"ON CONFLICT (adapter_id, name) DO UPDATE SET offline_ms = NULL",
		"is", adapter_id, name);

	if (rc < 0)
		return rc;
	return iw_db_int(dbc, -1, id, err,
		"SELECT id FROM target WHERE adapter_id = ? AND name = ?", "is",
		adapter_id, name);
}

int project_db_totals(struct iw_dbc *dbc, int64_t target_id,
	struct project_target_totals *totals, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT executions, core_ms, found_ms, failures, failed_ms FROM target "
		"WHERE id = ?",
		"i", target_id);
	int rc = iw_stmt_step(dbc, stmt, err);

	*totals = (struct project_target_totals){0};
	if (rc == 1) {
		totals->executions = iw_col_int(stmt, "executions");
		totals->core_ms = iw_col_int(stmt, "core_ms");
		totals->found_ms = iw_col_int(stmt, "found_ms");
		totals->failures = iw_col_int(stmt, "failures");
		totals->failed_ms = iw_col_int(stmt, "failed_ms");
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int project_db_add_totals(struct iw_dbc *dbc, int64_t target_id,
	const struct project_target_totals *more, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE target SET executions = executions + ?, core_ms = core_ms + ?, "
		"found_ms = coalesce(nullif(?, 0), found_ms), failures = failures + ?, "
		"failed_ms = coalesce(nullif(?, 0), failed_ms), "
		"failure = coalesce(?, failure) WHERE id = ?",
		"iiiiisi", more->executions, more->core_ms, more->found_ms,
		more->failures, more->failed_ms, more->failure, target_id);
}

static int each_id(struct iw_dbc *dbc, sqlite3_stmt *stmt, project_db_id_cb each,
	void *ctx, size_t *count, struct iw_err *err)
{
	int rc = 0, stop = 0;

	*count = 0;
	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		stop = each(ctx, iw_col_int(stmt, "id"));
		++*count;
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int project_db_find(struct iw_dbc *dbc, const char *name, project_db_id_cb each,
	void *ctx, struct iw_err *err)
{
	const char *slash = strchr(name, '/');
	_auto_free_ char *adapter =
		iw_strndup(name, slash ? (size_t)(slash - name) : strlen(name));
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT t.id FROM target t JOIN adapter a ON a.id = t.adapter_id "
		"WHERE a.name = ?1 AND (?2 IS NULL OR t.name = ?2) ORDER BY t.name",
		"ss", adapter, slash ? slash + 1 : NULL);
	size_t count;
	int rc = each_id(dbc, stmt, each, ctx, &count, err);

	if (rc != 0 || count > 0)
		return rc;
	return iw_err_set(err, IW_ENOENT,
		"there is no target '%s'; 'ironworks target list' shows all that are "
		"known",
		name);
}

int project_db_hold(
	struct iw_dbc *dbc, int64_t target_id, const char *why, struct iw_err *err)
{
	if (why && !iw_text_is_name(why, WHY_MAX))
		return iw_err_set(err, IW_EINVAL,
			"a reason has 1 to %d printable characters", WHY_MAX);
	return iw_db_exec(dbc, err,
		"UPDATE target SET held_ms = coalesce(held_ms, ?), held_why = ? "
		"WHERE id = ?",
		"isi", iw_time_wall_ms(), why, target_id);
}

int project_db_resume(struct iw_dbc *dbc, int64_t target_id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE target SET held_ms = NULL, held_why = NULL WHERE id = ?", "i",
		target_id);
}

int project_db_held(
	struct iw_dbc *dbc, project_db_id_cb each, void *ctx, struct iw_err *err)
{
	size_t count;

	return each_id(dbc,
		iw_stmt(dbc,
			"SELECT id FROM target WHERE held_ms IS NOT NULL ORDER BY id",
			""),
		each, ctx, &count, err);
}

int project_db_add_engine(struct iw_dbc *dbc, int64_t target_id,
	const struct project_engine_totals *more, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT INTO target_engine (target_id, engine, executions, core_ms, "
		"received, kept) VALUES (?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (target_id, engine) DO UPDATE SET "
		"executions = executions + excluded.executions, "
		"core_ms = core_ms + excluded.core_ms, "
		"received = received + excluded.received, kept = kept + excluded.kept",
		"isiiii", target_id, more->engine, more->executions, more->core_ms,
		more->received, more->kept);
}

#define SELECT_ENGINES                                                                   \
	"SELECT target_id, engine, executions, core_ms, received, kept FROM "            \
	"target_engine "

int project_db_engines(struct iw_dbc *dbc, int64_t target_id, project_db_engine_cb each,
	void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = target_id
		? iw_stmt(dbc, SELECT_ENGINES "WHERE target_id = ? ORDER BY engine", "i",
			  target_id)
		: iw_stmt(dbc, SELECT_ENGINES "ORDER BY target_id, engine", "");
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct project_engine_totals row = {
			.target_id = iw_col_int(stmt, "target_id"),
			.engine = iw_col_str(stmt, "engine"),
			.executions = iw_col_int(stmt, "executions"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.received = iw_col_int(stmt, "received"),
			.kept = iw_col_int(stmt, "kept"),
		};

		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

#define SELECT_TARGETS                                                                   \
	"SELECT t.id, a.name AS adapter, t.name, t.executions, t.core_ms, "              \
	"t.found_ms, t.failures, t.failed_ms, t.failure, t.held_ms, t.held_why, "        \
	"t.offline_ms, t.units, t.crashes, "                                             \
	"coalesce(g.bugs, 0) AS bugs, coalesce(g.open_bugs, 0) AS open_bugs, "           \
	"coalesce(g.core_ms, 0) AS bug_core_ms, "                                        \
	"coalesce(n.ms, 0) AS burned_ms "                                                \
	"FROM target t JOIN adapter a ON a.id = t.adapter_id "                           \
	"LEFT JOIN (SELECT target_id, count(*) AS bugs, "                                \
	"sum(state NOT IN ('flaky', 'fixed') AND decision IS NULL) AS open_bugs, "       \
	"sum(core_ms) AS core_ms "                                                       \
	"FROM bug WHERE merged_into IS NULL GROUP BY target_id) g "                      \
	"ON g.target_id = t.id "                                                         \
	"LEFT JOIN (SELECT c.target_id, sum(u.us) / 1000 AS ms FROM crash_burn u "       \
	"CROSS JOIN crash c ON c.id = u.crash_id GROUP BY c.target_id) n "               \
	"ON n.target_id = t.id "

int project_db_targets(struct iw_dbc *dbc, int64_t id, project_db_target_cb each,
	void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = id
		? iw_stmt(dbc, SELECT_TARGETS "WHERE t.id = ?", "i", id)
		: iw_stmt(dbc, SELECT_TARGETS "ORDER BY a.name, t.name", "");
	int rc, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct project_target_row row = {
			.id = iw_col_int(stmt, "id"),
			.adapter = iw_col_str(stmt, "adapter"),
			.name = iw_col_str(stmt, "name"),
			.totals =
				{
					.executions = iw_col_int(stmt, "executions"),
					.core_ms = iw_col_int(stmt, "core_ms"),
					.found_ms = iw_col_int(stmt, "found_ms"),
					.failures = iw_col_int(stmt, "failures"),
					.failed_ms = iw_col_int(stmt, "failed_ms"),
					.failure = iw_col_str(stmt, "failure"),
				},
			.units = iw_col_int(stmt, "units"),
			.crashes = iw_col_int(stmt, "crashes"),
			.bugs = iw_col_int(stmt, "bugs"),
			.open_bugs = iw_col_int(stmt, "open_bugs"),
			.bug_core_ms = iw_col_int(stmt, "bug_core_ms"),
			.burned_ms = iw_col_int(stmt, "burned_ms"),
			.held_ms = iw_col_int(stmt, "held_ms"),
			.held_why = iw_col_str(stmt, "held_why"),
			.offline_ms = iw_col_int(stmt, "offline_ms"),
		};

		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int project_db_reference(
	struct iw_dbc *dbc, int64_t target_id, int64_t *build_id, struct iw_err *err)
{
	return iw_db_int(dbc, -1, build_id, err,
		"SELECT b.id FROM target t JOIN build b ON b.adapter_id = t.adapter_id "
		"WHERE t.id = ? AND b.is_ok AND b.flavour = 'libfuzzer' AND EXISTS "
		"(SELECT 1 FROM measure m WHERE m.build_id = b.id "
		" AND m.target_id = t.id) ORDER BY b.id DESC LIMIT 1",
		"i", target_id);
}
