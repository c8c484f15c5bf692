/*
 * Engines that outlived the supervisor which started them. Found before the loop runs
 * (sweep.c), they go on; when their target is open again a slice takes each of them over,
 * as if this process had started it. One whose target or build is not fuzzed any more is
 * stopped, and what it found is swept at the next start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

struct about {
	int64_t target_id, build_id;
	char *engine;
};

/* False when the text is not that of an engine's job. */
static bool read_about(const char *text, struct about *about)
{
	_auto_(iw_json_freep) json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	const char *engine = json_string_value(json_object_get(json, "engine"));

	if (!engine || !engine_find(engine))
		return false;
	about->target_id = json_integer_value(json_object_get(json, "target"));
	about->build_id = json_integer_value(json_object_get(json, "build"));
	about->engine = iw_strdup(engine);
	return true;
}

bool farm_note_living(struct farm *farm, const char *dir, const char *about_text)
{
	struct about about;

	if (!read_about(about_text, &about))
		return false;
	iw_freep(&about.engine);
	iw_grow(farm->living, farm->living_count, farm->living_cap);
	farm->living[farm->living_count++] = iw_strdup(dir);
	return true;
}

struct search {
	const struct about *about;
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
			strcmp(lane->share->engine->name, search->about->engine) == 0)
			search->lane = lane;
	}
}

static struct farm_lane *lane_of(struct farm *farm, const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, "about");
	_auto_free_ char *text = NULL;
	struct about about = {0};
	struct search search = {.about = &about};
	size_t len;

	if (iw_file_read(path, 64 << 10, &text, &len, NULL) < 0 ||
		!read_about(text, &about))
		return NULL;
	farm_each_target(farm, look_for_lane, &search);
	iw_freep(&about.engine);
	return search.lane;
}

static void on_orphan_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct farm *farm = ctx;

	(void)exit;
	farm->requests--;
	iw_job_leave(job);
	farm_advance(farm);
}

static void stop_orphan(struct farm *farm, const char *dir)
{
	struct iw_err err = IW_ERR_INIT;
	struct iw_job *job;

	if (iw_job_adopt(&job, farm->world.jobs, dir, IW_PURPOSE_FUZZ, on_orphan_ended,
		    farm, &err) < 0) {
		iw_warn("an engine of an earlier run goes on", S("error", err.msg));
		return;
	}
	farm->requests++;
	iw_job_stop(job);
}

void farm_adopt(struct farm *farm)
{
	size_t adopted = 0, i;

	for (i = 0; i < farm->living_count; i++) {
		struct farm_lane *lane = lane_of(farm, farm->living[i]);

		if (!lane) {
			stop_orphan(farm, farm->living[i]);
			continue;
		}
		farm_slice_adopt(lane->target, lane, farm->living[i]);
		adopted++;
	}
	if (farm->living_count > 0)
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
