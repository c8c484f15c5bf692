/*
 *	project_open --> order --> room is made --> project, database and signals close
 *
 * Failures skip what follows, and all is closed likewise.
 */
#include "cli/build_alone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/budget.h"
#include "adapters/order.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/build_view.h"
#include "cli/interrupt.h"
#include "cli/local.h"
#include "config.h"
#include "slots.h"
#include "state.h"

#include "base/banned.h"

struct alone {
	const struct build_wish *wish;
	struct iw_state state;
	struct cli_local local;
	struct iw_slots *slots;
	struct iw_db *db;
	struct budget *budget;
	struct project *project;
	struct order *order;
	struct cli_interrupt *interrupt;
	bool is_stopped;
	json_t *answer;
	struct iw_err err;
};

static void on_db_stopped(void *ctx)
{
	(void)ctx;
}

static void on_project_closed(void *ctx)
{
	struct alone *a = ctx;

	iw_db_stop(iw_steal(&a->db), on_db_stopped, NULL);
}

/* Everything is done, or something has failed. */
static void close_all(struct alone *a)
{
	cli_interrupt_free(iw_steal(&a->interrupt));
	if (a->project)
		project_close(iw_steal(&a->project), on_project_closed, a);
	else if (a->db)
		on_project_closed(a);
}

/* -- room --------------------------------------------------------------------------- */

static enum budget_use use(void *ctx, const char *closure)
{
	const struct alone *a = ctx;

	return builder_use(project_builds(a->project), closure);
}

static void forget(void *ctx, const char *closure)
{
	const struct alone *a = ctx;

	builder_forget(project_builds(a->project), closure);
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text);
}

static void on_rested(void *ctx)
{
	close_all(ctx);
}

static int64_t budget_of(const struct alone *a)
{
	if (a->wish->disk_budget == IW_BUDGET_NONE)
		return 0;
	return a->wish->disk_budget ? a->wish->disk_budget : budget_default(a->state.dir);
}

static void make_room(struct alone *a)
{
	struct budget_config config = {
		.loop = &a->local.loop,
		.db = a->db,
		.builds_dir = a->state.builds,
		.bytes = budget_of(a),
		.ctx = a,
		.use = use,
		.forget = forget,
		.say = say,
		.rested = on_rested,
	};

	a->budget = budget_new(&config);
	budget_begin(a->budget);
}

/* -- building ----------------------------------------------------------------------- */

static void told(void *ctx, const json_t *part)
{
	const struct alone *a = ctx;

	build_view_part(project_adapter(a->project)->name, part);
}

static void on_done(void *ctx, struct order *order)
{
	struct alone *a = ctx;
	const struct iw_err *err = order_error(order);

	a->answer = order_json(order);
	json_object_set_new(
		a->answer, "error", err ? json_string(err->msg) : json_null());
	order_free(order);
	a->order = NULL;
	if (a->is_stopped)
		iw_err_set(&a->err, IW_ECANCELED, "stopped; what is built already stays");
	make_room(a);
}

static void on_project(struct project *project, const struct iw_err *err, void *ctx)
{
	struct alone *a = ctx;
	struct order_spec spec = {
		.project = project,
		.commit = a->wish->commit,
		.flavours = a->wish->flavours,
		.flavour_count = a->wish->flavour_count,
	};
	struct order_events events = {.ctx = a, .told = told, .done = on_done};

	if (a->is_stopped)
		iw_err_set(&a->err, IW_ECANCELED, "stopped");
	else if (err)
		a->err = *err;
	else
		order_start(&a->order, &spec, &events, &a->err);
	if (a->err.code)
		close_all(a);
}

/* Jobs have keepers, which would go on without us. */
static void on_interrupt(void *ctx)
{
	struct alone *a = ctx;

	a->is_stopped = true;
	if (a->order)
		order_stop(a->order);
	iw_slots_stop_all(a->slots);
}

static int open_project(struct alone *a, struct adapter *takes, struct iw_err *err)
{
	struct project_world world = {
		.loop = &a->local.loop,
		.jobs = a->local.jobs,
		.tools = &a->local.tools,
		.sources_dir = a->state.sources,
		.builds_dir = a->state.builds,
		.cache_dir = a->wish->is_apart ? NULL : a->state.ccache,
		.cache_bytes = budget_of(a) / BUDGET_CACHE_PART,
		.make_jobs = iw_slots_count(a->slots),
	};
	struct project_wish snapshot = {
		.commit = a->wish->is_apart ? a->wish->commit : NULL};
	struct iw_dbc *dbc = a->state.dbc;
	int rc = iw_db_start(&a->db, &a->local.loop, iw_steal(&a->state.dbc), err);

	if (rc < 0) {
		adapter_free(takes);
		return rc;
	}
	world.db = a->db;
	rc = project_open(&a->project, &world, takes, &snapshot, dbc, on_project, a, err);
	return rc;
}

static int run(struct alone *a, struct adapter **adapter)
{
	struct iw_job_gate gate;
	int rc = cli_local_open(&a->local, a->state.jobs, a->wish->no_sandbox, &a->err);

	if (rc < 0)
		return rc;
	a->slots = iw_slots_new(a->wish->cores);
	gate = iw_slots_gate(a->slots);
	iw_jobs_gate(a->local.jobs, &gate);
	rc = open_project(a, iw_steal(adapter), &a->err);
	if (rc == 0)
		a->interrupt = cli_interrupt_new(&a->local.loop, on_interrupt, a);
	else
		close_all(a);
	iw_loop_run(&a->local.loop);
	return a->err.code;
}

int build_alone(const struct build_wish *wish, json_t **answer, struct iw_err *err)
{
	_auto_(adapter_freep) struct adapter *adapter = NULL;
	struct alone a = {.wish = wish, .state = {.lock_fd = -1}};
	int rc = adapter_load_arg(wish->adapter, &adapter, err);

	if (rc == 0)
		rc = iw_state_open(&a.state, wish->state, IW_STATE_WRITE, err);
	if (rc < 0)
		return rc;
	rc = run(&a, &adapter);
	budget_free(a.budget);
	cli_local_close(&a.local);
	iw_slots_free(a.slots);
	iw_state_close(&a.state);
	if (rc == 0)
		*answer = iw_steal(&a.answer);
	json_decref(a.answer);
	return rc < 0 ? iw_err_copy(err, &a.err) : 0;
}
