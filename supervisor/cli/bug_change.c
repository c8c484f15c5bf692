#include "cli/bug_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor.h"
#include "base/mem.h"
#include "cli/change.h"
#include "grouping.h"
#include "triage/decision.h"

#include "base/banned.h"

struct wish {
	const char *verb, *why;
	int64_t bug_id;
};

static int answer_one(void *ctx, const struct bug_row *row)
{
	void **to = ctx;

	*(json_t **)to[1] = answer_bug(to[0], row);
	return 0;
}

static int decide_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct wish *w = ctx;
	_auto_free_ char *by = iw_actor_local(getuid());
	struct decision decision = {.bug_id = w->bug_id, .by = by, .why = w->why};
	void *to[] = {(void *)scope, answer};
	int rc = triage_decide(scope->dbc, scope->state->outbox, w->verb, &decision, err);

	return rc < 0 ? rc : bug_db_list(scope->dbc, w->bug_id, answer_one, to, err);
}

static void print_state(const json_t *bug, const void *ctx)
{
	const char *decision = json_string_value(json_object_get(bug, "decision"));
	bool is_muted = json_is_integer(json_object_get(bug, "muted_ms"));

	(void)ctx;
	printf("bug %lld is %s%s\n",
		(long long)json_integer_value(json_object_get(bug, "id")),
		decision	   ? decision
			: is_muted ? "muted"
				   : "open again",
		decision && is_muted ? ", and muted" : "");
}

/* The body is freed. */
static int submit(struct cli_change *change, bool json,
	void (*print)(const json_t *bug, const void *ctx))
{
	json_t *answer;
	int code = cli_change(change, &answer);

	json_decref(change->body);
	if (code != CLI_DONE)
		return code;
	if (json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	print(answer, change->ctx);
	json_decref(answer);
	return CLI_DONE;
}

int cli_bug_decide(const struct cli_common *common, const char *verb, int64_t bug_id,
	const char *why)
{
	_auto_free_ char *path = iw_fmt("/api/v1/bugs/%lld/%s", (long long)bug_id, verb);
	struct wish wish = {.verb = verb, .why = why, .bug_id = bug_id};
	struct cli_change c = {
		.state = common->state,
		.path = path,
		.body = why ? json_pack("{ss}", "why", why) : NULL,
		.alone = decide_alone,
		.ctx = &wish,
	};

	if (why && !c.body)
		return cli_usage("bug", "--why wants UTF-8");
	return submit(&c, common->json, print_state);
}

/* -- one or two --------------------------------------------------------------------- */

static int regroup_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	struct grouping grouping = *(const struct grouping *)ctx;
	_auto_free_ char *by = iw_actor_local(getuid());
	void *to[] = {(void *)scope, answer};
	int64_t shown;
	int rc;

	grouping.by = by;
	grouping.outbox_dir = scope->state->outbox;
	rc = grouping_do(scope->dbc, &grouping, &shown, err);
	return rc < 0 ? rc : bug_db_list(scope->dbc, shown, answer_one, to, err);
}

static void print_bug(const json_t *bug, const void *ctx)
{
	const struct grouping *g = ctx;
	long long id = json_integer_value(json_object_get(bug, "id"));
	long long seen = json_integer_value(json_object_get(bug, "sightings"));

	if (g->other_id)
		printf("bug %lld is a part of bug %lld now", (long long)g->other_id, id);
	else if (g->crash_count)
		printf("bug %lld is a bug of its own now", id);
	else
		printf("bug %lld stands for itself again", id);
	printf(", which was seen %lld time%s; 'ironworks bug show %lld' tells more\n",
		seen, seen == 1 ? "" : "s", id);
}

static json_t *regroup_json(const struct grouping *g)
{
	json_t *crashes = g->crash_count ? json_array() : NULL;
	size_t i;

	for (i = 0; i < g->crash_count; i++)
		json_array_append_new(crashes, json_integer(g->crashes[i]));
	return json_pack("{so* so* ss*}", "with",
		g->other_id ? json_integer(g->other_id) : NULL, "crashes", crashes, "why",
		g->why);
}

int cli_bug_regroup(const struct cli_common *common, const char *verb, char **ids,
	int count, const char *why)
{
	_auto_free_ int64_t *numbers = iw_calloc((size_t)count + 1, sizeof *numbers);
	_auto_free_ char *path = NULL;
	struct grouping grouping = {.verb = verb, .why = why};
	struct cli_change c = {
		.state = common->state, .alone = regroup_alone, .ctx = &grouping};
	int i, wanted = strcmp(verb, "unmerge") == 0 ? 1 : 2;

	if (count < wanted || (count > wanted && strcmp(verb, "split") != 0))
		return cli_usage("bug",
			"say 'merge BUG BUG', 'unmerge BUG' or 'split BUG CRASH…'");
	for (i = 0; i < count; i++)
		if (!cli_number(ids[i], 1, INT64_MAX, &numbers[i]))
			return cli_usage("bug", "bugs and crashes are numbers");
	grouping.bug_id = numbers[0];
	if (strcmp(verb, "merge") == 0)
		grouping.other_id = numbers[1];
	if (strcmp(verb, "split") == 0) {
		grouping.crashes = numbers + 1;
		grouping.crash_count = (size_t)count - 1;
	}
	path = iw_fmt("/api/v1/bugs/%lld/%s", (long long)grouping.bug_id, verb);
	c.path = path;
	c.body = regroup_json(&grouping);
	if (!c.body)
		return cli_usage("bug", "--why wants UTF-8");
	return submit(&c, common->json, print_bug);
}
