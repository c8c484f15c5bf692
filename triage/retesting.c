/*
 * The happy path:
 *
 *	LOAD --> BUILD --> RUN a few --> hit: STORE --> end
 *	                       \--> no hit: RUN the rest, until the first --> STORE --> end
 *	                                       \--> still none: REACH --> STORE --> end
 *	                                                 fixed: MENDER --/
 *
 * Where its input fails in another way the source is asked whether that is the same bug by
 * other names (rename). It is run again then, takes those names, its report and its build
 * of today, and swallows what was made of them meanwhile:
 *
 *	RUN a few --> others: RENAME? --> yes: RUN a few, by the new names …
 *
 * The failures: a snapshot on which its target is missing, or on which the input always
 * fails in another way, tells nothing, and that is what is stored; what failed otherwise
 * is a crash like any other and goes to the judge. What could not be run at all is tried
 * again later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/fault.h"
#include "triage/known.h"
#include "triage/rate.h"
#include "triage/rename.h"
#include "triage/retest_room.h"

#include "base/banned.h"

/* bug: that has its answer, or NULL. */
static void end(struct triage_retest *r, struct triage_bug *bug)
{
	triage_retest_done(r->triage, r, bug, r->hits > 0);
	triage_reproduce_free(r->run);
	triage_mender_free(r->mender);
	triage_signature_fini(&r->today);
	free(r->report);
	free(r->blame);
	free(r->mend);
	free(r->fault_file);
	free(r->input);
	free(r);
}

static void give_up(struct triage_retest *r, const struct iw_err *err)
{
	if (err->code != IW_ECANCELED) {
		iw_warn("a bug could not be tested again", I("bug", r->bug->id),
			S("error", err->msg));
		triage_pursue_again(r->triage, r->bug, err);
	}
	end(r, NULL);
}

static bool is_newly_fixed(const struct triage_retest *r)
{
	return strcmp(triage_retest_state_now(r), "fixed") == 0 &&
		strcmp(r->row.state, "fixed") != 0;
}

void triage_tell_back(const struct triage *t, int64_t bug_id)
{
	const struct triage_events *e = triage_events_of(t);

	if (e->back)
		e->back(e->ctx, bug_id);
}

static void tell_fixed(const struct triage *t, int64_t bug_id)
{
	const struct triage_events *e = triage_events_of(t);

	if (e->fixed)
		e->fixed(e->ctx, bug_id);
}

static void on_stored(struct iw_db_req *req)
{
	struct triage_retest *r = req->ctx;
	_auto_free_ char *text = NULL;

	if (req->err.code) {
		give_up(r, &req->err);
		return;
	}
	if (r->is_renamed)
		triage_known_rename(triage_known_of(r->triage), r->bug, &r->today);
	if (r->twin_count)
		triage_reload(r->triage);
	r->bug->is_fixed = r->is_fixed;
	if (r->is_back) {
		r->bug->is_settled = false;
		triage_tell_back(r->triage, r->bug->id);
	} else if (r->is_gone) {
		tell_fixed(r->triage, r->bug->id);
	}
	text = triage_retest_told(r);
	iw_info("bug tested again", I("bug", r->bug->id), S("seen", text));
	end(r, r->bug);
}

/* It was run on a build of this snapshot, where it is a crash that nobody has judged. */
static void submit_other(struct triage_retest *r)
{
	struct triage_crash crash = {
		.target = r->bug->target,
		.build_id = r->build->id,
		.flavour = r->build->flavour,
		.kind = "crash",
		.input = r->input,
		.len = r->len,
		.report = "",
	};

	triage_submit(r->triage, &crash, NULL, NULL);
}

static void store(struct triage_retest *r)
{
	if (r->others > 0)
		submit_other(r);
	r->db_req = (struct iw_db_req){
		.run = triage_retest_store, .ctx = r, .done = on_stored};
	iw_db_submit(r->world->db, &r->db_req);
}

static void on_mended(struct triage_mender *mender, const struct iw_err *err, void *ctx)
{
	struct triage_retest *r = ctx;

	r->cpu_us += triage_mender_cpu_us(mender);
	if (err) {
		struct iw_err copy = *err;

		give_up(r, &copy);
		return;
	}
	store(r);
}

static int load_fault(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_retest *r = ctx;

	(void)dbc; /* as in the judge: a thread for blocking reads */
	(void)err;
	r->fault_file = triage_fault_file_of(
		r->world->artifacts_dir, &r->row.report, r->row.type);
	return 0;
}

static void on_fault_loaded(struct iw_db_req *req)
{
	struct triage_retest *r = req->ctx;
	struct triage_attribute_spec spec = {
		.bug_id = r->bug->id,
		.target = r->bug->target,
		.flavour = r->row.flavour,
		.signature = &r->bug->signature,
		.input = r->input,
		.len = r->len,
		.hits = (unsigned)r->row.hits,
		.runs = (unsigned)r->row.runs,
		.fault_file = r->fault_file,
	};

	if (req->err.code) {
		give_up(r, &req->err);
		return;
	}
	r->mender = triage_mender_start(r->world, &spec, r->blame, on_mended, r);
	if (r->is_stopped)
		triage_mender_stop(r->mender);
}

static void start_mender(struct triage_retest *r)
{
	r->db_req =
		(struct iw_db_req){.run = load_fault, .ctx = r, .done = on_fault_loaded};
	iw_db_submit(r->world->db, &r->db_req);
}

static void on_reach(
	enum triage_reach reach, int64_t cpu_us, const struct iw_err *err, void *ctx)
{
	struct triage_retest *r = ctx;

	r->reach_run = NULL;
	r->reach = reach;
	r->cpu_us += cpu_us;
	if (err) {
		struct iw_err copy = *err;

		give_up(r, &copy);
		return;
	}
	if (is_newly_fixed(r))
		start_mender(r);
	else
		store(r);
}

static void start_reach(struct triage_retest *r)
{
	struct triage_reach_spec spec = {
		.build = r->build,
		.target = r->bug->target,
		.input = r->input,
		.len = r->len,
		.frames = &r->bug->signature.frames,
		.subject = {"bug", r->bug->id},
	};

	r->reach_run = triage_reach_start(r->world, &spec, on_reach, r);
	if (r->is_stopped)
		triage_reach_stop(r->reach_run);
}

static void start_runs(struct triage_retest *r, unsigned runs, unsigned stop_hits);
static void after_runs(struct triage_retest *r);

/* It may be gone. */
static bool wants_more(const struct triage_retest *r)
{
	return r->hits == 0 && r->others < r->runs && r->runs < r->plan.all &&
		!triage_rate_is_spent(r->runs, r->ms, TRIAGE_RATE_GONE_MS);
}

/* By today's names it is run as often as by the old ones, and from the beginning. */
static void on_renamed(bool is_renamed, void *ctx)
{
	struct triage_retest *r = ctx;

	if (!is_renamed) {
		after_runs(r);
		return;
	}
	triage_signature_set_former(&r->today, &r->bug->signature);
	r->is_renamed = true;
	r->runs = r->hits = r->others = 0;
	r->ms = 0;
	start_runs(r, r->plan.first, 0);
}

/* True: the answer comes later. */
static bool ask_names(
	struct triage_retest *r, const struct triage_reproduce_result *result)
{
	struct triage_rename_spec spec = {
		.project = r->bug->target->project,
		.before = &r->bug->signature,
		.now = &r->today,
		.old_tree = r->row.found_tree,
		.new_tree = r->snapshot->tree,
	};

	if (r->was_asked || r->hits > 0 || result->others == 0)
		return false;
	r->was_asked = true;
	triage_signature_copy(&r->today, &result->other);
	return triage_rename_start(&spec, on_renamed, r);
}

/* Of the first run that shows it by today's names. */
static void take_report(struct triage_retest *r, struct triage_reproduce_result *result)
{
	if (!r->is_renamed || r->report || !result->report)
		return;
	r->report = iw_steal(&result->report);
	r->report_len = result->report_len;
}

static void on_run(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_retest *r = ctx;
	struct triage_reproduce_result *result = triage_reproduce_result(run);
	bool is_later;

	if (err) {
		struct iw_err copy = *err;

		give_up(r, &copy);
		return;
	}
	r->runs += result->runs;
	r->hits += result->hits;
	r->others += result->others;
	r->ms += result->ms;
	r->cpu_us += result->cpu_us;
	take_report(r, result);
	is_later = ask_names(r, result);
	triage_reproduce_free(run);
	r->run = NULL;
	if (!is_later)
		after_runs(r);
}

static void after_runs(struct triage_retest *r)
{
	if (wants_more(r)) {
		start_runs(r, r->plan.all - r->runs, 1);
		return;
	}
	/* It was seen by them once, and that is no evidence. */
	if (r->is_renamed && r->hits == 0) {
		r->is_renamed = false;
		r->others = r->runs;
	}
	if (r->hits == 0 && r->others == 0)
		start_reach(r);
	else
		store(r);
}

static void start_runs(struct triage_retest *r, unsigned runs, unsigned stop_hits)
{
	struct triage_reproduce_spec spec = {
		.build = r->build,
		.target = r->bug->target,
		.input = r->input,
		.len = r->len,
		.runs = runs,
		.stop_hits = stop_hits,
		/* The first ones say how often it still shows. */
		.price_ms = stop_hits ? TRIAGE_RATE_GONE_MS : TRIAGE_RATE_MS,
		.had_runs = r->runs,
		.had_ms = r->ms,
		/* Bugs that nobody knows yet come first. */
		.purpose = IW_PURPOSE_BISECT,
		.subject = {"bug", r->bug->id},
		.same = r->is_renamed ? &r->today : &r->bug->signature,
	};

	r->run = triage_reproduce_start(r->world, &spec, on_run, r);
	if (r->is_stopped)
		triage_reproduce_stop(r->run);
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct triage_retest *r = req->ctx;
	_auto_free_ char *binary = NULL;

	if (!build) {
		give_up(r, err);
		return;
	}
	r->build = build;
	if (build->is_ok)
		binary = target_binary(build, r->bug->target->spec);
	if (!binary) {
		r->obstacle = build->is_ok ? "its target is not there"
					   : "its flavour does not build";
		store(r);
		return;
	}
	start_runs(r, r->plan.first, 0);
}

static int load(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_retest *r = ctx;
	int rc = bug_db_list(dbc, r->bug->id, triage_retest_take_row, r, err);

	if (rc == 0)
		rc = bug_db_set_waits(dbc, r->bug->id, NULL, err);
	if (rc < 0)
		return rc;
	return triage_artifact_get(
		r->world->artifacts_dir, &r->row.best, &r->input, &r->len, err);
}

static void on_loaded(struct iw_db_req *req)
{
	struct triage_retest *r = req->ctx;
	struct project *project = r->bug->target->project;
	struct iw_builder builder = project_builder(project);
	struct iw_err stopped = {.code = IW_ECANCELED};

	if (req->err.code || r->is_stopped) {
		give_up(r, req->err.code ? &req->err : &stopped);
		return;
	}
	r->plan = triage_retest_plan((unsigned)r->row.hits, (unsigned)r->row.runs,
		strcmp(r->row.type, "Timeout") == 0);
	r->build_req = (struct iw_build_req){
		.adapter_id = project_id(project), .done = on_built, .ctx = r};
	snprintf(r->build_req.tree, sizeof r->build_req.tree, "%s", r->snapshot->tree);
	snprintf(r->build_req.flavour, sizeof r->build_req.flavour, "%s", r->row.flavour);
	builder.build(builder.ctx, &r->build_req);
}

struct triage_retest *triage_retest_start(struct triage *t, struct triage_bug *bug)
{
	struct triage_retest *r = iw_calloc(1, sizeof *r);

	r->triage = t;
	r->reach = TRIAGE_REACH_UNKNOWN;
	r->world = triage_world_of(t);
	r->bug = bug;
	r->snapshot = project_snapshot(bug->target->project);
	r->db_req = (struct iw_db_req){.run = load, .ctx = r, .done = on_loaded};
	iw_db_submit(r->world->db, &r->db_req);
	return r;
}

void triage_retest_stop(struct triage_retest *r)
{
	r->is_stopped = true;
	if (r->mender)
		triage_mender_stop(r->mender);
	else if (r->reach_run)
		triage_reach_stop(r->reach_run);
	else if (r->run)
		triage_reproduce_stop(r->run);
}
