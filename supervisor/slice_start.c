/*
 * How a slice begins: its corpus on the pool (the engine's own queue, or what is
 * distilled), its inbox, its job, its command.
 */
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "slice_room.h"

#include "base/banned.h"

/* A slice in a short run still visits every target several times. */
#define SLICE_MIN_S 5
#define SLICE_FIRST_S 20
#define SLICE_MAX_S 300
#define VISITS 4
/* The engine ends by itself; the keeper's deadline is for one that does not. */
#define OVERTIME_MS 30000
#define STALL_MS 10000
/* Where units are known to hang, an engine waits no longer than this for each: what is
 * only slow, triage finds out. */
#define KNOWN_HANG_S 2
#define DEATHS_MAX 3
#define SAMPLES_EVERY_MS ((int64_t)600 * 1000)

static void give_up(struct slice *s)
{
	if (s->err.code != IW_ECANCELED) {
		iw_warn("a slice could not start", S("target", s->target->spec.name),
			S("error", s->err.msg));
		farm_say(s->farm, "%s: %s", s->target->spec.name, s->err.msg);
	}
	s->target->not_before_ms = iw_time_mono_ms() + SLICE_RETRY_MS;
	slice_end(s, false);
}

static void start_engine(struct slice *s)
{
	const struct adapter_target *t = &s->target->spec;
	_auto_free_ char *binary = target_binary(s->lane->build, t);
	_auto_free_ char *companion =
		s->lane->companion ? target_binary(s->lane->companion, t) : NULL;
	struct engine_slice spec = {
		.binary = binary,
		.program = s->farm->world.tools->afl_fuzz,
		.companion = companion,
		.inbox = s->farm->world.inbox,
		.is_resumed = s->is_resumed,
		.dictionary = s->target->dictionary,
		.seconds = s->seconds,
		.max_len = t->max_len,
		.driver = s->farm->world.driver,
		.has_shield = true,
		.timeout_s = s->timeout_s,
		.rss_limit_mb = target_rss_limit_mb(s->lane->build, t),
		.malloc_limit_mb = t->rss_limit_mb,
		/* A unit that was swallowed leaves its memory behind; leaks are found
		 * when units are judged. */
		.check_leaks = t->check_leaks && s->known.count == 0,
		.seed = farm_random(s->farm) | 1,
	};

	if (!binary) {
		iw_err_set(&s->err, IW_ENOENT, "its build has no '%s'", t->binary);
		give_up(s);
		return;
	}
	s->engine->command(s->job, &spec);
	target_add_env(
		s->job, s->lane->build, SAN_USE_FUZZ, s->farm->world.tools->symbolizer);
	s->is_running = true;
	s->began_ms = iw_time_mono_ms();
	iw_job_submit(s->job, slice_on_ended, s);
}

static void write_first_unit(struct slice *s)
{
	_auto_free_ char *path = iw_path_join(s->corpus_dir, "first");

	iw_file_write(path, s->engine->first_unit, strlen(s->engine->first_unit), 0644,
		&s->err);
}

static void fill_corpus(struct slice *s)
{
	if (s->kept_path && farm_kept_take(s->kept_path, s->corpus_dir)) {
		s->is_resumed = true;
		/* What others found while it did not run: all there is when nobody knows
		 * what that was. Its own units do no harm. */
		s->handout.dir = s->handout_inbox;
		if (s->lane->share->is_current) {
			iw_dir_make(s->handout.dir, &s->err);
			return;
		}
	}
	if (corpus_handout(&s->handout, &s->err) < 0)
		return;
	if (s->engine->first_unit && s->handout.files == 0 && !s->is_resumed)
		write_first_unit(s);
	if (!farm_is_folder(iw_job_work(s->job), s->engine->inbox_dir))
		iw_dir_make(s->handout_inbox, &s->err);
}

static void write_shield(struct slice *s)
{
	struct engine_shield_spec spec = {
		.keys = s->known.places,
		.key_count = s->known.count,
		/* It forks anew by itself: a place is known when it has died there. */
		.deaths_max = s->engine->goes_on ? DEATHS_MAX : 0,
		.rss_limit_mb = target_rss_limit_mb(s->lane->build, &s->target->spec),
		/* libFuzzer runs an empty unit first. */
		.warm_units = (int64_t)s->handout.files + 1,
		.wants_samples = s->wants_samples,
	};

	engine_shield_write(iw_job_work(s->job), &spec, &s->err);
}

/* Pool. */
static void write_corpus(struct iw_work *work)
{
	struct slice *s = (struct slice *)((char *)work - offsetof(struct slice, work));

	fill_corpus(s);
	if (!s->err.code)
		write_shield(s);
}

/* What was found while it did not run is in its corpus, or goes into its inbox. */
static void give_waiting(struct slice *s)
{
	struct farm_share *share = s->lane->share;
	size_t i;

	if (!s->is_resumed)
		s->received = (int64_t)share->waiting_count;
	for (i = 0; s->is_resumed && share->is_current && i < share->waiting_count; i++)
		farm_inbox_put(&s->inbox, &share->waiting[i]);
	share->waiting_count = 0;
	share->is_current = true;
}

static void on_corpus_written(struct iw_work *work)
{
	struct slice *s = (struct slice *)((char *)work - offsetof(struct slice, work));

	if (s->err.code || s->is_stopping) {
		if (!s->err.code)
			iw_err_set(&s->err, IW_ECANCELED, "stopped before it started");
		give_up(s);
		return;
	}
	give_waiting(s);
	start_engine(s);
}

/* A farm without an end visits every target soon: its first slices are short, later ones
 * long enough that reading the corpus again costs little. */
static int64_t endless_seconds(const struct farm_target *target)
{
	int64_t s = SLICE_FIRST_S << (target->slices < 8 ? target->slices / 2 : 4);

	return s < SLICE_MAX_S ? s : SLICE_MAX_S;
}

static int64_t slice_seconds(const struct farm_target *target)
{
	const struct farm *farm = target->farm;
	int64_t left = farm->fuzz_ends_ms - iw_time_mono_ms(), targets = 0, s;
	size_t i;

	if (!farm->config.fuzz_ms)
		return endless_seconds(target);
	for (i = 0; i < farm->project_count; i++)
		targets += (int64_t)farm->projects[i].target_count;
	s = farm->config.fuzz_ms / 1000 * iw_slots_count(farm->world.slots) /
		(VISITS * (targets ? targets : 1));
	s = s < SLICE_MIN_S ? SLICE_MIN_S : s > SLICE_MAX_S ? SLICE_MAX_S : s;
	return s < left / 1000 + 1 ? s : left / 1000 + 1;
}

static int make_artifact_dir(struct slice *s, struct iw_err *err)
{
	_auto_free_ char *dir =
		iw_path_join(iw_job_work(s->job), s->engine->artifact_dirs[0]);

	return iw_dir_make(dir, err);
}

/* Where the engine of the job finds and leaves things. */
static void set_places(struct slice *s)
{
	s->corpus_dir = iw_path_join(iw_job_work(s->job), s->engine->corpus_dir);
	s->handout_inbox = iw_path_join(iw_job_work(s->job), s->engine->inbox_dir);
	if (s->engine->keeps_finds)
		s->kept_path = farm_kept_path(s->farm, s->engine, s->target->triage.id);
}

static int make_job(struct slice *s, struct iw_err *err)
{
	const struct adapter_target *t = &s->target->spec;
	const char *reads[] = {s->lane->build->dir, s->lane->target->lanes[0].build->dir,
		s->lane->companion ? s->lane->companion->dir : NULL, NULL};
	struct farm_about whose = {
		.target_id = s->target->triage.id,
		.build_id = s->lane->build->id,
		.engine = s->engine,
		.campaigns = s->campaigns,
	};
	int64_t timeout_s = s->timeout_s;
	_auto_free_ char *about = farm_about_write(&whose);
	_auto_free_ char *what = farm_lane_what(s->lane);
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_FUZZ,
		.about = about,
		.what = what,
		.reads = reads,
		.timeout_ms = (s->seconds + timeout_s) * 1000 + OVERTIME_MS,
		/* An engine's own alarm is far sooner; a stopped engine has none. */
		.stall_ms = timeout_s * 2000 + STALL_MS,
		.rss_limit_mb = target_rss_limit_mb(s->lane->build, t) * 2 + 2048,
		.disk_limit_mb = t->disk_limit_mb,
		.nice = IW_SLOTS_FUZZ_NICE,
		.no_aslr = san_flavour_find(s->lane->build->flavour)->no_aslr,
	};
	int rc = iw_job_new(&s->job, s->farm->world.jobs, &spec, err);

	if (rc < 0)
		return rc;
	set_places(s);
	return s->engine->goes_on ? 0 : make_artifact_dir(s, err);
}

/* Pool: one scan at a time. */
static bool is_wanted(void *ctx, const char *name)
{
	struct slice *s = ctx;

	switch (s->engine->unit(name)) {
	case ENGINE_UNIT_KEPT:
		s->kept++;
		return false;
	case ENGINE_UNIT_GIVEN:
		return false;
	default:
		return true;
	}
}

static void open_inbox(struct slice *s)
{
	s->inbox = (struct farm_inbox){
		.loop = s->farm->world.loop,
		.packs = s->farm->packs,
		.work = iw_job_work(s->job),
		.dir = s->engine->inbox_dir,
		.spare = iw_path_join(iw_job_dir(s->job), "gift"),
		.idle = slice_on_inbox_idle,
		.ctx = s,
	};
}

static struct slice *new_slice(struct farm_target *target, struct farm_lane *lane)
{
	struct farm *farm = target->farm;
	struct slice *s = iw_calloc(1, sizeof *s);

	s->farm = farm;
	s->target = target;
	s->lane = lane;
	s->engine = lane->share->engine;
	s->progress = engine_progress_none;
	s->seconds = slice_seconds(target);
	s->timeout_s = target_timeout_s(lane->build, &target->spec);
	memcpy(s->why, target->why, sizeof s->why);
	s->next = farm->slices;
	farm->slices = s;
	s->next_of_target = target->slices_now;
	target->slices_now = s;
	target->engines++;
	target->slices++;
	lane->share->running++;
	/* Until it runs and ends: what it is going to cost. */
	lane->fuzz_core_ms += 1;
	lane->share->core_ms += 1;
	return s;
}

static void open_folders(struct slice *s)
{
	s->scan = corpus_scan_new_below(iw_job_work(s->job), s->engine->find_dir);
	corpus_scan_filter(s->scan, is_wanted, s);
	open_inbox(s);
}

static void copy_ids(struct iw_ids *to, const struct iw_ids *from)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		iw_ids_add(to, from->items[i]);
}

void farm_slice_adopt(struct farm_target *target, struct farm_lane *lane, const char *dir,
	const struct iw_ids *campaigns)
{
	struct slice *s = new_slice(target, lane);
	_auto_free_ char *what = farm_lane_what(lane);

	copy_ids(&s->campaigns, campaigns);
	snprintf(s->why, sizeof s->why,
		"it outlived the supervisor before this one and was adopted");
	if (iw_job_adopt(&s->job, target->farm->world.jobs, dir, IW_PURPOSE_FUZZ,
		    slice_on_ended, s, &s->err) < 0) {
		give_up(s);
		return;
	}
	iw_job_set_what(s->job, what);
	set_places(s);
	open_folders(s);
	s->is_running = true;
}

/* Writer thread. */
static int look_up_known(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct slice *s = ctx;

	return burn_db_known(dbc, s->target->triage.id, s->lane->build->id,
		IW_SHIELD_KNOWN_MAX, &s->known, err);
}

/* A place that is known is looked at again now and then: another bug may hide there. */
static bool wants_samples(struct farm_target *t)
{
	int64_t now = iw_time_mono_ms();

	if (t->sampled_ms && now - t->sampled_ms < SAMPLES_EVERY_MS)
		return false;
	t->sampled_ms = now;
	return true;
}

static void on_known(struct iw_db_req *req)
{
	struct slice *s = req->ctx;

	if (req->err.code) {
		iw_err_copy(&s->err, &req->err);
		give_up(s);
		return;
	}
	if (s->known.has_hang && s->timeout_s > KNOWN_HANG_S)
		s->timeout_s = KNOWN_HANG_S;
	s->wants_samples = s->known.count > 0 && wants_samples(s->target);
	iw_work_submit(s->farm->world.loop, &s->work, write_corpus, on_corpus_written);
}

void farm_slice_start(struct farm_target *target, struct farm_lane *lane)
{
	struct farm *farm = target->farm;
	struct slice *s = new_slice(target, lane);

	farm_campaigns_of(target, &s->campaigns);
	if (make_job(s, &s->err) < 0) {
		give_up(s);
		return;
	}
	open_folders(s);
	s->handout = (struct corpus_handout){
		.db_path = farm->world.state->db,
		.packs = farm->packs,
		.build_id = target->lanes[0].build->id,
		.target_id = target->triage.id,
		.dir = s->corpus_dir,
	};
	s->db_req = (struct iw_db_req){.run = look_up_known, .ctx = s, .done = on_known};
	iw_db_submit(farm->db, &s->db_req);
}
