#include "answers.h"

#include <stdio.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/history_db.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/rate.h"

#include "base/banned.h"

static json_t *loads_or_null(const char *text)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;

	return json ? json : json_null();
}

/* Names only: behind them stands what else makes crashes alike. */
static json_t *names_or_null(const char *frames)
{
	json_t *names = loads_or_null(frames);
	size_t count = json_array_size(names);

	if (count > 0 && json_is_object(json_array_get(names, count - 1)))
		json_array_remove(names, count - 1);
	return names;
}

/* 0 is "never" in the rows. */
static json_t *time_or_null(int64_t ms)
{
	return ms ? json_integer(ms) : json_null();
}

/* NULL also for what is no UTF-8. */
static json_t *text_or_null(const char *text)
{
	json_t *json = text && *text ? json_string(text) : NULL;

	return json ? json : json_null();
}

static void hide(json_t *object, const char *const *fields)
{
	for (; *fields; fields++)
		json_object_set_new(object, *fields, json_null());
}

/* What it did on a newer snapshot than the one that it was found on. */
static void add_tested(json_t *bug, const struct bug_row *row)
{
	bool is_tested = row->tested_tree != NULL;

	json_object_set_new(bug, "found_commit", text_or_null(row->found_commit));
	json_object_set_new(bug, "tested_tree", text_or_null(row->tested_tree));
	json_object_set_new(bug, "tested_ms", time_or_null(row->tested_ms));
	json_object_set_new(bug, "tested_runs",
		is_tested ? json_integer(row->tested_runs) : json_null());
	json_object_set_new(bug, "tested_hits",
		is_tested ? json_integer(row->tested_hits) : json_null());
	json_object_set_new(bug, "tested_reach",
		row->tested_reach < 0 ? json_null() : json_boolean(row->tested_reach));
}

/* Who decided and why is for those with a role: it may tell of what is private. */
static void add_decision(
	const struct answer_scope *scope, json_t *bug, const struct bug_row *row)
{
	bool tells = scope->sees_private;

	json_object_set_new(bug, "decision", text_or_null(row->decision));
	json_object_set_new(
		bug, "decision_by", text_or_null(tells ? row->decision_by : NULL));
	json_object_set_new(
		bug, "decision_why", text_or_null(tells ? row->decision_why : NULL));
	json_object_set_new(bug, "decision_ms", time_or_null(row->decision_ms));
	json_object_set_new(bug, "muted_ms", time_or_null(row->muted_ms));
}

static void add_severity(json_t *bug, const struct bug_row *row)
{
	json_object_set_new(bug, "severity", text_or_null(row->severity));
	json_object_set_new(bug, "severity_reason", text_or_null(row->severity_reason));
	json_object_set_new(bug, "remote", json_boolean(row->is_remote));
}

/* Those at fault that belong to no pull request; null until it is attributed. */
static void add_commits(json_t *bug)
{
	json_t *commits = json_object_get(json_object_get(bug, "proof"), "commits");

	if (json_is_null(json_object_get(bug, "outcome")))
		json_object_set_new(bug, "commits", json_null());
	else if (commits)
		json_object_set(bug, "commits", commits);
	else
		json_object_set_new(bug, "commits", json_array());
}

/* What the runs say of the true rate; nothing without a run. */
static void add_rate(json_t *bug, const struct bug_row *row)
{
	struct triage_rate rate =
		triage_rate_of((unsigned)row->hits, (unsigned)row->runs);

	json_object_set_new(bug, "rate_low", json_real(rate.low));
	json_object_set_new(bug, "rate_high", json_real(rate.high));
}

json_t *answer_bug(const struct answer_scope *scope, const struct bug_row *row)
{
	static const char *const private[] = {"type", "security", "severity",
		"severity_reason", "remote", "frames", "input", "input_size",
		"first_size", "prs", "commits", "proof", "mend", "issue", NULL};
	_auto_free_ char *path =
		row->issue ? iw_fmt("%s/%s", scope->state->outbox, row->issue) : NULL;
	bool is_private = bug_row_is_private(row);
	char best[IW_SHA256_HEX];
	json_t *bug;

	iw_sha256_hex(&row->best, best);
	bug = json_pack("{sI ss ss ss sb ss sb so ss ss ss sI sI sI sI ss? so so ss? sI "
			"sI sI sI sI sI}",
		"id", (json_int_t)row->id, "adapter", row->adapter, "target", row->target,
		"state", row->state, "private", (int)is_private, "type", row->type,
		"security", (int)row->is_security, "frames", names_or_null(row->frames),
		"flavour", row->flavour, "closure", row->closure, "input", best,
		"input_size", (json_int_t)row->best_size, "first_size",
		(json_int_t)row->first_size, "runs", (json_int_t)row->runs, "hits",
		(json_int_t)row->hits, "outcome", row->outcome, "prs",
		loads_or_null(row->prs), "proof", loads_or_null(row->proof), "issue",
		path, "found_ms", (json_int_t)row->found_ms, "changed_ms",
		(json_int_t)row->changed_ms, "sightings", (json_int_t)row->sightings,
		"core_ms", (json_int_t)row->core_ms, "burned_ms",
		(json_int_t)row->burned_ms, "swallowed", (json_int_t)row->swallowed);
	add_commits(bug);
	add_severity(bug, row);
	add_rate(bug, row);
	add_tested(bug, row);
	json_object_set_new(bug, "mend", loads_or_null(row->mend));
	json_object_set_new(bug, "waits", text_or_null(row->waits));
	add_decision(scope, bug, row);
	json_object_set_new(bug, "merged_into",
		row->merged_into >= 0 ? json_integer(row->merged_into) : json_null());
	if (is_private && !scope->sees_private)
		hide(bug, private);
	return bug;
}

json_t *answer_crash(const struct answer_scope *scope, const struct triage_crash_row *row)
{
	static const char *const private[] = {"type", "path", "size", "why", NULL};
	_auto_free_ char *path =
		triage_artifact_path(scope->state->artifacts, &row->input);
	json_t *bug = row->bug_id >= 0 ? json_integer(row->bug_id) : json_null();
	json_t *crash = json_pack("{sI ss ss ss ss ss sI sI sI ss so ss sI so sI}", "id",
		(json_int_t)row->id, "adapter", row->adapter, "target", row->target,
		"kind", row->kind, "flavour", row->flavour, "state", row->state, "size",
		(json_int_t)row->size, "runs", (json_int_t)row->runs, "hits",
		(json_int_t)row->hits, "type", row->type, "bug", bug, "path", path,
		"found_ms", (json_int_t)row->found_ms, "why", text_or_null(row->why),
		"retries", (json_int_t)row->retries);

	if (!scope->sees_private)
		hide(crash, private);
	return crash;
}

struct listing {
	const struct answer_scope *scope;
	json_t *items;
	int64_t last;
	struct iw_err *err;
};

/* {NAME: items, "next": id}: there may be more when so many came as were asked for. */
static json_t *listed(struct listing *l, int rc, const char *name, int64_t limit)
{
	bool is_full = limit && (int64_t)json_array_size(l->items) == limit;

	if (rc < 0) {
		json_decref(l->items);
		return NULL;
	}
	return json_pack("{so so}", name, l->items, "next",
		is_full ? json_integer(l->last) : json_null());
}

static int list_bug(void *ctx, const struct bug_row *row)
{
	struct listing *l = ctx;

	l->last = row->id;
	json_array_append_new(l->items, answer_bug(l->scope, row));
	return 0;
}

json_t *answer_bugs(const struct answer_scope *scope, const struct bug_filter *filter,
	struct iw_err *err)
{
	struct listing l = {.scope = scope, .items = json_array()};
	struct bug_filter f = *filter;

	/* Asking for what one may not see must tell nothing of it. */
	f.is_staged |= f.pr && !scope->sees_private;
	return listed(
		&l, bug_db_find(scope->dbc, &f, list_bug, &l, err), "bugs", f.limit);
}

static int list_crash(void *ctx, const struct triage_crash_row *row)
{
	struct listing *l = ctx;

	l->last = row->id;
	json_array_append_new(l->items, answer_crash(l->scope, row));
	return 0;
}

json_t *answer_crashes(const struct answer_scope *scope,
	const struct crash_filter *filter, struct iw_err *err)
{
	struct listing l = {.scope = scope, .items = json_array()};

	return listed(&l, crash_db_list(scope->dbc, filter, list_crash, &l, err),
		"crashes", filter->limit);
}

static void add_id(void *ctx, int64_t id)
{
	json_array_append_new(ctx, json_integer(id));
}

json_t *answer_disk(const struct answer_scope *scope, struct iw_err *err)
{
	struct build_totals t;
	int64_t waiting;

	if (build_db_totals(scope->dbc, &t, err) < 0 ||
		bug_db_waiting(scope->dbc, &waiting, err) < 0)
		return NULL;
	return json_pack("{sI sI sI sI so}", "waiting", (json_int_t)waiting, "builds",
		(json_int_t)t.count, "bytes", (json_int_t)t.bytes, "left",
		(json_int_t)t.left, "budget",
		t.budget ? json_integer(t.budget) : json_null());
}

json_t *answer_changed_bugs(
	const struct answer_scope *scope, int64_t *since_ms, struct iw_err *err)
{
	json_t *ids = json_array();

	if (bug_db_changed(scope->dbc, since_ms, add_id, ids, err) == 0)
		return ids;
	json_decref(ids);
	return NULL;
}

/* Targets by their rows, for what is read of all of them at once. */
struct target_listing {
	const struct answer_scope *scope;
	json_t *items;
	json_t *by_id;
};

static int list_target(void *ctx, const struct project_target_row *row)
{
	struct target_listing *l = ctx;
	json_t *target = answer_target(l->scope, row, -1);
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long)row->id);
	json_array_append_new(l->items, target);
	json_object_set(l->by_id, key, target);
	return 0;
}

static int list_engine(void *ctx, const struct project_engine_totals *engine)
{
	struct target_listing *l = ctx;
	json_t *target;
	char key[24];

	snprintf(key, sizeof key, "%lld", (long long)engine->target_id);
	target = json_object_get(l->by_id, key);
	if (target)
		answer_engine(target, engine);
	return 0;
}

json_t *answer_targets(const struct answer_scope *scope, int64_t id, struct iw_err *err)
{
	struct target_listing l = {
		.scope = scope, .items = json_array(), .by_id = json_object()};
	int rc = project_db_targets(scope->dbc, id, list_target, &l, err);

	if (rc == 0)
		rc = project_db_engines(scope->dbc, id, list_engine, &l, err);
	if (rc == 0)
		rc = answer_targets_coverage(scope, l.by_id, err);
	json_decref(l.by_id);
	if (rc == 0)
		return json_pack("{so}", "targets", l.items);
	json_decref(l.items);
	return NULL;
}

static int list_point(void *ctx, const struct history_point *p)
{
	json_array_append_new(ctx,
		json_pack("{sI sI sI sI sI}", "at_ms", (json_int_t)p->at_ms, "executions",
			(json_int_t)p->executions, "features", (json_int_t)p->features,
			"units", (json_int_t)p->units, "per_second",
			(json_int_t)p->per_second));
	return 0;
}

json_t *answer_history(
	const struct answer_scope *scope, int64_t target_id, struct iw_err *err)
{
	json_t *points = json_array();

	if (history_db_list(scope->dbc, target_id, list_point, points, err) == 0)
		return json_pack("{so}", "points", points);
	json_decref(points);
	return NULL;
}

static int list_campaign_target(
	void *ctx, int64_t target_id, const char *adapter, const char *target)
{
	_auto_free_ char *name = iw_fmt("%s/%s", adapter, target);

	(void)target_id;
	json_array_append_new(ctx, json_string(name));
	return 0;
}

static json_t *outcome_of(const struct campaign_row *row)
{
	if (!row->ended_ms)
		return json_null();
	return json_pack("{sI sI sI sI sI}", "core_ms", (json_int_t)row->core_ms,
		"executions", (json_int_t)row->executions, "new_features",
		(json_int_t)row->features, "crashes", (json_int_t)row->crashes,
		"new_bugs", (json_int_t)row->bugs);
}

static int list_campaign(void *ctx, const struct campaign_row *row)
{
	struct listing *l = ctx;
	json_t *targets = json_array();
	int rc = campaign_db_targets(
		l->scope->dbc, row->id, list_campaign_target, targets, l->err);

	json_array_append_new(l->items,
		json_pack("{sI ss ss so sI sI so sI so}", "id", (json_int_t)row->id,
			"name", row->name, "state", row->state, "targets", targets,
			"budget_core_ms", (json_int_t)row->budget_ms, "used_core_ms",
			(json_int_t)row->core_ms, "outcome", outcome_of(row), "began_ms",
			(json_int_t)row->began_ms, "ended_ms",
			time_or_null(row->ended_ms)));
	return rc;
}

json_t *answer_campaigns(const struct answer_scope *scope, int64_t id, struct iw_err *err)
{
	struct listing l = {.scope = scope, .items = json_array(), .err = err};
	struct campaign_filter filter = {.id = id};

	if (campaign_db_list(scope->dbc, &filter, list_campaign, &l, err) == 0)
		return json_pack("{so}", "campaigns", l.items);
	json_decref(l.items);
	return NULL;
}

void answer_engine(json_t *target, const struct project_engine_totals *e)
{
	json_object_set_new(json_object_get(target, "engines"), e->engine,
		json_pack("{sI sI sI sI}", "executions", (json_int_t)e->executions,
			"core_ms", (json_int_t)e->core_ms, "received",
			(json_int_t)e->received, "kept", (json_int_t)e->kept));
}

json_t *answer_target(const struct answer_scope *scope,
	const struct project_target_row *row, int64_t features)
{
	const struct project_target_totals *t = &row->totals;

	return json_pack("{sI ss ss sI sI so sI sI sI sI sI sI so sI so ss? sb so so s{} "
			 "so s{} sn}",
		"id", (json_int_t)row->id, "adapter", row->adapter, "target", row->name,
		"executions", (json_int_t)t->executions, "core_ms",
		(json_int_t)t->core_ms, "features",
		features < 0 ? json_null() : json_integer(features), "units",
		(json_int_t)row->units, "crashes", (json_int_t)row->crashes, "bugs",
		(json_int_t)row->bugs, "open_bugs", (json_int_t)row->open_bugs,
		"bug_core_ms", (json_int_t)row->bug_core_ms, "burned_ms",
		(json_int_t)row->burned_ms, "found_ms", time_or_null(t->found_ms),
		"failures", (json_int_t)t->failures, "failed_ms",
		time_or_null(t->failed_ms), "failure", t->failure, "is_held",
		row->held_ms != 0, "held_ms", time_or_null(row->held_ms), "held_why",
		/* Why an operator holds one may tell of a bug. */
		text_or_null(scope->sees_private ? row->held_why : NULL), "engines",
		"offline_ms", time_or_null(row->offline_ms), "judging", "coverage");
}

void answer_judge(json_t *target, const char *flavour,
	const struct corpus_waiting *waiting, int64_t now_ms)
{
	int64_t since = waiting->oldest_ms;

	json_object_set_new(json_object_get(target, "judging"), flavour,
		json_pack("{sI sI sI}", "waiting", (json_int_t)waiting->units,
			"oldest_ms",
			(json_int_t)(since && since < now_ms ? now_ms - since : 0),
			"late", (json_int_t)waiting->late));
}

static void add_judge_live(json_t *judging, const struct farm_judge_view *view)
{
	json_object_set_new(judging, view->flavour,
		json_pack("{sI sI sI sI sI so}", "waiting", (json_int_t)view->waiting,
			"oldest_ms", (json_int_t)view->oldest_ms, "late",
			(json_int_t)view->late, "missed", (json_int_t)view->missed,
			"delay_ms", (json_int_t)view->delay_ms, "why",
			text_or_null(view->why)));
}

static void add_engine_live(json_t *engines, const struct farm_engine_view *view)
{
	json_t *engine = json_object_get(engines, view->name);

	if (!engine) {
		engine = json_pack("{si si}", "executions", 0, "core_ms", 0);
		json_object_set_new(engines, view->name, engine);
	}
	json_object_set_new(engine, "per_second", json_integer(view->per_second));
	json_object_set_new(engine, "stability",
		view->stability < 0 ? json_null() : json_integer(view->stability));
	/* The row counts what has ended; the view is of this run and ahead of it only
	 * while the first slices run. */
	if (json_integer_value(json_object_get(engine, "received")) < view->received)
		json_object_set_new(engine, "received", json_integer(view->received));
	if (json_integer_value(json_object_get(engine, "kept")) < view->kept)
		json_object_set_new(engine, "kept", json_integer(view->kept));
}

/* The row knows first whether it is held. */
static const char *live_status(const json_t *target, const struct farm_target_view *view)
{
	bool is_held = json_is_true(json_object_get(target, "is_held"));

	if (is_held && strcmp(view->status, "broken") != 0 &&
		strcmp(view->status, "opening") != 0)
		return "held";
	return !is_held && strcmp(view->status, "held") == 0 ? "idle" : view->status;
}

void answer_target_live(json_t *target, const struct farm_target_view *view)
{
	json_t *engines = json_object_get(target, "engines");
	int64_t stability = -1;
	size_t i;

	for (i = 0; i < view->engine_count; i++) {
		add_engine_live(engines, &view->engines[i]);
		if (view->engines[i].stability >= 0)
			stability = view->engines[i].stability;
	}
	for (i = 0; i < view->judge_count; i++)
		add_judge_live(json_object_get(target, "judging"), &view->judges[i]);
	json_object_set_new(target, "status", json_string(live_status(target, view)));
	json_object_set_new(target, "executions", json_integer(view->executions));
	json_object_set_new(target, "per_second", json_integer(view->per_second));
	json_object_set_new(target, "features", json_integer(view->features));
	json_object_set_new(target, "features_start", json_integer(view->features_start));
	json_object_set_new(target, "units", json_integer(view->units));
	json_object_set_new(target, "found_ms", time_or_null(view->found_ms));
	json_object_set_new(target, "stability",
		stability < 0 ? json_null() : json_integer(stability));
}
