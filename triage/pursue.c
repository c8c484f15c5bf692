/*
 * The life of a new bug until its issue is written; each step is committed before the
 * next begins, so a kill costs at most one of them.
 *
 *	LOAD --> BUILD --> MINIMIZE --> CONFIRM --> STORE --> ATTRIBUTE --> STORE --> PUBLISH
 *	             \-- minimized already --------------------^
 *
 * One that was fixed and is back is attributed twice: who brought it, and which merge after
 * the one that mended it brought it back.
 *
 * The failures: a smaller input that does not fail again in fresh processes is dropped
 * and the old one stays; what could not be done at all leaves the bug as it is, to be
 * taken up a little later, or after the next start; where its builds have no room in the disk
 * budget, when there is some.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/attribute.h"
#include "triage/fault.h"
#include "triage/mender.h"
#include "triage/minimize.h"
#include "triage/publish.h"
#include "triage/reproduce.h"
#include "triage/room.h"

#include "base/banned.h"

#define MINIMIZE_MS 20000
/* Cores at once, as far as they are free. */
#define MINIMIZE_WIDTH 2
/* Each candidate runs many times. */
#define MINIMIZE_FLAKY_MS 8000
/* The rate would be known well enough earlier; but a tree is good after the fewer runs the
 * surer the rate is, and these save more than they cost. */
#define CONFIRM_RUNS 8
#define NO_STAGING "{\"reason\":\"nothing is staged on the branch that is fuzzed\"}"

struct triage_pursuit {
	struct triage *triage;
	const struct triage_world *world;
	struct triage_bug *bug;
	struct bug_row row;
	char *input, *original; /* original: before it was made smaller, or NULL */
	size_t len, original_len;
	char *fault_file; /* of one to be attributed; NULL: not known */

	struct iw_db_req db_req;
	struct iw_build_req build_req;
	const struct iw_build *build;
	struct triage_minimize *minimize;
	struct triage_reproduce *confirm;
	struct triage_attribute *attribute;
	struct triage_attribute *back; /* who brought it back, where it is regressed */
	const char *outcome;
	char *prs, *proof;
	char *mend; /* the row's, then with who brought it back */
	bool is_stopped;
};

static void end(struct triage_pursuit *p)
{
	triage_pursue_done(p->triage, p);
	triage_minimize_free(p->minimize);
	triage_reproduce_free(p->confirm);
	triage_attribute_free(p->attribute);
	triage_attribute_free(p->back);
	bug_row_fini(&p->row);
	free(p->input);
	free(p->original);
	free(p->fault_file);
	free(p->prs);
	free(p->proof);
	free(p->mend);
	free(p);
}

static void give_up(struct triage_pursuit *p, const struct iw_err *err)
{
	if (err->code != IW_ECANCELED) {
		iw_warn("a bug could not be pursued", I("bug", p->bug->id),
			S("error", err->msg));
		triage_pursue_again(p->triage, p->bug, err);
	}
	end(p);
}

static bool has_stopped(struct triage_pursuit *p)
{
	struct iw_err err = {.code = IW_ECANCELED};

	if (p->is_stopped)
		give_up(p, &err);
	return p->is_stopped;
}

static void submit(struct triage_pursuit *p, iw_db_fn run, iw_db_done_cb done)
{
	p->db_req = (struct iw_db_req){.run = run, .ctx = p, .done = done};
	iw_db_submit(p->world->db, &p->db_req);
}

static void on_published(void *ctx, const struct iw_err *err)
{
	struct triage_pursuit *p = ctx;
	const struct triage_events *e = triage_events_of(p->triage);

	if (err) {
		give_up(p, err);
		return;
	}
	p->bug->tries = 0;
	p->bug->has_issue = true;
	if (e->settled)
		e->settled(e->ctx, p->bug->id);
	end(p);
}

static void publish(struct triage_pursuit *p)
{
	p->bug->is_dirty = false;
	triage_publish(p->world, p->bug->id, p->bug->target, on_published, p);
}

/* "staged: PR #7", "interaction: PR #6, PR #7", "staged: commit 1a2b3c4d5e6f",
 * "pre-existing". The caller frees. */
static char *outcome_words(const char *outcome, const char *proof)
{
	_auto_(iw_json_freep) json_t *json = json_loads(proof, 0, NULL);
	const char *before = ":";
	struct iw_buf text = {0};
	const json_t *item;
	size_t i;

	iw_buf_adds(&text, outcome);
	json_array_foreach(json_object_get(json, "prs"), i, item)
	{
		iw_buf_addf(&text, "%s PR #%lld", before,
			(long long)json_integer_value(item));
		before = ",";
	}
	json_array_foreach(json_object_get(json, "commits"), i, item)
	{
		iw_buf_addf(&text, "%s commit %.12s", before,
			json_string_value(json_object_get(item, "commit")));
		before = ",";
	}
	return iw_buf_steal(&text);
}

/* The column bug.prs; the caller frees. */
static char *prs_of(const char *proof)
{
	_auto_(iw_json_freep) json_t *json = json_loads(proof, 0, NULL);

	return json_dumps(json_object_get(json, "prs"), JSON_COMPACT);
}

static int store_outcome(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_pursuit *p = ctx;

	_auto_free_ char *text = outcome_words(p->outcome, p->proof);
	int64_t cpu_us = p->attribute ? triage_attribute_cpu_us(p->attribute) : 0;
	const char *back = p->back ? triage_attribute_result(p->back)->reason : NULL;
	bool is_back = strcmp(p->row.state, "regressed") == 0;
	_auto_free_ char *told = iw_fmt("%s%s%s%s", is_back ? "brought back: " : "", text,
		back ? "; " : "", back ? back : "");
	int rc = bug_db_set_outcome(dbc, p->bug->id, p->outcome, p->prs, p->proof, err);

	if (rc == 0 && back)
		rc = bug_db_set_mend(dbc, p->bug->id, p->mend, err);
	if (back)
		cpu_us += triage_attribute_cpu_us(p->back);
	if (rc == 0)
		rc = bug_db_add_core(dbc, p->bug->id, cpu_us / 1000, err);
	return rc < 0 ? rc : bug_db_add_event(dbc, p->bug->id, "attributed", told, err);
}

static void on_outcome_stored(struct iw_db_req *req)
{
	struct triage_pursuit *p = req->ctx;

	if (req->err.code)
		give_up(p, &req->err);
	else
		publish(p);
}

static struct triage_attribute_spec spec_of(const struct triage_pursuit *p)
{
	return (struct triage_attribute_spec){
		.bug_id = p->bug->id,
		.target = p->bug->target,
		.flavour = p->row.flavour,
		.signature = &p->bug->signature,
		.input = p->input,
		.len = p->len,
		.original = p->original,
		.original_len = p->original_len,
		.hits = (unsigned)p->row.hits,
		.runs = (unsigned)p->row.runs,
		.fault_file = p->fault_file,
	};
}

/* The mend gets who undid it: {…, "back": a proof like others}. */
static void add_return(struct triage_pursuit *p)
{
	_auto_free_ char *proof = triage_attribute_proof(p->back);
	_auto_(iw_json_freep) json_t *mend = json_loads(p->mend, 0, NULL);

	json_object_set_new(mend, "back", json_loads(proof, 0, NULL));
	free(p->mend);
	p->mend = json_dumps(mend, JSON_COMPACT);
}

static void on_returned(struct triage_attribute *op, const struct iw_err *err, void *ctx)
{
	struct triage_pursuit *p = ctx;

	if (err) {
		give_up(p, err);
		return;
	}
	add_return(p);
	iw_info("return attributed", I("bug", p->bug->id),
		S("words", triage_attribute_result(op)->reason));
	submit(p, store_outcome, on_outcome_stored);
}

static bool is_shown(const json_t *mend)
{
	const char *outcome = json_string_value(json_object_get(mend, "outcome"));

	return outcome &&
		(strcmp(outcome, "staged") == 0 || strcmp(outcome, "interaction") == 0);
}

/* False where it did not come back, or nobody knows where it was gone. */
static bool seek_return(struct triage_pursuit *p)
{
	const struct staging_snapshot *s = project_snapshot(p->bug->target->project);
	_auto_(iw_json_freep) json_t *mend =
		p->mend ? json_loads(p->mend, 0, NULL) : NULL;
	struct triage_attribute_spec spec = spec_of(p);
	_auto_free_ char *missing = NULL;

	if (strcmp(p->row.state, "regressed") != 0 || !is_shown(mend))
		return false;
	missing = triage_mender_place(s, mend, &spec.after);
	if (missing || spec.after == 0 || spec.after == s->count)
		return false;
	p->back = triage_attribute_start(p->world, &spec, on_returned, p);
	if (p->is_stopped)
		triage_attribute_stop(p->back);
	return true;
}

static void on_attributed(
	struct triage_attribute *op, const struct iw_err *err, void *ctx)
{
	struct triage_pursuit *p = ctx;

	if (err) {
		give_up(p, err);
		return;
	}
	p->outcome = triage_outcome_word(triage_attribute_result(op)->outcome);
	p->proof = triage_attribute_proof(op);
	p->prs = prs_of(p->proof);
	iw_info("bug attributed", I("bug", p->bug->id), S("outcome", p->outcome),
		S("prs", p->prs));
	if (!seek_return(p))
		submit(p, store_outcome, on_outcome_stored);
}

static void attribute(struct triage_pursuit *p)
{
	struct triage_attribute_spec spec = spec_of(p);

	if (p->row.outcome) {
		publish(p);
		return;
	}
	if (project_snapshot(p->bug->target->project)->count == 0) {
		p->outcome = "pre-existing";
		p->prs = iw_strdup("[]");
		p->proof = iw_strdup(NO_STAGING);
		submit(p, store_outcome, on_outcome_stored);
		return;
	}
	p->attribute = triage_attribute_start(p->world, &spec, on_attributed, p);
}

/* The caller frees. */
static char *minimized_words(const struct triage_pursuit *p)
{
	_auto_free_ char *size = (int64_t)p->len < p->row.best_size
		? iw_fmt("from %lld to %zu bytes", (long long)p->row.best_size, p->len)
		: iw_fmt("stays at %zu bytes", p->len);

	return iw_fmt("%s, %zu candidates tried; fails in %lld of %lld runs", size,
		triage_minimize_candidates(p->minimize), (long long)p->row.hits,
		(long long)p->row.runs);
}

/* CPU time since the bug was found. */
static int64_t spent_us(const struct triage_pursuit *p)
{
	int64_t us = triage_minimize_cpu_us(p->minimize);

	return p->confirm ? us + triage_reproduce_result(p->confirm)->cpu_us : us;
}

static int store_best(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_pursuit *p = ctx;
	_auto_free_ char *text = minimized_words(p);
	int rc = triage_artifact_put(
		p->world->artifacts_dir, p->input, p->len, &p->row.best, err);

	if (rc == 0)
		rc = bug_db_set_best(dbc, p->bug->id, &p->row.best, (int64_t)p->len,
			p->row.runs, p->row.hits, true, err);
	if (rc == 0)
		rc = bug_db_add_core(dbc, p->bug->id, spent_us(p) / 1000, err);
	return rc < 0 ? rc : bug_db_add_event(dbc, p->bug->id, "minimized", text, err);
}

static void on_best_stored(struct iw_db_req *req)
{
	struct triage_pursuit *p = req->ctx;

	if (req->err.code)
		give_up(p, &req->err);
	else if (!has_stopped(p))
		attribute(p);
}

static bool is_flaky(const struct triage_pursuit *p)
{
	return p->row.hits < p->row.runs;
}

/* Never worse than the start: as often as before (a flaky one: at least half as often).
 */
static bool is_confirmed(
	const struct triage_pursuit *p, const struct triage_reproduce_result *r)
{
	if (!is_flaky(p))
		return r->hits == r->runs;
	return (int64_t)r->hits * p->row.runs * 2 >= p->row.hits * (int64_t)r->runs &&
		r->hits > 0;
}

static void on_confirmed(
	struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_pursuit *p = ctx;
	const struct triage_reproduce_result *r = triage_reproduce_result(run);
	const uint8_t *best;
	size_t len;

	if (err) {
		give_up(p, err);
		return;
	}
	best = triage_minimize_best(p->minimize, &len);
	if (is_confirmed(p, r)) {
		p->original = p->input;
		p->original_len = p->len;
		p->input = iw_memdup(best, len);
		p->len = len;
		p->row.runs = r->runs;
		p->row.hits = r->hits;
	}
	submit(p, store_best, on_best_stored);
}

static void on_minimized(struct triage_minimize *op, const struct iw_err *err, void *ctx)
{
	struct triage_pursuit *p = ctx;
	bool is_hang = triage_signature_is_hang(&p->bug->signature);
	/* What is counted here becomes the bug's rate. */
	struct triage_reproduce_spec spec = {
		.build = p->build,
		.target = p->bug->target,
		.is_for_rate = true,
		.is_hang = is_hang,
		.runs = is_hang ? 0 : CONFIRM_RUNS,
		.purpose = IW_PURPOSE_MINIMIZE,
		.subject = {"bug", p->bug->id},
		.same = &p->bug->signature,
	};

	if (has_stopped(p))
		return;
	/* The machine's fault, not the input's: there may be a smaller one. */
	if (err && (err->code == IW_EIO || err->code == IW_ENOSPC)) {
		give_up(p, err);
		return;
	}
	if (err && err->code != IW_ECANCELED)
		iw_warn("minimizing ended early", I("bug", p->bug->id),
			S("error", err->msg));
	spec.input = triage_minimize_best(op, &spec.len);
	iw_info("bug minimized", I("bug", p->bug->id), I("from", p->len),
		I("to", spec.len), I("candidates", triage_minimize_candidates(op)));
	if (spec.len == p->len && memcmp(spec.input, p->input, p->len) == 0)
		submit(p, store_best, on_best_stored);
	else
		p->confirm = triage_reproduce_start(p->world, &spec, on_confirmed, p);
}

static void minimize(struct triage_pursuit *p)
{
	struct triage_minimize_spec spec = {
		.build = p->build,
		.target = p->bug->target,
		.signature = &p->bug->signature,
		.input = p->input,
		.len = p->len,
		.hits = (unsigned)p->row.hits,
		.runs = (unsigned)p->row.runs,
		.width = MINIMIZE_WIDTH,
		.budget_ms = is_flaky(p) ? MINIMIZE_FLAKY_MS : MINIMIZE_MS,
		.subject = {"bug", p->bug->id},
	};

	p->minimize = triage_minimize_start(p->world, &spec, on_minimized, p);
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct triage_pursuit *p = req->ctx;
	struct iw_err failed = IW_ERR_INIT;

	if (build && !build->is_ok)
		iw_err_set(&failed, IW_EJOB, "the snapshot does not build: %s",
			build->error);
	if (!build || failed.code) {
		give_up(p, build ? &failed : err);
		return;
	}
	p->build = build;
	if (!has_stopped(p))
		minimize(p);
}

static void ask_build(struct triage_pursuit *p)
{
	struct project *project = p->bug->target->project;
	struct iw_builder builder = project_builder(project);

	p->build_req = (struct iw_build_req){
		.adapter_id = project_id(project), .done = on_built, .ctx = p};
	snprintf(p->build_req.tree, sizeof p->build_req.tree, "%s",
		project_snapshot(project)->tree);
	snprintf(p->build_req.flavour, sizeof p->build_req.flavour, "%s", p->row.flavour);
	builder.build(builder.ctx, &p->build_req);
}

static int take_row(void *ctx, const struct bug_row *row)
{
	struct triage_pursuit *p = ctx;

	p->row = *row;
	/* The strings belong to the list; of them only these say anything here. */
	p->row.frames = p->row.proof = p->row.mend = p->row.issue = p->row.snapshot =
		NULL;
	p->row.found_commit = p->row.tested_tree = p->row.waits = NULL;
	p->row.outcome = row->outcome ? iw_strdup(row->outcome) : NULL;
	p->row.prs = NULL;
	free(p->mend);
	p->mend = row->mend ? iw_strdup(row->mend) : NULL;
	return 0;
}

static int load(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_pursuit *p = ctx;
	int rc = bug_db_list(dbc, p->bug->id, take_row, p, err);

	if (rc == 0)
		rc = bug_db_set_waits(dbc, p->bug->id, NULL, err);
	if (rc < 0)
		return rc;
	if (!p->row.outcome)
		p->fault_file = triage_fault_file_of(
			p->world->artifacts_dir, &p->row.report, p->row.type);
	return triage_artifact_get(
		p->world->artifacts_dir, &p->row.best, &p->input, &p->len, err);
}

static void on_loaded(struct iw_db_req *req)
{
	struct triage_pursuit *p = req->ctx;

	if (req->err.code)
		give_up(p, &req->err);
	else if (has_stopped(p))
		return;
	else if (p->row.is_minimized)
		attribute(p);
	else
		ask_build(p);
}

struct triage_pursuit *triage_pursue_start(struct triage *t, struct triage_bug *bug)
{
	struct triage_pursuit *p = iw_calloc(1, sizeof *p);

	p->triage = t;
	p->world = triage_world_of(t);
	p->bug = bug;
	submit(p, load, on_loaded);
	return p;
}

void triage_pursue_stop(struct triage_pursuit *p)
{
	p->is_stopped = true;
	if (p->back)
		triage_attribute_stop(p->back);
	else if (p->attribute)
		triage_attribute_stop(p->attribute);
	else if (p->confirm)
		triage_reproduce_stop(p->confirm);
	else if (p->minimize)
		triage_minimize_stop(p->minimize);
}
