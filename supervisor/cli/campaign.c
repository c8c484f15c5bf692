/* `ironworks campaign start|list|show|stop`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "campaign_db.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

#define PATH "/api/v1/campaigns"
#define MS_PER_HOUR 3600000.0

static const char help[] =
	"Examples:\n"
	"  ironworks campaign start parsers --target demo/tx demo/block --budget 2h\n"
	"  ironworks campaign start night --target zstd --budget 0.5h\n"
	"  ironworks campaign list\n"
	"  ironworks campaign show night\n"
	"  ironworks campaign stop night --state /srv/farm\n"
	"\n"
	"usage: ironworks campaign start NAME --target TARGET… --budget TIME [--state "
	"DIR]\n"
	"                                [--json]\n"
	"       ironworks campaign list [--state DIR] [--json]\n"
	"       ironworks campaign show CAMPAIGN [--state DIR] [--json]\n"
	"       ironworks campaign stop CAMPAIGN [--state DIR] [--json]\n"
	"\n"
	"A campaign has its targets fuzzed first until its budget of core time is used;\n"
	"what came of it is recorded then. One engine start in eight stays for other\n"
	"targets. CAMPAIGN is a name or a number.\n"
	"\n"
	"  --target T    ADAPTER/TARGET, or ADAPTER for all of its targets; may be "
	"repeated\n"
	"  --budget TIME core time: 30m, 2h, 0.5h, 3d\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 the farm does not answer, 4 failed\n";

struct wish {
	struct cli_common common;
	const char *verb, *name;
	const char **targets;
	size_t target_count;
	int64_t budget_ms; /* -1: not said */
	int64_t id;
};

/* -- printing ----------------------------------------------------------------------- */

static const char *str(const json_t *campaign, const char *field)
{
	return json_string_value(json_object_get(campaign, field));
}

static int64_t num(const json_t *campaign, const char *field)
{
	return json_integer_value(json_object_get(campaign, field));
}

static char *targets_of(const json_t *campaign)
{
	const json_t *targets = json_object_get(campaign, "targets"), *target;
	struct iw_buf text = {0};
	size_t i;

	json_array_foreach(targets, i, target)
		iw_buf_addf(&text, "%s%s", i ? ", " : "", json_string_value(target));
	return iw_buf_steal(&text);
}

static void describe(const json_t *c, struct iw_buf *out)
{
	const json_t *outcome = json_object_get(c, "outcome");
	_auto_free_ char *targets = targets_of(c);
	char used[24], budget[24], began[24];

	iw_time_words(num(c, "used_core_ms"), used);
	iw_time_words(num(c, "budget_core_ms"), budget);
	iw_time_iso(num(c, "began_ms"), began);
	iw_buf_addf(out, "campaign %lld '%s': %s, began %s\n", (long long)num(c, "id"),
		str(c, "name"), str(c, "state"), began);
	iw_buf_addf(
		out, "targets: %s\ncore time: %s of %s used\n", targets, used, budget);
	if (json_is_object(outcome))
		iw_buf_addf(out,
			"outcome: %lld executions, %lld new features, %lld crashes, "
			"%lld new bugs\n",
			(long long)num(outcome, "executions"),
			(long long)num(outcome, "new_features"),
			(long long)num(outcome, "crashes"),
			(long long)num(outcome, "new_bugs"));
}

/* Names are an operator's words. */
static void print_campaign(const json_t *campaign)
{
	struct iw_buf text = {0}, safe = {0};

	describe(campaign, &text);
	iw_text_block(&safe, text.data, text.len);
	fputs(safe.data, stdout);
	iw_buf_fini(&text);
	iw_buf_fini(&safe);
}

static void outcome_cell(struct cli_table *t, const json_t *outcome, const char *field)
{
	if (json_is_object(outcome))
		cli_table_number(t, num(outcome, field));
	else
		cli_table_cell(t, "-");
}

static void add_row(struct cli_table *t, const json_t *c)
{
	const json_t *outcome = json_object_get(c, "outcome");
	size_t targets = json_array_size(json_object_get(c, "targets"));
	char used[24], budget[24], since[24];

	iw_time_words(num(c, "used_core_ms"), used);
	iw_time_words(num(c, "budget_core_ms"), budget);
	iw_time_words(iw_time_wall_ms() - num(c, "began_ms"), since);
	cli_table_number(t, num(c, "id"));
	cli_table_cell(t, "%s", str(c, "name"));
	cli_table_cell(t, "%s", str(c, "state"));
	cli_table_number(t, (int64_t)targets);
	cli_table_cell(t, "%s", used);
	cli_table_cell(t, "%s", budget);
	outcome_cell(t, outcome, "new_features");
	outcome_cell(t, outcome, "new_bugs");
	cli_table_cell(t, "%s", since);
}

static void print_list(const json_t *campaigns)
{
	struct cli_table *t = cli_table_new("campaign|name|state|>targets|>core time|"
					    ">budget|>new features|>new bugs|>began ago");
	const json_t *c;
	size_t i;

	if (json_array_size(campaigns) == 0) {
		puts("no campaigns yet");
	} else {
		json_array_foreach(campaigns, i, c) add_row(t, c);
		cli_table_print(t, stdout, 0);
	}
	cli_table_free(t);
}

static int print(const struct wish *w, json_t *campaign)
{
	if (w->common.json) {
		cli_print_json(campaign);
		return CLI_DONE;
	}
	print_campaign(campaign);
	json_decref(campaign);
	return CLI_DONE;
}

/* -- reading ------------------------------------------------------------------------ */

static json_t *read_one(const struct answer_scope *scope, int64_t id, struct iw_err *err)
{
	json_t *list = answer_campaigns(scope, id, err), *one;

	one = json_incref(json_array_get(json_object_get(list, "campaigns"), 0));
	json_decref(list);
	return one;
}

/* *answer: the list, or the one that is named; w->id is its number. */
static int look_up(struct wish *w, json_t **answer, struct iw_err *err)
{
	struct iw_state state;
	struct answer_scope scope = {.state = &state, .sees_private = true};
	int rc = iw_state_open(&state, w->common.state, IW_STATE_READ, err);

	*answer = NULL;
	if (rc < 0)
		return rc;
	scope.dbc = state.dbc;
	if (w->name)
		rc = campaign_db_find(state.dbc, w->name, &w->id, err);
	if (rc == 0)
		*answer = w->name ? read_one(&scope, w->id, err)
				  : answer_campaigns(&scope, 0, err);
	iw_state_close(&state);
	return rc < 0 ? rc : *answer ? 0 : -1;
}

static int list(struct wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	json_t *answer;

	if (look_up(w, &answer, &err) < 0)
		return cli_fail(&err);
	if (w->common.json) {
		cli_print_json(answer);
		return CLI_DONE;
	}
	print_list(json_object_get(answer, "campaigns"));
	json_decref(answer);
	return CLI_DONE;
}

static int show(struct wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	json_t *answer;

	return look_up(w, &answer, &err) < 0 ? cli_fail(&err) : print(w, answer);
}

/* -- changing ----------------------------------------------------------------------- */

static int start_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct wish *w = ctx;
	struct campaign_spec spec = {
		.name = w->name,
		.targets = w->targets,
		.target_count = w->target_count,
		.budget_ms = w->budget_ms,
	};
	int64_t id;
	int rc = campaign_db_start(scope->dbc, &spec, &id, err);

	if (rc == 0)
		*answer = read_one(scope, id, err);
	return rc < 0 ? rc : *answer ? 0 : -1;
}

static int start(struct wish *w)
{
	json_t *targets = json_array(), *body, *answer;
	struct cli_change change = {
		.state = w->common.state, .path = PATH, .alone = start_alone, .ctx = w};
	size_t i;
	int code;

	for (i = 0; i < w->target_count; i++)
		json_array_append_new(targets, json_string(w->targets[i]));
	body = json_pack("{ss so sf}", "name", w->name, "targets", targets,
		"budget_core_hours", (double)w->budget_ms / MS_PER_HOUR);
	if (!body || json_array_size(targets) != w->target_count)
		return cli_usage("campaign", "names are UTF-8");
	change.body = body;
	code = cli_change(&change, &answer);
	json_decref(body);
	return code == CLI_DONE ? print(w, answer) : code;
}

static int stop_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct wish *w = ctx;
	int rc = campaign_db_end(scope->dbc, w->id, "stopped", err);

	if (rc == 0)
		*answer = read_one(scope, w->id, err);
	return rc < 0 ? rc : *answer ? 0 : -1;
}

static int stop(struct wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *path = NULL;
	json_t *answer;
	int code;

	if (look_up(w, &answer, &err) < 0)
		return cli_fail(&err);
	json_decref(answer);
	path = iw_fmt(PATH "/%lld/stop", (long long)w->id);
	code = cli_change(&(struct cli_change){.state = w->common.state,
				  .path = path,
				  .alone = stop_alone,
				  .ctx = w},
		&answer);
	return code == CLI_DONE ? print(w, answer) : code;
}

/* -- words -------------------------------------------------------------------------- */

static const char *take_target(void *ctx, const char *word)
{
	struct wish *w = ctx;

	w->targets[w->target_count++] = word;
	return NULL;
}

static const char *take_budget(void *ctx, const char *word)
{
	struct wish *w = ctx;

	w->budget_ms = iw_time_parse(word);
	return w->budget_ms > 0 && w->budget_ms <= CAMPAIGN_BUDGET_MAX_MS
		? NULL
		: "--budget wants core time like 30m, 2h or 0.5h";
}

static int run(struct wish *w, int argc, char **argv)
{
	const struct cli_option more[] = {
		{"target", .take = take_target, .ctx = w},
		{"budget", .take = take_budget, .ctx = w},
		{0},
	};
	bool is_start;
	int first, rc = cli_options(argc, argv, help, more, &w->common, &first);

	if (rc >= 0)
		return rc;
	argv += first;
	argc -= first;
	w->verb = argc > 0 ? argv[0] : "";
	w->name = argc > 1 ? argv[1] : NULL;
	is_start = strcmp(w->verb, "start") == 0;
	if (!is_start && (w->target_count || w->budget_ms >= 0))
		return cli_usage("campaign", "--target and --budget are for 'start'");
	if (strcmp(w->verb, "list") == 0 && argc == 1)
		return list(w);
	if (strcmp(w->verb, "show") == 0 && argc == 2)
		return show(w);
	if (strcmp(w->verb, "stop") == 0 && argc == 2)
		return stop(w);
	if (!is_start || argc < 2)
		return cli_usage("campaign",
			"say 'start NAME', 'list', 'show CAMPAIGN' or 'stop CAMPAIGN'");
	/* "--target a b" leaves b among the words. */
	for (argc -= 2, argv += 2; argc > 0; argc--)
		w->targets[w->target_count++] = *argv++;
	if (w->target_count == 0 || w->budget_ms < 0)
		return cli_usage("campaign", "'start' wants --target and --budget");
	return start(w);
}

int cli_campaign(int argc, char **argv)
{
	_auto_free_ const char **targets = iw_calloc((size_t)argc + 1, sizeof *targets);
	struct wish w = {.targets = targets, .budget_ms = -1};

	return run(&w, argc, argv);
}
