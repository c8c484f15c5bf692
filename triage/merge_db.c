#include "triage/merge_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sanitizers/flavour.h"
#include "triage/bug_db.h"
#include "triage/crash_db.h"

#include "base/banned.h"

/* All that was merged into the bugs of the first and the second parameter, at any depth,
 * and themselves. */
#define PARTS_OF_1                                                                       \
	"WITH RECURSIVE part(id) AS (SELECT ?1 UNION "                                   \
	"SELECT b.id FROM bug b JOIN part ON b.merged_into = part.id)"
#define AND_PARTS_OF_2                                                                   \
	", other(id) AS (SELECT ?2 UNION "                                               \
	"SELECT b.id FROM bug b JOIN other ON b.merged_into = other.id) "

int bug_db_survivor(struct iw_dbc *dbc, int64_t id, int64_t *survivor, struct iw_err *err)
{
	int rc = iw_db_int(dbc, -1, survivor, err,
		"WITH RECURSIVE up(id, next) AS ("
		"SELECT id, merged_into FROM bug WHERE id = ? UNION "
		"SELECT b.id, b.merged_into FROM bug b JOIN up ON b.id = up.next) "
		"SELECT id FROM up WHERE next IS NULL",
		"i", id);

	if (rc == 0 && *survivor < 0)
		return iw_err_set(err, IW_ENOENT, "there is no bug %lld", (long long)id);
	return rc;
}

/* id stands alone, and is not a part of another. */
static int check_alone(struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	int64_t survivor;
	int rc = bug_db_survivor(dbc, id, &survivor, err);

	if (rc == 0 && survivor != id)
		return iw_err_set(err, IW_EINVAL,
			"bug %lld is a part of bug %lld already: say that one, or take "
			"it out with 'ironworks bug unmerge %lld'",
			(long long)id, (long long)survivor, (long long)id);
	return rc;
}

static int check_pair(struct iw_dbc *dbc, int64_t into, int64_t from, struct iw_err *err)
{
	int64_t adapters;
	int rc;

	if (into == from)
		return iw_err_set(
			err, IW_EINVAL, "bug %lld is itself already", (long long)into);
	rc = check_alone(dbc, into, err);
	if (rc == 0)
		rc = check_alone(dbc, from, err);
	if (rc == 0)
		rc = iw_db_int(dbc, 0, &adapters, err,
			"SELECT count(DISTINCT adapter_id) FROM bug WHERE id IN (?, ?)",
			"ii", into, from);
	if (rc == 0 && adapters != 1)
		return iw_err_set(err, IW_EINVAL,
			"bugs %lld and %lld are of two projects", (long long)into,
			(long long)from);
	return rc;
}

static int set_apart(struct iw_dbc *dbc, int64_t a, int64_t b, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"INSERT OR IGNORE INTO bug_apart (a, b) VALUES (min(?1, ?2), max(?1, "
		"?2))",
		"ii", a, b);
}

/* Takes text. */
static int tell(struct iw_dbc *dbc, const char *what, int64_t id, char *text,
	const struct bug_word *word, struct iw_err *err)
{
	int rc = bug_db_add_act(dbc, id, what, text, word, err);

	free(text);
	return rc;
}

static int merge(struct iw_dbc *dbc, int64_t into, int64_t from,
	const struct bug_word *word, struct iw_err *err)
{
	int rc = iw_db_exec(dbc, err, "UPDATE bug SET merged_into = ? WHERE id = ?", "ii",
		into, from);

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE crash SET own_bug_id = coalesce(own_bug_id, bug_id), "
			"bug_id = ? WHERE bug_id = ?",
			"ii", into, from);
	if (rc == 0)
		rc = tell(dbc, "merged", from,
			iw_fmt("is bug %lld from now on", (long long)into), word, err);
	if (rc == 0)
		rc = tell(dbc, "merged", into,
			iw_fmt("bug %lld is this one too", (long long)from), word, err);
	return rc;
}

int bug_db_merge(struct iw_dbc *dbc, int64_t into, int64_t from,
	const struct bug_word *word, struct iw_err *err)
{
	int rc = check_pair(dbc, into, from, err);

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"DELETE FROM bug_apart WHERE a = min(?1, ?2) AND b = max(?1, ?2)",
			"ii", into, from);
	return rc < 0 ? rc : merge(dbc, into, from, word, err);
}

int bug_db_unmerge(
	struct iw_dbc *dbc, int64_t id, const struct bug_word *word, struct iw_err *err)
{
	int64_t into;
	int rc = iw_db_int(dbc, -1, &into, err,
		"SELECT coalesce(merged_into, 0) FROM bug WHERE id = ?", "i", id);

	if (rc == 0 && into < 0)
		return iw_err_set(err, IW_ENOENT, "there is no bug %lld", (long long)id);
	if (rc == 0 && into == 0)
		return iw_err_set(err, IW_EINVAL,
			"bug %lld is not a part of another: name the crashes that are "
			"to be taken out of it",
			(long long)id);
	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE bug SET merged_into = NULL WHERE id = ?", "i", id);
	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			PARTS_OF_1 " UPDATE crash SET bug_id = ?1, "
				   "own_bug_id = nullif(own_bug_id, ?1) "
				   "WHERE own_bug_id IN (SELECT id FROM part)",
			"i", id);
	if (rc == 0)
		rc = set_apart(dbc, id, into, err);
	if (rc == 0)
		rc = tell(dbc, "split", id,
			iw_fmt("is no part of bug %lld any more", (long long)into), word,
			err);
	if (rc == 0)
		rc = tell(dbc, "split", into,
			iw_fmt("bug %lld is another one again", (long long)id), word,
			err);
	return rc;
}

/* -- split -------------------------------------------------------------------------- */

struct parting {
	struct triage_crash_row crash; /* the first, by which the new bug is named */
	struct bug_row bug;	       /* the new one */
	int64_t from;
};

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	*(struct triage_crash_row *)ctx = *row;
	return 1;
}

static int check_crash(
	struct iw_dbc *dbc, struct parting *p, int64_t id, struct iw_err *err)
{
	struct triage_crash_row row;
	int rc = crash_db_list(
		dbc, &(struct crash_filter){.id = id}, take_crash, &row, err);

	if (rc == 0)
		return iw_err_set(
			err, IW_ENOENT, "there is no crash %lld", (long long)id);
	if (rc < 0)
		return rc;
	if (row.bug_id < 0)
		return iw_err_set(
			err, IW_EINVAL, "crash %lld is of no bug", (long long)id);
	if (p->from && p->from != row.bug_id)
		return iw_err_set(err, IW_EINVAL,
			"crash %lld is of bug %lld, not of bug %lld like those before it",
			(long long)id, (long long)row.bug_id, (long long)p->from);
	if (!p->from)
		p->crash = row;
	p->from = row.bug_id;
	return 0;
}

static int check_something_is_left(
	struct iw_dbc *dbc, int64_t from, size_t count, struct iw_err *err)
{
	int64_t all;
	int rc = iw_db_int(dbc, 0, &all, err,
		"SELECT count(*) FROM crash WHERE bug_id = ?", "i", from);

	if (rc == 0 && all <= (int64_t)count)
		return iw_err_set(err, IW_EINVAL,
			"nothing would be left of bug %lld: it has %lld crashes",
			(long long)from, (long long)all);
	return rc;
}

/* What the new bug takes over from the one it was a part of. */
static int take_bug(void *ctx, const struct bug_row *row)
{
	struct parting *p = ctx;
	const struct san_flavour *own = san_flavour_find(p->crash.flavour);
	bool can_judge = own && san_flavour_can_judge(own);

	p->bug = (struct bug_row){
		.adapter_id = row->adapter_id,
		.target_id = p->crash.target_id,
		.build_id = can_judge ? p->crash.build_id : row->build_id,
		.is_security = row->is_security,
		.best = p->crash.input,
		.report = row->report,
		.best_size = p->crash.size,
		.first_size = p->crash.size,
		.runs = p->crash.runs,
		.hits = p->crash.hits,
		.found_commit = row->found_commit ? iw_strdup(row->found_commit) : NULL,
	};
	snprintf(p->bug.type, sizeof p->bug.type, "%s", p->crash.type);
	snprintf(p->bug.flavour, sizeof p->bug.flavour, "%s",
		can_judge ? p->crash.flavour : row->flavour);
	return 0;
}

static int add_bug(struct iw_dbc *dbc, struct parting *p, struct iw_err *err)
{
	sqlite3_stmt *stmt;
	int rc = bug_db_list(dbc, p->from, take_bug, p, err);

	if (rc < 0)
		return rc;
	stmt = iw_stmt(
		dbc, "SELECT frames, report FROM crash WHERE id = ?", "i", p->crash.id);
	rc = iw_stmt_step(dbc, stmt, err);
	if (rc == 1) {
		const char *frames = iw_col_str(stmt, "frames");
		size_t len;
		const void *report = iw_col_blob(stmt, "report", &len);

		p->bug.frames = iw_strdup(frames ? frames : "[]");
		if (len == sizeof p->bug.report.bytes)
			memcpy(p->bug.report.bytes, report, len);
	}
	iw_stmt_done(dbc, stmt);
	return rc < 0 ? rc : bug_db_add(dbc, &p->bug, err);
}

static int part(struct iw_dbc *dbc, struct parting *p, const int64_t *crashes,
	size_t count, const struct bug_word *word, struct iw_err *err)
{
	size_t i;
	int rc = add_bug(dbc, p, err);

	for (i = 0; rc == 0 && i < count; i++)
		rc = iw_db_exec(dbc, err,
			"UPDATE crash SET bug_id = ?, own_bug_id = NULL, is_pinned = 1 "
			"WHERE id = ?",
			"ii", p->bug.id, crashes[i]);
	if (rc == 0)
		rc = set_apart(dbc, p->bug.id, p->from, err);
	if (rc == 0)
		rc = tell(dbc, "split", p->bug.id,
			iw_fmt("was a part of bug %lld", (long long)p->from), word, err);
	if (rc == 0)
		rc = tell(dbc, "split", p->from,
			iw_fmt("a part of it is bug %lld from now on",
				(long long)p->bug.id),
			word, err);
	return rc;
}

int bug_db_split(struct iw_dbc *dbc, const int64_t *crashes, size_t count,
	const struct bug_word *word, int64_t *id, struct iw_err *err)
{
	struct parting p = {.from = 0};
	size_t i;
	int rc = 0;

	if (count == 0)
		return iw_err_set(err, IW_EINVAL, "which crashes are another bug?");
	for (i = 0; rc == 0 && i < count; i++)
		rc = check_crash(dbc, &p, crashes[i], err);
	if (rc == 0)
		rc = check_something_is_left(dbc, p.from, count, err);
	if (rc == 0)
		rc = part(dbc, &p, crashes, count, word, err);
	*id = p.bug.id;
	bug_row_fini(&p.bug);
	return rc;
}

/* -- by a crash's own evidence ------------------------------------------------------ */

static int remark(struct iw_dbc *dbc, int64_t id, int64_t other, struct iw_err *err)
{
	_auto_free_ char *text = iw_fmt("may be bug %lld too: 'ironworks bug merge %lld "
					"%lld' would make them one",
		(long long)other, (long long)id, (long long)other);
	int64_t told;
	int rc = iw_db_int(dbc, 0, &told, err,
		"SELECT count(*) FROM bug_event WHERE bug_id = ? AND what = 'alike' "
		"AND text = ?",
		"is", id, text);

	return rc < 0 || told ? rc : bug_db_add_event(dbc, id, "alike", text, err);
}

/* By a person. */
static int were_told_apart(
	struct iw_dbc *dbc, int64_t a, int64_t b, int64_t *times, struct iw_err *err)
{
	return iw_db_int(dbc, 0, times, err,
		PARTS_OF_1 AND_PARTS_OF_2
		"SELECT count(*) FROM part JOIN other JOIN bug_apart "
		"ON a = min(part.id, other.id) AND b = max(part.id, other.id)",
		"ii", a, b);
}

/* Or that people know by two issues. */
static int may_not_join(
	struct iw_dbc *dbc, int64_t a, int64_t b, int64_t *reasons, struct iw_err *err)
{
	int rc = were_told_apart(dbc, a, b, reasons, err);

	if (rc < 0 || *reasons)
		return rc;
	return iw_db_int(dbc, 0, reasons, err,
		"SELECT count(issue) = 2 FROM bug WHERE id IN (?, ?)", "ii", a, b);
}

int bug_db_join(struct iw_dbc *dbc, int64_t a, int64_t b, int64_t crash_id,
	int64_t *survivor, struct iw_err *err)
{
	_auto_free_ char *why = iw_fmt("crash %lld is both", (long long)crash_id);
	struct bug_word word = {.why = why};
	int64_t reasons;
	int rc = check_pair(dbc, a, b, err);

	if (rc == 0)
		rc = may_not_join(dbc, a, b, &reasons, err);
	if (rc < 0)
		return rc;
	if (reasons) {
		rc = remark(dbc, a < b ? a : b, a < b ? b : a, err);
		return rc < 0 ? rc : 1;
	}
	rc = iw_db_int(dbc, a, survivor, err,
		"SELECT id FROM bug WHERE id IN (?, ?) ORDER BY issue IS NULL, id", "ii",
		a, b);
	return rc < 0 ? rc : merge(dbc, *survivor, *survivor == a ? b : a, &word, err);
}

int bug_db_join_renamed(
	struct iw_dbc *dbc, int64_t a, int64_t b, const char *why, struct iw_err *err)
{
	struct bug_word word = {.why = why};
	int64_t times;
	int rc = bug_db_survivor(dbc, a, &a, err);

	if (rc == 0)
		rc = bug_db_survivor(dbc, b, &b, err);
	if (rc < 0 || a == b)
		return rc;
	rc = were_told_apart(dbc, a, b, &times, err);
	if (rc < 0 || times)
		return rc;
	return merge(dbc, a < b ? a : b, a < b ? b : a, &word, err);
}
