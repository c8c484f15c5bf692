#include "triage/burn_db.h"

#include "base/mem.h"

#include "base/banned.h"

/* Of crashes, those that may still be somebody's. */
#define IS_BELIEVED "c.state IN ('new', 'judged')"

static int know_hang(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	struct burn_known *known, struct iw_err *err)
{
	int64_t hangs = 0;
	int rc = iw_db_int(dbc, 0, &hangs, err,
		"SELECT count(*) FROM crash WHERE target_id = ? AND build_id = ? "
		"AND kind = 'timeout' AND bug_id IS NOT NULL",
		"ii", target_id, build_id);

	known->has_hang = hangs > 0;
	return rc;
}

int burn_db_known(struct iw_dbc *dbc, int64_t target_id, int64_t build_id, size_t max,
	struct burn_known *known, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT b.place AS place FROM crash c JOIN crash_burn b "
		"ON b.crash_id = c.id WHERE c.target_id = ? AND c.build_id = ? "
		"AND b.place IS NOT NULL GROUP BY b.place "
		"HAVING max(" IS_BELIEVED ") OR count(*) >= ? "
		"ORDER BY sum(b.swallowed + b.deaths) DESC, b.place LIMIT ?",
		"iiii", target_id, build_id, (int64_t)BURN_DOUBTED_MAX, (int64_t)max);
	int rc;

	*known = (struct burn_known){0};
	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1)
		if (known->count < IW_COUNT(known->places))
			known->places[known->count++] =
				(uint64_t)iw_col_int(stmt, "place");
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : know_hang(dbc, target_id, build_id, known, err);
}

int burn_db_died(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	const struct iw_sha256 *input, uint64_t place, int64_t us, struct iw_err *err)
{
	int64_t id;
	int rc = iw_db_int(dbc, -1, &id, err,
		"SELECT id FROM crash WHERE target_id = ? AND build_id = ? AND input = ?",
		"iib", target_id, build_id, input->bytes, sizeof input->bytes);

	if (rc < 0 || id < 0)
		return rc < 0 ? rc : 1;
	return iw_db_exec(dbc, err,
		"INSERT INTO crash_burn (crash_id, place, deaths, us) "
		"VALUES (?1, nullif(?2, 0), 1, ?3) ON CONFLICT DO UPDATE SET "
		"place = coalesce(excluded.place, place), deaths = deaths + 1, "
		"us = us + excluded.us",
		"iii", id, (int64_t)place, us);
}

/* The first of a place's crashes that is believed has its account. */
int burn_db_swallowed(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	uint64_t place, int64_t count, int64_t us, struct iw_err *err)
{
	int64_t id;
	int rc = iw_db_int(dbc, -1, &id, err,
		"SELECT c.id FROM crash_burn b JOIN crash c ON c.id = b.crash_id "
		"WHERE b.place = ? AND c.target_id = ? AND c.build_id = ? "
		"ORDER BY " IS_BELIEVED " DESC, c.id LIMIT 1",
		"iii", (int64_t)place, target_id, build_id);

	if (rc < 0 || id < 0)
		return rc < 0 ? rc : 1;
	return iw_db_exec(dbc, err,
		"UPDATE crash_burn SET swallowed = swallowed + ?, us = us + ? "
		"WHERE crash_id = ?",
		"iii", count, us, id);
}
