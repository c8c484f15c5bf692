/* `ironworks target list|hold|resume`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks target list\n"
	"  ironworks target hold demo/tx --why 'until #506 is mended'\n"
	"  ironworks target resume demo/tx --state /srv/farm\n"
	"\n"
	"usage: ironworks target list [--state DIR] [--json]\n"
	"       ironworks target hold ADAPTER/TARGET [--why TEXT] [--state DIR] "
	"[--json]\n"
	"       ironworks target resume ADAPTER/TARGET [--state DIR] [--json]\n"
	"\n"
	"A target that is held gets no engine, whatever campaigns want it; those that "
	"run\n"
	"on it end in peace. What was found is still judged. It stays held over "
	"restarts,\n"
	"until it is resumed.\n"
	"\n"
	"  --why TEXT    one line, for the others\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 the farm does not answer, 4 failed\n";

struct wish {
	struct cli_common common;
	const char *why;
	int64_t id; /* of the target that is named */
	bool was_held;
};

/* -- list --------------------------------------------------------------------------- */

static int64_t num(const json_t *target, const char *field)
{
	return json_integer_value(json_object_get(target, field));
}

static void add_row(struct cli_table *t, const json_t *target)
{
	const char *why = json_string_value(json_object_get(target, "held_why"));
	char core[24], held[24] = "-";

	iw_time_words(num(target, "core_ms"), core);
	if (json_is_true(json_object_get(target, "is_held")))
		iw_time_words(iw_time_wall_ms() - num(target, "held_ms"), held);
	cli_table_cell(t, "%s/%s", json_string_value(json_object_get(target, "adapter")),
		json_string_value(json_object_get(target, "target")));
	cli_table_number(t, num(target, "executions"));
	cli_table_cell(t, "%s", core);
	cli_table_number(t, num(target, "units"));
	cli_table_number(t, num(target, "open_bugs"));
	cli_table_cell(t, "%s", held);
	cli_table_cell(t, "%s", why ? why : "-");
}

static void print_list(const json_t *targets)
{
	struct cli_table *t = cli_table_new(
		"target|>executions|>core time|>units|>open bugs|>held for|why");
	const json_t *target;
	size_t i;

	json_array_foreach(targets, i, target) add_row(t, target);
	if (json_array_size(targets))
		cli_table_print(t, stdout, 0);
	else
		puts("no targets yet");
	cli_table_free(t);
}

static int list(const struct wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	struct iw_state state;
	struct answer_scope scope = {.state = &state, .sees_private = true};
	json_t *answer;

	if (iw_state_open(&state, w->common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	scope.dbc = state.dbc;
	answer = answer_targets(&scope, 0, &err);
	iw_state_close(&state);
	if (!answer)
		return cli_fail(&err);
	if (w->common.json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	print_list(json_object_get(answer, "targets"));
	json_decref(answer);
	return CLI_DONE;
}

/* -- hold and resume ---------------------------------------------------------------- */

static int take_id(void *ctx, int64_t id)
{
	*(int64_t *)ctx = id;
	return 0;
}

static int answer_one(
	const struct answer_scope *scope, int64_t id, json_t **answer, struct iw_err *err)
{
	json_t *all = answer_targets(scope, id, err);

	*answer = json_incref(json_array_get(json_object_get(all, "targets"), 0));
	json_decref(all);
	return *answer ? 0 : -1;
}

static int find(struct wish *w, const char *name, struct iw_err *err)
{
	struct iw_state state;
	int rc;

	if (!strchr(name, '/'))
		return iw_err_set(err, IW_EINVAL,
			"'%s' is no target: say ADAPTER/TARGET, as 'ironworks target "
			"list' does",
			name);
	rc = iw_state_open(&state, w->common.state, IW_STATE_READ, err);
	if (rc < 0)
		return rc;
	rc = project_db_find(state.dbc, name, take_id, &w->id, err);
	if (rc == 0) {
		struct answer_scope scope = {.dbc = state.dbc, .state = &state};
		json_t *target;

		rc = answer_one(&scope, w->id, &target, err);
		w->was_held = json_is_true(json_object_get(target, "is_held"));
		json_decref(target);
	}
	iw_state_close(&state);
	return rc;
}

static int hold_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct wish *w = ctx;
	int rc = project_db_hold(scope->dbc, w->id, w->why, err);

	return rc < 0 ? rc : answer_one(scope, w->id, answer, err);
}

static int resume_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct wish *w = ctx;
	int rc = project_db_resume(scope->dbc, w->id, err);

	return rc < 0 ? rc : answer_one(scope, w->id, answer, err);
}

static int change(struct wish *w, const char *name, bool is_hold)
{
	_auto_free_ char *path = NULL;
	struct iw_err err = IW_ERR_INIT;
	struct cli_change c = {
		.state = w->common.state,
		.body = w->why ? json_pack("{ss}", "why", w->why) : NULL,
		.alone = is_hold ? hold_alone : resume_alone,
		.ctx = w,
	};
	json_t *answer;
	int code;

	if (w->why && !c.body)
		return cli_usage("target", "--why wants UTF-8");
	if (find(w, name, &err) < 0) {
		json_decref(c.body);
		return cli_fail(&err);
	}
	path = iw_fmt(
		"/api/v1/targets/%lld/%s", (long long)w->id, is_hold ? "hold" : "resume");
	c.path = path;
	code = cli_change(&c, &answer);
	json_decref(c.body);
	if (code != CLI_DONE)
		return code;
	if (w->common.json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	json_decref(answer);
	printf("%s %s\n", name,
		is_hold		      ? "is held"
			: w->was_held ? "is not held any more"
				      : "was not held");
	return CLI_DONE;
}

/* -- words -------------------------------------------------------------------------- */

int cli_target(int argc, char **argv)
{
	struct wish w = {0};
	const struct cli_option more[] = {{"why", .word = &w.why}, {0}};
	int first, words, rc = cli_options(argc, argv, help, more, &w.common, &first);
	const char *verb;
	bool is_hold;

	if (rc >= 0)
		return rc;
	words = argc - first;
	verb = words > 0 ? argv[first] : "";
	is_hold = strcmp(verb, "hold") == 0;
	if (w.why && !is_hold)
		return cli_usage("target", "--why is for 'hold'");
	if (strcmp(verb, "list") == 0 && words == 1)
		return list(&w);
	if ((is_hold || strcmp(verb, "resume") == 0) && words == 2)
		return change(&w, argv[first + 1], is_hold);
	return cli_usage("target", "say 'list', 'hold TARGET' or 'resume TARGET'");
}
