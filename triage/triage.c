#include "triage/triage.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "triage/again.h"
#include "triage/cluster.h"
#include "triage/known.h"
#include "triage/publish.h"
#include "triage/reproduce.h"
#include "triage/room.h"
#include "triage/unfinished.h"

#include "base/banned.h"

/* Sightings come by the second; an issue is a file that people read. */
#define PUBLISH_EVERY_MS 5000
/* So many unsymbolized frames make two crashes look alike. */
#define RAW_FRAMES 4
#define AGAIN_EVERY_MS 1000

struct active {
	struct active *next;
	struct triage_judge *judge; /* one of the three */
	struct triage_pursuit *pursuit;
	struct triage_retest *retest;
};

/* Cases that wait for one kind of reason, first come first served. */
struct row {
	struct triage_case *first, **end;
	int count;
};

struct chase {
	struct chase *next;
	struct triage_bug *bug;
};

struct triage {
	struct triage_world world;
	struct triage_events events;
	int width;
	struct triage_known bugs;
	struct row fresh; /* look like nothing that is known or on its way */
	struct row known; /* look like a bug or like a fresh one: one more sighting */
	struct triage_clusters *looks;	    /* of fresh ones */
	struct triage_signature *raw_looks; /* of those without names */
	size_t raw_count, raw_cap;
	struct chase *chases; /* pursuits, then retests */
	struct triage_again again;
	struct active *active;
	int judging, pursuing, hints, requests;
	struct iw_timer *publisher, *again_timer;
	bool is_stopping, is_done;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

const struct triage_world *triage_world_of(const struct triage *t)
{
	return &t->world;
}

const struct triage_events *triage_events_of(const struct triage *t)
{
	return &t->events;
}

struct triage_known *triage_known_of(struct triage *t)
{
	return &t->bugs;
}

struct triage_bug *triage_match(struct triage *t, const struct triage_target *target,
	const struct triage_signature *sig)
{
	return triage_known_match(&t->bugs, target, sig).owner;
}

struct triage_bug *triage_bug_new(struct triage *t, const struct triage_target *target,
	const struct triage_signature *sig)
{
	struct triage_signature copy;

	triage_signature_copy(&copy, sig);
	return triage_known_add(
		&t->bugs, -1, project_id(target->project), target->id, &copy);
}

void triage_bug_forget(struct triage *t, struct triage_bug *bug)
{
	triage_known_remove(&t->bugs, bug);
}

static void publish_dirty(void *ctx);
static void try_again(void *ctx);

int triage_new(struct triage **out, const struct triage_world *world,
	const struct triage_events *events, int width, struct iw_dbc *dbc,
	struct iw_err *err)
{
	struct triage *t = iw_calloc(1, sizeof *t);
	int rc;

	t->world = *world;
	t->events = *events;
	t->width = width;
	t->fresh.end = &t->fresh.first;
	t->known.end = &t->known.first;
	triage_known_init(&t->bugs, t);
	t->looks = triage_clusters_new();
	rc = triage_known_load(&t->bugs, dbc, err);
	/* Whoever still has to is told again; a target may be gone. */
	if (rc == 0)
		rc = bug_db_set_waits(dbc, 0, NULL, err);
	if (rc < 0) {
		triage_free(t);
		return iw_err_wrap(err, "loading bugs");
	}
	t->publisher = iw_timer_new(world->loop, publish_dirty, t);
	iw_timer_start(t->publisher, PUBLISH_EVERY_MS, PUBLISH_EVERY_MS);
	t->again_timer = iw_timer_new(world->loop, try_again, t);
	iw_timer_start(t->again_timer, AGAIN_EVERY_MS, AGAIN_EVERY_MS);
	*out = t;
	return 0;
}

void triage_free(struct triage *t)
{
	size_t i;

	if (!t)
		return;
	assert(!t->active && !t->requests);
	iw_timer_free(t->publisher);
	iw_timer_free(t->again_timer);
	triage_known_fini(&t->bugs);
	for (i = 0; i < t->raw_count; i++)
		triage_signature_fini(&t->raw_looks[i]);
	free(t->raw_looks);
	triage_clusters_free(t->looks);
	free(t);
}

int triage_judging(const struct triage *t)
{
	return t->judging + t->hints + t->fresh.count + triage_again_cases(&t->again);
}

int triage_backlog(const struct triage *t)
{
	return t->known.count;
}

int triage_pursuing(const struct triage *t)
{
	const struct chase *c;
	int n = t->pursuing + triage_again_bugs(&t->again);

	for (c = t->chases; c; c = c->next)
		n++;
	return n;
}

static void activate(struct triage *t, const struct active *what)
{
	struct active *a = iw_memdup(what, sizeof *what);

	a->next = t->active;
	t->active = a;
}

static void deactivate(struct triage *t, const void *what)
{
	struct active **at = &t->active, *a;

	while ((*at)->judge != what && (*at)->pursuit != what && (*at)->retest != what)
		at = &(*at)->next;
	a = *at;
	*at = a->next;
	free(a);
}

static void check_stopped(struct triage *t)
{
	if (!t->is_stopping || t->is_done || t->active || t->requests)
		return;
	t->is_done = true;
	t->stopped(t->stopped_ctx);
}

static void row_add(struct row *row, struct triage_case *c)
{
	c->next = NULL;
	*row->end = c;
	row->end = &c->next;
	row->count++;
}

static struct triage_case *row_pop(struct row *row)
{
	struct triage_case *c = row->first;

	row->first = c->next;
	if (!row->first)
		row->end = &row->first;
	row->count--;
	return c;
}

static void judge(struct triage *t, struct row *row)
{
	struct triage_case *c = row_pop(row);

	t->judging++;
	activate(t, &(struct active){.judge = triage_judge_start(c)});
}

static void chase(struct triage *t)
{
	struct chase *c = t->chases;
	struct active a = {0};

	t->chases = c->next;
	if (c->bug->merged_into) {
		free(c);
		return;
	}
	t->pursuing++;
	if (c->bug->wants_retest)
		a.retest = triage_retest_start(t, c->bug);
	else
		a.pursuit = triage_pursue_start(t, c->bug);
	activate(t, &a);
	free(c);
}

static void start_work(struct triage *t)
{
	while (!t->is_stopping && t->fresh.count && t->judging < t->width)
		judge(t, &t->fresh);
	/* One more sighting of what is known is worth less than settling a new bug. */
	while (!t->is_stopping && t->known.count && t->judging < 1 && t->pursuing == 0 &&
		!t->chases)
		judge(t, &t->known);
	while (!t->is_stopping && t->chases && t->pursuing < t->width)
		chase(t);
}

static void queue_case(struct triage *t, const struct triage_case *from, struct row *row)
{
	struct triage_case *c = iw_memdup(from, sizeof *from);

	c->triage = t;
	row_add(row, c);
}

static bool is_raw(const struct triage_signature *sig)
{
	return sig->frames.count > 0 && strstr(sig->frames.names[0], "+0x");
}

/* Frames without a symbol come from one build each, so equal ones are equal places; but
 * the innermost may be a runtime's, and several must agree. */
static bool is_same_place(
	const struct triage_signature *a, const struct triage_signature *b)
{
	size_t i;

	if (strcmp(a->type, b->type) != 0 || a->frames.count < b->frames.count)
		return false;
	for (i = 0; i < RAW_FRAMES && i < b->frames.count; i++)
		if (strcmp(a->frames.names[i], b->frames.names[i]) != 0)
			return false;
	return true;
}

static void note_alike(void *ctx, void *owner, double similarity)
{
	(void)owner;
	(void)similarity;
	*(bool *)ctx = true;
}

/* Whether another fresh crash looks like this one; if not, later ones may. Takes sig. */
static bool has_looks(struct triage *t, struct triage_signature *sig)
{
	bool is_known = false;
	size_t i;

	if (!is_raw(sig)) {
		triage_clusters_find(t->looks, sig, note_alike, &is_known);
		if (!is_known)
			triage_clusters_add(t->looks, sig, t);
		triage_signature_fini(sig);
		return is_known;
	}
	for (i = 0; i < t->raw_count && !is_known; i++)
		is_known = is_same_place(&t->raw_looks[i], sig);
	if (is_known) {
		triage_signature_fini(sig);
	} else {
		iw_grow(t->raw_looks, t->raw_count, t->raw_cap);
		t->raw_looks[t->raw_count++] = *sig;
	}
	return is_known;
}

/* What the first report makes of it. A guess that decides about the order only. */
static struct row *row_for(struct triage *t, const struct triage_crash *crash)
{
	struct triage_signature sig = {0};

	if (!triage_read_report(crash->report, crash->report_len, NULL, &sig, NULL))
		return &t->fresh;
	if (triage_match(t, crash->target, &sig)) {
		triage_signature_fini(&sig);
		return &t->known;
	}
	return has_looks(t, &sig) ? &t->known : &t->fresh;
}

/* A bug that has no name for its cause yet comes before all that have. */
static void queue_chase(struct triage *t, struct triage_bug *bug)
{
	struct chase *c = iw_calloc(1, sizeof *c), **at = &t->chases;

	while (*at && (bug->wants_retest || !(*at)->bug->wants_retest))
		at = &(*at)->next;
	c->bug = bug;
	c->next = *at;
	*at = c;
}

void triage_pursue_new(struct triage *t, struct triage_bug *bug)
{
	queue_chase(t, bug);
	start_work(t);
}

void triage_judge_again(struct triage *t, const struct triage_case *c)
{
	if (!t->is_stopping)
		triage_again_case(&t->again, c);
}

void triage_pursue_again(
	struct triage *t, struct triage_bug *bug, const struct iw_err *err)
{
	if (t->is_stopping)
		return;
	if (err->code == IW_EBUDGET)
		triage_again_room(&t->again, bug, err->msg);
	else
		triage_again_bug(&t->again, bug);
}

static void try_again(void *ctx)
{
	struct triage *t = ctx;
	struct triage_bug *bug;
	struct triage_case *c;

	while ((c = triage_again_due_case(&t->again)) != NULL)
		row_add(&t->fresh, c);
	while ((bug = triage_again_due_bug(&t->again)) != NULL)
		queue_chase(t, bug);
	start_work(t);
}

void triage_room(struct triage *t)
{
	triage_again_has_room(&t->again);
	try_again(t);
}

void triage_judge_done(struct triage *t, struct triage_judge *j, struct triage_bug *bug)
{
	deactivate(t, j);
	t->judging--;
	if (bug)
		queue_chase(t, bug);
	start_work(t);
	check_stopped(t);
}

void triage_pursue_done(struct triage *t, struct triage_pursuit *p)
{
	deactivate(t, p);
	t->pursuing--;
	start_work(t);
	check_stopped(t);
}

/* One that shows no more has no cause that could be found on this snapshot: its issue
 * says what was seen. */
void triage_retest_done(
	struct triage *t, struct triage_retest *r, struct triage_bug *bug, bool shows)
{
	if (bug) {
		bool goes_on = shows && !bug->is_settled && !t->is_stopping;

		bug->wants_retest = false;
		bug->is_dirty = !goes_on;
		if (goes_on)
			queue_chase(t, bug);
	}
	deactivate(t, r);
	t->pursuing--;
	start_work(t);
	check_stopped(t);
}

void triage_request_begin(struct triage *t)
{
	t->requests++;
}

void triage_request_end(struct triage *t)
{
	t->requests--;
	check_stopped(t);
}

bool triage_is_stopping(const struct triage *t)
{
	return t->is_stopping;
}

void triage_hint_begin(struct triage *t)
{
	t->hints++;
	triage_request_begin(t);
}

void triage_hint_end(struct triage *t)
{
	t->hints--;
	triage_request_end(t);
}

void triage_queue(struct triage *t, const struct triage_crash *crash, int64_t crash_id,
	const struct iw_sha256 *input)
{
	struct triage_case c = {
		.crash_id = crash_id, .target = crash->target, .input = *input};

	snprintf(c.flavour, sizeof c.flavour, "%s", crash->flavour);
	snprintf(c.kind, sizeof c.kind, "%s", crash->kind);
	/* When stopping it is in the database, and that is enough. */
	if (!t->is_stopping)
		queue_case(t, &c, row_for(t, crash));
	start_work(t);
}

struct revival {
	struct iw_db_req req;
	struct triage *triage;
	struct triage_unfinished found;
};

static int find_unfinished(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct revival *r = ctx;

	return triage_unfinished_find(dbc, &r->found, err);
}

void triage_bug_changed(struct triage *t, int64_t bug_id)
{
	struct triage_bug *bug = triage_known_find(&t->bugs, bug_id);

	if (bug)
		bug->is_dirty = true;
}

static void take_unfinished(struct triage *t, const struct triage_unfinished_bug *found)
{
	struct triage_bug *bug = triage_known_find(&t->bugs, found->id);

	if (!bug)
		return;
	bug->is_settled = found->is_settled;
	bug->wants_retest = found->what == TRIAGE_UNFINISHED_RETEST;
	if (found->what == TRIAGE_UNFINISHED_ISSUE)
		bug->is_dirty = true;
	else
		queue_chase(t, bug);
}

static void on_unfinished(struct iw_db_req *req)
{
	struct revival *r = req->ctx;
	struct triage *t = r->triage;
	size_t i;

	if (req->err.code)
		iw_error("unfinished triage cannot be read", S("error", req->err.msg));
	for (i = 0; i < r->found.case_count; i++)
		queue_case(t, &r->found.cases[i],
			i < r->found.fresh_count ? &t->fresh : &t->known);
	for (i = 0; i < r->found.bug_count; i++)
		take_unfinished(t, &r->found.bugs[i]);
	free(r->found.cases);
	free(r->found.bugs);
	free(r);
	start_work(t);
	triage_request_end(t);
}

void triage_announce(struct triage *t, const struct triage_target *target)
{
	struct revival *r = iw_calloc(1, sizeof *r);

	triage_known_announce(&t->bugs, target);
	r->triage = t;
	r->found.target = target;
	r->req = (struct iw_db_req){
		.run = find_unfinished, .ctx = r, .done = on_unfinished};
	t->requests++;
	iw_db_submit(t->world.db, &r->req);
}

static void on_published(void *ctx, const struct iw_err *err)
{
	struct triage_bug *bug = ctx;
	struct triage *t = bug->triage;

	if (err) {
		iw_error("an issue cannot be written", S("error", err->msg));
		bug->is_dirty = true;
	}
	t->requests--;
	check_stopped(t);
}

/* The first issue of a bug is its pursuit's, which knows whom to blame. */
static void publish_dirty(void *ctx)
{
	struct triage *t = ctx;
	struct triage_bug *bug;

	for (bug = t->bugs.bugs; bug; bug = bug->next) {
		if (!bug->is_dirty || !bug->has_issue || !bug->target)
			continue;
		bug->is_dirty = false;
		t->requests++;
		triage_publish(&t->world, bug->id, bug->target, on_published, bug);
	}
}

void triage_stop(struct triage *t, void (*stopped)(void *ctx), void *ctx)
{
	struct chase *chase;
	struct active *a, *next;

	t->is_stopping = true;
	t->stopped = stopped;
	t->stopped_ctx = ctx;
	iw_timer_stop(t->publisher);
	iw_timer_stop(t->again_timer);
	/* What waits is in the database and comes back with triage_announce(). */
	while (t->fresh.count)
		free(row_pop(&t->fresh));
	while (t->known.count)
		free(row_pop(&t->known));
	while ((chase = t->chases) != NULL) {
		t->chases = chase->next;
		free(chase);
	}
	triage_again_fini(&t->again);
	publish_dirty(t);
	for (a = t->active; a; a = next) {
		next = a->next;
		if (a->judge)
			triage_judge_stop(a->judge);
		else if (a->pursuit)
			triage_pursue_stop(a->pursuit);
		else
			triage_retest_stop(a->retest);
	}
	if (t->world.symbolizer)
		san_symbolizer_hurry(t->world.symbolizer);
	check_stopped(t);
}
