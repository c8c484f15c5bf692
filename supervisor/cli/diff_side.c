/* One side of a comparison: a farm of its own on one commit, and what it ended with. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/diff_room.h"
#include "cli/watch.h"
#include "daemon.h"

#include "base/banned.h"

struct side {
	struct cli_watch watch; /* first: its callbacks get this */
	struct diff *diff;
	enum diff_side side;
};

static struct diff_target *target_of(struct diff *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->target_count; i++)
		if (strcmp(d->targets[i].name, name) == 0)
			return &d->targets[i];
	iw_grow(d->targets, d->target_count, d->target_cap);
	d->targets[d->target_count] = (struct diff_target){.name = iw_strdup(name)};
	return &d->targets[d->target_count++];
}

static void closing(void *ctx, const struct farm_view *view)
{
	struct side *s = ctx;
	struct diff *d = s->diff;
	size_t i;

	cli_watch_erase(&s->watch);
	for (i = 0; i < view->target_count; i++) {
		struct diff_target *t = target_of(d, view->targets[i].target);

		t->is_on[s->side] = true;
		t->executions[s->side] = view->targets[i].executions -
			(s->side == DIFF_CHANGE ? t->executions[DIFF_BASE] : 0);
	}
	if (s->side == DIFF_CHANGE)
		d->judging = view->judging;
}

/* A side that did not begin to fuzz has no such target, or one that fails at once, which
 * is a find like any other. All else ends the comparison. */
static int check_side(struct diff *d, enum diff_side side,
	const struct iw_daemon_result *result, int rc, struct iw_err *err)
{
	struct iw_err why = *err;

	d->was_stopped = result->was_stopped;
	if (result->was_stopped && side == DIFF_BASE)
		return iw_err_set(err, IW_ECANCELED,
			"stopped before the change was fuzzed; nothing is known of it");
	if (rc == 0 || result->has_begun)
		return 0;
	rc = diff_check_built(d, side, err);
	if (rc == 1)
		return iw_err_copy(err, &why);
	if (rc < 0)
		return rc;
	*err = (struct iw_err){0};
	if (side == DIFF_CHANGE && d->target_count == 0)
		return iw_err_set(err, IW_EINVAL,
			"neither the base nor the change builds any target; 'ironworks "
			"build %s' shows what it builds",
			d->adapter_arg);
	return 0;
}

/* A target that only the change has leaves it all of the time. */
static int64_t fuzz_ms(const struct diff *d, enum diff_side side)
{
	bool is_alone = side == DIFF_CHANGE && d->target_count == 0;

	return is_alone ? d->wish.budget_ms : d->wish.budget_ms / 2;
}

/* Of the budget, for each bug that would be the change's: an engine has to start and to try
 * something in it, and the last ones come when the budget is over. */
#define FUZZ_BASE_PART 30
#define FUZZ_BASE_MIN_S 5
#define FUZZ_BASE_MAX_S 60
#define FUZZ_BASE_LATE 4

static int64_t fuzz_base_s(const struct diff *d)
{
	int64_t s = d->wish.budget_ms / 1000 / FUZZ_BASE_PART;

	if (s < FUZZ_BASE_MIN_S)
		return FUZZ_BASE_MIN_S;
	return s < FUZZ_BASE_MAX_S ? s : FUZZ_BASE_MAX_S;
}

int diff_run_side(struct diff *d, enum diff_side side, struct iw_err *err)
{
	struct side s = {
		.watch = {.whose = diff_side_names[side]}, .diff = d, .side = side};
	const char *const adapters[] = {d->adapter_arg, NULL};
	struct farm_side of_farm = {
		.commit = side == DIFF_BASE ? d->change.base : d->change.merge,
		.base = d->change.base,
		.only = d->wish.target,
		.far = (const char *const *)d->far,
		.fuzz_base_s = fuzz_base_s(d),
	};
	struct iw_daemon_config config = {
		.state_dir = d->dir,
		.adapters = adapters,
		.cores = (int)d->wish.cores,
		.fuzz_ms = fuzz_ms(d, side),
		.drain_ms = cli_watch_drain_ms(fuzz_ms(d, side)) +
			of_farm.fuzz_base_s * 1000 * FUZZ_BASE_LATE,
		.side = &of_farm,
	};
	struct iw_daemon_events events = {.ctx = &s,
		.say = cli_watch_say,
		.look = cli_watch_look,
		.closing = closing};
	struct iw_daemon_result result;
	int rc;

	if (side == DIFF_CHANGE)
		config.cover_ms = cli_watch_cover_ms(config.fuzz_ms);
	rc = iw_daemon_run(&config, &events, &result, err);
	cli_watch_erase(&s.watch);
	free(result.state_dir);
	return check_side(d, side, &result, rc, err);
}
