/*
 * Every unit runs once on the reference build, for its features, and once on each other
 * flavour, to be judged. A lane is one flavour of one target; starting a sanitized
 * process costs far more than a unit, so a lane waits until its last round's cost is a
 * small share of the time that passed, unless a deadline is near (judging.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/staged_db.h"
#include "adapters/target_run.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

/* A lane spends at most one part in so many of a core, and rests at least so long. */
#define COST_SHARE 40
#define REFERENCE_REST_MS 1000
#define REPLAY_REST_MS 5000
/* What fails (disk full) is tried again, but not as fast as it can fail. */
#define RETRY_MS 3000
#define EXCHANGE_REST_MS 1000

/* Deaths found while measuring, from the writer thread to the loop. */
struct death {
	struct triage_crash crash;
	int64_t crash_id;
	struct iw_sha256 input;
};

struct round {
	struct farm_lane *lane;
	size_t limit;
	struct death *deaths;
	size_t count, cap;
};

static bool is_reference(const struct farm_lane *lane)
{
	return lane == &lane->target->lanes[0];
}

/* Units run through the driver, which needs libFuzzer's counters. */
static bool is_measured(const struct farm_lane *lane)
{
	return san_flavour_can_judge(san_flavour_find(lane->build->flavour));
}

void farm_units_added(struct farm_target *target, size_t added)
{
	size_t i;

	target->units += (int64_t)added;
	for (i = 0; i < target->lane_count; i++)
		target->lanes[i].has_work = is_measured(&target->lanes[i]);
	farm_judges_added(target, added);
}

static int store_death(struct iw_dbc *dbc, void *ctx, const struct corpus_measured *unit,
	struct iw_err *err)
{
	struct round *r = ctx;
	struct farm_target *t = r->lane->target;
	struct death d = {
		.crash =
			{
				.target = &t->triage,
				.build_id = r->lane->build->id,
				.flavour = r->lane->build->flavour,
				.kind = engine_death_name(unit->result->death),
				.input = unit->content,
				.len = unit->content_len,
				.report =
					unit->result->report ? unit->result->report : "",
				.report_len = unit->result->report_len,
			},
	};
	int rc = triage_store(dbc, t->farm->world.state->artifacts, &d.crash, &d.crash_id,
		&d.input, err);

	if (rc == 0) {
		iw_grow(r->deaths, r->count, r->cap);
		r->deaths[r->count++] = d;
	}
	return rc;
}

static void queue_deaths(struct round *r)
{
	struct farm_target *t = r->lane->target;
	size_t i;

	t->crashes += (int64_t)r->count;
	for (i = 0; i < r->count; i++)
		triage_queue(t->farm->triage, &r->deaths[i].crash, r->deaths[i].crash_id,
			&r->deaths[i].input);
}

static void end_round(struct round *r)
{
	struct farm_lane *lane = r->lane;

	corpus_measure_free(lane->measure);
	lane->measure = NULL;
	target_driver_fini(lane->driver);
	free(lane->driver);
	lane->driver = NULL;
	lane->target->farm->measuring--;
	free(r->deaths);
	free(r);
}

static void note_failure(struct farm_lane *lane, const struct iw_err *err)
{
	const struct farm_target *t = lane->target;

	iw_warn("measuring failed", S("target", t->spec.name),
		S("flavour", lane->build->flavour), S("error", err->msg));
	if (!lane->retry_ms)
		farm_say(t->farm, "units of %s could not be measured yet: %s",
			t->spec.name, err->msg);
	lane->retry_ms = iw_time_mono_ms() + RETRY_MS;
}

/* What was staged has been tested under this flavour. */
struct replay {
	struct iw_db_req req;
	struct farm *farm;
	struct staged_work work;
};

static int add_replay(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct replay *replay = ctx;

	return staged_db_add(dbc, &replay->work, err);
}

static void on_replay_added(struct iw_db_req *req)
{
	struct replay *replay = req->ctx;
	struct farm *farm = replay->farm;

	if (req->err.code)
		iw_warn("a replay is not counted", S("error", req->err.msg));
	free(replay);
	farm->requests--;
	farm_advance(farm);
}

static void note_replay(
	const struct farm_lane *lane, const struct corpus_measure_result *result)
{
	struct replay *replay = iw_calloc(1, sizeof *replay);

	replay->farm = lane->target->farm;
	replay->farm->requests++;
	replay->work = (struct staged_work){
		.build_id = lane->build->id,
		.target_id = lane->target->triage.id,
		.engine = STAGED_REPLAY,
		.executions = (int64_t)(result->count - result->not_run),
		.core_ms = result->cpu_us / 1000,
	};
	replay->req = (struct iw_db_req){
		.run = add_replay, .ctx = replay, .done = on_replay_added};
	iw_db_submit(replay->farm->db, &replay->req);
}

static void on_measured(
	struct corpus_measure *measure, const struct iw_err *err, void *ctx)
{
	struct round *r = ctx;
	struct farm_lane *lane = r->lane;
	struct farm_target *t = lane->target;
	const struct corpus_measure_result *result = corpus_measure_result(measure);
	int64_t now = iw_time_mono_ms();
	int64_t rest = is_reference(lane) ? REFERENCE_REST_MS : REPLAY_REST_MS;
	int64_t cost;

	lane->round_ms = now - lane->began_ms;
	cost = lane->round_ms * COST_SHARE;

	/* Engines wait for each other's finds. */
	if (is_reference(lane) && t->share_count > 1 && cost > EXCHANGE_REST_MS)
		cost = EXCHANGE_REST_MS;

	if (err && err->code != IW_ECANCELED)
		note_failure(lane, err);
	else
		lane->retry_ms = 0;
	/* Also of a round that was cut: those were stored. */
	if (!err || (lane->is_cut && result->died > 0))
		queue_deaths(r);
	farm_judge_note(lane, result, iw_time_wall_ms());
	if (!is_reference(lane) && result->count > result->not_run)
		note_replay(lane, result);
	if (is_reference(lane) && result->new_features > 0)
		t->found_ms = iw_time_wall_ms();
	if (is_reference(lane) && !err)
		farm_exchange(t, result);
	/* Not of seeds, nor of a corpus that is measured on another build. */
	if (is_reference(lane) && t->state == FARM_TARGET_READY)
		farm_campaigns_found(t, (int64_t)result->new_features);
	t->units -= (int64_t)result->died;
	/* More than a round takes, or a death in the middle: there may be more. */
	lane->has_work = lane->has_work || result->count >= r->limit ||
		result->not_run > 0 || lane->retry_ms > 0;
	if (err || result->count < r->limit)
		lane->not_before_ms = now + rest + cost;
	/* A farm that stops does not measure the rest of the seeds. */
	if (t->state == FARM_TARGET_SEEDING && is_reference(lane) &&
		(!lane->has_work || t->farm->phase >= FARM_DRAINING))
		farm_target_ready(t);
	end_round(r);
	farm_advance(t->farm);
}

static void start_round(struct farm_lane *lane)
{
	struct farm_target *t = lane->target;
	struct farm *farm = t->farm;
	struct round *r = iw_calloc(1, sizeof *r);
	struct iw_err err = IW_ERR_INIT;
	struct corpus_measure_spec spec = {
		.db = farm->db,
		.jobs = farm->world.jobs,
		.packs = farm->packs,
		.build_id = lane->build->id,
		.target_id = t->triage.id,
		.limit = farm_judge_limit(lane),
		.is_oldest_first = lane->judge != NULL,
		.features = is_reference(lane) ? t->features : NULL,
		.store_death = store_death,
		.store_ctx = r,
	};

	r->lane = lane;
	r->limit = spec.limit;
	lane->began_ms = iw_time_mono_ms();
	lane->is_cut = false;
	lane->has_work = false;
	lane->driver = iw_calloc(1, sizeof *lane->driver);
	/* Without names but where a runtime leaves things out by them: triage runs what
	 * dies here again, and then asks for them. */
	if (target_driver_init(lane->driver, lane->build, &t->spec,
		    is_reference(lane) ? IW_PURPOSE_MEASURE : IW_PURPOSE_REPLAY,
		    farm->world.driver, farm->world.tools->symbolizer, &err) < 0) {
		/* Opening has checked that the binary is there; somebody removed it. */
		note_failure(lane, &err);
		lane->has_work = true;
		free(lane->driver);
		lane->driver = NULL;
		free(r);
		if (t->state == FARM_TARGET_SEEDING)
			farm_target_broken(t, err.msg);
		return;
	}
	target_driver_set_what(lane->driver, farm_lane_what(lane));
	spec.driver = lane->driver->spec;
	spec.driver.is_urgent = farm_judge_is_near(lane->judge, iw_time_wall_ms());
	farm->measuring++;
	lane->measure = corpus_measure_start(&spec, on_measured, r);
}

static bool may_start(const struct farm_lane *lane, enum farm_measure_what what)
{
	const struct farm_target *t = lane->target;
	bool is_near;

	if (!lane->has_work || !is_measured(lane) || lane->measure ||
		t->state < FARM_TARGET_SEEDING || t->state == FARM_TARGET_BROKEN ||
		iw_time_mono_ms() < lane->retry_ms)
		return false;
	/* Seeds are judged once they are measured; nobody can fuzz before that. */
	if (t->state == FARM_TARGET_SEEDING)
		return is_reference(lane);
	is_near = farm_judge_is_near(lane->judge, iw_time_wall_ms());
	if (what == FARM_MEASURE_REFERENCE)
		return is_reference(lane) || is_near;
	return what == FARM_MEASURE_ALL || is_near ||
		iw_time_mono_ms() >= lane->not_before_ms;
}

/* Calls each for every lane. */
static void each_lane(
	struct farm *farm, void (*each)(struct farm_lane *lane, void *ctx), void *ctx)
{
	size_t p, i, k;

	for (p = 0; p < farm->project_count; p++) {
		const struct farm_project *project = &farm->projects[p];

		for (i = 0; i < project->target_count; i++)
			for (k = 0; k < project->targets[i]->lane_count; k++)
				each(&project->targets[i]->lanes[k], ctx);
	}
}

/* What it has is stored, and the next round goes on from there. */
static void cut_if_slow(struct farm_lane *lane)
{
	if (!lane->measure || corpus_measure_is_waiting(lane->measure) ||
		!farm_judge_is_slow(lane, iw_time_mono_ms()))
		return;
	lane->is_cut = true;
	iw_info("a round is cut short", S("target", lane->target->spec.name),
		S("flavour", lane->build->flavour));
	corpus_measure_stop(lane->measure);
}

static void start_if_may(struct farm_lane *lane, void *what)
{
	cut_if_slow(lane);
	if (may_start(lane, *(enum farm_measure_what *)what))
		start_round(lane);
}

void farm_measure_tick(struct farm *farm, enum farm_measure_what what)
{
	each_lane(farm, start_if_may, &what);
}

static void stop_lane(struct farm_lane *lane, void *ctx)
{
	(void)ctx;
	lane->has_work = false;
	if (lane->measure)
		corpus_measure_stop(lane->measure);
}

void farm_measures_stop(struct farm *farm)
{
	each_lane(farm, stop_lane, NULL);
}
