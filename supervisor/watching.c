/* What a farm tells whoever watches it besides its targets: which job is on which slot
 * and why, what the core time went to, what was said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

/* Why a job of this purpose was asked for. Which of those that wait goes first, slots.c
 * says: the one whose patience ends first. */
static const char *const reasons[IW_PURPOSE_COUNT] = {
	[IW_PURPOSE_REPRODUCE] = "does an input fail, and how?",
	[IW_PURPOSE_MINIMIZE] = "a smaller input says more about a new bug",
	[IW_PURPOSE_BISECT] = "which staged change is to blame for a new bug?",
	[IW_PURPOSE_SYMBOLIZE] = "reports have addresses where people want names",
	[IW_PURPOSE_FETCH] = "the source may have moved on",
	[IW_PURPOSE_BUILD] = "this tree has not been built in this flavour",
	[IW_PURPOSE_MEASURE] = "new units: what do they reach?",
	[IW_PURPOSE_REPLAY] = "new units: does this sanitizer object to them?",
	[IW_PURPOSE_DISTIL] = "a corpus is made smaller",
	[IW_PURPOSE_COVER] = "which lines does the corpus reach?",
	[IW_PURPOSE_FUZZ] = "it is being ended: nobody fuzzes its build any more",
};

void farm_note_message(struct farm *farm, const char *text)
{
	struct farm_message *m;

	if (farm->message_count == FARM_MESSAGES) {
		memmove(farm->messages, farm->messages + 1,
			(FARM_MESSAGES - 1) * sizeof *farm->messages);
		farm->message_count--;
	}
	m = &farm->messages[farm->message_count++];
	m->at_ms = iw_time_wall_ms();
	snprintf(m->text, sizeof m->text, "%s", text);
}

char *farm_lane_what(const struct farm_lane *lane)
{
	const struct farm_target *t = lane->target;

	return iw_fmt("%s/%s, %s", project_adapter(t->owner->project)->name, t->spec.name,
		lane->build->flavour);
}

static void look_at_job(
	const struct farm *farm, const struct iw_job *job, struct farm_work_view *view)
{
	const char *why;

	*view = (struct farm_work_view){.is_running = job != NULL};
	if (!job)
		return;
	view->purpose = iw_job_purpose(job);
	view->since_ms = iw_job_since_ms(job);
	why = farm_slices_why(farm, job);
	snprintf(view->what, sizeof view->what, "%s", iw_job_what(job));
	snprintf(view->why, sizeof view->why, "%s", why ? why : reasons[view->purpose]);
}

void farm_look_at_work(struct farm *farm, struct farm_view *view)
{
	const struct iw_slots *slots = farm->world.slots;
	const struct iw_job *last = iw_slots_last(slots);
	int i;

	if (!farm->view_slots)
		farm->view_slots =
			iw_calloc((size_t)view->slots, sizeof *farm->view_slots);
	for (i = 0; i < view->slots; i++) {
		struct farm_slot_view *v = &farm->view_slots[i];

		v->core = iw_slots_core(slots, i);
		look_at_job(farm, iw_slots_job(slots, i, true), &v->engine);
		look_at_job(farm, iw_slots_job(slots, i, false), &v->front);
		/* It has no core of its own: it is shown where there is room. */
		if (last && !v->front.is_running)
			look_at_job(farm, iw_steal(&last), &v->front);
	}
	view->slot_views = farm->view_slots;
	view->waiting = iw_slots_waiting(slots);
	for (i = 0; i < IW_PURPOSE_COUNT; i++)
		view->core_ms[i] = iw_slots_core_ms(slots, (enum iw_purpose)i);
	view->messages = farm->messages;
	view->message_count = farm->message_count;
}
