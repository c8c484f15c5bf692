/* What people did to bugs and crashes, told to triage when the rows have it. */
#include "farm_room.h"

#include "base/banned.h"

static const struct farm_target *find(const struct farm *farm, int64_t target_id)
{
	size_t i, k;

	for (i = 0; i < farm->project_count; i++)
		for (k = 0; k < farm->projects[i].target_count; k++)
			if (farm->projects[i].targets[k]->triage.id == target_id)
				return farm->projects[i].targets[k];
	return NULL;
}

void farm_bug_changed(struct farm *farm, int64_t bug_id)
{
	if (farm->triage)
		triage_bug_changed(farm->triage, bug_id);
}

void farm_bugs_regrouped(struct farm *farm)
{
	if (farm->triage)
		triage_reload(farm->triage);
}

void farm_crash_added(struct farm *farm, const struct farm_added *added)
{
	const struct farm_target *t = find(farm, added->target_id);
	struct triage_crash crash = {
		.flavour = added->flavour, .kind = added->kind, .report = ""};

	/* One that is being loaded finds in the rows what waits. */
	if (!farm->triage || !t || t->state == FARM_TARGET_LOADING)
		return;
	crash.target = &t->triage;
	triage_queue(farm->triage, &crash, added->crash_id, &added->input);
}
