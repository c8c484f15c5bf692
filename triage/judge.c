/*
 * The happy path: the input is loaded; the flavours of the adapter are asked in the order
 * of their judgement (a sanitizer's report names a bug better than a bare signal), each
 * with its build of the snapshot; the first on which the input fails is the judge; its
 * report is matched with the known bugs; nobody knows it: more runs give the rate, and a
 * new bug is written.
 *
 *	LOAD --> next flavour --> BUILD --> RUN --> hit: known? --> STORE sighting --> end
 *	            ^                        |         \--> RATE --> STORE bug --> end
 *	            +------- no hit ---------+
 *	no flavour left: the flavour of the find once more, long enough for a flaky one
 *	            --> hit: RATE …    no hit: ENVIRONMENT --> STORE unreproducible, or
 *	                           how the engine's own way to run it differs --> end
 *
 * A crash that did not reproduce on older builds is tried again with the first runs on
 * each flavour alone: that is cheap, and a bug that shows again shows elsewhere as well.
 *
 * The failures: what could not be built or run at all (stopped, disk full) leaves the
 * crash in state new, to be judged after the next start.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/judge_room.h"
#include "triage/rate.h"

#include "base/banned.h"

#define FIRST_RUNS 2 /* on each flavour that is not that of the find */
#define OWN_RUNS 4   /* on that of the find */
#define HANG_RUNS 2  /* each costs the target's timeout */
/* Another case writes the same new bug at this moment. */
#define RETRY_MS 50

static void end(struct triage_judge *j)
{
	struct triage *t = j->triage;
	struct triage_bug *pursue =
		j->is_new || j->is_back ? triage_bug_survivor(j->bug) : NULL;

	triage_judge_done(t, j, pursue);
	triage_reproduce_free(j->run);
	triage_reproduce_free(j->rate);
	triage_environment_free(j->environment);
	bug_row_fini(&j->row);
	free(j->input);
	free(j->c);
	free(j);
}

static void give_up(struct triage_judge *j, const struct iw_err *err)
{
	if (err->code != IW_ECANCELED) {
		iw_warn("a crash could not be judged", I("crash", j->c->crash_id),
			S("error", err->msg));
		triage_judge_again(j->triage, j->c);
	}
	j->bug = NULL;
	j->is_new = false;
	end(j);
}

static void tell(struct triage_judge *j)
{
	const struct triage_events *e = triage_events_of(j->triage);
	int64_t id = j->bug ? triage_bug_survivor(j->bug)->id : -1;

	iw_info("crash judged", I("crash", j->c->crash_id),
		S("target", j->c->target->spec->name), I("bug", id),
		S("type", j->bug ? j->bug->signature.type : "unreproducible"));
	if (e->judged)
		e->judged(e->ctx, j->c->target, id);
	if (j->is_new && e->found)
		e->found(e->ctx, j->c->target, id);
}

static void on_stored(struct iw_db_req *req)
{
	struct triage_judge *j = req->ctx;

	if (req->err.code) {
		if (j->is_new)
			triage_bug_forget(j->triage, j->bug);
		give_up(j, &req->err);
		return;
	}
	if (j->is_new)
		j->bug->id = j->row.id;
	/* A new one, too: another may have got its names in the meantime. */
	if (j->bug)
		triage_bug_sighted(
			j->triage, j->bug, j->c, &triage_judge_hit(j)->signature);
	if (j->is_back) {
		triage_bug_survivor(j->bug)->is_fixed = false;
		triage_tell_back(j->triage, triage_bug_survivor(j->bug)->id);
	}
	tell(j);
	end(j);
}

static void store(struct triage_judge *j)
{
	j->db_req = (struct iw_db_req){
		.run = triage_judge_store, .ctx = j, .done = on_stored};
	iw_db_submit(j->world->db, &j->db_req);
}

static void create_bug(struct triage_judge *j)
{
	const struct triage_reproduce_result *r = triage_judge_hit(j);
	struct bug_row *row = &j->row;

	j->is_new = true;
	j->bug = triage_bug_new(j->triage, j->c->target, &r->signature);
	row->adapter_id = project_id(j->c->target->project);
	row->target_id = j->c->target->id;
	row->build_id = j->build->id;
	snprintf(row->type, sizeof row->type, "%s", r->signature.type);
	snprintf(row->flavour, sizeof row->flavour, "%s", j->build->flavour);
	row->is_security = r->severity.is_security;
	row->severity = triage_severity_word(r->severity.class);
	snprintf(row->severity_reason, sizeof row->severity_reason, "%s",
		r->severity.reason);
	row->is_remote = triage_judge_is_remote(j);
	row->frames = triage_signature_json(&r->signature);
	row->found_commit = iw_strdup(project_snapshot(j->c->target->project)->commit);
	row->best = j->c->input;
	row->best_size = row->first_size = (int64_t)j->len;
	row->runs = j->runs;
	row->hits = j->hits;
	store(j);
}

static void decide(struct triage_judge *j);

static void on_retry(void *ctx)
{
	struct triage_judge *j = ctx;

	iw_timer_free(j->retry);
	j->retry = NULL;
	decide(j);
}

/* The input fails: as a known bug, or as a new one whose rate is known by now. */
static void decide(struct triage_judge *j)
{
	struct triage_bug *bug =
		triage_match(j->triage, j->c->target, &triage_judge_hit(j)->signature);

	if (bug && bug->id < 0) {
		j->retry = iw_timer_new(j->world->loop, on_retry, j);
		iw_timer_start(j->retry, RETRY_MS, 0);
	} else if (bug) {
		j->bug = bug;
		store(j);
	} else {
		create_bug(j);
	}
}

static bool is_of_find(const struct triage_judge *j)
{
	return strcmp(j->build->flavour, j->c->flavour) == 0;
}

static bool is_hang(const struct triage_judge *j)
{
	return strcmp(j->c->kind, "timeout") == 0;
}

static void on_rate(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_judge *j = ctx;
	struct triage_reproduce_result *r = triage_reproduce_result(run);

	if (err) {
		struct iw_err copy = *err;

		give_up(j, &copy);
		return;
	}
	j->cpu_us += r->cpu_us;
	j->runs += r->runs;
	j->hits += r->hits;
	j->ms += r->ms;
	triage_reproduce_free(run);
	j->rate = NULL;
	decide(j);
}

static void start_rate(struct triage_judge *j)
{
	struct triage_reproduce_spec spec = {
		.build = j->build,
		.target = j->c->target,
		.input = j->input,
		.len = j->len,
		.is_for_rate = true,
		.is_hang = is_hang(j),
		.had_hits = j->hits,
		.had_runs = j->runs,
		.had_ms = j->ms,
		.purpose = IW_PURPOSE_REPRODUCE,
		.subject = {"crash", j->c->crash_id},
		.same = &triage_judge_hit(j)->signature,
	};

	j->rate = triage_reproduce_start(j->world, &spec, on_rate, j);
	if (j->is_stopped)
		triage_reproduce_stop(j->rate);
}

static void take_misses(struct triage_judge *j, const struct triage_reproduce_result *r)
{
	if (!is_of_find(j)) {
		j->other_runs += r->runs;
		return;
	}
	j->own_runs += r->runs;
	j->own_ms += r->ms;
}

static void try_next(struct triage_judge *j);

static void on_run(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_judge *j = ctx;
	const struct triage_reproduce_result *r = triage_reproduce_result(run);
	struct triage_bug *bug;

	if (err) {
		struct iw_err copy = *err;

		give_up(j, &copy);
		return;
	}
	j->cpu_us += r->cpu_us;
	j->runs = r->runs;
	j->hits = r->hits;
	j->ms = r->ms;
	if (r->hits == 0) {
		take_misses(j, r);
		triage_reproduce_free(run);
		j->run = NULL;
		try_next(j);
		return;
	}
	bug = triage_match(j->triage, j->c->target, &r->signature);
	/* A known bug needs no rate, unless it was fixed: it gets this input then. */
	if ((bug && bug->id >= 0 && !triage_bug_survivor(bug)->is_fixed) ||
		!triage_rate_wants_more(j->hits, j->runs, j->ms, is_hang(j)))
		decide(j);
	else
		start_rate(j);
}

static unsigned runs_wanted(const struct triage_judge *j)
{
	if (is_hang(j))
		return HANG_RUNS;
	if (j->is_last_chance)
		return TRIAGE_RATE_MISSES;
	return is_of_find(j) ? OWN_RUNS : FIRST_RUNS;
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct triage_judge *j = req->ctx;
	struct triage_reproduce_spec spec = {
		.build = build,
		.target = j->c->target,
		.input = j->input,
		.len = j->len,
		.stop_hits = 1,
		.is_hang = is_hang(j),
		.purpose = IW_PURPOSE_REPRODUCE,
		.subject = {"crash", j->c->crash_id},
	};
	_auto_free_ char *binary = NULL;

	if (!build) {
		give_up(j, err);
		return;
	}
	binary = build->is_ok && !build->is_build_only
		? target_binary(build, j->c->target->spec)
		: NULL;
	if (!binary) {
		try_next(j);
		return;
	}
	j->build = build;
	spec.runs = runs_wanted(j);
	if (is_of_find(j)) {
		spec.price_ms = TRIAGE_RATE_MS;
		spec.had_runs = j->own_runs;
		spec.had_ms = j->own_ms;
	}
	j->run = triage_reproduce_start(j->world, &spec, on_run, j);
	if (j->is_stopped)
		triage_reproduce_stop(j->run);
}

static void ask_build(struct triage_judge *j, const char *flavour)
{
	struct project *project = j->c->target->project;
	struct iw_builder builder = project_builder(project);

	j->build_req = (struct iw_build_req){
		.adapter_id = project_id(project), .done = on_built, .ctx = j};
	snprintf(j->build_req.tree, sizeof j->build_req.tree, "%s",
		project_snapshot(project)->tree);
	snprintf(j->build_req.flavour, sizeof j->build_req.flavour, "%s", flavour);
	builder.build(builder.ctx, &j->build_req);
}

static void on_environment(
	struct triage_environment *op, const struct iw_err *err, void *ctx)
{
	struct triage_judge *j = ctx;

	if (err) {
		struct iw_err copy = *err;

		give_up(j, &copy);
		return;
	}
	j->cpu_us += triage_environment_result(op)->cpu_us;
	store(j);
}

/* On the build of its last chance, if there was one to run. */
static void try_environment(struct triage_judge *j)
{
	struct triage_environment_spec spec = {
		.build = j->build,
		.target = j->c->target,
		.input = j->input,
		.len = j->len,
		.subject = {"crash", j->c->crash_id},
	};

	if (j->build && is_of_find(j))
		j->environment =
			triage_environment_start(j->world, &spec, on_environment, j);
	else
		store(j);
}

static void try_next(struct triage_judge *j)
{
	if (j->is_stopped) {
		struct iw_err err = {.code = IW_ECANCELED};

		give_up(j, &err);
	} else if (j->at < j->order_count) {
		ask_build(j, j->order[j->at++]->name);
	} else if (j->c->is_retry || is_hang(j) ||
		!san_flavour_can_judge(san_flavour_find(j->c->flavour))) {
		store(j);
	} else if (!j->is_last_chance) {
		j->is_last_chance = true;
		ask_build(j, j->c->flavour);
	} else {
		try_environment(j);
	}
}

static bool has_flavour(const struct adapter *adapter, const char *name)
{
	size_t i;

	for (i = 0; i < adapter->flavour_count; i++)
		if (strcmp(adapter->flavours[i], name) == 0)
			return true;
	return false;
}

/* A hang is judged where it is cheap: each run takes its whole timeout, and some
 * runtimes never end an endless loop. */
static bool may_judge(const struct triage_judge *j, const struct san_flavour *flavour)
{
	if (!san_flavour_can_judge(flavour))
		return false;
	if (!is_hang(j))
		return true;
	return !flavour->is_deaf &&
		(strstr(flavour->name, "asan") != NULL ||
			strcmp(flavour->name, j->c->flavour) == 0);
}

/* san_flavours() is in the order of judgement already. */
static void order_flavours(struct triage_judge *j)
{
	const struct adapter *adapter = project_adapter(j->c->target->project);
	const struct san_flavour *all;
	size_t i, count;

	all = san_flavours(&count);
	for (i = 0; i < count && j->order_count < IW_COUNT(j->order); i++)
		if (may_judge(j, &all[i]) && has_flavour(adapter, all[i].name))
			j->order[j->order_count++] = &all[i];
}

static int load_input(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_judge *j = ctx;

	(void)dbc; /* the thread is right for blocking reads, that is all */
	return triage_artifact_get(
		j->world->artifacts_dir, &j->c->input, &j->input, &j->len, err);
}

static void on_loaded(struct iw_db_req *req)
{
	struct triage_judge *j = req->ctx;

	if (req->err.code)
		give_up(j, &req->err);
	else
		try_next(j);
}

struct triage_judge *triage_judge_start(struct triage_case *c)
{
	struct triage_judge *j = iw_calloc(1, sizeof *j);

	j->triage = c->triage;
	j->c = c;
	j->world = triage_world_of(c->triage);
	order_flavours(j);
	j->db_req = (struct iw_db_req){.run = load_input, .ctx = j, .done = on_loaded};
	iw_db_submit(j->world->db, &j->db_req);
	return j;
}

void triage_judge_stop(struct triage_judge *j)
{
	j->is_stopped = true;
	if (j->environment)
		triage_environment_stop(j->environment);
	else if (j->rate)
		triage_reproduce_stop(j->rate);
	else if (j->run)
		triage_reproduce_stop(j->run);
}
