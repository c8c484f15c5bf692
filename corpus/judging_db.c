#include "corpus/judging_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

struct opening {
	int64_t target_id, now_ms;
	struct corpus_judge *judges;
	size_t count;
};

static int put(struct iw_dbc *dbc, const struct opening *o, struct corpus_judge *judge,
	struct iw_err *err)
{
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO judging (target_id, flavour, build_id, since_ms, within_ms) "
		"VALUES (?, ?, ?, ?, ?) ON CONFLICT (target_id, flavour) DO UPDATE SET "
		"build_id = excluded.build_id, since_ms = excluded.since_ms, seen_ms = 0 "
		"WHERE build_id IS NOT excluded.build_id",
		"isnii", o->target_id, judge->flavour, judge->build_id, o->now_ms,
		judge->within_ms);

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE judging SET within_ms = ? "
			"WHERE target_id = ? AND flavour = ?",
			"iis", judge->within_ms, o->target_id, judge->flavour);
	if (rc == 0)
		rc = iw_db_int(dbc, o->now_ms, &judge->since_ms, err,
			"SELECT since_ms FROM judging WHERE target_id = ? AND flavour = "
			"?",
			"is", o->target_id, judge->flavour);
	return rc;
}

/* The first flavour that judges no more; *flavour NULL: there is none. The caller frees.
 */
static int find_old(
	struct iw_dbc *dbc, const struct opening *o, char **flavour, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT flavour FROM judging WHERE target_id = ?", "i", o->target_id);
	size_t i;
	int rc = 0;

	*flavour = NULL;
	while (!*flavour && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		const char *name = iw_col_str(stmt, "flavour");

		for (i = 0; i < o->count; i++)
			if (strcmp(o->judges[i].flavour, name) == 0)
				break;
		if (i == o->count)
			*flavour = iw_strdup(name);
	}
	iw_stmt_done(dbc, stmt);
	return *flavour ? 0 : rc;
}

static int open_judging(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct opening *o = ctx;
	char *flavour;
	size_t i;
	int rc;

	while ((rc = find_old(dbc, o, &flavour, err)) == 0 && flavour) {
		rc = iw_db_exec(dbc, err,
			"DELETE FROM judging WHERE target_id = ? AND flavour = ?", "is",
			o->target_id, flavour);
		free(flavour);
		if (rc < 0)
			return rc;
	}
	for (i = 0; rc == 0 && i < o->count; i++)
		rc = put(dbc, o, &o->judges[i], err);
	return rc;
}

int corpus_judging_open(struct iw_dbc *dbc, int64_t target_id,
	struct corpus_judge *judges, size_t count, int64_t now_ms, struct iw_err *err)
{
	struct opening o = {.target_id = target_id,
		.now_ms = now_ms,
		.judges = judges,
		.count = count};

	return iw_db_tx(dbc, open_judging, &o, err);
}

struct judging_row {
	int64_t build_id, since_ms, seen_ms, within_ms;
};

/* 1: there is one. */
static int find_row(struct iw_dbc *dbc, int64_t target_id, const char *flavour,
	struct judging_row *row, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT build_id, since_ms, seen_ms, within_ms FROM judging "
		"WHERE target_id = ? AND flavour = ?",
		"is", target_id, flavour);
	int rc = iw_stmt_step(dbc, stmt, err);

	if (rc == 1)
		*row = (struct judging_row){
			.build_id = iw_col_id(stmt, "build_id"),
			.since_ms = iw_col_int(stmt, "since_ms"),
			.seen_ms = iw_col_int(stmt, "seen_ms"),
			.within_ms = iw_col_int(stmt, "within_ms"),
		};
	iw_stmt_done(dbc, stmt);
	return rc;
}

int corpus_judging_look(struct iw_dbc *dbc, int64_t target_id, const char *flavour,
	int64_t now_ms, struct corpus_waiting *waiting, struct iw_err *err)
{
	struct judging_row row = {0};
	sqlite3_stmt *stmt;
	int rc = find_row(dbc, target_id, flavour, &row, err);

	*waiting = (struct corpus_waiting){0};
	if (rc <= 0)
		return rc;
	/* A unit waits since it came, or since the build did. */
	stmt = iw_stmt(dbc,
		"SELECT count(*) AS units, max(min(t.added_ms), ?4) AS oldest_ms, "
		"total(max(t.added_ms, ?4) < ?5) AS late "
		"FROM target_unit t WHERE t.target_id = ?1 AND t.state = 'good' "
		"AND t.added_ms >= ?3 AND NOT EXISTS (SELECT 1 FROM measure m "
		" WHERE m.build_id = ?2 AND m.target_id = ?1 AND m.unit_id = t.unit_id)",
		"iiiii", target_id, row.build_id, row.seen_ms, row.since_ms,
		row.within_ms ? now_ms - row.within_ms : 0);
	rc = iw_stmt_step(dbc, stmt, err);
	if (rc == 1) {
		waiting->units = iw_col_int(stmt, "units");
		waiting->oldest_ms = iw_col_int(stmt, "oldest_ms");
		waiting->late = (int64_t)iw_col_real(stmt, "late");
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int corpus_judging_advance(
	struct iw_dbc *dbc, int64_t target_id, int64_t build_id, struct iw_err *err)
{
	/* Up to the first that has not run; where there is none, up to the newest. */
	return iw_db_exec(dbc, err,
		"UPDATE judging SET seen_ms = coalesce("
		" (SELECT t.added_ms FROM target_unit t WHERE t.target_id = ?1 "
		"  AND t.state = 'good' AND t.added_ms >= judging.seen_ms "
		"  AND NOT EXISTS (SELECT 1 FROM measure m WHERE m.build_id = ?2 "
		"   AND m.target_id = ?1 AND m.unit_id = t.unit_id) "
		"  ORDER BY t.added_ms LIMIT 1), "
		" (SELECT max(t.added_ms) FROM target_unit t "
		"  WHERE t.target_id = ?1 AND t.state = 'good'), seen_ms) "
		"WHERE target_id = ?1 AND build_id = ?2",
		"ii", target_id, build_id);
}

int corpus_judging_build(
	struct iw_dbc *dbc, int64_t target_id, int64_t *build_id, struct iw_err *err)
{
	return iw_db_int(dbc, 0, build_id, err,
		"SELECT build_id FROM judging WHERE target_id = ? AND "
		"build_id IS NOT NULL ORDER BY since_ms DESC, build_id DESC LIMIT 1",
		"i", target_id);
}

int corpus_judging_each(struct iw_dbc *dbc, int64_t target_id, int64_t now_ms,
	corpus_judge_cb cb, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT flavour, build_id, within_ms FROM judging "
		"WHERE target_id = ? AND within_ms > 0 ORDER BY flavour",
		"i", target_id);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct corpus_judge judge = {
			.flavour = iw_col_str(stmt, "flavour"),
			.build_id = iw_col_id(stmt, "build_id"),
			.within_ms = iw_col_int(stmt, "within_ms"),
		};
		struct corpus_waiting waiting;

		rc = corpus_judging_look(
			dbc, target_id, judge.flavour, now_ms, &waiting, err);
		if (rc == 0)
			rc = cb(ctx, &judge, &waiting);
		if (rc != 0)
			break;
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}
