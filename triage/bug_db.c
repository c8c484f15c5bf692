#include "triage/bug_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "triage/severity.h"
#include "triage/decision_db.h"

#include "base/banned.h"

/* Of how many sightings each has an event of its own. */
#define SIGHTINGS_TOLD 5

void bug_row_fini(struct bug_row *row)
{
	free(row->frames);
	free(row->outcome);
	free(row->prs);
	free(row->proof);
	free(row->mend);
	free(row->issue);
	free(row->waits);
	free(row->snapshot);
	free(row->found_commit);
	free(row->tested_tree);
	free(row->decision);
	free(row->decision_by);
	free(row->decision_why);
	*row = (struct bug_row){0};
}

bool bug_row_is_private(const struct bug_row *row)
{
	return !row->outcome || strcmp(row->outcome, "staged") != 0 || row->is_merged;
}

int bug_db_add(struct iw_dbc *dbc, struct bug_row *row, struct iw_err *err)
{
	int rc;

	row->found_ms = iw_time_wall_ms();
	rc = iw_db_exec(dbc, err,
		"INSERT INTO bug (adapter_id, target_id, state, type, is_security, "
		"frames, flavour, build_id, best, best_size, first_size, runs, hits, "
		"report, found_ms, changed_ms, found_commit, severity, severity_reason, "
		"is_remote) "
		"VALUES (?, ?, 'new', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"iisissibiiiibiisssi", row->adapter_id, row->target_id, row->type,
		(int64_t)row->is_security, row->frames, row->flavour, row->build_id,
		row->best.bytes, sizeof row->best.bytes, row->best_size, row->first_size,
		row->runs, row->hits, row->report.bytes, sizeof row->report.bytes,
		row->found_ms, row->found_ms, row->found_commit, row->severity,
		row->severity_reason, (int64_t)row->is_remote);
	if (rc == 0)
		row->id = iw_db_last_id(dbc);
	return rc;
}

int bug_db_set_best(struct iw_dbc *dbc, int64_t id, const struct iw_sha256 *best,
	int64_t size, int64_t runs, int64_t hits, bool is_minimized, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET best = ?, best_size = ?, runs = ?, hits = ?, "
		"is_minimized = ?, changed_ms = ? WHERE id = ?",
		"biiiiii", best->bytes, sizeof best->bytes, size, runs, hits,
		(int64_t)is_minimized, iw_time_wall_ms(), id);
}

int bug_db_set_outcome(struct iw_dbc *dbc, int64_t id, const char *outcome,
	const char *prs, const char *proof, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET outcome = ?, prs = ?, proof = ?, changed_ms = ?, "
		"is_merged = (SELECT is_main FROM adapter WHERE id = bug.adapter_id) "
		"WHERE id = ?",
		"sssii", outcome, prs, proof, iw_time_wall_ms(), id);
}

int bug_db_set_progress(
	struct iw_dbc *dbc, int64_t id, const char *proof, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET proof = ?, changed_ms = ? WHERE id = ? AND outcome IS "
		"NULL",
		"sii", proof, iw_time_wall_ms(), id);
}

int bug_db_rename(struct iw_dbc *dbc, const struct bug_row *row, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET frames = ?, report = ?, build_id = ?, changed_ms = ? "
		"WHERE id = ?",
		"sbiii", row->frames, row->report.bytes, sizeof row->report.bytes,
		row->build_id, iw_time_wall_ms(), row->id);
}

int bug_db_set_mend(struct iw_dbc *dbc, int64_t id, const char *mend, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET mend = ?, changed_ms = ? WHERE id = ?", "sii", mend,
		iw_time_wall_ms(), id);
}

int bug_db_set_waits(
	struct iw_dbc *dbc, int64_t id, const char *waits, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET waits = ?1, changed_ms = ?2 "
		"WHERE id BETWEEN ?3 AND ?4 AND waits IS NOT ?1",
		"siii", waits, iw_time_wall_ms(), id, id ? id : INT64_MAX);
}

int bug_db_waiting(struct iw_dbc *dbc, int64_t *count, struct iw_err *err)
{
	return iw_db_int(dbc, 0, count, err,
		"SELECT count(*) FROM bug WHERE waits IS NOT NULL AND merged_into IS "
		"NULL",
		"");
}

int bug_db_set_issue(struct iw_dbc *dbc, int64_t id, const char *state, const char *issue,
	struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET state = iif(state IN ('fixed', 'regressed'), state, ?), "
		"issue = ?, changed_ms = ? WHERE id = ?",
		"ssii", state, issue, iw_time_wall_ms(), id);
}

int bug_db_set_remote(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET is_remote = 1, changed_ms = ? "
		"WHERE id = ? AND is_remote = 0",
		"ii", iw_time_wall_ms(), id);
}

int bug_db_set_tested(struct iw_dbc *dbc, int64_t id, const char *tree, int64_t runs,
	int64_t hits, int64_t reach, struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();
	int rc = iw_db_exec(dbc, err,
		"UPDATE bug SET tested_tree = ?, tested_ms = ?, tested_runs = ?, "
		"tested_hits = ?, tested_reach = ?, changed_ms = ? WHERE id = ?",
		"siiinii", tree, now, runs, hits, reach, now, id);

	return rc < 0 || hits == 0 ? rc : decision_db_seen(dbc, id, err);
}

int bug_db_set_state(
	struct iw_dbc *dbc, int64_t id, const char *state, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET state = ?, changed_ms = ? WHERE id = ?", "sii", state,
		iw_time_wall_ms(), id);
}

int bug_db_regress(struct iw_dbc *dbc, const struct bug_row *row, struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();
	int64_t is_fixed;
	int rc = iw_db_int(dbc, 0, &is_fixed, err,
		"SELECT 1 FROM bug WHERE id = ? AND state = 'fixed'", "i", row->id);

	if (rc < 0 || !is_fixed)
		return rc;
	rc = iw_db_exec(dbc, err,
		"UPDATE bug SET state = 'regressed', outcome = NULL, prs = NULL, "
		"proof = NULL, best = ?, best_size = ?, "
		"is_minimized = 0, runs = ?, hits = ?, flavour = ?, build_id = ?, "
		"tested_tree = ?, tested_ms = ?, tested_runs = ?, tested_hits = ?, "
		"tested_reach = NULL, changed_ms = ? WHERE id = ?",
		"biiisisiiiii", row->best.bytes, sizeof row->best.bytes, row->best_size,
		row->runs, row->hits, row->flavour, row->build_id, row->tested_tree, now,
		row->runs, row->hits, now, row->id);
	return rc < 0 ? rc : 1;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static char *copy_of(const char *s)
{
	return s ? iw_strdup(s) : NULL;
}

static void copy_hash(struct iw_sha256 *to, sqlite3_stmt *stmt, const char *name)
{
	size_t len;
	const void *data = iw_col_blob(stmt, name, &len);

	if (len == sizeof to->bytes)
		memcpy(to->bytes, data, len);
}

static void read_row(sqlite3_stmt *stmt, struct bug_row *row)
{
	*row = (struct bug_row){
		.id = iw_col_int(stmt, "id"),
		.adapter_id = iw_col_int(stmt, "adapter_id"),
		.target_id = iw_col_int(stmt, "target_id"),
		.build_id = iw_col_int(stmt, "build_id"),
		.is_security = iw_col_int(stmt, "is_security"),
		.is_remote = iw_col_int(stmt, "is_remote"),
		.is_merged = iw_col_int(stmt, "is_merged"),
		.is_minimized = iw_col_int(stmt, "is_minimized"),
		.frames = copy_of(iw_col_str(stmt, "frames")),
		.best_size = iw_col_int(stmt, "best_size"),
		.first_size = iw_col_int(stmt, "first_size"),
		.runs = iw_col_int(stmt, "runs"),
		.hits = iw_col_int(stmt, "hits"),
		.outcome = copy_of(iw_col_str(stmt, "outcome")),
		.prs = copy_of(iw_col_str(stmt, "prs")),
		.proof = copy_of(iw_col_str(stmt, "proof")),
		.mend = copy_of(iw_col_str(stmt, "mend")),
		.issue = copy_of(iw_col_str(stmt, "issue")),
		.waits = copy_of(iw_col_str(stmt, "waits")),
		.snapshot = copy_of(iw_col_str(stmt, "snapshot")),
		.found_commit = copy_of(iw_col_str(stmt, "found_commit")),
		.tested_tree = copy_of(iw_col_str(stmt, "tested_tree")),
		.tested_ms = iw_col_int(stmt, "tested_ms"),
		.tested_runs = iw_col_int(stmt, "tested_runs"),
		.tested_hits = iw_col_int(stmt, "tested_hits"),
		.tested_reach = iw_col_id(stmt, "tested_reach"),
		.found_ms = iw_col_int(stmt, "found_ms"),
		.sightings = iw_col_int(stmt, "sightings"),
		.changed_ms = iw_col_int(stmt, "changed_ms"),
		.core_ms = iw_col_int(stmt, "core_ms"),
		.decision = copy_of(iw_col_str(stmt, "decision")),
		.decision_by = copy_of(iw_col_str(stmt, "decision_by")),
		.decision_why = copy_of(iw_col_str(stmt, "decision_why")),
		.decision_ms = iw_col_int(stmt, "decision_ms"),
		.muted_ms = iw_col_int(stmt, "muted_ms"),
		.merged_into = iw_col_id(stmt, "merged_into"),
		.burned_ms = iw_col_int(stmt, "burned_ms"),
		.swallowed = iw_col_int(stmt, "swallowed"),
	};
	copy(row->adapter, sizeof row->adapter, iw_col_str(stmt, "adapter"));
	copy(row->target, sizeof row->target, iw_col_str(stmt, "target"));
	copy(row->flavour, sizeof row->flavour, iw_col_str(stmt, "flavour"));
	copy(row->closure, sizeof row->closure, iw_col_str(stmt, "closure"));
	copy(row->found_tree, sizeof row->found_tree, iw_col_str(stmt, "found_tree"));
	copy(row->state, sizeof row->state, iw_col_str(stmt, "state"));
	copy(row->type, sizeof row->type, iw_col_str(stmt, "type"));
	row->severity = triage_severity_literal(iw_col_str(stmt, "severity"));
	copy(row->severity_reason, sizeof row->severity_reason,
		iw_col_str(stmt, "severity_reason"));
	copy_hash(&row->best, stmt, "best");
	copy_hash(&row->report, stmt, "report");
}

#define SELECT_BUGS                                                                      \
	"SELECT g.*, t.name AS target, a.name AS adapter, b.closure AS closure, "        \
	"a.snapshot AS snapshot, b.tree AS found_tree, "                                 \
	"(SELECT count(*) FROM crash c WHERE c.bug_id = g.id) AS sightings, "            \
	"(SELECT coalesce(sum(n.us), 0) / 1000 FROM crash c JOIN crash_burn n "          \
	" ON n.crash_id = c.id WHERE c.bug_id = g.id) AS burned_ms, "                    \
	"(SELECT coalesce(sum(n.swallowed), 0) FROM crash c JOIN crash_burn n "          \
	" ON n.crash_id = c.id WHERE c.bug_id = g.id) AS swallowed "                     \
	"FROM bug g JOIN target t ON t.id = g.target_id "                                \
	"JOIN adapter a ON a.id = g.adapter_id JOIN build b ON b.id = g.build_id "

static int each_row(struct iw_dbc *dbc, sqlite3_stmt *stmt, bug_db_cb each, void *ctx,
	struct iw_err *err)
{
	struct bug_row row;
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		read_row(stmt, &row);
		stop = each(ctx, &row);
		bug_row_fini(&row);
	}
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}

int bug_db_list(
	struct iw_dbc *dbc, int64_t id, bug_db_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = id ? iw_stmt(dbc, SELECT_BUGS "WHERE g.id = ?", "i", id)
				: iw_stmt(dbc, SELECT_BUGS "ORDER BY g.id", "");

	return each_row(dbc, stmt, each, ctx, err);
}

int bug_db_find(struct iw_dbc *dbc, const struct bug_filter *f, bug_db_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		SELECT_BUGS "WHERE g.merged_into IS NULL "
			    "AND (?1 IS NULL OR a.name = ?1) "
			    "AND (?2 IS NULL OR t.name = ?2) "
			    "AND (?3 IS NULL OR g.state = ?3) "
			    "AND (?4 IS NULL OR g.outcome = ?4) "
			    "AND (?5 = 0 OR EXISTS (SELECT 1 FROM "
			    "json_each(coalesce(g.prs, '[]')) WHERE value = ?5)) "
			    "AND (?6 = 0 OR (g.outcome = 'staged' AND NOT g.is_merged)) "
			    "AND (?7 = 0 OR g.id < ?7) ORDER BY g.id DESC LIMIT ?8",
		"ssssiiii", f->adapter, f->target, f->state, f->outcome, f->pr,
		(int64_t)f->is_staged, f->before, f->limit ? f->limit : INT64_MAX);

	return each_row(dbc, stmt, each, ctx, err);
}

int bug_db_brought(struct iw_dbc *dbc, bool is_staged, bug_db_brought_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT a.name AS adapter, j.value AS pr, g.id AS id FROM bug g "
		"JOIN adapter a ON a.id = g.adapter_id, json_each(g.prs) j "
		"WHERE g.prs <> '[]' AND g.merged_into IS NULL AND (? = 0 OR "
		"(g.outcome = 'staged' AND NOT g.is_merged)) "
		"ORDER BY g.id DESC",
		"i", (int64_t)is_staged);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1)
		each(ctx, iw_col_str(stmt, "adapter"), iw_col_int(stmt, "pr"),
			iw_col_int(stmt, "id"));
	iw_stmt_done(dbc, stmt);
	return rc;
}

int bug_db_of_target(struct iw_dbc *dbc, int64_t target_id, bug_db_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(
		dbc, SELECT_BUGS "WHERE g.target_id = ? ORDER BY g.id", "i", target_id);

	return each_row(dbc, stmt, each, ctx, err);
}

int bug_db_changed(struct iw_dbc *dbc, int64_t *since_ms, bug_db_id_cb each, void *ctx,
	struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT id, changed_ms FROM bug WHERE changed_ms > ? ORDER BY changed_ms",
		"i", *since_ms);
	int rc;

	while ((rc = iw_stmt_step(dbc, stmt, err)) == 1) {
		*since_ms = iw_col_int(stmt, "changed_ms");
		each(ctx, iw_col_int(stmt, "id"));
	}
	iw_stmt_done(dbc, stmt);
	return rc;
}

static int touch(struct iw_dbc *dbc, int64_t id, int64_t core_ms, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET changed_ms = ?, core_ms = core_ms + ? WHERE id = ?",
		"iii", iw_time_wall_ms(), core_ms, id);
}

int bug_db_add_core(struct iw_dbc *dbc, int64_t id, int64_t core_ms, struct iw_err *err)
{
	return core_ms > 0 ? touch(dbc, id, core_ms, err) : 0;
}

int bug_db_add_act(struct iw_dbc *dbc, int64_t id, const char *what, const char *text,
	const struct bug_word *word, struct iw_err *err)
{
	int rc = iw_db_exec(dbc, err,
		"INSERT INTO bug_event (bug_id, at_ms, what, text, actor, why) "
		"VALUES (?, ?, ?, ?, ?, ?)",
		"iissss", id, iw_time_wall_ms(), what, text, word->by, word->why);

	return rc < 0 ? rc : touch(dbc, id, 0, err);
}

int bug_db_add_event(struct iw_dbc *dbc, int64_t id, const char *what, const char *text,
	struct iw_err *err)
{
	return bug_db_add_act(dbc, id, what, text, &(struct bug_word){NULL, NULL}, err);
}

/* The row that counts is the one behind the first few. */
static int count_sighting(
	struct iw_dbc *dbc, int64_t id, const char *where, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	int64_t row, count;
	int rc = iw_db_int(dbc, 0, &count, err,
		"SELECT count(*) FROM crash WHERE bug_id = ?", "i", id);

	if (rc == 0)
		rc = iw_db_int(dbc, -1, &row, err,
			"SELECT id FROM bug_event WHERE bug_id = ? AND what = 'sighting' "
			"ORDER BY id LIMIT 1 OFFSET ?",
			"ii", id, (int64_t)SIGHTINGS_TOLD);
	if (rc < 0)
		return rc;
	text = iw_fmt(
		"seen %lld times by now, the last time in %s", (long long)count, where);
	if (row < 0)
		return bug_db_add_event(dbc, id, "sighting", text, err);
	rc = iw_db_exec(dbc, err, "UPDATE bug_event SET at_ms = ?, text = ? WHERE id = ?",
		"isi", iw_time_wall_ms(), text, row);
	return rc < 0 ? rc : touch(dbc, id, 0, err);
}

int bug_db_add_sighting(
	struct iw_dbc *dbc, int64_t id, const char *where, struct iw_err *err)
{
	_auto_free_ char *text = iw_fmt("seen again in %s", where);
	int64_t told;
	int rc = iw_db_int(dbc, 0, &told, err,
		"SELECT count(*) FROM bug_event WHERE bug_id = ? AND what = 'sighting'",
		"i", id);

	if (rc == 0)
		rc = decision_db_seen(dbc, id, err);
	if (rc < 0)
		return rc;
	if (told < SIGHTINGS_TOLD)
		return bug_db_add_event(dbc, id, "sighting", text, err);
	return count_sighting(dbc, id, where, err);
}

int bug_db_events(
	struct iw_dbc *dbc, int64_t id, bug_event_cb each, void *ctx, struct iw_err *err)
{
	sqlite3_stmt *stmt = iw_stmt(dbc,
		"SELECT at_ms, what, text, actor, why FROM bug_event WHERE bug_id = ? "
		"ORDER BY at_ms, id",
		"i", id);
	int rc = 0, stop = 0;

	while (stop == 0 && (rc = iw_stmt_step(dbc, stmt, err)) == 1)
		stop = each(ctx,
			&(struct bug_event){
				.at_ms = iw_col_int(stmt, "at_ms"),
				.what = iw_col_str(stmt, "what"),
				.text = iw_col_str(stmt, "text"),
				.by = iw_col_str(stmt, "actor"),
				.why = iw_col_str(stmt, "why"),
			});
	iw_stmt_done(dbc, stmt);
	return stop ? stop : rc;
}
