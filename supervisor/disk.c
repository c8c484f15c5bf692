/* The farm's part of the disk budget: what is in use, and when to look. */
#include "adapters/budget.h"
#include "base/file.h"
#include "base/mem.h"
#include "farm_room.h"

#include <string.h>

#include "base/banned.h"

static bool is_fuzzed(const struct farm_project *p, const char *closure)
{
	size_t i;

	for (i = 0; i < p->flavour_count; i++)
		if (p->builds[i] && strcmp(p->builds[i]->closure, closure) == 0)
			return true;
	return false;
}

static bool uses(void *ctx, const char *closure)
{
	const struct farm *farm = ctx;
	_auto_free_ char *dir = iw_path_join(farm->world.state->builds, closure);
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		const struct farm_project *p = &farm->projects[i];

		if (p->project &&
			(is_fuzzed(p, closure) ||
				builder_uses(project_builds(p->project), closure)))
			return true;
	}
	return iw_jobs_read(farm->world.jobs, dir);
}

static void forget(void *ctx, const char *closure)
{
	const struct farm *farm = ctx;
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].project)
			builder_forget(
				project_builds(farm->projects[i].project), closure);
}

static void say_budget(void *ctx, const char *text)
{
	farm_say(ctx, "%s", text);
}

static void on_rested(void *ctx)
{
	farm_advance(ctx);
}

void farm_disk_open(struct farm *farm)
{
	struct budget_config config = {
		.loop = farm->world.loop,
		.db = farm->db,
		.builds_dir = farm->world.state->builds,
		.bytes = farm->world.disk_budget,
		.ctx = farm,
		.uses = uses,
		.forget = forget,
		.say = say_budget,
		.rested = on_rested,
	};

	farm->budget = budget_new(&config);
}

void farm_disk_look(void *ctx)
{
	struct farm *farm = ctx;

	/* Before all flavours are there nobody knows what will be fuzzed. */
	if (farm->phase == FARM_FUZZING)
		budget_look(farm->budget);
}
