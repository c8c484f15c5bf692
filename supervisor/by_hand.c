/* What people did to bugs and crashes, told to triage when the rows have it. */
#include "farm_room.h"

#include "base/banned.h"

void farm_bug_changed(struct farm *farm, int64_t bug_id)
{
	if (farm->triage)
		triage_bug_changed(farm->triage, bug_id);
}
