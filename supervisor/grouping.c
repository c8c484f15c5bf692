#include "grouping.h"

#include <string.h>

#include "base/mem.h"
#include "triage/crash_db.h"
#include "triage/decision.h"
#include "triage/decision_db.h"
#include "triage/merge_db.h"

#include "base/banned.h"

bool grouping_is(const char *verb)
{
	static const char *const verbs[] = {"merge", "unmerge", "split"};
	size_t i;

	for (i = 0; i < IW_COUNT(verbs); i++)
		if (strcmp(verbs[i], verb) == 0)
			return true;
	return false;
}

static int take_bug_id(void *ctx, const struct triage_crash_row *row)
{
	*(int64_t *)ctx = row->bug_id;
	return 0;
}

/* That they are all of one bug is looked at where they are split. */
static int check_first(struct iw_dbc *dbc, const struct grouping *g, struct iw_err *err)
{
	struct crash_filter filter = {.id = g->crash_count ? g->crashes[0] : -1};
	int64_t bug_id = -1;
	int rc;

	if (g->crash_count == 0 || g->crash_count > GROUPING_CRASHES_MAX)
		return iw_err_set(err, IW_EINVAL,
			"say which crashes are another bug, 1 to %d of them",
			GROUPING_CRASHES_MAX);
	rc = crash_db_list(dbc, &filter, take_bug_id, &bug_id, err);
	if (rc < 0 || bug_id == g->bug_id)
		return rc;
	return iw_err_set(err, IW_EINVAL,
		"crash %lld is none of bug %lld; 'ironworks crash list' says whose it is",
		(long long)g->crashes[0], (long long)g->bug_id);
}

int grouping_do(
	struct iw_dbc *dbc, const struct grouping *g, int64_t *shown, struct iw_err *err)
{
	struct bug_word word = {.by = g->by, .why = g->why};
	int64_t part = g->other_id ? g->other_id : g->bug_id;
	int rc = decision_db_check_why(g->why, err);

	*shown = g->bug_id;
	if (rc < 0)
		return rc;
	if (strcmp(g->verb, "split") != 0) {
		rc = g->other_id ? bug_db_merge(dbc, g->bug_id, g->other_id, &word, err)
				 : bug_db_unmerge(dbc, g->bug_id, &word, err);
		return rc < 0 ? rc
			      : triage_decision_rewrite(dbc, g->outbox_dir, part, err);
	}
	rc = check_first(dbc, g, err);
	return rc < 0 ? rc
		      : bug_db_split(dbc, g->crashes, g->crash_count, &word, shown, err);
}
