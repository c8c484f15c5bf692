#include "farm.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "adapters/budget.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "corpus/unit_db.h"
#include "farm_room.h"

#include "base/banned.h"

#define TICK_MS 1000

void farm_say(struct farm *farm, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	farm_note_message(farm, text);
	if (farm->events.say)
		farm->events.say(farm->events.ctx, text);
}

uint32_t farm_random(struct farm *farm)
{
	/* xorshift32, Marsaglia 2003; seeds of engines need no better. */
	farm->random ^= farm->random << 13;
	farm->random ^= farm->random >> 17;
	farm->random ^= farm->random << 5;
	return farm->random;
}

void farm_each_target(
	struct farm *farm, void (*each)(struct farm_target *target, void *ctx), void *ctx)
{
	size_t p, i;

	for (p = 0; p < farm->project_count; p++)
		for (i = 0; i < farm->projects[p].target_count; i++)
			each(farm->projects[p].targets[i], ctx);
}

static void enter(struct farm *farm, enum farm_phase phase)
{
	static const char *const names[] = {"opening", "fuzzing", "draining", "closed"};

	farm->phase = phase;
	iw_info("farm", S("phase", names[phase]));
}

static void drain(struct farm *farm)
{
	bool was_opening = farm->phase == FARM_OPENING;

	if (farm->phase >= FARM_DRAINING)
		return;
	enter(farm, FARM_DRAINING);
	farm->drain_ends_ms = iw_time_mono_ms() + farm->config.drain_ms;
	farm_follow_stop(farm);
	farm_orders_stop(farm);
	/* Fetches and builds of a farm that will not fuzz are nobody's. */
	if (was_opening) {
		budget_end(farm->budget);
		iw_slots_stop_front(farm->world.slots);
	}
	if (farm->is_leaving) {
		farm_forget_living(farm);
		farm_slices_leave(farm);
	} else {
		farm_stop_living(farm);
		farm_slices_stop(farm);
	}
}

void farm_fail(struct farm *farm, const struct iw_err *err)
{
	if (err->code == IW_ECANCELED)
		return;
	if (!farm->err.code)
		farm->err = *err;
	/* Whoever runs the farm tells the user, once. */
	iw_info("farm fails", S("error", err->msg));
	/* What could not begin has nothing worth waiting for. */
	farm->config.drain_ms = 0;
	farm->is_leaving = farm->config.keeps_engines && farm->phase < FARM_DRAINING;
	drain(farm);
}

void farm_target_broken(struct farm_target *t, const char *why)
{
	if (t->state < FARM_TARGET_READY)
		t->farm->opening--;
	t->state = FARM_TARGET_BROKEN;
	if (t->farm->phase >= FARM_DRAINING)
		return;
	if (!t->farm->err.code)
		iw_err_set(&t->farm->err, IW_EJOB,
			"target '%s' of adapter '%s' cannot be fuzzed: %s", t->spec.name,
			project_adapter(t->owner->project)->name, why);
	farm_say(t->farm, "target %s is left out: %s", t->spec.name, why);
}

static void count_ready(struct farm_target *t, void *ready)
{
	*(int *)ready += t->state == FARM_TARGET_READY;
}

static void begin_fuzzing(struct farm *farm)
{
	int ready = 0, cores;

	farm_each_target(farm, count_ready, &ready);
	enter(farm, FARM_FUZZING);
	budget_begin(farm->budget);
	if (ready == 0) {
		/* A crash at start is judged like any other before we go. */
		if (!farm->err.code)
			iw_err_set(&farm->err, IW_EINVAL, "there is no target to fuzz");
		farm->is_leaving = farm->config.keeps_engines;
		/* The snapshot before goes on; what crashed here is in the database. */
		if (farm_follow_is_trial(farm))
			farm->config.drain_ms = 0;
		drain(farm);
		return;
	}
	farm->fuzz_began_ms = iw_time_mono_ms();
	farm->fuzz_ends_ms = farm->fuzz_began_ms + farm->config.fuzz_ms;
	farm_adopt(farm);
	farm_follow_begin(farm);
	cores = iw_slots_count(farm->world.slots);
	farm_say(farm, "fuzzing %d target%s on %d core%s", ready, ready == 1 ? "" : "s",
		cores, cores == 1 ? "" : "s");
}

static void on_triage_stopped(void *ctx)
{
	struct farm *farm = ctx;

	farm->triage_stopped = true;
	farm_advance(farm);
}

static void on_symbolizer_stopped(void *ctx)
{
	struct farm *farm = ctx;

	san_symbolizer_free(iw_steal(&farm->symbolizer));
	farm_advance(farm);
}

static void on_db_stopped(void *ctx)
{
	struct farm *farm = ctx;

	farm->db = NULL;
	enter(farm, FARM_CLOSED);
	farm->events.closed(farm->events.closed_ctx);
}

/* Everything has ended but the rooms themselves: triage, projects, the symbolizer, the
 * database. */
static void close_rooms(struct farm *farm)
{
	if (!farm->is_triage_stopping) {
		farm->is_triage_stopping = true;
		triage_stop(farm->triage, on_triage_stopped, farm);
	}
	if (!farm->triage_stopped || !budget_rests(farm->budget))
		return;
	if (!farm->has_closed_projects) {
		if (farm->events.closing)
			farm->events.closing(farm->events.ctx, farm_look(farm));
		farm_history_end(farm);
		farm->has_closed_projects = true;
		iw_timer_free(farm->tick);
		farm->tick = NULL;
		triage_free(farm->triage);
		farm->triage = NULL;
		farm_close_projects(farm);
	}
	if (farm->symbolizer) {
		if (!farm->is_symbolizer_stopping)
			san_symbolizer_stop(
				farm->symbolizer, on_symbolizer_stopped, farm);
		farm->is_symbolizer_stopping = true;
		return;
	}
	if (farm->open_projects == 0 && farm->db) {
		struct iw_db *db = farm->db;

		farm->db = NULL;
		iw_db_stop(db, on_db_stopped, farm);
	}
}

static void advance_draining(struct farm *farm)
{
	bool is_late = iw_time_mono_ms() >= farm->drain_ends_ms || farm->stops > 1;
	bool is_busy;

	if (farm->is_triage_stopping) {
		close_rooms(farm);
		return;
	}
	if (farm->slices || farm->opening > 0 || farm->requests > 0) {
		return;
	}
	is_busy = triage_judging(farm->triage) || triage_pursuing(farm->triage);
	if (is_late)
		farm_measures_stop(farm);
	else
		farm_measure_tick(
			farm, is_busy ? FARM_MEASURE_REFERENCE : FARM_MEASURE_ALL);
	if (farm->measuring > 0 || (is_busy && !is_late))
		return;
	if (!farm_cover_end(farm))
		return;
	close_rooms(farm);
}

void farm_advance(struct farm *farm)
{
	/* Starting a slice may end one at once, which comes back here. */
	if (farm->is_advancing || farm->phase == FARM_CLOSED)
		return;
	farm->is_advancing = true;
	if (farm->phase == FARM_OPENING && farm->opening == 0 && farm->requests == 0)
		begin_fuzzing(farm);
	if (farm->phase == FARM_FUZZING && farm->config.fuzz_ms &&
		iw_time_mono_ms() >= farm->fuzz_ends_ms)
		drain(farm);
	if (farm->phase == FARM_FUZZING)
		farm_fill_slots(farm);
	farm->is_advancing = false;
	if (farm->phase == FARM_OPENING || farm->phase == FARM_FUZZING)
		farm_measure_tick(farm, FARM_MEASURE_DUE);
	if (farm->phase == FARM_DRAINING)
		advance_draining(farm);
}

static void on_tick(void *ctx)
{
	struct farm *farm = ctx;

	farm_slices_tick(farm);
	farm_campaigns_tick(farm);
	farm_judging_tick(farm);
	budget_tick(farm->budget);
	farm_advance(farm);
	farm_follow_tick(farm);
	farm_cover_tick(farm);
	farm_history_tick(farm);
}

static void on_bug_found(void *ctx, const struct triage_target *target, int64_t bug_id)
{
	struct farm *farm = ctx;

	farm->new_bugs++;
	farm_say(farm, "new bug %lld in %s/%s", (long long)bug_id,
		project_adapter(target->project)->name, target->spec->name);
	farm_advance(farm);
}

static void on_judged(void *ctx, const struct triage_target *target, int64_t bug_id)
{
	(void)target;
	(void)bug_id;
	farm_advance(ctx);
}

static void on_settled(void *ctx, int64_t bug_id)
{
	farm_say(ctx, "bug %lld is attributed and written down", (long long)bug_id);
	farm_advance(ctx);
}

static void on_fixed(void *ctx, int64_t bug_id)
{
	farm_say(ctx, "bug %lld is fixed: it shows no more", (long long)bug_id);
}

static void on_back(void *ctx, int64_t bug_id)
{
	struct farm *farm = ctx;

	farm->back_bugs++;
	farm_say(farm, "bug %lld is back: it was fixed, and shows again",
		(long long)bug_id);
}

static int open_rooms(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err)
{
	const struct farm_world *w = &farm->world;
	struct triage_events events = {.ctx = farm,
		.judged = on_judged,
		.found = on_bug_found,
		.settled = on_settled,
		.fixed = on_fixed,
		.back = on_back};
	int rc = corpus_packs_open(&farm->packs, w->state->units, err);

	if (rc == 0)
		rc = corpus_units_begin(dbc, farm->packs, err);
	if (rc == 0)
		rc = farm_sweep(farm, dbc, err);
	if (rc < 0)
		return rc;
	if (w->tools->symbolizer)
		farm->symbolizer = san_symbolizer_new(&(struct san_symbolizer_config){
			.jobs = w->jobs,
			.program = w->tools->symbolizer,
			.major = w->tools->major,
		});
	farm->triage_world = (struct triage_world){
		.loop = w->loop,
		.jobs = w->jobs,
		.packs = farm->packs,
		.db_path = w->state->db,
		.artifacts_dir = w->state->artifacts,
		.outbox_dir = w->state->outbox,
		.state_dir = w->state->dir,
		.driver = w->driver,
		.symbolizer = farm->symbolizer,
		.symbolizer_path = w->tools->symbolizer,
		.fuzz_base_s = farm->config.side ? farm->config.side->fuzz_base_s : 0,
	};
	rc = iw_db_start(&farm->db, w->loop, iw_steal(&w->state->dbc), err);
	if (rc < 0)
		return rc;
	farm->triage_world.db = farm->db;
	farm_disk_open(farm);
	return triage_new(&farm->triage, &farm->triage_world, &events,
		iw_slots_count(w->slots) + 1, dbc, err);
}

int farm_open(struct farm **out, const struct farm_world *world,
	const struct farm_config *config, const struct farm_events *events,
	struct iw_err *err)
{
	struct farm *farm = iw_calloc(1, sizeof *farm);
	struct iw_dbc *dbc = world->state->dbc;
	size_t i;
	int rc;

	farm->world = *world;
	farm->config = *config;
	if (!farm->config.judge_within_ms)
		farm->config.judge_within_ms = FARM_JUDGE_WITHIN_MS;
	farm->events = *events;
	farm->arena = iw_arena_new();
	farm->random = (uint32_t)iw_time_wall_ms() | 1;
	farm->project_count = config->adapter_count;
	farm->projects = iw_calloc(config->adapter_count, sizeof *farm->projects);
	for (i = 0; i < config->adapter_count; i++) {
		farm->projects[i].farm = farm;
		farm->projects[i].adapter = config->adapters[i];
		farm->projects[i].follow = config->follow ? &config->follow[i] : NULL;
	}
	*out = farm;
	rc = open_rooms(farm, dbc, err);
	if (rc == 0)
		rc = farm_open_projects(farm, dbc, err);
	/* From here on errors end in closed, like any other end. */
	if (!farm->triage)
		return rc;
	farm->tick = iw_timer_new(world->loop, on_tick, farm);
	iw_timer_start(farm->tick, TICK_MS, TICK_MS);
	if (rc < 0)
		farm_fail(farm, err);
	else
		farm_wishes_changed(farm);
	return 0;
}

void farm_stop(struct farm *farm)
{
	farm->stops++;
	if (farm->phase < FARM_DRAINING)
		drain(farm);
	else
		iw_slots_stop_all(farm->world.slots);
	farm_advance(farm);
}

void farm_stop_now(struct farm *farm)
{
	farm->config.drain_ms = 0;
	farm->drain_ends_ms = 0;
	if (farm->phase < FARM_DRAINING)
		drain(farm);
	iw_slots_stop_front(farm->world.slots);
	farm_advance(farm);
}

void farm_leave(struct farm *farm)
{
	/* Asked twice it leaves as well. */
	farm->is_leaving |= farm->phase < FARM_DRAINING;
	farm_stop_now(farm);
}

static void free_target(struct farm_target *t, void *ctx)
{
	(void)ctx;
	farm_target_free(t);
}

void farm_free(struct farm *farm)
{
	size_t i;

	if (!farm)
		return;
	for (i = 0; i < farm->project_count; i++)
		farm_near_fini(&farm->projects[i]);
	farm_each_target(farm, free_target, NULL);
	for (i = 0; i < farm->project_count; i++) {
		adapter_free(farm->projects[i].adapter);
		farm_follow_free(&farm->projects[i]);
		free(farm->projects[i].targets);
	}
	free(farm->projects);
	farm_orders_free(farm);
	budget_free(farm->budget);
	corpus_packs_close(farm->packs);
	san_symbolizer_free(farm->symbolizer); /* that never was asked */
	farm_forget_living(farm);
	farm_campaigns_fini(farm);
	iw_arena_free(farm->arena);
	free(farm->view_targets);
	free(farm->view_slots);
	free(farm);
}

const struct iw_err *farm_error(const struct farm *farm)
{
	return farm->err.code ? &farm->err : NULL;
}

struct iw_db *farm_db(const struct farm *farm)
{
	return farm->db;
}

bool farm_has_begun(const struct farm *farm)
{
	return farm->fuzz_began_ms != 0;
}

int farm_new_bugs(const struct farm *farm)
{
	return farm->new_bugs;
}

int farm_back_bugs(const struct farm *farm)
{
	return farm->back_bugs;
}

static const char *status_of(const struct farm_target *t)
{
	const char *flavour;

	if (t->state == FARM_TARGET_BROKEN)
		return "broken";
	if (t->state != FARM_TARGET_READY)
		return "opening";
	if (farm_target_is_held(t))
		return "held";
	flavour = farm_target_flavour(t);
	return flavour ? flavour : "idle";
}

static void look_at_engines(const struct farm_target *t, struct farm_target_view *view)
{
	size_t i;

	view->engine_count = t->share_count;
	for (i = 0; i < t->share_count; i++) {
		const struct farm_share *share = &t->shares[i];

		view->engines[i] = (struct farm_engine_view){
			.name = share->engine->name,
			.executions = share->executions,
			.stability = share->stability,
			.received = share->received,
			.kept = share->kept,
		};
		farm_slices_look(t, share, &view->engines[i]);
	}
}

static void look_at(struct farm_target *t, void *ctx)
{
	struct farm *farm = ctx;
	size_t n = farm->view.target_count;

	iw_grow(farm->view_targets, n, farm->view_cap);
	farm->view_targets[n] = (struct farm_target_view){
		.id = t->triage.id,
		.adapter = project_adapter(t->owner->project)->name,
		.target = t->spec.name,
		.status = status_of(t),
		.executions = farm_target_executions(t),
		.per_second = farm_target_per_second(t),
		.features_start = t->features_start,
		.features = (int64_t)corpus_features_total(t->features),
		.units = t->units,
		.crashes = t->crashes,
		.found_ms = t->found_ms,
	};
	look_at_engines(t, &farm->view_targets[n]);
	farm_judges_look(t, &farm->view_targets[n]);
	farm->view.target_count = n + 1;
	farm->view.engines += t->engines;
}

const struct farm_view *farm_look(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	struct farm_view *v = &farm->view;
	size_t i;

	*v = (struct farm_view){
		.phase = farm->phase,
		.slots = iw_slots_count(farm->world.slots),
		.new_bugs = farm->new_bugs,
		.left_ms = -1,
		.judge_within_ms = farm->config.judge_within_ms,
	};
	farm_look_at_work(farm, v);
	if (farm->triage) {
		v->judging = triage_judging(farm->triage);
		v->backlog = triage_backlog(farm->triage);
		v->pursuing = triage_pursuing(farm->triage);
	}
	if (farm->fuzz_began_ms)
		v->elapsed_ms = now - farm->fuzz_began_ms;
	if (farm->config.fuzz_ms && farm->fuzz_began_ms)
		v->left_ms = farm->fuzz_ends_ms > now ? farm->fuzz_ends_ms - now : 0;
	for (i = 0; i < farm->project_count && !farm->has_closed_projects; i++) {
		int made = 0, cached = 0;

		if (farm->projects[i].project)
			project_build_counts(farm->projects[i].project, &made, &cached);
		v->builds_made += made;
		v->builds_cached += cached;
	}
	if (!farm->has_closed_projects)
		farm_each_target(farm, look_at, farm);
	v->targets = farm->view_targets;
	return v;
}
