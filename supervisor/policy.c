/*
 * Which target gets the next engine: of those that a campaign has budget for, but for one
 * start in CAMPAIGN_TURNS, which is for the others, so that nobody starves. Among them
 * those that came with a new snapshot, then those near what is new in it (nearing.c),
 * then the one that had the least, where a target near what is staged may have more; a
 * new engine on it never on top of another one while there are others. Which engine,
 * share.c says.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

#define CAMPAIGN_TURNS 8

/* Of the targets that a campaign wants, or of the others. */
struct choice {
	bool is_campaigns;
	struct farm_target *best;
};

static bool may_start(const struct farm_target *t)
{
	return t->state == FARM_TARGET_READY && !farm_target_is_held(t);
}

/* It came with a new snapshot, and had no turn yet. */
static bool is_first_turn(const struct farm_target *t)
{
	return t->is_new && t->slices == 0;
}

/* It is near what came with a new snapshot, and had no turn on it yet. */
static bool is_near_turn(const struct farm_target *t)
{
	return t->near && t->near->is_new && t->slices == 0;
}

static bool is_before(const struct farm_target *a, const struct farm_target *b)
{
	if (is_first_turn(a) != is_first_turn(b))
		return is_first_turn(a);
	if (is_near_turn(a) != is_near_turn(b))
		return is_near_turn(a);
	if (a->engines != b->engines)
		return a->engines < b->engines;
	return a->core_ms * farm_near_weight(b) < b->core_ms * farm_near_weight(a);
}

static void consider(struct farm_target *t, void *ctx)
{
	struct choice *c = ctx;

	if (!may_start(t) || t->not_before_ms > iw_time_mono_ms() ||
		farm_campaign_rests(t) || (farm_campaign_of(t) != 0) != c->is_campaigns)
		return;
	if (!c->best || is_before(t, c->best))
		c->best = t;
}

static struct farm_target *choose(struct farm *farm, bool is_campaigns)
{
	struct choice c = {.is_campaigns = is_campaigns};

	farm_each_target(farm, consider, &c);
	return c.best;
}

struct farm_target *farm_pick_target(struct farm *farm)
{
	bool is_their_turn = farm->campaign_starts < CAMPAIGN_TURNS - 1;
	struct farm_target *best = choose(farm, is_their_turn);

	return best ? best : choose(farm, !is_their_turn);
}

/* Of the targets that could have been chosen instead. */
struct rivals {
	const struct farm_target *chosen;
	int count, equal; /* equal: with as few engines */
	bool has_campaign;
};

static void count_rival(struct farm_target *t, void *ctx)
{
	struct rivals *r = ctx;

	if (!may_start(t) || t == r->chosen)
		return;
	r->count++;
	r->equal += t->engines == r->chosen->engines;
	r->has_campaign |= farm_campaign_of(t) != 0;
}

/* Of a target that no campaign wants, with others beside it. The caller frees. */
static char *reason(const struct farm_target *t, const struct rivals *r)
{
	if (is_first_turn(t))
		return iw_strdup("a new target, never fuzzed before");
	if (is_near_turn(t))
		return iw_fmt("it reaches what pull request #%lld changes, which is new",
			(long long)t->near->pr);
	if (r->equal == 0)
		return iw_strdup("fewer engines than any other target");
	if (t->near)
		return iw_fmt(
			"%d times the share of others: it reaches what pull request "
			"#%lld changes",
			farm_near_weight(t), (long long)t->near->pr);
	return iw_strdup("least core time of all targets");
}

static void say_why(struct farm_target *t)
{
	_auto_free_ char *why = NULL;
	struct rivals r = {.chosen = t};
	int64_t campaign = farm_campaign_of(t);

	farm_each_target(t->farm, count_rival, &r);
	if (r.count > 0 && campaign)
		snprintf(t->why, sizeof t->why, "the targets of campaign %lld come first",
			(long long)campaign);
	else if (r.count > 0 && r.has_campaign)
		snprintf(t->why, sizeof t->why,
			"one start in %d is for targets without a campaign",
			CAMPAIGN_TURNS);
	else if (r.count == 0)
		snprintf(t->why, sizeof t->why, "the only target that can be fuzzed");
	else
		snprintf(t->why, sizeof t->why, "%s", why = reason(t, &r));
}

void farm_note_start(struct farm_target *t)
{
	say_why(t);
	if (farm_campaign_of(t))
		t->farm->campaign_starts++;
	else
		t->farm->campaign_starts = 0;
}

static void count_engines(struct farm_target *t, void *engines)
{
	*(int *)engines += t->engines;
}

/* An engine on a full disk finds what nobody can store. */
static bool has_room(struct farm *farm)
{
	int64_t free_bytes = iw_disk_free(farm->world.state->dir);
	bool has = free_bytes < 0 || free_bytes >= IW_STATE_MIN_FREE;

	if (!has && !farm->is_full)
		farm_say(farm,
			"the disk of '%s' is full: no engine starts until there is "
			"room again",
			farm->world.state->dir);
	farm->is_full = !has;
	return has;
}

void farm_fill_slots(struct farm *farm)
{
	int engines = 0;

	if (!has_room(farm))
		return;

	/* Counted here and not asked of the slots: a slice that is being prepared has no
	 * job yet. */
	farm_each_target(farm, count_engines, &engines);
	for (; engines < iw_slots_count(farm->world.slots); engines++) {
		struct farm_target *best = farm_pick_target(farm);
		struct farm_lane *lane = best ? farm_pick_lane(best) : NULL;

		if (!lane)
			return;
		farm_note_start(best);
		farm_slice_start(best, lane);
	}
}
