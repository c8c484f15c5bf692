/*
 * From an adapter to targets that can be fuzzed.
 *
 *	project_open --> builds of every flavour --> targets found --> for each:
 *	    LOADING (rows, earlier measures) --> CHECKING (does it start?) -->
 *	    SEEDING (seeds stored and measured) --> READY
 *
 * The failures: an adapter that cannot be fetched, read or built fails the farm with its
 * sentence; a target that crashes on an empty input is broken: reported, judged like any
 * crash, and not fuzzed.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/build_log.h"
#include "adapters/linkage.h"
#include "adapters/project_db.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "corpus/ingest.h"
#include "corpus/unit_db.h"
#include "farm_room.h"
#include "triage/reproduce.h"

#include "base/banned.h"

/* The builds that a target must start on. */
#define START_CHECKS 2

/* Rows of a target, and what earlier runs know about it. */
struct loading {
	struct iw_db_req req;
	struct farm_target *target;
	struct corpus_feature_packer *packer;
	uint32_t *numbers;
	size_t numbers_cap;
	int64_t measured;
	bool has_run[START_CHECKS]; /* on this build before, so it starts */
};

static void on_seeded(struct farm_target *t, size_t added)
{
	if (t->farm->phase != FARM_OPENING) {
		/* Nobody measures any more; what was stored is measured next time. */
		farm_target_broken(t, "the farm stopped");
		farm_advance(t->farm);
		return;
	}
	t->state = FARM_TARGET_SEEDING;
	farm_units_added(t, added);
	if (added == 0 && t->is_measured) {
		t->lanes[0].has_work = false;
		farm_target_ready(t);
	}
	farm_advance(t->farm);
}

void farm_target_ready(struct farm_target *t)
{
	t->state = FARM_TARGET_READY;
	t->farm->opening--;
	t->features_start = (int64_t)corpus_features_total(t->features);
}

/* Seeds of a build are files like an engine's, only that they are complete. */
struct seeding {
	struct corpus_ingest ingest;
	struct farm_target *target;
	size_t added;
};

static void scan_seeds(struct seeding *s);

static void on_seeds(struct corpus_ingest *ingest)
{
	struct seeding *s = ingest->ctx;
	bool has_more = ingest->found.has_more;

	s->added += ingest->added;
	corpus_found_fini(&ingest->found);
	if (ingest->err.code == 0 && has_more) {
		scan_seeds(s);
		return;
	}
	s->target->farm->requests--;
	if (ingest->err.code)
		farm_fail(s->target->farm, &ingest->err);
	on_seeded(s->target, s->added);
	corpus_scan_free(ingest->scan);
	free(s);
}

static void scan_seeds(struct seeding *s)
{
	struct farm *farm = s->target->farm;
	struct corpus_scan *scan =
		s->ingest.scan ? s->ingest.scan : corpus_scan_new(s->target->seeds);

	s->ingest = (struct corpus_ingest){
		.loop = farm->world.loop,
		.db = farm->db,
		.packs = farm->packs,
		.scan = scan,
		.target_id = s->target->triage.id,
		.origin = CORPUS_ORIGIN_SEED,
		.is_final = true,
		.done = on_seeds,
		.ctx = s,
	};
	corpus_ingest_start(&s->ingest);
}

static void start_seeding(struct farm_target *t)
{
	struct seeding *s;

	if (!t->seeds) {
		on_seeded(t, 0);
		return;
	}
	s = iw_calloc(1, sizeof *s);
	s->target = t;
	t->farm->requests++;
	scan_seeds(s);
}

/* A start check: the empty input, which every engine runs first. */
struct check {
	struct farm_target *target;
	const struct iw_build *build;
	bool is_last;
};

static void submit_start_crash(struct check *c, const struct triage_reproduce_result *r)
{
	struct triage_crash crash = {
		.target = &c->target->triage,
		.build_id = c->build->id,
		.flavour = c->build->flavour,
		.kind = triage_signature_is_hang(&r->signature) ? "timeout" : "crash",
		.input = "",
		.report = r->report ? r->report : "",
		.report_len = r->report_len,
	};

	c->target->crashes++;
	triage_submit(c->target->farm->triage, &crash, NULL, NULL);
}

static void on_all_checked(struct farm_target *t)
{
	if (t->farm->phase == FARM_OPENING)
		start_seeding(t);
	else
		farm_target_broken(t, "the farm stopped");
}

static void on_checked(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct check *c = ctx;
	struct farm_target *t = c->target;
	const struct triage_reproduce_result *r = triage_reproduce_result(op);

	t->checks--;
	t->farm->requests--;
	if (err) {
		farm_fail(t->farm, err);
	} else if (r->hits > 0 && t->state == FARM_TARGET_CHECKING) {
		_auto_free_ char *why = iw_fmt("it crashes at start: %s in %s; "
					       "'ironworks crash list' has the input",
			r->signature.type,
			r->signature.frames.count ? r->signature.frames.names[0]
						  : "an unknown function");
		submit_start_crash(c, r);
		farm_target_broken(t, why);
	}
	if (t->checks == 0 && t->state == FARM_TARGET_CHECKING)
		on_all_checked(t);
	triage_reproduce_free(op);
	free(c);
	farm_advance(t->farm);
}

static bool is_judge(const struct farm_lane *lane)
{
	return san_flavour_can_judge(san_flavour_find(lane->build->flavour));
}

/* How many of the first lanes: those that libFuzzer uses, the reference and the first
 * judge. */
static size_t start_checks(const struct farm_target *t)
{
	return t->lane_count < 2 || !is_judge(&t->lanes[1]) ? 1 : START_CHECKS;
}

static void check_lane(struct farm_target *t, const struct iw_build *build)
{
	struct check *c = iw_calloc(1, sizeof *c);
	struct triage_reproduce_spec spec = {
		.build = build,
		.target = &t->triage,
		.input = "",
		.runs = 1,
		.purpose = IW_PURPOSE_REPRODUCE,
		.subject = {.noun = "start check"},
	};

	c->target = t;
	c->build = build;
	t->checks++;
	t->farm->requests++;
	triage_reproduce_start(&t->farm->triage_world, &spec, on_checked, c);
}

static void check_start(struct farm_target *t, const bool has_run[START_CHECKS])
{
	size_t i;

	t->state = FARM_TARGET_CHECKING;
	for (i = 0; i < start_checks(t); i++)
		if (!has_run[i])
			check_lane(t, t->lanes[i].build);
	if (t->checks == 0)
		on_all_checked(t);
}

static int take_measure(
	void *ctx, const struct corpus_measure_row *row, struct iw_err *err)
{
	struct loading *l = ctx;
	int rc;

	l->measured++;
	if (l->numbers_cap < row->feature_count) {
		l->numbers_cap = 2 * row->feature_count;
		l->numbers =
			iw_reallocarray(l->numbers, l->numbers_cap, sizeof *l->numbers);
	}
	rc = corpus_features_unpack(l->packer, row->features, row->features_len,
		row->feature_count, l->numbers, err);
	if (rc == 0)
		corpus_features_add(l->target->features, l->numbers, row->feature_count);
	return rc;
}

static int load_target(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct loading *l = ctx;
	struct farm_target *t = l->target;
	struct project_target_totals totals;
	size_t i;
	int rc;

	t->triage.reference_id = t->lanes[0].build->id;
	rc = project_db_target(
		dbc, project_id(t->owner->project), t->spec.name, &t->triage.id, err);
	if (rc == 0)
		rc = project_db_totals(dbc, t->triage.id, &totals, err);
	/* Before anybody else gets them they run on it. */
	if (rc == 0)
		rc = corpus_units_retest(dbc, t->triage.id, t->lanes[0].build->id, err);
	if (rc == 0)
		rc = corpus_units_count(dbc, t->triage.id, &t->units, err);
	if (rc == 0)
		rc = farm_judges_load(t, iw_time_wall_ms(), dbc, err);
	if (rc == 0)
		rc = corpus_features_each(
			dbc, t->lanes[0].build->id, t->triage.id, take_measure, l, err);
	for (i = 0; rc == 0 && i < start_checks(t); i++)
		rc = corpus_measures_any(
			dbc, t->lanes[i].build->id, t->triage.id, &l->has_run[i], err);
	if (rc < 0)
		return rc;
	t->is_measured = l->measured == t->units;
	t->executions_before = totals.executions;
	t->is_new = totals.executions == 0 && totals.core_ms == 0;
	t->found_ms = totals.found_ms;
	return 0;
}

static void on_loaded(struct iw_db_req *req)
{
	struct loading *l = req->ctx;
	struct farm_target *t = l->target;

	t->farm->requests--;
	if (req->err.code) {
		farm_fail(t->farm, &req->err);
		farm_target_broken(t, req->err.msg);
	} else {
		t->features_start = (int64_t)corpus_features_total(t->features);
		triage_announce(t->farm->triage, &t->triage);
		check_start(t, l->has_run);
	}
	corpus_feature_packer_free(l->packer);
	free(l->numbers);
	free(l);
	farm_advance(t->farm);
}

void farm_target_load(struct farm_target *t)
{
	struct loading *l = iw_calloc(1, sizeof *l);

	l->target = t;
	l->packer = corpus_feature_packer_new();
	l->req = (struct iw_db_req){.run = load_target, .ctx = l, .done = on_loaded};
	t->farm->requests++;
	iw_db_submit(t->farm->db, &l->req);
}

void farm_target_free(struct farm_target *t)
{
	farm_shares_fini(t);
	corpus_features_free(t->features);
	free(t->dictionary);
	free(t->seeds);
	free(t);
}

static void say_built(struct farm_project *p, const struct iw_build *build)
{
	const char *name = project_adapter(p->project)->name;
	char note[BUILD_NOTE_MAX];

	build_note(build, note);
	if (*note)
		iw_warn("a build is of little use", S("adapter", name),
			S("flavour", build->flavour), S("note", note));
	farm_say(p->farm, "%s: %s is built%s%s", name, build->flavour, *note ? "; " : "",
		note);
}

void farm_say_misfit(struct farm_project *p, const char *misfit)
{
	const char *name = project_adapter(p->project)->name;

	if (!misfit)
		return;
	iw_info("an adapter does not fit its source", S("adapter", name),
		S("misfit", misfit));
	farm_say(p->farm, "%s: %s", name, misfit);
}

/* The others go on without it. */
static void say_broken(struct farm_project *p, const struct iw_build_req *req,
	const struct iw_build *build)
{
	_auto_free_ char *error = build_error_words(build);
	_auto_free_ char *arg = adapter_arg(project_adapter(p->project));
	const char *name = project_adapter(p->project)->name;

	iw_warn("a flavour is left out", S("adapter", name), S("flavour", req->flavour),
		S("error", error), S("log", build->log));
	farm_say(p->farm,
		"%s: without %s, which does not build: %s; 'ironworks build %s --state "
		"%s' shows all of it",
		name, req->flavour, error, arg, p->farm->world.state->dir);
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct farm_project *p = req->ctx;
	const struct adapter *adapter = project_adapter(p->project);
	struct iw_err failed = IW_ERR_INIT;
	size_t i = (size_t)(req - p->requests);

	if (!build) {
		failed = *err;
	} else if (!build->is_ok && i == 0) {
		_auto_free_ char *error = build_error_words(build);

		iw_err_set(&failed, IW_EJOB,
			"adapter '%s': the %s build of commit %.12s failed: %s; mend the "
			"source or the build command in %s/adapter.json",
			adapter->name, req->flavour, project_snapshot(p->project)->commit,
			error, adapter->dir);
	} else if (!build->is_ok) {
		say_broken(p, req, build);
	} else {
		p->builds[i] = build;
		say_built(p, build);
	}
	if (failed.code)
		farm_fail(p->farm, &failed);
	p->builds_pending--;
	if (p->builds_pending == 0) {
		p->farm->opening--;
		if (p->farm->phase == FARM_OPENING)
			farm_find_targets(p);
	}
	farm_advance(p->farm);
}

/* The reference first: most waits for it. Then the others in the order of judgement. */
static void order_flavours(struct farm_project *p)
{
	const struct adapter *adapter = project_adapter(p->project);
	const struct san_flavour *all;
	const char *lacks = NULL, *why;
	size_t count, i, k;

	snprintf(p->requests[p->flavour_count++].flavour, sizeof p->requests[0].flavour,
		"%s", ADAPTER_REFERENCE);
	all = san_flavours(&count);
	for (i = 0; i < count; i++) {
		for (k = 0; k < adapter->flavour_count; k++) {
			if (strcmp(adapter->flavours[k], all[i].name) != 0 ||
				strcmp(all[i].name, ADAPTER_REFERENCE) == 0 ||
				!all[i].engine || p->flavour_count == FARM_FLAVOURS)
				continue;
			why = san_toolchain_lacks(p->farm->world.tools, &all[i]);
			if (why) {
				lacks = why;
				continue;
			}
			snprintf(p->requests[p->flavour_count++].flavour,
				sizeof p->requests[0].flavour, "%s", all[i].name);
		}
	}
	if (lacks)
		farm_say(p->farm, "%s: fuzzing with libFuzzer alone, because %s",
			adapter->name, lacks);
}

/* The commit that stands for a change in a comparison is nobody's: whoever compares has said
 * what. */
static void say_building(const struct farm_project *p)
{
	const struct staging_snapshot *snapshot = project_snapshot(p->project);
	const char *adapter = project_adapter(p->project)->name;
	const char *s = p->flavour_count == 1 ? "" : "s";

	if (p->farm->config.side)
		farm_say(p->farm, "%s: building %zu flavour%s", adapter, p->flavour_count,
			s);
	else
		farm_say(p->farm, "%s: commit %.12s, %zu staged, building %zu flavour%s",
			adapter, snapshot->commit, snapshot->count, p->flavour_count, s);
}

static void on_project(struct project *project, const struct iw_err *err, void *ctx)
{
	struct farm_project *p = ctx;
	struct iw_builder builder;
	size_t i;

	if (err || p->farm->phase != FARM_OPENING) {
		p->farm->opening--;
		if (err)
			farm_fail(p->farm, err);
		farm_advance(p->farm);
		return;
	}
	builder = project_builder(project);
	order_flavours(p);
	say_building(p);
	farm_say_misfit(p, project_misfit(project));
	farm_near_look(p);
	p->builds_pending = p->flavour_count;
	for (i = 0; i < p->flavour_count; i++) {
		struct iw_build_req *req = &p->requests[i];

		req->adapter_id = project_id(project);
		req->done = on_built;
		req->ctx = p;
		snprintf(req->tree, sizeof req->tree, "%s",
			project_snapshot(project)->tree);
		builder.build(builder.ctx, req);
	}
}

int farm_open_projects(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err)
{
	struct project_world world = {
		.loop = farm->world.loop,
		.jobs = farm->world.jobs,
		.db = farm->db,
		.tools = farm->world.tools,
		.sources_dir = farm->world.state->sources,
		.builds_dir = farm->world.state->builds,
		.cache_dir = farm->config.side ? NULL : farm->world.state->ccache,
		.cache_bytes = farm->world.disk_budget / BUDGET_CACHE_PART,
		.make_jobs = iw_slots_count(farm->world.slots),
		.budget = farm->budget,
	};
	size_t i;
	int rc;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_project *p = &farm->projects[i];
		struct project_wish wish = {0};

		if (p->follow) {
			wish.commit = p->follow->commit;
			wish.is_steady =
				p->follow->every_ms > 0 && !p->follow->wants_newest;
		}
		farm->opening++;
		rc = project_open(&p->project, &world, iw_steal(&p->adapter), &wish, dbc,
			on_project, p, err);
		if (rc < 0) {
			farm->opening--;
			return rc;
		}
		if (p->follow)
			p->follow->is_old = project_may_be_old(p->project);
		farm->open_projects++;
	}
	return 0;
}

static void on_closed(void *ctx)
{
	struct farm *farm = ctx;

	farm->open_projects--;
	farm_advance(farm);
}

void farm_close_projects(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].project)
			project_close(farm->projects[i].project, on_closed, farm);
}
