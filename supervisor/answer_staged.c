/* What is staged: the documents of pull requests. */
#include <string.h>

#include "adapters/staged_db.h"
#include "answers.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

struct listing {
	const struct answer_scope *scope;
	int64_t pr; /* 0: all of them, not in full */
	json_t *items;
	json_t *brought; /* ids of bugs, by pr_key() */
	struct iw_err *err;
};

/* Strangers wrote these: what is no UTF-8 is replaced. */
static json_t *foreign(const char *text)
{
	struct iw_buf out = {0};
	json_t *json;

	if (!text || !*text)
		return json_null();
	iw_text_json(&out, text);
	json = json_loads(out.data, JSON_DECODE_ANY, NULL);
	iw_buf_fini(&out);
	return json ? json : json_null();
}

/* "adapter 12": ids of the bugs that this pull request brought. */
static char *pr_key(const char *adapter, int64_t pr)
{
	return iw_fmt("%s %lld", adapter, (long long)pr);
}

static void note_brought(void *ctx, const char *adapter, int64_t pr, int64_t bug_id)
{
	_auto_free_ char *key = pr_key(adapter, pr);
	json_t *bugs = json_object_get(ctx, key);

	if (!bugs) {
		bugs = json_array();
		json_object_set_new(ctx, key, bugs);
	}
	json_array_append_new(bugs, json_integer(bug_id));
}

/* -- what belongs to one ------------------------------------------------------------ */

static void note_change(void *ctx, const struct staged_change_row *row)
{
	json_t *functions = json_loads(row->functions, 0, NULL);

	json_array_append_new(ctx,
		json_pack("{so sI sI so sI}", "path", foreign(row->path), "added",
			(json_int_t)row->added, "removed", (json_int_t)row->removed,
			"functions", functions ? functions : json_array(),
			"functions_left_out", (json_int_t)row->functions_left_out));
}

static void note_target(void *ctx, const struct staged_target_row *row)
{
	json_array_append_new(ctx,
		json_pack("{sI ss sb so}", "id", (json_int_t)row->id, "target",
			row->target, "is_near", (int)row->is_near, "lines",
			row->lines < 0 ? json_null() : json_integer(row->lines)));
}

static void note_work(void *ctx, const struct staged_work_row *row)
{
	json_array_append_new(ctx,
		json_pack("{ss ss ss sI sI}", "target", row->target, "flavour",
			row->flavour, "engine", row->engine, "core_ms",
			(json_int_t)row->core_ms, "executions",
			(json_int_t)row->executions));
}

static int add_details(const struct listing *l, const struct staged_row *row, json_t *pr)
{
	json_t *changes = json_array(), *targets = json_array(), *tested = json_array();
	struct staged_change_sum sum = {0};
	struct iw_dbc *dbc = l->scope->dbc;
	int rc = staged_db_sum(dbc, row, &sum, l->err);

	if (rc == 0)
		rc = staged_db_targets(dbc, row, note_target, targets, l->err);
	if (rc == 0 && l->pr)
		rc = staged_db_changes(dbc, row, note_change, changes, l->err);
	if (rc == 0 && l->pr)
		rc = staged_db_work(dbc, row, note_work, tested, l->err);
	json_object_set_new(pr, "changed",
		json_pack("{sI sI sI sI}", "files", (json_int_t)sum.files, "added",
			(json_int_t)sum.added, "removed", (json_int_t)sum.removed,
			"functions", (json_int_t)sum.functions));
	json_object_set_new(pr, "targets", targets);
	if (l->pr) {
		json_object_set(pr, "changes", changes);
		json_object_set(pr, "tested", tested);
	}
	json_decref(changes);
	json_decref(tested);
	return rc;
}

static int list_pr(void *ctx, const struct staged_row *row)
{
	struct listing *l = ctx;
	_auto_free_ char *key = NULL;
	json_t *bugs, *pr;

	if (l->pr && row->pr != l->pr)
		return 0;
	key = pr_key(row->adapter, row->pr);
	bugs = json_object_get(l->brought, key);
	pr = json_pack("{ss sI so so so so so so so sb sI sI sI so so}", "adapter",
		row->adapter, "pr", (json_int_t)row->pr, "title", foreign(row->title),
		"url", foreign(row->url), "repo", foreign(row->repo), "head_ref",
		foreign(row->head_ref), "head", foreign(row->head), "merge",
		foreign(row->merge), "promoted_ms",
		row->promoted_ms ? json_integer(row->promoted_ms) : json_null(),
		"is_current", (int)row->is_current, "since_ms", (json_int_t)row->since_ms,
		"core_ms", (json_int_t)row->core_ms, "executions",
		(json_int_t)row->executions, "bugs",
		bugs ? json_deep_copy(bugs) : json_array(), "coverage",
		answer_pr_coverage(row));
	json_array_append_new(l->items, pr);
	return add_details(l, row, pr);
}

static json_t *list(const struct answer_scope *scope, int64_t pr, struct iw_err *err)
{
	struct listing l = {
		.scope = scope,
		.pr = pr,
		.items = json_array(),
		.brought = json_object(),
		.err = err,
	};
	int rc = bug_db_brought(
		scope->dbc, !scope->sees_private, note_brought, l.brought, err);

	if (rc == 0)
		rc = staged_db_list(scope->dbc, list_pr, &l, err);
	json_decref(l.brought);
	if (rc == 0)
		return json_pack("{so}", "prs", l.items);
	json_decref(l.items);
	return NULL;
}

json_t *answer_prs(const struct answer_scope *scope, struct iw_err *err)
{
	return list(scope, 0, err);
}

json_t *answer_pr(const struct answer_scope *scope, int64_t pr, struct iw_err *err)
{
	return list(scope, pr, err);
}
