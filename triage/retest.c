/*
 * The happy path:
 *
 *	LOAD --> BUILD --> RUN a few --> hit: STORE --> end
 *	                       \--> no hit: RUN the rest, until the first --> STORE --> end
 *	                                       \--> still none: REACH --> STORE --> end
 *	                                                 fixed: MENDER --/
 *
 * The failures: a snapshot on which its target is missing, or on which the input always
 * fails in another way, tells nothing, and that is what is stored; what failed otherwise
 * is a crash like any other and goes to the judge. What could not be run at all is tried
 * again later.
 */
#include "triage/retest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/bisect_tree.h"
#include "triage/crash_db.h"
#include "triage/fault.h"
#include "triage/mender.h"
#include "triage/rate.h"
#include "triage/reproduce.h"
#include "triage/room.h"

#include "base/banned.h"

#define FIRST_RUNS 5
#define COMMIT_SHOWN 12

struct triage_retest {
	struct triage *triage;
	const struct triage_world *world;
	struct triage_bug *bug;
	const struct staging_snapshot *snapshot;
	struct bug_row row;
	char *input;
	size_t len;
	struct triage_retest_plan plan;

	struct iw_db_req db_req;
	struct iw_build_req build_req;
	const struct iw_build *build;
	struct triage_reproduce *run;
	struct triage_reach_run *reach_run;
	struct triage_mender *mender; /* which pull request it was, where it is fixed */
	char *blame;		      /* who brought it: the row's proof */
	char *fault_file;	      /* of one that is fixed */
	enum triage_reach reach;
	unsigned runs, hits, others; /* runs: all of them */
	int64_t ms;		     /* slot time of runs */
	int64_t cpu_us;
	bool shows_elsewise;
	const char *obstacle;
	bool is_fixed; /* its new state */
	bool is_gone;  /* it is fixed, and was not before */
	bool is_back;  /* it is regressed now */
	bool is_stopped;
};

struct triage_retest_plan triage_retest_plan(unsigned hits, unsigned runs, bool is_hang)
{
	struct triage_retest_plan plan = {.first = FIRST_RUNS, .all = FIRST_RUNS};

	/* The few of a hang cost its timeout each, too. */
	if (is_hang)
		plan.first = plan.all = 2;
	while (plan.all < TRIAGE_RETEST_RUNS &&
		bisect_miss(hits, runs, plan.all) > TRIAGE_BISECT_MISS)
		plan.all++;
	return plan;
}

/* Only what would decide is told: an input that fails is there. */
static void add_reach(struct iw_buf *text, const struct triage_retest_seen *s)
{
	if (s->hits > 0)
		return;
	if (s->shows_elsewise)
		iw_buf_adds(text, "; but another input of it fails there");
	else if (s->reach == TRIAGE_REACH_YES)
		iw_buf_adds(text, "; its input still reaches the code that failed");
	else if (s->reach == TRIAGE_REACH_NOT)
		iw_buf_adds(text,
			"; its input no longer reaches the code that failed, "
			"which therefore may fail as ever");
	else
		iw_buf_adds(text,
			"; whether its input still reaches the code that failed "
			"is not known");
}

const char *triage_retest_state(const char *state, const struct triage_retest_seen *s)
{
	if (s->runs == 0)
		return state;
	if (s->hits > 0)
		return strcmp(state, "fixed") == 0 ? "regressed" : state;
	if (s->shows_elsewise || s->reach != TRIAGE_REACH_YES ||
		bisect_miss(s->was_hits, s->was_runs, s->runs) > TRIAGE_BISECT_MISS)
		return state;
	return "fixed";
}

char *triage_retest_words(const struct triage_retest_seen *s)
{
	double miss = bisect_miss(s->was_hits, s->was_runs, s->runs);
	struct iw_buf text = {0};

	if (s->runs == 0) {
		iw_buf_addf(&text, "cannot be tested on %s", s->snapshot);
		if (s->obstacle || s->others)
			iw_buf_addf(&text, ": %s",
				s->obstacle ? s->obstacle
					    : "its input fails in another way there");
		return iw_buf_steal(&text);
	}
	iw_buf_addf(&text, "%s on %s, %u of %u",
		s->hits > 0 ? "still shows" : "no longer shows", s->snapshot, s->hits,
		s->runs);
	if (s->hits == 0 && miss > TRIAGE_BISECT_MISS)
		iw_buf_addf(&text, "; one of its rate hides so long by chance in %.2g %%",
			100 * miss);
	add_reach(&text, s);
	if (s->others > 0)
		iw_buf_addf(
			&text, "; its input fails in another way in %u more", s->others);
	return iw_buf_steal(&text);
}

/* bug: that has its answer, or NULL. */
static void end(struct triage_retest *r, struct triage_bug *bug)
{
	triage_retest_done(r->triage, r, bug, r->hits > 0);
	triage_reproduce_free(r->run);
	triage_mender_free(r->mender);
	free(r->blame);
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

static int take_row(void *ctx, const struct bug_row *row)
{
	struct triage_retest *r = ctx;

	/* The strings belong to the list. */
	free(r->blame);
	r->blame = row->proof ? iw_strdup(row->proof) : NULL;
	r->row.report = row->report;
	r->row.hits = row->hits;
	r->row.runs = row->runs;
	r->row.best = row->best;
	memcpy(r->row.flavour, row->flavour, sizeof r->row.flavour);
	memcpy(r->row.type, row->type, sizeof r->row.type);
	memcpy(r->row.state, row->state, sizeof r->row.state);
	return 0;
}

static void describe(const struct triage_retest *r, const char *snapshot,
	struct triage_retest_seen *seen)
{
	*seen = (struct triage_retest_seen){
		.snapshot = snapshot,
		.hits = r->hits,
		.runs = r->runs - r->others,
		.others = r->others,
		.reach = r->reach,
		.shows_elsewise = r->shows_elsewise,
		.obstacle = r->obstacle,
		.was_hits = (unsigned)r->row.hits,
		.was_runs = (unsigned)r->row.runs,
	};
}

static char *words(const struct triage_retest *r)
{
	_auto_free_ char *commit = iw_strndup(r->snapshot->commit, COMMIT_SHOWN);
	struct triage_retest_seen seen;

	describe(r, commit, &seen);
	return triage_retest_words(&seen);
}

/* What it would be, as far as is known now. */
static const char *state_now(const struct triage_retest *r)
{
	struct triage_retest_seen seen;

	describe(r, r->snapshot->commit, &seen);
	return triage_retest_state(r->row.state, &seen);
}

static bool is_newly_fixed(const struct triage_retest *r)
{
	return strcmp(state_now(r), "fixed") == 0 && strcmp(r->row.state, "fixed") != 0;
}

/* Fixed, or back again; the evidence is the event before it. Who brought it back is asked
 * anew. */
static int store_state(struct triage_retest *r, struct iw_dbc *dbc, struct iw_err *err)
{
	const char *state = state_now(r);
	const char *who = r->mender ? triage_mender_words(r->mender) : NULL;
	_auto_free_ char *text = iw_fmt(
		"on %.12s%s%s", r->snapshot->commit, who ? ": " : "", who ? who : "");
	int rc;

	r->is_fixed = strcmp(state, "fixed") == 0;
	if (strcmp(state, r->row.state) == 0)
		return 0;
	r->is_gone = r->is_fixed;
	rc = bug_db_set_state(dbc, r->bug->id, state, err);
	if (rc == 0 && r->is_fixed && r->mender)
		rc = bug_db_set_mend(
			dbc, r->bug->id, triage_mender_proof(r->mender), err);
	if (rc == 0 && strcmp(state, "regressed") == 0) {
		r->is_back = true;
		rc = bug_db_set_outcome(dbc, r->bug->id, NULL, NULL, NULL, err);
	}
	return rc < 0 ? rc : bug_db_add_event(dbc, r->bug->id, state, text, err);
}

static int store_tested(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_retest *r = ctx;
	_auto_free_ char *text = NULL;
	/* A sighting may have said something of it meanwhile. */
	int rc = bug_db_list(dbc, r->bug->id, take_row, r, err);

	if (rc == 0)
		rc = crash_db_shows(dbc, r->bug->id, r->bug->target->reference_id,
			&r->shows_elsewise, err);

	text = words(r);
	if (rc == 0)
		rc = bug_db_set_tested(dbc, r->bug->id, r->snapshot->tree,
			r->runs - r->others, r->hits, r->reach, err);
	if (rc == 0)
		rc = bug_db_add_core(dbc, r->bug->id, r->cpu_us / 1000, err);
	if (rc == 0)
		rc = bug_db_add_event(dbc, r->bug->id, "tested", text, err);
	return rc < 0 ? rc : store_state(r, dbc, err);
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
	r->bug->is_fixed = r->is_fixed;
	if (r->is_back) {
		r->bug->is_settled = false;
		triage_tell_back(r->triage, r->bug->id);
	} else if (r->is_gone) {
		tell_fixed(r->triage, r->bug->id);
	}
	text = words(r);
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
	r->db_req = (struct iw_db_req){.run = store_tested, .ctx = r, .done = on_stored};
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

/* It may be gone. */
static bool wants_more(const struct triage_retest *r)
{
	return r->hits == 0 && r->others < r->runs && r->runs < r->plan.all &&
		!triage_rate_is_spent(r->runs, r->ms, TRIAGE_RATE_GONE_MS);
}

static void on_run(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_retest *r = ctx;
	const struct triage_reproduce_result *result = triage_reproduce_result(run);

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
	triage_reproduce_free(run);
	r->run = NULL;
	if (wants_more(r))
		start_runs(r, r->plan.all - r->runs, 1);
	else if (r->hits == 0 && r->others == 0)
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
		.same = &r->bug->signature,
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
	int rc = bug_db_list(dbc, r->bug->id, take_row, r, err);

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
