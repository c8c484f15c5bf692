#include "triage/decision_db.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "triage/bug_db.h"
#include "triage/merge_db.h"

#include "base/banned.h"

static int add_event(struct iw_dbc *dbc, const struct decision *d, const char *what,
	const char *text, struct iw_err *err)
{
	struct bug_word word = {d->by, d->why};

	return bug_db_add_act(dbc, d->bug_id, what, text, &word, err);
}

int decision_db_check_why(const char *why, struct iw_err *err)
{
	if (!why || iw_text_is_name(why, DECISION_WHY_MAX))
		return 0;
	return iw_err_set(err, IW_EINVAL, "a reason has 1 to %d printable characters",
		DECISION_WHY_MAX);
}

static int check(struct iw_dbc *dbc, const struct decision *d, struct iw_err *err)
{
	int64_t survivor;
	int rc = decision_db_check_why(d->why, err);

	if (rc == 0)
		rc = bug_db_survivor(dbc, d->bug_id, &survivor, err);
	if (rc == IW_ENOENT)
		return iw_err_set(err, IW_ENOENT,
			"there is no bug %lld; 'ironworks bug list' shows all",
			(long long)d->bug_id);
	if (rc < 0 || survivor == d->bug_id)
		return rc;
	return iw_err_set(err, IW_EINVAL,
		"bug %lld is a part of bug %lld: say that one, or take it out with "
		"'ironworks bug unmerge %lld'",
		(long long)d->bug_id, (long long)survivor, (long long)d->bug_id);
}

int decision_db_set(struct iw_dbc *dbc, const struct decision *d, const char *what,
	struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();
	int rc = check(dbc, d, err);

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE bug SET decision = ?, decision_why = ?, decision_by = ?, "
			"decision_ms = ?, decision_commit = (SELECT snapshot FROM "
			"adapter a WHERE a.id = adapter_id), changed_ms = ? WHERE id = ?",
			"sssiii", what, d->why, d->by, now, now, d->bug_id);
	return rc < 0 ? rc : add_event(dbc, d, what, "decided by hand", err);
}

int decision_db_mute(struct iw_dbc *dbc, const struct decision *d, struct iw_err *err)
{
	int64_t now = iw_time_wall_ms();
	int rc = check(dbc, d, err);

	if (rc == 0)
		rc = iw_db_exec(dbc, err,
			"UPDATE bug SET muted_ms = ?, changed_ms = ? WHERE id = ?", "iii",
			now, now, d->bug_id);
	return rc < 0 ? rc
		      : add_event(dbc, d, "muted",
				"sightings do not rewrite its issue any more", err);
}

static int undo(struct iw_dbc *dbc, int64_t bug_id, struct iw_err *err)
{
	return iw_db_exec(dbc, err,
		"UPDATE bug SET decision = NULL, decision_why = NULL, decision_by = "
		"NULL, decision_ms = NULL, decision_commit = NULL, muted_ms = NULL, "
		"changed_ms = ? WHERE id = ?",
		"ii", iw_time_wall_ms(), bug_id);
}

int decision_db_reopen(struct iw_dbc *dbc, const struct decision *d, struct iw_err *err)
{
	int64_t count;
	int rc = check(dbc, d, err);

	if (rc == 0)
		rc = iw_db_int(dbc, 0, &count, err,
			"SELECT count(*) FROM bug WHERE id = ? AND "
			"(decision IS NOT NULL OR muted_ms IS NOT NULL)",
			"i", d->bug_id);
	if (rc < 0)
		return rc;
	if (count == 0)
		return iw_err_set(err, IW_EINVAL,
			"nothing was decided about bug %lld, so there is nothing to undo",
			(long long)d->bug_id);
	rc = undo(dbc, d->bug_id, err);
	return rc < 0 ? rc : add_event(dbc, d, "reopened", "by hand", err);
}

int decision_db_seen(struct iw_dbc *dbc, int64_t bug_id, struct iw_err *err)
{
	struct decision nobody = {.bug_id = bug_id};
	int64_t count;
	int rc = iw_db_int(dbc, 0, &count, err,
		"SELECT count(*) FROM bug g JOIN adapter a ON a.id = g.adapter_id "
		"WHERE g.id = ? AND g.decision = 'closed' AND "
		"a.snapshot IS NOT g.decision_commit",
		"i", bug_id);

	if (rc < 0 || count == 0)
		return rc;
	rc = undo(dbc, bug_id, err);
	return rc < 0 ? rc
		      : add_event(dbc, &nobody, "reopened",
				"it shows on another snapshot than the one on which it "
				"was closed",
				err);
}
