/* What is read: rows on the reader's thread, what the farm knows added on the loop. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "triage/artifact.h"
#include "web/route.h"

#include "base/banned.h"

#define LIST_DEFAULT 200
#define LIST_MAX 1000
#define ISSUE_MAX ((size_t)1 << 20)

/* -- the farm ----------------------------------------------------------------------- */

static const char *phase_name(const struct farm_view *view)
{
	static const char *const names[] = {
		[FARM_OPENING] = "opening",
		[FARM_FUZZING] = "fuzzing",
		[FARM_DRAINING] = "draining",
		[FARM_CLOSED] = "closed",
	};

	/* Between two farms the next one is about to open. */
	return names[view ? view->phase : FARM_OPENING];
}

static json_t *work_json(const struct farm_work_view *work)
{
	if (!work->is_running)
		return json_null();
	return json_pack("{ss sI ss ss}", "purpose", iw_purpose_name(work->purpose),
		"since_ms", (json_int_t)work->since_ms, "what", work->what, "why",
		work->why);
}

static json_t *slots_json(const struct farm_view *v)
{
	json_t *slots = json_array();
	int i;

	for (i = 0; i < v->slots; i++) {
		const struct farm_slot_view *slot = &v->slot_views[i];

		json_array_append_new(slots,
			json_pack("{si si so so}", "slot", i, "core", slot->core,
				"engine", work_json(&slot->engine), "front",
				work_json(&slot->front)));
	}
	return slots;
}

static json_t *core_ms_json(const struct farm_view *v)
{
	json_t *core_ms = json_object();
	int i;

	for (i = 0; i < IW_PURPOSE_COUNT; i++)
		json_object_set_new(
			core_ms, iw_purpose_name(i), json_integer(v->core_ms[i]));
	return core_ms;
}

static json_t *messages_json(const struct farm_view *v)
{
	json_t *messages = json_array();
	size_t i;

	for (i = 0; i < v->message_count; i++)
		json_array_append_new(messages,
			json_pack("{sI ss}", "at_ms", (json_int_t)v->messages[i].at_ms,
				"text", v->messages[i].text));
	return messages;
}

json_t *web_farm_json(struct web *web)
{
	static const struct farm_view none = {.left_ms = -1};
	const struct farm_view *view = web_view(web), *v = view ? view : &none;

	return json_pack("{ss ss ss sI sI so sb so si si si si si si si si sI so so}",
		"version", IRONWORKS_VERSION, "state", web->world.state->dir, "phase",
		phase_name(view), "now_ms", (json_int_t)iw_time_wall_ms(), "elapsed_ms",
		(json_int_t)v->elapsed_ms, "left_ms",
		v->left_ms < 0 ? json_null() : json_integer(v->left_ms), "sandbox",
		(int)web->world.has_sandbox, "slots", slots_json(v), "waiting",
		v->waiting, "engines", v->engines, "judging", v->judging, "pursuing",
		v->pursuing, "backlog", v->backlog, "new_bugs", v->new_bugs,
		"builds_made", v->builds_made, "builds_cached", v->builds_cached,
		"judge_within_ms", (json_int_t)v->judge_within_ms, "core_ms",
		core_ms_json(v), "messages", messages_json(v));
}

int web_answer_farm(struct web_request *r)
{
	r->json = web_farm_json(r->web);
	json_object_set_new(r->json, "role", json_string(web_role_name(r->role)));
	return 0;
}

/* Whoever watches us wants to know that the loop turns and the database answers. */
int web_read_health(struct web_request *r, const struct answer_scope *scope)
{
	if (iw_db_check(scope->dbc, &r->err) == 0)
		return 0;
	return web_fail(r, 503, "the database does not answer: %s", r->err.msg);
}

int web_answer_health(struct web_request *r)
{
	const char *phase = phase_name(web_view(r->web));

	r->json = json_pack("{ss ss}", "status",
		strcmp(phase, "fuzzing") == 0 ? "ok" : phase, "phase", phase);
	return 0;
}

/* -- targets ------------------------------------------------------------------------ */

/* What the farm knows of its targets, by their rows. */
struct live {
	const struct farm_target_view **views;
	size_t count;
};

static int compare_views(const void *left, const void *right)
{
	const struct farm_target_view *const *a = left, *const *b = right;

	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static void live_init(struct live *live, const struct farm_view *view)
{
	size_t i;

	live->count = view ? view->target_count : 0;
	live->views = iw_calloc(live->count + 1, sizeof *live->views);
	for (i = 0; i < live->count; i++)
		live->views[i] = &view->targets[i];
	if (live->count)
		qsort(live->views, live->count, sizeof *live->views, compare_views);
}

static const struct farm_target_view *find_view(
	const struct live *live, const json_t *target)
{
	struct farm_target_view key = {
		.id = json_integer_value(json_object_get(target, "id"))};
	const struct farm_target_view *wanted = &key, **found = NULL;

	if (live->count)
		found = bsearch(&wanted, live->views, live->count, sizeof *live->views,
			compare_views);
	return found ? *found : NULL;
}

/* A target that only the database remembers: its adapter has it no more. */
static void set_offline(json_t *target)
{
	json_object_set_new(target, "status", json_string("offline"));
	json_object_set_new(target, "per_second", json_integer(0));
	json_object_set_new(target, "features_start", json_null());
	json_object_set_new(target, "stability", json_null());
}

void web_targets_live(struct web *web, json_t *targets)
{
	struct live live;
	json_t *target;
	size_t i;

	live_init(&live, web_view(web));
	json_array_foreach(json_object_get(targets, "targets"), i, target)
	{
		const struct farm_target_view *view = find_view(&live, target);

		if (view)
			answer_target_live(target, view);
		else
			set_offline(target);
	}
	free(live.views);
}

int web_read_targets(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_targets(scope, 0, &r->err);
	return r->json ? 0 : -1;
}

int web_answer_targets(struct web_request *r)
{
	web_targets_live(r->web, r->json);
	return 0;
}

int web_read_target(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_targets(scope, r->id, &r->err);
	if (!r->json)
		return -1;
	if (json_array_size(json_object_get(r->json, "targets")) > 0)
		return 0;
	return web_fail(r, 404, "there is no target %lld", (long long)r->id);
}

int web_answer_target(struct web_request *r)
{
	json_t *target;

	web_targets_live(r->web, r->json);
	target = json_incref(json_array_get(json_object_get(r->json, "targets"), 0));
	json_decref(r->json);
	r->json = target;
	return 0;
}

int web_read_campaigns(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_campaigns(scope, 0, &r->err);
	return r->json ? 0 : -1;
}

int web_read_campaign(struct web_request *r, const struct answer_scope *scope)
{
	json_t *list = answer_campaigns(scope, r->id, &r->err);

	if (!list)
		return -1;
	r->json = json_incref(json_array_get(json_object_get(list, "campaigns"), 0));
	json_decref(list);
	if (r->json)
		return 0;
	return web_fail(r, 404, "there is no campaign %lld", (long long)r->id);
}

int web_read_history(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_history(scope, r->id, &r->err);
	return r->json ? 0 : -1;
}

int web_read_prs(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_prs(scope, &r->err);
	return r->json ? 0 : -1;
}

int web_read_pr(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_pr(scope, r->id, &r->err);
	return r->json ? 0 : -1;
}

int web_read_coverage(struct web_request *r, const struct answer_scope *scope)
{
	r->json = answer_coverage(
		scope, web_param(r, "adapter"), web_param(r, "target"), &r->err);
	return r->json ? 0 : -1;
}

/* -- bugs --------------------------------------------------------------------------- */

int web_read_bugs(struct web_request *r, const struct answer_scope *scope)
{
	struct bug_filter filter = {
		.adapter = web_param(r, "adapter"),
		.target = web_param(r, "target"),
		.state = web_param(r, "state"),
		.outcome = web_param(r, "outcome"),
	};

	if (web_param_int(r, "pr", 1, INT64_MAX, 0, &filter.pr) < 0 ||
		web_param_int(r, "before", 1, INT64_MAX, 0, &filter.before) < 0 ||
		web_param_int(r, "limit", 1, LIST_MAX, LIST_DEFAULT, &filter.limit) < 0)
		return -1;
	r->json = answer_bugs(scope, &filter, &r->err);
	return r->json ? 0 : -1;
}

struct looking {
	struct web_request *r;
	const struct answer_scope *scope;
	int (*take)(struct looking *looking, const struct bug_row *row);
	bool found;
};

static int look_at(void *ctx, const struct bug_row *row)
{
	struct looking *l = ctx;

	l->found = true;
	return l->take(l, row);
}

static int with_bug(struct web_request *r, const struct answer_scope *scope,
	int (*take)(struct looking *looking, const struct bug_row *row))
{
	struct looking l = {.r = r, .scope = scope, .take = take};
	int rc = bug_db_list(scope->dbc, r->id, look_at, &l, &r->err);

	if (rc < 0 || l.found)
		return rc;
	return web_fail(r, 404, "there is no bug %lld", (long long)r->id);
}

/* Whoever did it by hand may have said why in words that tell of the bug. */
static int add_event(void *ctx, const struct bug_event *e)
{
	struct looking *l = ctx;
	bool tells = l->scope->sees_private;

	json_array_append_new(json_object_get(l->r->json, "timeline"),
		json_pack("{sI ss ss ss? ss?}", "at_ms", (json_int_t)e->at_ms, "what",
			e->what, "text", e->text, "by", tells ? e->by : NULL, "why",
			tells ? e->why : NULL));
	return 0;
}

static int take_bug(struct looking *l, const struct bug_row *row)
{
	json_t *bug = answer_bug(l->scope, row);
	_auto_free_ char *repro = iw_fmt("ironworks repro %lld --state %s",
		(long long)row->id, l->scope->state->dir);
	_auto_free_ char *show = iw_fmt("ironworks bug show %lld --state %s",
		(long long)row->id, l->scope->state->dir);

	json_object_set_new(bug, "commands", json_pack("[ss]", repro, show));
	json_object_set_new(bug, "timeline", json_array());
	l->r->json = bug;
	return bug_db_events(l->scope->dbc, row->id, add_event, l, &l->r->err);
}

int web_read_bug(struct web_request *r, const struct answer_scope *scope)
{
	return with_bug(r, scope, take_bug);
}

/* A private bug's texts are for a token. */
static int check_private(struct looking *l, const struct bug_row *row)
{
	if (l->scope->sees_private || !bug_row_is_private(row))
		return 0;
	return web_fail(l->r, 401,
		"bug %lld is private: this wants a token with the role 'read'",
		(long long)row->id);
}

static int take_issue(struct looking *l, const struct bug_row *row)
{
	_auto_free_ char *path =
		row->issue ? iw_path_join(l->scope->state->outbox, row->issue) : NULL;
	int rc = check_private(l, row);

	if (rc < 0)
		return rc;
	if (!path)
		return web_fail(l->r, 404, "the issue of bug %lld is not written yet",
			(long long)row->id);
	l->r->type = "text/markdown; charset=utf-8";
	return iw_file_read(path, ISSUE_MAX, &l->r->text, &l->r->len, &l->r->err);
}

int web_read_issue(struct web_request *r, const struct answer_scope *scope)
{
	return with_bug(r, scope, take_issue);
}

static int take_input(struct looking *l, const struct bug_row *row)
{
	int rc = check_private(l, row);

	if (rc < 0)
		return rc;
	l->r->type = "application/octet-stream";
	l->r->filename = "reproducer";
	return triage_artifact_get(l->scope->state->artifacts, &row->best, &l->r->text,
		&l->r->len, &l->r->err);
}

int web_read_input(struct web_request *r, const struct answer_scope *scope)
{
	return with_bug(r, scope, take_input);
}

/* -- crashes ------------------------------------------------------------------------ */

int web_read_crashes(struct web_request *r, const struct answer_scope *scope)
{
	struct crash_filter filter = {.state = web_param(r, "state")};

	if (web_param_int(r, "bug", 1, INT64_MAX, 0, &filter.bug_id) < 0 ||
		web_param_int(r, "before", 1, INT64_MAX, 0, &filter.before) < 0 ||
		web_param_int(r, "limit", 1, LIST_MAX, LIST_DEFAULT, &filter.limit) < 0)
		return -1;
	r->json = answer_crashes(scope, &filter, &r->err);
	return r->json ? 0 : -1;
}

int web_read_crash(struct web_request *r, const struct answer_scope *scope)
{
	struct crash_filter filter = {.id = r->id, .limit = 1};
	json_t *list = answer_crashes(scope, &filter, &r->err);

	if (!list)
		return -1;
	r->json = json_incref(json_array_get(json_object_get(list, "crashes"), 0));
	json_decref(list);
	if (r->json)
		return 0;
	return web_fail(r, 404, "there is no crash %lld", (long long)r->id);
}
