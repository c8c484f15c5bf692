#include "triage/unfinished.h"

#include <string.h>

#include "base/mem.h"
#include "triage/crash_db.h"

#include "base/banned.h"

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	struct triage_unfinished *u = ctx;
	struct triage_case *c;

	if (row->target_id != u->target->id)
		return 0;
	iw_grow(u->cases, u->case_count, u->case_cap);
	c = &u->cases[u->case_count++];
	*c = (struct triage_case){
		.crash_id = row->id, .target = u->target, .input = row->input};
	memcpy(c->flavour, row->flavour, sizeof c->flavour);
	memcpy(c->kind, row->kind, sizeof c->kind);
	return 0;
}

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct triage_unfinished *u = ctx;

	if (row->target_id != u->target->id || (row->outcome && row->issue))
		return 0;
	iw_grow(u->bugs, u->bug_count, u->bug_cap);
	u->bugs[u->bug_count++] = row->id;
	return 0;
}

int triage_unfinished_find(
	struct iw_dbc *dbc, struct triage_unfinished *unfinished, struct iw_err *err)
{
	struct crash_filter filter = {.state = "new", .limit = 1000000};
	int rc = crash_db_list(dbc, &filter, take_crash, unfinished, err);

	return rc < 0 ? rc : bug_db_list(dbc, 0, take_bug, unfinished, err);
}
