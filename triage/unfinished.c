#include "triage/unfinished.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/crash_db.h"

#include "base/banned.h"

/* Of a target's crashes that an earlier run left unjudged: so many at once. A heap of
 * them mostly is what it knew already. */
#define REVIVED_FRESH 4

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	struct triage_unfinished *u = ctx;
	struct triage_case *c;

	iw_grow(u->cases, u->case_count, u->case_cap);
	c = &u->cases[u->case_count++];
	*c = (struct triage_case){
		.crash_id = row->id,
		.target = u->target,
		.input = row->input,
		.is_retry = strcmp(row->state, "new") != 0,
	};
	memcpy(c->flavour, row->flavour, sizeof c->flavour);
	memcpy(c->kind, row->kind, sizeof c->kind);
	return 0;
}

bool triage_unfinished_look(
	const struct bug_row *row, const char *tree, struct triage_unfinished_bug *bug)
{
	const char *known = row->tested_tree ? row->tested_tree : row->found_tree;

	*bug = (struct triage_unfinished_bug){
		.id = row->id,
		.what = TRIAGE_UNFINISHED_RETEST,
		.is_settled = row->outcome && row->issue,
		.tested_ms = row->tested_ms,
	};
	if (strcmp(known, tree) != 0)
		return true;
	bug->what = TRIAGE_UNFINISHED_PURSUIT;
	if (row->tested_tree && row->tested_hits == 0) {
		bug->what = TRIAGE_UNFINISHED_ISSUE;
		return !row->issue;
	}
	return !bug->is_settled;
}

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct triage_unfinished *u = ctx;
	struct triage_unfinished_bug bug;

	if (row->merged_into >= 0 ||
		!triage_unfinished_look(
			row, project_snapshot(u->target->project)->tree, &bug))
		return 0;
	iw_grow(u->bugs, u->bug_count, u->bug_cap);
	u->bugs[u->bug_count++] = bug;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct triage_unfinished_bug *x = a, *y = b;

	if (x->tested_ms != y->tested_ms)
		return x->tested_ms < y->tested_ms ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

int triage_unfinished_find(
	struct iw_dbc *dbc, struct triage_unfinished *unfinished, struct iw_err *err)
{
	int64_t target_id = unfinished->target->id;
	int rc = crash_db_unjudged(dbc, target_id, take_crash, unfinished, err);

	unfinished->fresh_count = unfinished->case_count < REVIVED_FRESH
		? unfinished->case_count
		: REVIVED_FRESH;
	if (rc == 0)
		rc = crash_db_unreproduced(dbc, target_id,
			unfinished->target->reference_id, take_crash, unfinished, err);
	if (rc == 0)
		rc = bug_db_of_target(dbc, target_id, take_bug, unfinished, err);
	/* Where the branch moves faster than all can be tested, none is left out for
	 * ever.
	 */
	if (rc == 0 && unfinished->bug_count > 0)
		qsort(unfinished->bugs, unfinished->bug_count, sizeof *unfinished->bugs,
			by_age);
	return rc;
}
