#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "adapters/adapter.h"
#include "adapters/budget.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "notify.h"
#include "programs.h"

#include "base/banned.h"

#define LOOK_MS 1000

struct daemon {
	const struct iw_daemon_config *config;
	struct iw_daemon_events events;
	struct iw_state state;
	struct iw_loop loop;
	struct iw_jobs *jobs;
	struct iw_slots *slots;
	struct san_toolchain tools;
	char *keeper, *driver, *inbox;
	struct farm *farm;
	struct iw_timer *look;
	uv_signal_t signals[4];
	struct iw_config now, next;
	bool has_next;		 /* the farm leaves for another one */
	struct iw_config before; /* that worked, while `now` has yet to show it does */
	bool has_before;
	struct follow_list follow;
	bool is_moving;	   /* the farm leaves for a newer snapshot */
	bool keeps_follow; /* the next farm opens what the list says */
	void *door;
	bool is_ending;		   /* somebody asked for it */
	bool has_closed;	   /* the farm */
	struct adapter **adapters; /* of now, until the farm takes them */
	size_t adapter_count;
};

/* For whoever watches and for whoever looks in. */
static void say(void *ctx, const char *text)
{
	struct daemon *d = ctx;

	d->events.say(d->events.ctx, text);
	if (d->door)
		d->config->door->said(d->door, text);
}

static void free_adapters(struct daemon *d)
{
	while (d->adapter_count > 0)
		adapter_free(d->adapters[--d->adapter_count]);
	free(iw_steal(&d->adapters));
}

static int load_adapters(
	struct daemon *d, const struct iw_config *config, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	free_adapters(d);
	d->adapters = iw_calloc(config->count, sizeof *d->adapters);
	for (i = 0; rc == 0 && i < config->count; i++) {
		rc = adapter_load_arg(config->adapters[i], &d->adapters[i], err);
		if (rc == 0 && d->config->side)
			d->adapters[i]->source.base = d->config->side->base;
		d->adapter_count += rc == 0;
		if (rc == 0)
			rc = adapter_check_once(d->adapters, d->adapter_count, err);
	}
	return rc;
}

static int read_config(struct daemon *d, struct iw_config *config, struct iw_err *err)
{
	const struct iw_daemon_config *c = d->config;
	_auto_free_ char *dir = NULL;
	int rc;

	if (c->adapters) {
		iw_config_words(c->adapters, c->cores, config);
		return 0;
	}
	dir = c->config_dir ? iw_strdup(c->config_dir) : iw_config_default_dir();
	rc = iw_config_load(dir, config, err);
	if (c->cores)
		config->cores = c->cores;
	return rc;
}

static int probe_sandbox(struct daemon *d, struct iw_sandbox *box, struct iw_err *err)
{
	if (!d->config->no_sandbox)
		return iw_sandbox_probe(box, err);
	say(d, "jobs run without a sandbox, as --no-sandbox says");
	*box = (struct iw_sandbox){.kind = IW_SANDBOX_OFF};
	return 0;
}

static void open_slots(struct daemon *d)
{
	struct iw_job_gate gate;

	iw_slots_free(d->slots);
	d->slots = iw_slots_new(d->now.cores);
	gate = iw_slots_gate(d->slots);
	iw_jobs_gate(d->jobs, &gate);
}

static int prepare(struct daemon *d, struct iw_err *err)
{
	struct iw_jobs_config jobs = {0};
	int rc;

	/* What is cheap and often wrong comes first; the state is touched last. */
	rc = read_config(d, &d->now, err);
	if (rc == 0)
		rc = load_adapters(d, &d->now, err);
	if (rc == 0)
		rc = iw_programs_find(&d->keeper, &d->driver, err);
	if (rc == 0)
		d->inbox = iw_programs_inbox(d->driver);
	if (rc == 0)
		rc = probe_sandbox(d, &jobs.sandbox, err);
	if (rc == 0)
		rc = san_toolchain_find(&d->tools, err);
	if (rc == 0)
		rc = iw_state_open(&d->state, d->config->state_dir, IW_STATE_WRITE, err);
	if (rc == 0)
		rc = iw_log_to(d->state.log, NULL, err);
	if (rc < 0)
		return rc;
	jobs.dir = d->state.jobs;
	jobs.keeper = d->keeper;
	rc = iw_jobs_open(&d->jobs, &d->loop, &jobs, err);
	if (rc == 0)
		open_slots(d);
	return rc;
}

/* -- the door ----------------------------------------------------------------------- */

static struct farm *farm_of(void *ctx)
{
	struct daemon *d = ctx;

	return d->farm;
}

/* As the signal would. */
static void stop_by_door(void *ctx, bool is_drain)
{
	(void)ctx;
	raise(is_drain ? IW_DAEMON_DRAIN : IW_DAEMON_STOP);
}

static int open_door(struct daemon *d, struct iw_err *err)
{
	struct iw_door_world world = {
		.loop = &d->loop,
		.state = &d->state,
		.has_sandbox = !d->config->no_sandbox,
		.ctx = d,
		.farm = farm_of,
		.say = say,
		.stop = stop_by_door,
	};

	if (!d->config->door)
		return 0;
	return d->config->door->open(&d->door, &world, &d->config->door_config, err);
}

static void close_door(struct daemon *d)
{
	if (d->door)
		d->config->door->close(iw_steal(&d->door));
}

/* -- reading everything again ------------------------------------------------------- */

/* Between two farms. */
static void forget_next(struct daemon *d)
{
	iw_config_fini(&d->next);
	free_adapters(d);
	d->has_next = d->is_moving = false;
}

static void refuse(struct daemon *d, const struct iw_err *why)
{
	_auto_free_ char *text = iw_fmt(
		"the new configuration is refused, the old one stays: %s", why->msg);

	iw_error("configuration refused", S("error", why->msg));
	say(d, text);
}

/* What can be seen of it without building is found while the farm still runs. One that is
 * leaving for a new configuration takes a newer one instead. */
static void reload(struct daemon *d)
{
	bool is_leaving = farm_look(d->farm)->phase >= FARM_DRAINING;
	struct iw_config fresh = {0};
	struct iw_err err = IW_ERR_INIT;
	int rc;

	if (is_leaving && !d->has_next && !d->is_moving)
		return;
	rc = read_config(d, &fresh, &err);
	if (rc == 0)
		rc = load_adapters(d, &fresh, &err);
	if (rc < 0) {
		refuse(d, &err);
		free_adapters(d);
		iw_config_fini(&fresh);
		return;
	}
	d->is_moving = false;
	iw_config_fini(&d->next);
	d->next = fresh;
	d->has_next = true;
	iw_info("configuration read again", I("adapters", fresh.count),
		I("cores", fresh.cores));
	if (is_leaving)
		return;
	say(d, "reading everything again; engines go on");
	farm_leave(d->farm);
}

/* The adapters as they lie there now, when they are still those of the list. */
static int load_same_adapters(struct daemon *d, struct iw_err *err)
{
	int rc = load_adapters(d, &d->now, err);
	size_t i;

	for (i = 0; rc == 0 && i < d->adapter_count; i++)
		if (strcmp(d->adapters[i]->name, d->follow.entries[i].adapter) != 0)
			rc = iw_err_set(err, IW_EINVAL,
				"adapter '%s' is called '%s' by now; SIGHUP takes that",
				d->follow.entries[i].adapter, d->adapters[i]->name);
	return rc;
}

static bool on_moved(void *ctx)
{
	struct daemon *d = ctx;
	struct iw_err err = IW_ERR_INIT;

	if (load_same_adapters(d, &err) < 0) {
		_auto_free_ char *text =
			iw_fmt("a newer snapshot is built and waits: %s", err.msg);

		iw_warn("a newer snapshot waits", S("error", err.msg));
		say(d, text);
		free_adapters(d);
		return false;
	}
	d->is_moving = true;
	farm_leave(d->farm);
	return true;
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	if (number == SIGHUP) {
		if (d->config->is_service)
			reload(d);
		return;
	}
	forget_next(d);
	d->is_ending = true;
	if (number == SIGTERM && d->config->is_service) {
		say(d, "leaving: engines go on for the next one");
		farm_leave(d->farm);
		return;
	}
	if (number == IW_DAEMON_STOP) {
		say(d, "stopping now, as asked");
		farm_stop_now(d->farm);
		return;
	}
	say(d,
		farm_look(d->farm)->phase < FARM_DRAINING
			? "stopping: finishing what is under way; once more to stop at "
			  "once"
			: "stopping at once; what is unfinished goes on in the next run");
	farm_stop(d->farm);
}

static void on_look(void *ctx)
{
	struct daemon *d = ctx;

	iw_notify("WATCHDOG=1");
	if (d->events.look)
		d->events.look(d->events.ctx, farm_look(d->farm));
	if (d->door)
		d->config->door->look(d->door, farm_look(d->farm));
}

static void closing(void *ctx, const struct farm_view *view)
{
	struct daemon *d = ctx;

	if (d->events.closing)
		d->events.closing(d->events.ctx, view);
}

/* A service that reads everything again goes on with the same handles. */
static void on_closed(void *ctx)
{
	struct daemon *d = ctx;

	d->has_closed = true;
	uv_stop(&d->loop.uv);
}

static void watch(struct daemon *d)
{
	static const int numbers[] = {SIGINT, SIGTERM, IW_DAEMON_STOP, SIGHUP};
	size_t i;

	for (i = 0; i < IW_COUNT(numbers); i++) {
		uv_signal_init(&d->loop.uv, &d->signals[i]);
		d->signals[i].data = d;
		/* Who closes the terminal of a run wants to end it. */
		if (numbers[i] != SIGHUP || d->config->is_service)
			uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
	d->look = iw_timer_new(&d->loop, on_look, d);
	iw_timer_start(d->look, LOOK_MS, LOOK_MS);
}

/* From here on the process only says what came of it: a second Ctrl-C that arrives late
 * must not take that away. libuv puts the default back when a handle closes. */
static void ignore_late_signals(struct daemon *d)
{
	size_t i;

	for (i = 0; i < IW_COUNT(d->signals); i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

static void unwatch(struct daemon *d)
{
	iw_notify("STOPPING=1");
	close_door(d);
	iw_timer_free(d->look);
	ignore_late_signals(d);
	/* Nothing is left but handles that close; a farm that could not open leaves more.
	 */
	if (d->has_closed)
		iw_loop_run(&d->loop);
}

/* In bytes, 0: no bound. */
static int64_t disk_budget(const struct daemon *d)
{
	int64_t said =
		d->config->disk_budget ? d->config->disk_budget : d->now.disk_budget;

	if (said == IW_BUDGET_NONE)
		return 0;
	return said ? said : budget_default(d->state.dir);
}

static int run_farm(struct daemon *d, struct iw_err *err)
{
	struct farm_world world = {
		.loop = &d->loop,
		.state = &d->state,
		.jobs = d->jobs,
		.slots = d->slots,
		.tools = &d->tools,
		.driver = d->driver,
		.inbox = d->inbox,
		.disk_budget = disk_budget(d),
	};
	struct farm_config config = {
		.adapters = d->adapters,
		.adapter_count = d->adapter_count,
		.follow = d->follow.entries,
		.fuzz_ms = d->config->fuzz_ms,
		.drain_ms = d->config->drain_ms,
		.judge_within_ms = d->now.judge_within_ms,
		.cover_ms = d->config->cover_ms,
		.keeps_engines = d->config->is_service,
		.side = d->config->side,
	};
	struct farm_events events = {
		.ctx = d,
		.say = say,
		.moved = on_moved,
		.closing = closing,
		.closed = on_closed,
		.closed_ctx = d,
	};
	int rc;

	d->keeps_follow = d->has_closed = false;
	rc = farm_open(&d->farm, &world, &config, &events, err);
	d->adapter_count = 0;
	free(iw_steal(&d->adapters));
	if (rc < 0)
		return rc;
	iw_loop_run(&d->loop);
	return farm_error(d->farm) ? iw_err_copy(err, farm_error(d->farm)) : 0;
}

static void set_follow(struct daemon *d)
{
	const struct farm_side *side = d->config->side;

	if (!d->keeps_follow)
		follow_list_set(&d->follow, d->adapters, d->now.follow_ms,
			d->adapter_count, d->config->follow_ms);
	if (side)
		snprintf(d->follow.entries[0].commit, sizeof d->follow.entries[0].commit,
			"%s", side->commit);
}

/* From the farm that has closed to the next one. */
static int open_again(struct daemon *d, struct iw_err *err)
{
	int rc = 0;

	farm_free(iw_steal(&d->farm));
	if (!d->adapters)
		rc = load_adapters(d, &d->now, err);
	if (rc == 0)
		rc = iw_state_reopen(&d->state, err);
	if (rc == 0)
		open_slots(d);
	return rc;
}

/* A configuration that could be read may still name what cannot be fetched or built. */
static void fall_back(struct daemon *d, const struct iw_err *why)
{
	_auto_free_ char *text = iw_fmt("the new configuration does not work, going back "
					"to the old one: %s",
		why->msg);

	iw_error("configuration does not work", S("error", why->msg));
	say(d, text);
	iw_config_fini(&d->now);
	d->now = d->before;
	d->before = (struct iw_config){0};
	d->has_before = false;
}

/* A farm that could not begin to fuzz, and what a branch has to do with it. */
static bool is_followed_otherwise(struct daemon *d, const struct iw_err *why)
{
	const struct farm_follow *back = follow_list_go_back(&d->follow);
	_auto_free_ char *text = NULL;

	if (back)
		text = iw_fmt("%s: commit %.12s is refused until the branch moves again, "
			      "back to %.12s: %s",
			back->adapter, back->refused, back->commit, why->msg);
	else if (follow_list_go_on(&d->follow))
		text = iw_fmt("the last snapshot that was fuzzed works no more, trying "
			      "the newest: %s",
			why->msg);
	else
		return false;
	iw_warn("a snapshot does not work", S("error", why->msg));
	say(d, text);
	d->keeps_follow = true;
	return true;
}

/* The farm that has closed is followed by another one. */
static bool is_followed(struct daemon *d, int rc, const struct iw_err *why)
{
	bool has_worked = d->farm && farm_has_begun(d->farm);

	if (d->has_next) {
		/* The one before stays until one has shown that it works. */
		if (has_worked || !d->has_before) {
			iw_config_fini(&d->before);
			d->before = d->now;
			d->has_before = true;
		} else {
			iw_config_fini(&d->now);
		}
		d->now = d->next;
		d->next = (struct iw_config){0};
		d->has_next = false;
		return true;
	}
	if (d->is_moving) {
		d->is_moving = false;
		d->keeps_follow = true;
		return true;
	}
	if (rc == 0 || d->is_ending || has_worked)
		return false;
	if (is_followed_otherwise(d, why))
		return true;
	if (!d->has_before)
		return false;
	fall_back(d, why);
	return true;
}

static int run_farms(
	struct daemon *d, struct iw_daemon_result *result, struct iw_err *err)
{
	bool is_followed_on;
	int rc;

	watch(d);
	rc = open_door(d, err);
	if (rc < 0) {
		unwatch(d);
		return rc;
	}
	iw_notify("READY=1");
	do {
		set_follow(d);
		rc = run_farm(d, err);
		if (d->farm) {
			result->new_bugs += farm_new_bugs(d->farm);
			result->back_bugs += farm_back_bugs(d->farm);
			result->has_begun |= farm_has_begun(d->farm);
		}
		is_followed_on = is_followed(d, rc, err);
		if (is_followed_on) {
			*err = (struct iw_err){0};
			rc = open_again(d, err);
		}
	} while (is_followed_on && rc == 0);
	result->was_stopped = d->is_ending;
	unwatch(d);
	return rc;
}

static void clean_up(struct daemon *d)
{
	free_adapters(d);
	iw_config_fini(&d->now);
	iw_config_fini(&d->next);
	iw_config_fini(&d->before);
	follow_list_fini(&d->follow);
	farm_free(d->farm);
	iw_jobs_close(d->jobs);
	iw_slots_free(d->slots);
	iw_state_close(&d->state);
	san_toolchain_fini(&d->tools);
	free(d->keeper);
	free(d->driver);
	free(d->inbox);
}

int iw_daemon_run(const struct iw_daemon_config *config,
	const struct iw_daemon_events *events, struct iw_daemon_result *result,
	struct iw_err *err)
{
	struct daemon d = {.config = config, .events = *events, .state = {.lock_fd = -1}};
	int rc;

	*result = (struct iw_daemon_result){0};
	/* A job of the same user must not be able to read this process's memory. */
	prctl(PR_SET_DUMPABLE, 0);
	rc = iw_loop_init(&d.loop, err);
	if (rc < 0)
		return rc;
	rc = prepare(&d, err);
	if (rc == 0)
		rc = run_farms(&d, result, err);
	if (d.state.dir)
		result->state_dir = iw_strdup(d.state.dir);
	clean_up(&d);
	if (rc == 0)
		iw_loop_fini(&d.loop);
	return rc;
}
