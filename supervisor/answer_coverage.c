/* Which lines are reached: the documents of adapters, targets and pull requests. */
#include <stdio.h>
#include <string.h>

#include "adapters/coverage_db.h"
#include "answers.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

static json_t *pair(int64_t count, int64_t reached)
{
	return json_pack(
		"{sI sI}", "count", (json_int_t)count, "reached", (json_int_t)reached);
}

/* Where its reports lie. */
static void add_places(
	json_t *json, const struct iw_state *state, const struct coverage_row *row)
{
	_auto_free_ char *dir = row->target
		? iw_fmt("%s/%s/targets/%s", state->coverage, row->adapter, row->target)
		: iw_path_join(state->coverage, row->adapter);
	_auto_free_ char *html = iw_path_join(dir, "html/index.html");
	_auto_free_ char *lcov = iw_path_join(dir, "lcov.info");
	_auto_free_ char *summary = iw_path_join(dir, "summary.json");

	json_object_set_new(json, "html", json_string(html));
	json_object_set_new(json, "lcov", json_string(lcov));
	json_object_set_new(json, "summary", json_string(summary));
}

static json_t *row_json(const struct iw_state *state, const struct coverage_row *row)
{
	json_t *json = json_pack("{so so so sI sI sI}", "lines",
		pair(row->lines, row->lines_reached), "functions",
		pair(row->functions, row->functions_reached), "regions",
		pair(row->regions, row->regions_reached), "units", (json_int_t)row->units,
		"died", (json_int_t)row->died, "core_ms", (json_int_t)row->core_ms);

	add_places(json, state, row);
	return json;
}

struct listing {
	const struct answer_scope *scope;
	const char *adapter, *target; /* only these, or NULL */
	json_t *adapters;
};

static bool is_wanted(const char *wanted, const char *name)
{
	return !wanted || strcmp(wanted, name) == 0;
}

static int list_row(void *ctx, const struct coverage_row *row)
{
	struct listing *l = ctx;
	json_t *json, *last;

	if (!is_wanted(l->adapter, row->adapter))
		return 0;
	if (row->target && !is_wanted(l->target, row->target))
		return 0;
	json = row_json(l->scope->state, row);
	if (row->target) {
		last = json_array_get(l->adapters, json_array_size(l->adapters) - 1);
		json_object_set_new(json, "target", json_string(row->target));
		json_object_set_new(json, "id", json_integer(row->target_id));
		json_array_append_new(json_object_get(last, "targets"), json);
		return 0;
	}
	json_object_set_new(json, "adapter", json_string(row->adapter));
	json_object_set_new(json, "snapshot", json_string(row->snapshot));
	json_object_set_new(json, "at_ms", json_integer(row->at_ms));
	json_object_set_new(json, "targets", json_array());
	json_array_append_new(l->adapters, json);
	return 0;
}

json_t *answer_coverage(const struct answer_scope *scope, const char *adapter,
	const char *target, struct iw_err *err)
{
	struct listing l = {.scope = scope,
		.adapter = adapter,
		.target = target,
		.adapters = json_array()};

	if (coverage_db_list(scope->dbc, list_row, &l, err) == 0)
		return json_pack("{so}", "adapters", l.adapters);
	json_decref(l.adapters);
	return NULL;
}

static int mark_target(void *ctx, const struct coverage_row *row)
{
	json_t *target;
	char key[24];

	if (row->target_id < 0)
		return 0;
	snprintf(key, sizeof key, "%lld", (long long)row->target_id);
	target = json_object_get(ctx, key);
	if (target)
		json_object_set_new(target, "coverage",
			json_pack("{sI sI sI}", "lines", (json_int_t)row->lines,
				"lines_reached", (json_int_t)row->lines_reached, "at_ms",
				(json_int_t)row->at_ms));
	return 0;
}

int answer_targets_coverage(
	const struct answer_scope *scope, json_t *by_id, struct iw_err *err)
{
	return coverage_db_list(scope->dbc, mark_target, by_id, err);
}

json_t *answer_pr_coverage(const struct staged_row *row)
{
	json_t *gaps;

	if (row->lines < 0)
		return json_null();
	gaps = row->gaps ? json_loads(row->gaps, 0, NULL) : NULL;
	return json_pack("{sI sI so sI}", "lines", (json_int_t)row->lines,
		"lines_reached", (json_int_t)row->lines_reached, "gaps",
		gaps ? gaps : json_array(), "at_ms", (json_int_t)row->covered_ms);
}
