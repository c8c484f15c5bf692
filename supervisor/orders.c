/* Builds that somebody outside the farm wants: `ironworks build` beside a daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/order.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

/* That are remembered after they were done, and that may be under way. */
#define ORDERS_KEPT 32
#define ORDERS_MAX 16

struct farm_order {
	struct farm *farm;
	struct farm_order *next; /* older ones */
	int64_t id;
	struct order *order; /* NULL: done */
	json_t *answer;	     /* when it is */
};

/* Not of one farm: the next one in this process must not give a number again. */
static int64_t last_id;

static void free_order(struct farm_order *o)
{
	order_free(o->order);
	json_decref(o->answer);
	free(o);
}

static json_t *answer_of(const struct farm_order *o)
{
	const struct iw_err *err = order_error(o->order);
	json_t *json = order_json(o->order);

	json_object_set_new(json, "id", json_integer(o->id));
	json_object_set_new(json, "error", err ? json_string(err->msg) : json_null());
	return json;
}

static void on_done(void *ctx, struct order *order)
{
	struct farm_order *o = ctx;

	o->answer = answer_of(o);
	o->order = NULL;
	order_free(order);
	o->farm->requests--;
	farm_advance(o->farm);
}

static struct farm_project *find_project(struct farm *farm, const char *adapter)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_project *p = &farm->projects[i];

		if (p->project && strcmp(project_adapter(p->project)->name, adapter) == 0)
			return p;
	}
	return NULL;
}

/* Old answers make room; false: too many are under way. */
static bool make_room(struct farm *farm)
{
	struct farm_order **at = &farm->orders, *o;
	int kept = 0, busy = 0;

	while ((o = *at) != NULL) {
		busy += o->order != NULL;
		if (o->order || ++kept < ORDERS_KEPT) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		free_order(o);
	}
	return busy < ORDERS_MAX;
}

int farm_order(struct farm *farm, const struct farm_order_spec *spec, json_t **answer,
	struct iw_err *err)
{
	struct farm_project *p = find_project(farm, spec->adapter);
	struct order_events events = {.done = on_done};
	struct order_spec wanted = {
		.commit = spec->commit,
		.flavours = spec->flavours,
		.flavour_count = spec->flavour_count,
	};
	struct farm_order *o;
	int rc;

	if (!p)
		return iw_err_set(err, IW_EINVAL,
			"the farm that runs here does not work on adapter '%.60s'; add "
			"it to "
			"that farm, or build it in another --state folder",
			spec->adapter);
	if (p->flavour_count == 0 || farm->phase >= FARM_DRAINING || !make_room(farm))
		return iw_err_set(err, IW_EBUSY, "the farm is %s; ask again in a moment",
			farm->phase == FARM_OPENING	      ? "still opening"
				: farm->phase == FARM_FUZZING ? "building much already"
							      : "about to end");
	o = iw_calloc(1, sizeof *o);
	o->farm = farm;
	wanted.project = p->project;
	events.ctx = o;
	rc = order_start(&o->order, &wanted, &events, err);
	if (rc < 0) {
		free_order(o);
		return rc;
	}
	o->id = ++last_id;
	o->next = farm->orders;
	farm->orders = o;
	farm->requests++;
	iw_info("builds ordered", I("order", o->id), S("adapter", spec->adapter),
		S("commit", spec->commit ? spec->commit : ""));
	*answer = answer_of(o);
	return 0;
}

json_t *farm_order_look(const struct farm *farm, int64_t id)
{
	const struct farm_order *o;

	for (o = farm->orders; o; o = o->next)
		if (o->id == id)
			return o->order ? answer_of(o) : json_incref(o->answer);
	return NULL;
}

void farm_orders_stop(struct farm *farm)
{
	struct farm_order *o;

	for (o = farm->orders; o; o = o->next)
		if (o->order)
			order_stop(o->order);
}

void farm_orders_free(struct farm *farm)
{
	struct farm_order *o;

	while ((o = farm->orders) != NULL) {
		farm->orders = o->next;
		free_order(o);
	}
}
