#include "corpus/unit_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define UNIT_COLUMNS "u.id, u.sha256, u.size, u.pack, u.offset, u.stored"

static int read_unit(sqlite3_stmt *stmt, struct corpus_unit *unit, struct iw_err *err)
{
	size_t len;
	const void *sha = iw_col_blob(stmt, "sha256", &len);

	if (len != sizeof unit->sha.bytes)
		return iw_err_set(err, IW_EDB, "a unit has a hash of %zu bytes", len);
	unit->id = iw_col_int(stmt, "id");
	memcpy(unit->sha.bytes, sha, len);
	unit->size = (uint32_t)iw_col_int(stmt, "size");
	unit->place.pack = iw_col_int(stmt, "pack");
	unit->place.offset = iw_col_int(stmt, "offset");
	unit->place.stored = iw_col_int(stmt, "stored");
	return 0;
}

/* The only row of a statement; IW_ENOENT when there is none. Ends the statement. */
static int read_one(struct iw_dbc *dbc, sqlite3_stmt *stmt, struct corpus_unit *unit,
	struct iw_err *err)
{
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1)
		rc = read_unit(stmt, unit, err);
	else if (rc == 0)
		rc = iw_err_set(err, IW_ENOENT, "the store has no such unit");
	iw_stmt_done(dbc, stmt);
	return rc;
}

static void read_age(sqlite3_stmt *stmt, struct corpus_unit *unit)
{
	unit->added_ms = iw_col_int(stmt, "added_ms");
}

/* All rows of a statement; more reads what else it has. Ends it. */
static int read_all(struct iw_dbc *dbc, sqlite3_stmt *stmt, struct corpus_unit **units,
	size_t *count, void (*more)(sqlite3_stmt *stmt, struct corpus_unit *unit),
	struct iw_err *err)
{
	struct corpus_unit *list = NULL;
	size_t n = 0, cap = 0;
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		iw_grow(list, n, cap);
		list[n] = (struct corpus_unit){0};
		rc = read_unit(stmt, &list[n], err);
		if (rc < 0)
			break;
		if (more)
			more(stmt, &list[n]);
		n++;
	}
	iw_stmt_done(dbc, stmt);
	if (rc < 0) {
		free(list);
		return rc;
	}
	*units = list;
	*count = n;
	return 0;
}

int corpus_units_begin(struct iw_dbc *dbc, struct corpus_packs *packs, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		/* Ids and places grow together, and ids have an index. */
		"SELECT pack, offset, stored FROM unit ORDER BY id DESC LIMIT 1", "");
	struct corpus_place end = {.pack = -1};
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1) {
		end.pack = iw_col_int(stmt, "pack");
		end.offset = iw_col_int(stmt, "offset");
		end.stored = iw_col_int(stmt, "stored");
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : corpus_packs_begin(packs, &end, err);
}

struct adding {
	struct corpus_packs *packs;
	int64_t target_id, now;
	const char *origin;
	struct corpus_new_unit *units;
	size_t count;
	size_t stored, added;
};

/* The row of a content: found, or made with its record appended. */
static int add_content(struct iw_dbc *dbc, struct adding *a, struct corpus_new_unit *unit,
	struct iw_err *err)
{
	struct corpus_place place;
	int rc =
		iw_db_int(dbc, -1, &unit->id, err, "SELECT id FROM unit WHERE sha256 = ?",
			"b", unit->sha.bytes, sizeof unit->sha.bytes);

	unit->is_stored = false;
	if (rc < 0 || unit->id >= 0)
		return rc;
	rc = corpus_packs_append(a->packs, unit->record, unit->record_len, &place, err);
	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"INSERT INTO unit (sha256, size, pack, offset, stored, added_ms) "
			"VALUES (?, ?, ?, ?, ?, ?)",
			"biiiii", unit->sha.bytes, sizeof unit->sha.bytes,
			(int64_t)unit->size, place.pack, place.offset, place.stored,
			a->now);
	if (rc < 0)
		return rc;
	unit->id = iw_db_last_id(dbc);
	unit->is_stored = true;
	a->stored++;
	return 0;
}

static int add_units(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct adding *a = ctx;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < a->count; i++) {
		rc = add_content(dbc, a, &a->units[i], err);
		if (rc == 0)
			rc = iw_db_exec(dbc, err,
				"INSERT OR IGNORE INTO target_unit "
				"(target_id, unit_id, origin, added_ms) VALUES (?, ?, ?, "
				"?)",
				"iisi", a->target_id, a->units[i].id, a->origin, a->now);
		a->units[i].is_added = rc == 0 && sqlite3_changes(dbc->sql) > 0;
		a->added += a->units[i].is_added;
	}
	/* Nobody has seen these, also where the clock went back meanwhile. */
	if (rc == 0 && a->added > 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE judging SET seen_ms = ?2 "
			"WHERE target_id = ?1 AND seen_ms > ?2",
			"ii", a->target_id, a->now);
	/* The rows are committed after this; never the other way round. */
	if (rc == 0 && a->stored > 0)
		rc = corpus_packs_sync(a->packs, err);
	return rc;
}

int corpus_units_add(struct iw_dbc *dbc, struct corpus_packs *packs, int64_t target_id,
	const char *origin, struct corpus_new_unit *units, size_t count,
	struct iw_err *err)
{
	struct adding a = {
		.packs = packs,
		.target_id = target_id,
		.now = iw_time_wall_ms(),
		.origin = origin,
		.units = units,
		.count = count,
	};
	int rc = iw_db_tx(dbc, add_units, &a, err);

	if (rc < 0)
		return iw_err_wrap(err, "storing units");
	return a.added == 0 && count > 0 ? 1 : 0;
}

int corpus_units_list(struct iw_dbc *dbc, int64_t target_id, struct corpus_unit **units,
	size_t *count, struct iw_err *err)
{
	return read_all(dbc,
		iw_stmt(dbc,
			"SELECT " UNIT_COLUMNS " FROM target_unit t JOIN unit u "
			"ON u.id = t.unit_id "
			"WHERE t.target_id = ? AND t.state = 'good' ORDER BY u.id",
			"i", target_id),
		units, count, NULL, err);
}

/* Those that the build has seen are passed over by their age. */
#define UNMEASURED                                                                       \
	" FROM target_unit t JOIN unit u ON u.id = t.unit_id "                           \
	"WHERE t.target_id = ?1 AND t.state = 'good' "                                   \
	"AND t.added_ms >= coalesce((SELECT min(j.seen_ms) FROM judging j "              \
	" WHERE j.target_id = ?1 AND j.build_id = ?2), 0) "                              \
	"AND NOT EXISTS (SELECT 1 FROM measure m WHERE m.build_id = ?2 "                 \
	" AND m.target_id = ?1 AND m.unit_id = t.unit_id) "

int corpus_units_unmeasured(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	size_t limit, struct corpus_unit **units, size_t *count, struct iw_err *err)
{
	return read_all(dbc,
		iw_stmt(dbc,
			"SELECT " UNIT_COLUMNS UNMEASURED "ORDER BY u.size, u.id LIMIT ?",
			"iii", target_id, build_id, (int64_t)limit),
		units, count, NULL, err);
}

int corpus_units_waiting(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	size_t limit, struct corpus_unit **units, size_t *count, struct iw_err *err)
{
	return read_all(dbc,
		iw_stmt(dbc,
			"SELECT " UNIT_COLUMNS ", t.added_ms" UNMEASURED
			"ORDER BY t.added_ms, t.unit_id LIMIT ?",
			"iii", target_id, build_id, (int64_t)limit),
		units, count, read_age, err);
}

int corpus_units_unmeasured_of(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	const int64_t *ids, size_t id_count, struct corpus_unit **units, size_t *count,
	struct iw_err *err)
{
	struct corpus_unit *list = iw_calloc(id_count + 1, sizeof *list);
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; i < id_count; i++) {
		sqlite3_stmt *stmt = iw_stmt(dbc,
			"SELECT " UNIT_COLUMNS
			" FROM unit u WHERE u.id = ? AND NOT EXISTS "
			"(SELECT 1 FROM measure m WHERE m.build_id = ? "
			"AND m.target_id = ? AND m.unit_id = u.id)",
			"iii", ids[i], build_id, target_id);

		rc = iw_stmt_step(dbc, stmt, err);
		if (rc == 1)
			rc = read_unit(stmt, &list[n++], err);
		iw_stmt_done(dbc, stmt);
		if (rc < 0) {
			free(list);
			return rc;
		}
	}
	*units = list;
	*count = n;
	return 0;
}

int corpus_unit_get(
	struct iw_dbc *dbc, int64_t id, struct corpus_unit *unit, struct iw_err *err)
{
	return read_one(dbc,
		iw_stmt(dbc, "SELECT " UNIT_COLUMNS " FROM unit u WHERE u.id = ?", "i",
			id),
		unit, err);
}

int corpus_unit_find(struct iw_dbc *dbc, const struct iw_sha256 *sha,
	struct corpus_unit *unit, struct iw_err *err)
{
	return read_one(dbc,
		iw_stmt(dbc, "SELECT " UNIT_COLUMNS " FROM unit u WHERE u.sha256 = ?",
			"b", sha->bytes, sizeof sha->bytes),
		unit, err);
}

int corpus_units_count(
	struct iw_dbc *dbc, int64_t target_id, int64_t *count, struct iw_err *err)
{
	return iw_db_int(dbc, 0, count, err,
		"SELECT count(*) FROM target_unit WHERE target_id = ? AND state = 'good'",
		"i", target_id);
}

int corpus_unit_quarantine(
	struct iw_dbc *dbc, int64_t target_id, int64_t unit_id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE target_unit SET state = 'quarantined' "
		"WHERE target_id = ? AND unit_id = ?",
		"ii", target_id, unit_id);
}

/* Other flavours look at it as if it had come today: what they saw, they saw before. */
int corpus_units_retest(
	struct iw_dbc *dbc, int64_t target_id, int64_t build_id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE target_unit SET state = 'good', added_ms = ?1 "
		"WHERE target_id = ?2 AND state = 'quarantined' AND NOT EXISTS "
		"(SELECT 1 FROM measure m WHERE m.build_id = ?3 "
		"AND m.target_id = target_unit.target_id "
		"AND m.unit_id = target_unit.unit_id)",
		"iii", iw_time_wall_ms(), target_id, build_id);
}

struct measures {
	int64_t build_id, target_id;
	const struct corpus_measure_row *rows;
	size_t count;
};

static int add_measure(struct iw_dbc *dbc, const struct measures *m,
	const struct corpus_measure_row *row, struct iw_err *err)
{
	const char *outcome = row->outcome == ENGINE_DIED ? "died" : "passed";

	if (row->features)
		return iw_db_exec(dbc, err,
			"INSERT OR IGNORE INTO measure (build_id, target_id, unit_id, "
			"outcome, us, feature_count, features) VALUES (?, ?, ?, ?, ?, ?, "
			"?)",
			"iiisiib", m->build_id, m->target_id, row->unit_id, outcome,
			(int64_t)row->us, (int64_t)row->feature_count, row->features,
			row->features_len);
	return iw_db_exec(dbc, err,
		"INSERT OR IGNORE INTO measure (build_id, target_id, unit_id, "
		"outcome, us, feature_count) VALUES (?, ?, ?, ?, ?, ?)",
		"iiisii", m->build_id, m->target_id, row->unit_id, outcome,
		(int64_t)row->us, (int64_t)row->feature_count);
}

static int add_measures(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct measures *m = ctx;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < m->count; i++)
		if (m->rows[i].outcome != ENGINE_NOT_RUN)
			rc = add_measure(dbc, m, &m->rows[i], err);
	return rc;
}

int corpus_measures_add(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	const struct corpus_measure_row *rows, size_t count, struct iw_err *err)
{
	struct measures m = {.build_id = build_id,
		.target_id = target_id,
		.rows = rows,
		.count = count};
	int rc = iw_db_tx(dbc, add_measures, &m, err);

	return rc < 0 ? iw_err_wrap(err, "storing measures") : 0;
}

int corpus_measures_each(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	corpus_measure_cb cb, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT " UNIT_COLUMNS
		", m.us, m.feature_count, m.features FROM measure m "
		"JOIN unit u ON u.id = m.unit_id JOIN target_unit t "
		"ON t.target_id = m.target_id AND t.unit_id = m.unit_id "
		"WHERE m.build_id = ? AND m.target_id = ? AND m.outcome = 'passed' "
		"AND t.state = 'good' ORDER BY m.unit_id",
		"ii", build_id, target_id);
	struct corpus_measure_row row = {.outcome = ENGINE_PASSED};
	struct corpus_unit unit = {0};
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		rc = read_unit(stmt, &unit, err);
		if (rc < 0)
			break;
		row.unit_id = unit.id;
		row.us = (uint32_t)iw_col_int(stmt, "us");
		row.feature_count = (uint32_t)iw_col_int(stmt, "feature_count");
		row.features = iw_col_blob(stmt, "features", &row.features_len);
		rc = cb(ctx, &unit, &row, err);
		if (rc != 0)
			break;
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int corpus_features_each(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	corpus_features_cb cb, void *ctx, struct iw_err *err)
{
	/* Quarantined units are few: looked for once, and not for every unit. */
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT feature_count, features FROM measure "
		"WHERE build_id = ?1 AND target_id = ?2 AND outcome = 'passed' "
		"AND unit_id NOT IN (SELECT unit_id FROM target_unit "
		" WHERE target_id = ?2 AND state <> 'good')",
		"ii", build_id, target_id);
	struct corpus_measure_row row = {.outcome = ENGINE_PASSED};
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		row.feature_count = (uint32_t)iw_col_int(stmt, "feature_count");
		row.features = iw_col_blob(stmt, "features", &row.features_len);
		rc = cb(ctx, &row, err);
		if (rc != 0)
			break;
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

int corpus_measures_any(struct iw_dbc *dbc, int64_t build_id, int64_t target_id,
	bool *any, struct iw_err *err)
{
	int64_t found;
	int rc = iw_db_int(dbc, 0, &found, err,
		"SELECT 1 FROM measure WHERE build_id = ? AND target_id = ? LIMIT 1",
		"ii", build_id, target_id);

	*any = rc == 0 && found;
	return rc;
}
