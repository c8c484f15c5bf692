/*
 * What a running triage does about merges and splits: a crash that is alike to two bugs may
 * join them, and what somebody else wrote into the database is followed in memory.
 *
 *	sighting alike to a second bug --> bug_db_join --> merged: reload
 *	command or page: merge, split  --> triage_reload --> read rows --> follow them
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "triage/known.h"
#include "triage/merge_db.h"

#include "base/banned.h"

struct follow {
	struct iw_db_req req;
	struct triage *triage;
	struct bug_row *rows; /* what memory needs of them, ids in order */
	size_t count, cap;
};

static int keep_row(void *ctx, const struct bug_row *row)
{
	struct follow *f = ctx;
	struct bug_row *kept;

	iw_grow(f->rows, f->count, f->cap);
	kept = &f->rows[f->count++];
	*kept = (struct bug_row){
		.id = row->id,
		.adapter_id = row->adapter_id,
		.target_id = row->target_id,
		.merged_into = row->merged_into,
		.frames = iw_strdup(row->frames),
		.issue = row->issue ? iw_strdup(row->issue) : NULL,
		.outcome = row->outcome ? iw_strdup(row->outcome) : NULL,
	};
	memcpy(kept->type, row->type, sizeof kept->type);
	memcpy(kept->state, row->state, sizeof kept->state);
	return 0;
}

static int read_rows(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	return bug_db_list(dbc, 0, keep_row, ctx, err);
}

/* One that stands for itself again, or never did otherwise, needs its own issue. */
static void follow_row(struct triage *t, const struct bug_row *row)
{
	struct triage_known *known = triage_known_of(t);
	struct triage_bug *bug = triage_known_find(known, row->id);
	struct triage_bug *into =
		row->merged_into < 0 ? NULL : triage_known_find(known, row->merged_into);
	bool is_new = !bug;

	if (is_new)
		bug = triage_known_add_row(known, row, NULL);
	if (!bug || (!is_new && bug->merged_into == into))
		return;
	triage_bug_survivor(bug)->is_dirty = true;
	bug->merged_into = into;
	bug->has_issue = row->issue != NULL;
	bug->is_fixed = strcmp(row->state, "fixed") == 0;
	triage_bug_survivor(bug)->is_dirty = true;
	if (!into && bug->target && !(row->outcome && row->issue))
		triage_pursue_new(t, bug);
}

static void on_rows(struct iw_db_req *req)
{
	struct follow *f = req->ctx;
	size_t i;

	if (req->err.code)
		iw_error("merged bugs cannot be read", S("error", req->err.msg));
	for (i = 0; i < f->count; i++) {
		if (!req->err.code && !triage_is_stopping(f->triage))
			follow_row(f->triage, &f->rows[i]);
		bug_row_fini(&f->rows[i]);
	}
	triage_request_end(f->triage);
	free(f->rows);
	free(f);
}

void triage_reload(struct triage *t)
{
	struct follow *f = iw_calloc(1, sizeof *f);

	f->triage = t;
	f->req = (struct iw_db_req){.run = read_rows, .ctx = f, .done = on_rows};
	triage_request_begin(t);
	iw_db_submit(triage_world_of(t)->db, &f->req);
}

/* -- a crash that is two bugs ------------------------------------------------------- */

struct joining {
	struct iw_db_req req;
	struct triage *triage;
	int64_t a, b, crash_id, survivor;
};

static int join(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct joining *j = ctx;
	int rc = bug_db_survivor(dbc, j->a, &j->a, err);

	if (rc == 0)
		rc = bug_db_survivor(dbc, j->b, &j->b, err);
	if (rc < 0 || j->a == j->b)
		return rc;
	rc = bug_db_join(dbc, j->a, j->b, j->crash_id, &j->survivor, err);
	return rc < 0 ? rc : 0;
}

static void on_joined(struct iw_db_req *req)
{
	struct joining *j = req->ctx;
	struct triage *t = j->triage;

	if (req->err.code)
		iw_error("two bugs cannot be joined", S("error", req->err.msg));
	else if (j->survivor) {
		iw_info("two bugs are one", I("bug", j->survivor),
			I("other", j->survivor == j->a ? j->b : j->a),
			I("crash", j->crash_id));
		triage_reload(t);
	}
	free(j);
	triage_request_end(t);
}

void triage_bug_sighted(struct triage *t, struct triage_bug *bug,
	const struct triage_case *c, const struct triage_signature *sig)
{
	struct triage_nearest near =
		triage_known_match(triage_known_of(t), c->target, sig);
	const struct triage_bug *best = near.owner, *other = near.other;
	struct joining *j;

	triage_bug_survivor(bug)->is_dirty = true;
	if (!triage_nearest_joins(&near) || best->id < 0 || other->id < 0)
		return;
	j = iw_calloc(1, sizeof *j);
	j->triage = t;
	j->a = best->id;
	j->b = other->id;
	j->crash_id = c->crash_id;
	j->req = (struct iw_db_req){.run = join, .ctx = j, .done = on_joined};
	triage_request_begin(t);
	iw_db_submit(triage_world_of(t)->db, &j->req);
}
