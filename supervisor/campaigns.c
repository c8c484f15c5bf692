/*
 * Campaigns while the farm runs: whose engines run for them, when a budget is used, and
 * when one ends. And which targets are held: both are what operators decide, and are read
 * from their rows at the start and whenever somebody changes them.
 *
 * What an engine took is known when it has ended. Until then it is taken for its wall
 * time, which is never less, because an engine has one core; when a budget would be used
 * by that, its engines end in peace and their real time is added. If some of the budget
 * is left then, there are new ones.
 *
 *	has budget <--> PAUSED (its engines end) --> used up --> measured, judged --> done
 */
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "campaign_db.h"
#include "farm_room.h"

#include "base/banned.h"

/* What the last engines found has so long to be measured and judged. */
#define SETTLE_MAX_MS 60000

struct loading {
	struct iw_db_req req;
	struct farm *farm;
	struct farm_campaign *campaigns;
	size_t count, cap;
	struct iw_ids held;
};

/* -- what is read ------------------------------------------------------------------- */

static int take_campaign(void *ctx, const struct campaign_row *row)
{
	struct loading *l = ctx;

	iw_grow(l->campaigns, l->count, l->cap);
	l->campaigns[l->count++] = (struct farm_campaign){
		.id = row->id,
		.name = iw_strdup(row->name),
		.budget_ms = row->budget_ms,
		.core_ms = row->core_ms,
	};
	return 0;
}

static int take_target(
	void *ctx, int64_t target_id, const char *adapter, const char *target)
{
	(void)adapter;
	(void)target;
	iw_ids_add(ctx, target_id);
	return 0;
}

static int take_held(void *ctx, int64_t target_id)
{
	iw_ids_add(ctx, target_id);
	return 0;
}

static int load(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct loading *l = ctx;
	struct campaign_filter filter = {.state = "active"};
	size_t i;
	int rc = campaign_db_list(dbc, &filter, take_campaign, l, err);

	for (i = 0; rc == 0 && i < l->count; i++)
		rc = campaign_db_targets(dbc, l->campaigns[i].id, take_target,
			&l->campaigns[i].targets, err);
	return rc == 0 ? project_db_held(dbc, take_held, &l->held, err) : rc;
}

static void free_campaigns(struct farm_campaign *campaigns, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(campaigns[i].name);
		iw_ids_fini(&campaigns[i].targets);
	}
	free(campaigns);
}

static struct farm_campaign *find(const struct farm *farm, int64_t id)
{
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		if (farm->campaigns[i].id == id)
			return &farm->campaigns[i];
	return NULL;
}

static void apply(struct loading *l)
{
	struct farm *farm = l->farm;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct farm_campaign *known = find(farm, l->campaigns[i].id);

		if (!known)
			continue;
		l->campaigns[i].is_ending = known->is_ending;
		l->campaigns[i].used_up_ms = known->used_up_ms;
	}
	farm_campaigns_fini(farm);
	farm->campaigns = l->campaigns;
	farm->campaign_count = l->count;
	farm->held = l->held;
	farm->knows_wishes = true;
}

static void on_loaded(struct iw_db_req *req)
{
	struct loading *l = req->ctx;
	struct farm *farm = l->farm;

	farm->requests--;
	if (req->err.code) {
		iw_warn("campaigns and held targets cannot be read",
			S("error", req->err.msg));
		free_campaigns(l->campaigns, l->count);
		iw_ids_fini(&l->held);
	} else {
		apply(l);
	}
	free(l);
	farm_campaigns_tick(farm);
	farm_advance(farm);
}

/* A farm that closes its rooms submits nothing more. */
static bool is_open(const struct farm *farm)
{
	return farm->db && !farm->is_triage_stopping;
}

void farm_wishes_changed(struct farm *farm)
{
	struct loading *l;

	if (!is_open(farm))
		return;
	l = iw_calloc(1, sizeof *l);
	l->farm = farm;
	l->req = (struct iw_db_req){.run = load, .ctx = l, .done = on_loaded};
	farm->requests++;
	iw_db_submit(farm->db, &l->req);
}

void farm_campaigns_fini(struct farm *farm)
{
	free_campaigns(farm->campaigns, farm->campaign_count);
	iw_ids_fini(&farm->held);
	farm->campaigns = NULL;
	farm->campaign_count = 0;
}

/* -- whose a target is -------------------------------------------------------------- */

bool farm_target_is_held(const struct farm_target *t)
{
	return iw_ids_have(&t->farm->held, t->triage.id);
}

static bool has_budget(const struct farm_campaign *c)
{
	return c->core_ms < c->budget_ms;
}

static bool has_target(const struct farm_campaign *c, const struct farm_target *t)
{
	return iw_ids_have(&c->targets, t->triage.id);
}

int64_t farm_campaign_of(const struct farm_target *t)
{
	const struct farm *farm = t->farm;
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		if (has_budget(&farm->campaigns[i]) && has_target(&farm->campaigns[i], t))
			return farm->campaigns[i].id;
	return 0;
}

bool farm_campaign_rests(const struct farm_target *t)
{
	const struct farm *farm = t->farm;
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		if (farm->campaigns[i].is_paused && has_target(&farm->campaigns[i], t))
			return true;
	return false;
}

void farm_campaigns_of(const struct farm_target *t, struct iw_ids *ids)
{
	const struct farm *farm = t->farm;
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		if (has_budget(&farm->campaigns[i]) && has_target(&farm->campaigns[i], t))
			iw_ids_add(ids, farm->campaigns[i].id);
}

/* -- what their engines took -------------------------------------------------------- */

int farm_campaigns_add(struct iw_dbc *dbc, const struct iw_ids *ids, int64_t executions,
	int64_t core_ms, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < ids->count; i++)
		rc = campaign_db_add(dbc, ids->items[i], executions, core_ms, err);
	return rc;
}

void farm_campaigns_note(struct farm *farm, const struct iw_ids *ids, int64_t core_ms)
{
	size_t i;

	for (i = 0; i < ids->count; i++) {
		struct farm_campaign *c = find(farm, ids->items[i]);

		if (c)
			c->core_ms += core_ms;
	}
}

struct features {
	struct iw_db_req req;
	int64_t target_id, count;
};

static int add_features(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct features *f = ctx;

	return campaign_db_add_features(dbc, f->target_id, f->count, err);
}

static void on_features_added(struct iw_db_req *req)
{
	if (req->err.code)
		iw_warn("new features of campaigns are lost", S("error", req->err.msg));
	free(req->ctx);
}

void farm_campaigns_found(struct farm_target *t, int64_t features)
{
	struct features *f;
	size_t i, count = 0;

	for (i = 0; i < t->farm->campaign_count; i++)
		count += has_target(&t->farm->campaigns[i], t);
	if (count == 0 || features == 0 || !is_open(t->farm))
		return;
	f = iw_calloc(1, sizeof *f);
	f->target_id = t->triage.id;
	f->count = features;
	f->req = (struct iw_db_req){
		.run = add_features, .ctx = f, .done = on_features_added};
	iw_db_submit(t->farm->db, &f->req);
}

/* -- their ends --------------------------------------------------------------------- */

struct ending {
	struct iw_db_req req;
	struct farm *farm;
	int64_t id;
};

static int end(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct ending *e = ctx;

	return campaign_db_end(dbc, e->id, "done", err);
}

/* Somebody may have stopped it meanwhile; the rows say what it is now. */
static void on_ended(struct iw_db_req *req)
{
	struct ending *e = req->ctx;
	struct farm *farm = e->farm;
	struct farm_campaign *c = find(farm, e->id);

	farm->requests--;
	if (req->err.code)
		iw_warn("a campaign could not be ended", I("campaign", e->id),
			S("error", req->err.msg));
	else if (c)
		farm_say(farm, "campaign '%s' is done: its budget is used", c->name);
	if (c)
		c->is_ending = false;
	free(e);
	farm_wishes_changed(farm);
	farm_advance(farm);
}

static void start_ending(struct farm *farm, struct farm_campaign *c)
{
	struct ending *e = iw_calloc(1, sizeof *e);

	e->farm = farm;
	e->id = c->id;
	e->req = (struct iw_db_req){.run = end, .ctx = e, .done = on_ended};
	c->is_ending = true;
	farm->requests++;
	iw_db_submit(farm->db, &e->req);
}

struct settling {
	const struct farm_campaign *campaign;
	bool is_busy;
};

static void look_for_work(struct farm_target *t, void *ctx)
{
	struct settling *s = ctx;

	if (t->state == FARM_TARGET_READY && has_target(s->campaign, t))
		s->is_busy |= t->lanes[0].measure || t->lanes[0].has_work;
}

/* What its engines found belongs to what came of it. */
static bool is_settled(struct farm *farm, const struct farm_campaign *c, int64_t now_ms)
{
	struct settling s = {.campaign = c};

	if (now_ms - c->used_up_ms >= SETTLE_MAX_MS)
		return true;
	farm_each_target(farm, look_for_work, &s);
	return !s.is_busy && triage_judging(farm->triage) == 0;
}

static void add_running(void *ctx, struct farm_running *r)
{
	struct farm *farm = ctx;
	size_t i;

	for (i = 0; i < r->campaigns->count; i++) {
		struct farm_campaign *c = find(farm, r->campaigns->items[i]);

		if (!c)
			continue;
		c->running_ms += r->core_ms;
		c->engines++;
	}
}

static void ask_for_core(void *ctx, struct farm_running *r)
{
	size_t i;

	for (i = 0; i < r->campaigns->count; i++) {
		const struct farm_campaign *c = find(ctx, r->campaigns->items[i]);

		r->wants_core |= c && c->is_paused;
	}
}

/* Whether one of them may have used its budget. */
static bool sum_up(struct farm *farm)
{
	bool is_near = false;
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		farm->campaigns[i].running_ms = farm->campaigns[i].engines = 0;
	farm_slices_each(farm, add_running, farm);
	for (i = 0; i < farm->campaign_count; i++) {
		struct farm_campaign *c = &farm->campaigns[i];

		c->is_paused = has_budget(c) && c->engines > 0 &&
			c->core_ms + c->running_ms >= c->budget_ms;
		is_near |= c->is_paused;
	}
	return is_near;
}

/* An engine that began before its target's campaign would be counted for nobody. */
static bool is_stray(const struct farm *farm, const struct farm_running *r)
{
	size_t i;

	for (i = 0; i < farm->campaign_count; i++)
		if (has_budget(&farm->campaigns[i]) &&
			has_target(&farm->campaigns[i], r->target) &&
			!iw_ids_have(r->campaigns, farm->campaigns[i].id))
			return true;
	return false;
}

/* Of a campaign that was stopped, or whose budget is about to be used. */
static bool is_over(const struct farm *farm, const struct farm_running *r)
{
	size_t i;

	for (i = 0; i < r->campaigns->count; i++) {
		const struct farm_campaign *c = find(farm, r->campaigns->items[i]);

		if (!c || c->is_paused)
			return true;
	}
	return false;
}

static void judge_running(void *ctx, struct farm_running *r)
{
	r->ends = farm_target_is_held(r->target) || is_stray(ctx, r) || is_over(ctx, r);
}

void farm_campaigns_tick(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	size_t i;

	if (!farm->knows_wishes || !is_open(farm) || farm->phase < FARM_FUZZING)
		return;
	if (sum_up(farm)) {
		farm_slices_each(farm, ask_for_core, farm);
		sum_up(farm);
	}
	for (i = 0; i < farm->campaign_count; i++) {
		struct farm_campaign *c = &farm->campaigns[i];

		if (!has_budget(c) && !c->used_up_ms)
			c->used_up_ms = now;
		if (!has_budget(c) && c->engines == 0 && !c->is_ending &&
			is_settled(farm, c, now))
			start_ending(farm, c);
	}
	if (farm->phase == FARM_FUZZING)
		farm_slices_each(farm, judge_running, farm);
}
