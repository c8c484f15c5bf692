#include "campaign_db.h"

#include <string.h>

#include "adapters/project_db.h"
#include "base/text.h"
#include "base/time.h"

#include "base/banned.h"

struct starting {
	struct iw_dbc *dbc;
	const struct campaign_spec *spec;
	int64_t id;
	struct iw_err *err;
};

static int check_spec(const struct campaign_spec *spec, struct iw_err *err)
{
	if (!iw_text_is_name(spec->name, CAMPAIGN_NAME_MAX))
		return iw_err_set(err, IW_EINVAL,
			"a campaign's name has 1 to %d printable characters",
			CAMPAIGN_NAME_MAX);
	/* 'campaign show 3' must mean one thing. */
	if (spec->name[strspn(spec->name, "0123456789")] == '\0')
		return iw_err_set(err, IW_EINVAL,
			"a campaign cannot be called '%s': numbers are ids", spec->name);
	if (spec->budget_ms <= 0 || spec->budget_ms > CAMPAIGN_BUDGET_MAX_MS)
		return iw_err_set(err, IW_EINVAL,
			"a campaign's budget is more than 0 and at most %lld core-hours",
			(long long)(CAMPAIGN_BUDGET_MAX_MS / 3600000));
	if (spec->target_count == 0)
		return iw_err_set(err, IW_EINVAL, "a campaign wants one target at least");
	return 0;
}

static int add_target(void *ctx, int64_t target_id)
{
	struct starting *s = ctx;

	return iw_db_exec(s->dbc, s->err,
		"INSERT INTO campaign_target (campaign_id, target_id) VALUES (?, ?) "
		"ON CONFLICT DO NOTHING",
		"ii", s->id, target_id);
}

static int find_by_name(
	struct iw_dbc *dbc, const char *name, int64_t *id, struct iw_err *err)
{
	return iw_db_int(
		dbc, -1, id, err, "SELECT id FROM campaign WHERE name = ?", "s", name);
}

static int insert(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct starting *s = ctx;
	size_t i;
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO campaign (name, state, budget_ms, began_ms) "
		"VALUES (?, 'active', ?, ?)",
		"sii", s->spec->name, s->spec->budget_ms, iw_time_wall_ms());

	if (rc < 0)
		return rc;
	s->id = iw_db_last_id(dbc);
	for (i = 0; rc == 0 && i < s->spec->target_count; i++)
		rc = project_db_find(dbc, s->spec->targets[i], add_target, s, err);
	return rc;
}

int campaign_db_start(struct iw_dbc *dbc, const struct campaign_spec *spec, int64_t *id,
	struct iw_err *err)
{
	struct starting s = {.dbc = dbc, .spec = spec, .err = err};
	int rc = check_spec(spec, err);

	if (rc == 0)
		rc = find_by_name(dbc, spec->name, id, err);
	if (rc == 0 && *id >= 0)
		return iw_err_set(err, IW_EEXIST,
			"there is a campaign '%s' already; give this one another name",
			spec->name);
	if (rc == 0)
		rc = iw_db_tx(dbc, insert, &s, err);
	*id = s.id;
	return rc;
}

int campaign_db_find(
	struct iw_dbc *dbc, const char *name, int64_t *id, struct iw_err *err)
{
	int rc;

	if (*name && name[strspn(name, "0123456789")] == '\0')
		rc = iw_db_int(dbc, -1, id, err,
			"SELECT id FROM campaign WHERE CAST(id AS TEXT) = ?", "s", name);
	else
		rc = find_by_name(dbc, name, id, err);
	if (rc < 0 || *id >= 0)
		return rc;
	return iw_err_set(err, IW_ENOENT,
		"there is no campaign '%s'; 'ironworks campaign list' shows all", name);
}

int campaign_db_add(struct iw_dbc *dbc, int64_t id, int64_t executions, int64_t core_ms,
	struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE campaign SET executions = executions + ?, "
		"core_ms = core_ms + ? WHERE id = ?",
		"iii", executions, core_ms, id);
}

int campaign_db_add_features(
	struct iw_dbc *dbc, int64_t target_id, int64_t features, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE campaign SET features = features + ?1 WHERE state = 'active' "
		"AND id IN (SELECT campaign_id FROM campaign_target "
		"WHERE target_id = ?2)",
		"ii", features, target_id);
}

static int check_active(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	sqlite3_stmt *stmt =
		iw_stmt(dbc, "SELECT name, state FROM campaign WHERE id = ?", "i", id);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 0)
		rc = iw_err_set(
			err, IW_ENOENT, "there is no campaign %lld", (long long)id);
	else if (rc == 1 && strcmp(iw_col_str(stmt, "state"), "active") != 0)
		rc = iw_err_set(err, IW_EINVAL, "campaign '%s' has ended already: %s",
			iw_col_str(stmt, "name"), iw_col_str(stmt, "state"));
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int campaign_db_end(struct iw_dbc *dbc, int64_t id, const char *state, struct iw_err *err)
{
	int rc = check_active(dbc, id, err);

	if (rc < 0)
		return rc;
	return iw_db_exec(dbc, err,
		"UPDATE campaign SET state = ?1, ended_ms = ?2, "
		"crashes = (SELECT count(*) FROM campaign_target ct "
		" JOIN crash c ON c.target_id = ct.target_id "
		" WHERE ct.campaign_id = ?3 AND c.found_ms >= campaign.began_ms), "
		"bugs = (SELECT count(*) FROM campaign_target ct "
		" JOIN bug b ON b.target_id = ct.target_id "
		" WHERE ct.campaign_id = ?3 AND b.found_ms >= campaign.began_ms "
		" AND b.merged_into IS NULL) "
		"WHERE id = ?3",
		"sii", state, iw_time_wall_ms(), id);
}

int campaign_db_list(struct iw_dbc *dbc, const struct campaign_filter *filter,
	campaign_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT * FROM campaign WHERE (?1 = 0 OR id = ?1) "
		"AND (?2 IS NULL OR state = ?2) ORDER BY id DESC",
		"is", filter->id, filter->state);
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct campaign_row row = {
			.id = iw_col_int(stmt, "id"),
			.name = iw_col_str(stmt, "name"),
			.state = iw_col_str(stmt, "state"),
			.budget_ms = iw_col_int(stmt, "budget_ms"),
			.core_ms = iw_col_int(stmt, "core_ms"),
			.executions = iw_col_int(stmt, "executions"),
			.features = iw_col_int(stmt, "features"),
			.crashes = iw_col_id(stmt, "crashes"),
			.bugs = iw_col_id(stmt, "bugs"),
			.began_ms = iw_col_int(stmt, "began_ms"),
			.ended_ms = iw_col_int(stmt, "ended_ms"),
		};

		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int campaign_db_targets(struct iw_dbc *dbc, int64_t id, campaign_db_target_cb each,
	void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT t.id, a.name AS adapter, t.name FROM campaign_target ct "
		"JOIN target t ON t.id = ct.target_id "
		"JOIN adapter a ON a.id = t.adapter_id "
		"WHERE ct.campaign_id = ? ORDER BY a.name, t.name",
		"i", id);
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1)
		stop = each(ctx, iw_col_int(stmt, "id"), iw_col_str(stmt, "adapter"),
			iw_col_str(stmt, "name"));
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}
