/* The farm's part of the disk budget: what is in use, and who waits for room. */
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

/* A symbolizer that only waits for more questions is no reason to stay. */
static bool is_read(const struct farm *farm, const char *dir)
{
	int readers = iw_jobs_readers(farm->world.jobs, dir);

	if (farm->symbolizer && san_symbolizer_is_idle(farm->symbolizer, dir))
		readers--;
	return readers > 0;
}

static enum budget_use use(void *ctx, const char *closure)
{
	const struct farm *farm = ctx;
	_auto_free_ char *dir = iw_path_join(farm->world.state->builds, closure);
	enum budget_use most = BUDGET_FREE;
	size_t i;

	for (i = 0; i < farm->project_count && most != BUDGET_USED; i++) {
		const struct farm_project *p = &farm->projects[i];
		enum budget_use here;

		if (!p->project)
			continue;
		here = is_fuzzed(p, closure)
			? BUDGET_USED
			: builder_use(project_builds(p->project), closure);
		most = here > most ? here : most;
	}
	return most == BUDGET_FREE && is_read(farm, dir) ? BUDGET_USED : most;
}

static void forget(void *ctx, const char *closure)
{
	const struct farm *farm = ctx;
	_auto_free_ char *dir = iw_path_join(farm->world.state->builds, closure);
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].project)
			builder_forget(
				project_builds(farm->projects[i].project), closure);
	if (farm->symbolizer)
		san_symbolizer_rest(farm->symbolizer, dir);
}

static void say_budget(void *ctx, const char *text)
{
	farm_say(ctx, "%s", text);
}

static void on_room(void *ctx)
{
	const struct farm *farm = ctx;

	if (farm->triage)
		triage_room(farm->triage);
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
		.use = use,
		.forget = forget,
		.say = say_budget,
		.has_room = on_room,
		.rested = on_rested,
	};

	farm->budget = budget_new(&config);
}
