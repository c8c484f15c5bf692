#include "cli/bug_change.h"

#include <stdio.h>
#include <unistd.h>

#include "actor.h"
#include "base/mem.h"
#include "cli/change.h"
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

static void print_state(const json_t *bug)
{
	const char *decision = json_string_value(json_object_get(bug, "decision"));
	bool is_muted = json_is_integer(json_object_get(bug, "muted_ms"));

	printf("bug %lld is %s%s\n",
		(long long)json_integer_value(json_object_get(bug, "id")),
		decision	   ? decision
			: is_muted ? "muted"
				   : "open again",
		decision && is_muted ? ", and muted" : "");
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
	json_t *answer;
	int code;

	if (why && !c.body)
		return cli_usage("bug", "--why wants UTF-8");
	code = cli_change(&c, &answer);
	json_decref(c.body);
	if (code != CLI_DONE)
		return code;
	if (common->json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	print_state(answer);
	json_decref(answer);
	return CLI_DONE;
}
