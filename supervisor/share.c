/*
 * Which engine a target's next slice gets.
 *
 * Engines of one target run beside each other where there are cores for it: the one with
 * the fewest running slices comes first. Otherwise their core time goes by what they
 * find, new features per core-second, and each keeps a floor: half of an equal share.
 * Within libFuzzer half goes to the build that judges (a memory error need not show a new
 * feature), half to the fast one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "farm_room.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

static struct farm_share *share_of(struct farm_target *t, const struct engine_ops *engine)
{
	size_t i;

	for (i = 0; i < t->share_count; i++)
		if (t->shares[i].engine == engine)
			return &t->shares[i];
	if (t->share_count == FARM_ENGINES)
		return NULL;
	t->shares[t->share_count] =
		(struct farm_share){.engine = engine, .stability = -1};
	return &t->shares[t->share_count++];
}

/* Of libFuzzer's builds the reference and the first judge, of other engines all. */
static bool is_fuzzed(const struct farm_target *t, const struct farm_lane *lane)
{
	if (lane == &t->lanes[0])
		return true;
	if (!san_flavour_can_judge(san_flavour_find(lane->build->flavour)))
		return true;
	return lane == &t->lanes[1] && strstr(lane->build->flavour, "asan") != NULL;
}

void farm_shares_init(struct farm_target *t)
{
	size_t i;

	for (i = 0; i < t->lane_count; i++) {
		struct farm_lane *lane = &t->lanes[i];
		const char *name = san_flavour_find(lane->build->flavour)->engine;
		const struct engine_ops *engine = engine_find(name);

		if (engine && is_fuzzed(t, lane))
			lane->share = share_of(t, engine);
	}
}

void farm_shares_fini(struct farm_target *t)
{
	size_t i;

	for (i = 0; i < t->share_count; i++)
		free(t->shares[i].waiting);
	free(t->finds);
}

static bool may_fuzz(const struct farm_lane *lane)
{
	return lane->share && !lane->is_out && iw_time_mono_ms() >= lane->fuzz_from_ms;
}

/* New features per core-second, so that an engine without either is as good as any. */
static double yield_of(const struct farm_share *share)
{
	return (1.0 + (double)share->features) / (1.0 + (double)share->core_ms / 1000);
}

/* The part of the target's core time that this engine is to have. */
static double part_of(const struct farm_target *t, const struct farm_share *share)
{
	double sum = 0, equal = 1.0 / (double)t->share_count, floor = equal / 2;
	size_t i;

	for (i = 0; i < t->share_count; i++)
		sum += yield_of(&t->shares[i]);
	/* What is above the floors is dealt by yield. */
	return floor + (1 - floor * (double)t->share_count) * yield_of(share) / sum;
}

static bool is_before(
	const struct farm_target *t, const struct farm_lane *a, const struct farm_lane *b)
{
	const struct farm_share *x = a->share, *y = b->share;

	if (x == y)
		return a->fuzz_core_ms <= b->fuzz_core_ms;
	if (x->running != y->running)
		return x->running < y->running;
	return (double)x->core_ms / part_of(t, x) < (double)y->core_ms / part_of(t, y);
}

struct farm_lane *farm_pick_lane(struct farm_target *t)
{
	struct farm_lane *best = NULL;
	size_t i;

	/* Of equals libFuzzer comes first, with the build that judges. */
	for (i = 0; i < t->lane_count; i++)
		if (may_fuzz(&t->lanes[i]) && (!best || is_before(t, &t->lanes[i], best)))
			best = &t->lanes[i];
	return best;
}
