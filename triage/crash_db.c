#include "triage/crash_db.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

#include "base/banned.h"

#define LIST_LIMIT 1000

int crash_db_add(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	const char *kind, const struct iw_sha256 *input, int64_t size,
	const struct iw_sha256 *report, int64_t *id, struct iw_err *err)
{
	int rc = iw_db_int(dbc, -1, id, err,
		"SELECT id FROM crash WHERE target_id = ? AND build_id = ? AND input = ?",
		"iib", target_id, build_id, input->bytes, sizeof input->bytes);

	if (rc < 0)
		return rc;
	if (*id >= 0)
		return 1;
	rc = iw_db_exec(dbc, err,
		"INSERT INTO crash (target_id, build_id, kind, input, size, report, "
		"state, found_ms) VALUES (?, ?, ?, ?, ?, ?, 'new', ?)",
		"iisbibi", target_id, build_id, kind, input->bytes, sizeof input->bytes,
		size, report->bytes, sizeof report->bytes, iw_time_wall_ms());
	if (rc == 0)
		*id = iw_db_last_id(dbc);
	return rc;
}

int crash_db_judge(struct iw_dbc *dbc, int64_t id, const struct crash_verdict *verdict,
	struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"WITH RECURSIVE up(id, next) AS ("
		"SELECT id, merged_into FROM bug WHERE id = ?6 UNION "
		"SELECT b.id, b.merged_into FROM bug b JOIN up ON b.id = up.next) "
		"UPDATE crash SET state = ?1, runs = ?2, hits = ?3, type = ?4, "
		"frames = ?5, "
		"bug_id = iif(is_pinned, bug_id, (SELECT id FROM up WHERE next IS "
		"NULL)), "
		"own_bug_id = iif(is_pinned, own_bug_id, "
		" (SELECT id FROM up WHERE id = ?6 AND next IS NOT NULL)), "
		"why = ?8, tried_build = ?9 WHERE id = ?7",
		"siissnisi", verdict->state, verdict->runs, verdict->hits, verdict->type,
		verdict->frames, verdict->bug_id, id, verdict->why, verdict->tried_build);
}

int crash_db_retried(
	struct iw_dbc *dbc, int64_t id, int64_t tried_build, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE crash SET retries = retries + 1, tried_build = ? WHERE id = ?",
		"ii", tried_build, id);
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static void read_row(sqlite3_stmt *stmt, struct triage_crash_row *row)
{
	const void *hash;
	size_t len;

	*row = (struct triage_crash_row){
		.id = iw_col_int(stmt, "id"),
		.target_id = iw_col_int(stmt, "target_id"),
		.build_id = iw_col_int(stmt, "build_id"),
		.bug_id = iw_col_id(stmt, "bug_id"),
		.size = iw_col_int(stmt, "size"),
		.runs = iw_col_int(stmt, "runs"),
		.hits = iw_col_int(stmt, "hits"),
		.found_ms = iw_col_int(stmt, "found_ms"),
		.retries = iw_col_int(stmt, "retries"),
	};
	copy(row->adapter, sizeof row->adapter, iw_col_str(stmt, "adapter"));
	copy(row->target, sizeof row->target, iw_col_str(stmt, "target"));
	copy(row->flavour, sizeof row->flavour, iw_col_str(stmt, "flavour"));
	copy(row->kind, sizeof row->kind, iw_col_str(stmt, "kind"));
	copy(row->state, sizeof row->state, iw_col_str(stmt, "state"));
	copy(row->type, sizeof row->type, iw_col_str(stmt, "type"));
	copy(row->why, sizeof row->why, iw_col_str(stmt, "why"));
	hash = iw_col_blob(stmt, "input", &len);
	if (len == sizeof row->input.bytes)
		memcpy(row->input.bytes, hash, len);
}

static int each_row(struct iw_dbc *dbc, sqlite3_stmt *stmt, crash_db_cb each, void *ctx,
	struct iw_err *err)
{
	struct triage_crash_row row;
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		read_row(stmt, &row);
		stop = each(ctx, &row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

#define SELECT_CRASHES                                                                   \
	"SELECT c.id, c.target_id, c.build_id, c.bug_id, c.size, c.runs, c.hits, "       \
	"c.found_ms, c.kind, c.state, c.type, c.why, c.retries, c.input, "               \
	"t.name AS target, "                                                             \
	"a.name AS adapter, b.flavour AS flavour "                                       \
	"FROM crash c JOIN target t ON t.id = c.target_id "                              \
	"JOIN adapter a ON a.id = t.adapter_id "                                         \
	"JOIN build b ON b.id = c.build_id "
#define BUT_BEFORE                                                                       \
	"AND (?1 IS NULL OR c.state = ?1) AND (?2 = 0 OR c.id = ?2) "                    \
	"AND (?3 = 0 OR c.bug_id = ?3) AND (?4 = 0 OR c.id < ?4) "                       \
	"ORDER BY c.id DESC LIMIT ?5"

/* Each by the index that leads to its rows; a table has far more of others. */
static const char *select_crashes(const struct crash_filter *filter)
{
	if (filter->id)
		return SELECT_CRASHES "WHERE c.id = ?2 " BUT_BEFORE;
	if (filter->bug_id)
		return SELECT_CRASHES "WHERE c.bug_id = ?3 " BUT_BEFORE;
	if (filter->state)
		return SELECT_CRASHES "WHERE c.state = ?1 " BUT_BEFORE;
	return SELECT_CRASHES "WHERE 1 " BUT_BEFORE;
}

int crash_db_list(struct iw_dbc *dbc, const struct crash_filter *filter, crash_db_cb each,
	void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc, select_crashes(filter), "siiii", filter->state,
		filter->id, filter->bug_id, filter->before,
		filter->limit ? filter->limit : (int64_t)LIST_LIMIT);

	return each_row(dbc, stmt, each, ctx, err);
}

int crash_db_groups(
	struct iw_dbc *dbc, crash_db_group_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT c.*, g.* FROM (" SELECT_CRASHES ") c JOIN "
		"(SELECT max(id) AS newest, count(*) AS count, min(found_ms) AS "
		"first_ms, "
		"max(found_ms) AS last_ms FROM crash "
		"GROUP BY target_id, bug_id, build_id, kind, state "
		"ORDER BY newest DESC LIMIT ?) g ON g.newest = c.id "
		"ORDER BY g.newest DESC",
		"i", (int64_t)LIST_LIMIT);
	struct crash_group group;
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		read_row(stmt, &group.newest);
		group.count = iw_col_int(stmt, "count");
		group.first_ms = iw_col_int(stmt, "first_ms");
		group.last_ms = iw_col_int(stmt, "last_ms");
		stop = each(ctx, &group);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int crash_db_waiting(
	struct iw_dbc *dbc, int64_t target_id, int64_t *count, struct iw_err *err)
{
	return iw_db_int(dbc, 0, count, err,
		"SELECT count(*) FROM crash WHERE state = 'new' AND target_id = ?", "i",
		target_id);
}

int crash_db_unjudged(struct iw_dbc *dbc, int64_t target_id, crash_db_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		SELECT_CRASHES
		"WHERE c.state = 'new' AND c.target_id = ? ORDER BY c.id DESC",
		"i", target_id);

	return each_row(dbc, stmt, each, ctx, err);
}

int crash_db_unreproduced(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	crash_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		SELECT_CRASHES
		"WHERE c.state IN ('unreproducible', 'environment') AND c.target_id = ? "
		"AND c.retries < ? AND c.tried_build IS NOT ? "
		"ORDER BY c.id DESC LIMIT ?",
		"iiii", target_id, (int64_t)CRASH_RETRIES, build_id,
		(int64_t)CRASH_RETRIED_AT_ONCE);

	return each_row(dbc, stmt, each, ctx, err);
}

int crash_db_shows(struct iw_dbc *dbc, int64_t bug_id, int64_t build_id, bool *shows,
	struct iw_err *err)
{
	int64_t id;
	int rc = iw_db_int(dbc, 0, &id, err,
		"SELECT id FROM crash WHERE bug_id = ? AND tried_build = ? LIMIT 1", "ii",
		bug_id, build_id);

	*shows = rc == 0 && id != 0;
	return rc;
}

int crash_db_sightings(struct iw_dbc *dbc, int64_t bug_id, struct crash_sighting *out,
	size_t max, size_t *count, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT t.name AS target, b.flavour AS flavour, count(*) AS n, "
		"min(c.found_ms) AS first_ms FROM crash c "
		"JOIN target t ON t.id = c.target_id JOIN build b ON b.id = c.build_id "
		"WHERE c.bug_id = ? GROUP BY t.id, b.flavour ORDER BY first_ms",
		"i", bug_id);
	int rc = 0;

	*count = 0;
	while (*count < max && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		struct crash_sighting *s = &out[(*count)++];

		copy(s->target, sizeof s->target, iw_col_str(stmt, "target"));
		copy(s->flavour, sizeof s->flavour, iw_col_str(stmt, "flavour"));
		s->count = iw_col_int(stmt, "n");
		s->first_ms = iw_col_int(stmt, "first_ms");
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : 0;
}
