/*
 * When the farm looks at which lines its corpora reach: once there is a corpus worth it,
 * again when that has grown and the last look's cost is a small share of the time that
 * passed, and at the end of a run, within bounds. One project at a time; its jobs take
 * what engines leave.
 */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "cover_round.h"
#include "farm_room.h"

#include "base/banned.h"

/* Engines find most in their first minutes. */
#define FIRST_MS ((int64_t)5 * 60 * 1000)
#define AGAIN_MS ((int64_t)30 * 60 * 1000)
/* A run that is shorter looks at its end alone. */
#define SHORT_MS ((int64_t)30 * 60 * 1000)
/* Of one core, at most one part in so many. */
#define COST_SHARE 40
/* It has grown when there is a quarter more, and these. */
#define GROWN_MIN 16

static bool declares_it(const struct farm_project *p)
{
	const struct adapter *adapter = p->project ? project_adapter(p->project) : NULL;
	size_t i;

	for (i = 0; adapter && i < adapter->flavour_count; i++)
		if (strcmp(adapter->flavours[i], COVER_FLAVOUR) == 0)
			return true;
	return false;
}

static int64_t units_of(const struct farm_project *p)
{
	int64_t units = 0;
	size_t i;

	for (i = 0; i < p->target_count; i++)
		if (p->targets[i]->state == FARM_TARGET_READY)
			units += p->targets[i]->units;
	return units;
}

static bool is_wanted(const struct farm_project *p)
{
	return declares_it(p) && !p->cover.is_hopeless && units_of(p) > 0;
}

/* While the farm fuzzes. */
static bool is_due(const struct farm_project *p, int64_t now)
{
	const struct farm *farm = p->farm;
	int64_t seen = p->cover.units, rest = p->cover.core_ms * COST_SHARE;

	if (!is_wanted(p) || now < farm->fuzz_began_ms + FIRST_MS)
		return false;
	if (!p->cover.ended_ms)
		return true;
	if (rest < AGAIN_MS)
		rest = AGAIN_MS;
	if (now < p->cover.ended_ms + rest)
		return false;
	return !p->cover.is_done || units_of(p) > seen + seen / 4 + GROWN_MIN;
}

static bool has_tools(struct farm *farm)
{
	if (farm->world.tools->cov && farm->world.tools->profdata)
		return true;
	if (!farm->has_said_no_cover)
		farm_say(farm,
			"no coverage reports: llvm-cov and llvm-profdata of clang %d are "
			"missing; install the package llvm-%d",
			farm->world.tools->major, farm->world.tools->major);
	farm->has_said_no_cover = true;
	return false;
}

static void on_round(
	struct cover_round *round, const struct cover_round_result *result, void *ctx)
{
	struct farm_project *p = ctx;
	struct farm *farm = p->farm;

	p->cover = (struct farm_cover_note){
		.ended_ms = iw_time_mono_ms(),
		.units = result->units,
		.core_ms = result->core_ms,
		.is_done = result->is_done,
		.is_hopeless = result->is_hopeless,
		.has_ended = farm->phase >= FARM_DRAINING,
	};
	cover_round_free(round);
	farm->cover = NULL;
	if (p->cover.is_done && farm->phase == FARM_FUZZING)
		farm_near_look(p);
	farm_advance(farm);
}

static void start(struct farm_project *p)
{
	farm_say(p->farm, "%s: looking at which lines its corpus reaches",
		project_adapter(p->project)->name);
	p->farm->cover = cover_round_start(p, on_round, p);
}

void farm_cover_tick(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	bool is_short = farm->config.fuzz_ms && farm->config.fuzz_ms < SHORT_MS;
	size_t i;

	if (farm->phase != FARM_FUZZING || farm->cover || is_short)
		return;
	for (i = 0; i < farm->project_count && !farm->cover; i++)
		if (is_due(&farm->projects[i], now) && has_tools(farm))
			start(&farm->projects[i]);
}

/* A project whose corpus at the end nobody has looked at. */
static struct farm_project *left_over(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_project *p = &farm->projects[i];

		if (is_wanted(p) && !p->cover.has_ended &&
			(!p->cover.is_done || p->cover.units != units_of(p)))
			return p;
	}
	return NULL;
}

bool farm_cover_end(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	/* Somebody wants it to end, or it could not begin. */
	bool is_stopping =
		farm->stops > 0 || farm->is_leaving || farm->config.drain_ms == 0;
	struct farm_project *p;

	if (!farm->cover_ends_ms)
		farm->cover_ends_ms = now + farm->config.cover_ms;
	is_stopping |= now >= farm->cover_ends_ms;
	if (farm->cover) {
		if (is_stopping)
			cover_round_stop(farm->cover);
		return false;
	}
	p = is_stopping ? NULL : left_over(farm);
	if (!p || !has_tools(farm))
		return true;
	start(p);
	return false;
}
