/* The history of targets: when a point is due, and all that are due in one transaction.
 * A point that cannot be written (disk full) is lost; there will be others. */
#include <stdlib.h>

#include "adapters/history_db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

/* Between two points when there is something new, and when there is nothing. */
#define NEWS_MS 60000
#define QUIET_MS 600000

struct entry {
	int64_t target_id;
	struct history_point point;
};

/* On its way to the writer thread. */
struct batch {
	struct iw_db_req req;
	struct entry *entries;
	size_t count, cap;
	int64_t now_ms;
	bool is_last;
};

bool farm_history_is_due(const struct farm_target *t, int64_t now_ms)
{
	const struct history_point *last = &t->history;
	bool is_new = last->units != t->units ||
		last->features != (int64_t)corpus_features_total(t->features);

	if (t->state != FARM_TARGET_READY)
		return false;
	if (!last->at_ms)
		return t->engines > 0;
	return (is_new && now_ms - last->at_ms >= NEWS_MS) ||
		(t->engines > 0 && now_ms - last->at_ms >= QUIET_MS);
}

static void take_point(struct farm_target *t, void *ctx)
{
	struct batch *b = ctx;
	bool is_due =
		b->is_last ? t->history.at_ms != 0 : farm_history_is_due(t, b->now_ms);

	if (!is_due)
		return;
	t->history = (struct history_point){
		.at_ms = b->now_ms,
		.executions = farm_target_executions(t),
		.features = (int64_t)corpus_features_total(t->features),
		.units = t->units,
		.per_second = farm_target_per_second(t),
	};
	iw_grow(b->entries, b->count, b->cap);
	b->entries[b->count] = (struct entry){t->triage.id, t->history};
	b->entries[b->count++].point.at_ms = iw_time_wall_ms();
}

static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct batch *b = ctx;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < b->count; i++)
		rc = history_db_add(
			dbc, b->entries[i].target_id, &b->entries[i].point, err);
	return rc;
}

static void on_stored(struct iw_db_req *req)
{
	struct batch *b = req->ctx;

	if (req->err.code)
		iw_warn("points of targets' history are lost", S("error", req->err.msg));
	free(b->entries);
	free(b);
}

/* Nothing waits for the answer: the database stops only when it has been given. */
static void write_points(struct farm *farm, bool is_last)
{
	struct batch *b = iw_calloc(1, sizeof *b);

	b->now_ms = iw_time_mono_ms();
	b->is_last = is_last;
	farm_each_target(farm, take_point, b);
	if (b->count == 0) {
		free(b);
		return;
	}
	b->req = (struct iw_db_req){.run = store, .ctx = b, .done = on_stored};
	iw_db_submit(farm->db, &b->req);
}

void farm_history_tick(struct farm *farm)
{
	if (farm->phase == FARM_FUZZING)
		write_points(farm, false);
}

void farm_history_end(struct farm *farm)
{
	/* With engines that go on it is not the end: what they do is not known here any
	 * more. */
	if (!farm->is_leaving)
		write_points(farm, true);
}
