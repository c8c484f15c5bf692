/*
 * Engines that outlived the supervisor which started them. Found before the loop runs
 * (sweep.c), they go on; when their target is open again a slice takes each of them over,
 * as if this process had started it. One whose target or build is not fuzzed any more is
 * an orphan: it is stopped, and what it found is swept as at a start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm_room.h"
#include "triage/crash_db.h"

#include "base/banned.h"

#define ABOUT_MAX ((size_t)64 << 10)

bool farm_note_living(struct farm *farm, const char *dir, const char *about_text)
{
	struct farm_about about;

	if (!farm_about_read(about_text, &about))
		return false;
	farm_about_fini(&about);
	iw_grow(farm->living, farm->living_count, farm->living_cap);
	farm->living[farm->living_count++] = iw_strdup(dir);
	return true;
}

struct search {
	const struct farm_about *about;
	struct farm_lane *lane;
};

static void look_for_lane(struct farm_target *t, void *ctx)
{
	struct search *search = ctx;
	size_t i;

	if (t->state != FARM_TARGET_READY || t->triage.id != search->about->target_id)
		return;
	for (i = 0; i < t->lane_count; i++) {
		struct farm_lane *lane = &t->lanes[i];

		if (lane->build->id == search->about->build_id && lane->share &&
			lane->share->engine == search->about->engine)
			search->lane = lane;
	}
}

static char *about_of(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, "about");
	char *text = NULL;
	size_t len;

	return iw_file_read(path, ABOUT_MAX, &text, &len, NULL) < 0 ? NULL : text;
}

/* The caller ends about. */
static struct farm_lane *lane_of(
	struct farm *farm, const char *dir, struct farm_about *about)
{
	_auto_free_ char *text = about_of(dir);
	struct search search = {.about = about};

	if (farm_about_read(text, about))
		farm_each_target(farm, look_for_lane, &search);
	return search.lane;
}

struct orphan {
	struct farm *farm;
	struct iw_job *job;
	char *about;
	struct iw_db_req req;
	struct farm_swept swept;
	struct triage_crash_row *crashes; /* what triage has to know of them */
	size_t count;
};

static int note_crash(void *ctx, const struct triage_crash_row *row)
{
	struct orphan *o = ctx;

	o->crashes[o->count++] = *row;
	return 0;
}

static int sweep_orphan(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct orphan *o = ctx;
	int rc = farm_sweep_folder(
		o->farm, dbc, iw_job_dir(o->job), o->about, &o->swept, err);
	size_t i;

	o->crashes = iw_calloc(o->swept.crash_count + 1, sizeof *o->crashes);
	for (i = 0; rc == 0 && i < o->swept.crash_count; i++) {
		struct crash_filter filter = {.id = o->swept.crashes[i], .limit = 1};

		rc = crash_db_list(dbc, &filter, note_crash, o, err);
	}
	return rc;
}

static void queue_crashes(struct farm_target *t, void *ctx)
{
	const struct orphan *o = ctx;
	size_t i;

	if (o->count == 0 || o->crashes[0].target_id != t->triage.id)
		return;
	t->crashes += (int64_t)o->count;
	for (i = 0; i < o->count; i++) {
		const struct triage_crash_row *row = &o->crashes[i];
		struct triage_crash crash = {.target = &t->triage,
			.flavour = row->flavour,
			.kind = row->kind,
			.report = ""};

		triage_queue(t->farm->triage, &crash, row->id, &row->input);
	}
}

static void note_units(struct farm_target *t, void *ctx)
{
	const struct orphan *o = ctx;
	struct farm_about about;

	if (o->swept.units == 0 || !farm_about_read(o->about, &about))
		return;
	if (about.target_id == t->triage.id)
		farm_units_added(t, o->swept.units);
	farm_about_fini(&about);
}

static void end_orphan(struct orphan *o)
{
	struct farm *farm = o->farm;

	farm->requests--;
	free(o->swept.crashes);
	free(o->crashes);
	free(o->about);
	free(o);
	farm_advance(farm);
}

static void on_orphan_swept(struct iw_db_req *req)
{
	struct orphan *o = req->ctx;

	if (req->err.code) {
		iw_warn("an engine's folder is kept for the next start",
			S("dir", iw_job_dir(o->job)), S("error", req->err.msg));
		iw_job_leave(o->job);
		end_orphan(o);
		return;
	}
	farm_sweep_keep(o->farm, iw_job_dir(o->job), o->about);
	iw_job_free(o->job);
	/* Otherwise it is in the database, and that is enough. */
	if (o->farm->phase == FARM_FUZZING) {
		farm_each_target(o->farm, queue_crashes, o);
		farm_each_target(o->farm, note_units, o);
	}
	/* It may have been a campaign's. */
	farm_wishes_changed(o->farm);
	end_orphan(o);
}

static void on_orphan_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct orphan *o = ctx;

	(void)job;
	(void)exit;
	o->req = (struct iw_db_req){
		.run = sweep_orphan, .ctx = o, .done = on_orphan_swept};
	iw_db_submit(o->farm->db, &o->req);
}

static void stop_orphan(struct farm *farm, const char *dir)
{
	struct orphan *o = iw_calloc(1, sizeof *o);
	struct iw_err err = IW_ERR_INIT;

	o->farm = farm;
	o->about = about_of(dir);
	if (iw_job_adopt(&o->job, farm->world.jobs, dir, IW_PURPOSE_FUZZ, on_orphan_ended,
		    o, &err) < 0) {
		iw_warn("an engine of an earlier run goes on", S("error", err.msg));
		free(o->about);
		free(o);
		return;
	}
	iw_job_set_what(o->job, "an engine of the supervisor before this one");
	farm->requests++;
	iw_job_stop(o->job);
}

void farm_adopt(struct farm *farm)
{
	size_t adopted = 0, i;

	for (i = 0; i < farm->living_count; i++) {
		struct farm_about about;
		struct farm_lane *lane = lane_of(farm, farm->living[i], &about);

		/* There may be fewer cores than before. */
		if (!lane || (int)adopted == iw_slots_count(farm->world.slots)) {
			stop_orphan(farm, farm->living[i]);
		} else {
			farm_slice_adopt(
				lane->target, lane, farm->living[i], &about.campaigns);
			adopted++;
		}
		farm_about_fini(&about);
	}
	if (adopted > 0)
		farm_say(farm, "%zu engine%s of the supervisor before this one adopted",
			adopted, adopted == 1 ? "" : "s");
	farm_forget_living(farm);
}

void farm_stop_living(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->living_count; i++)
		stop_orphan(farm, farm->living[i]);
	farm_forget_living(farm);
}

void farm_forget_living(struct farm *farm)
{
	while (farm->living_count > 0)
		free(farm->living[--farm->living_count]);
	free(iw_steal(&farm->living));
	farm->living_cap = 0;
}
