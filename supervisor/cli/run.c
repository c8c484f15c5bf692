/* `ironworks run`: a farm in the foreground. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "answers.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/farm_options.h"
#include "cli/summary.h"
#include "cli/watch.h"
#include "daemon.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks run demo --for 3m\n"
	"  ironworks run ./adapters/zstd demo:seed=7 --for 1h --cores 8\n"
	"  ironworks run demo --state /srv/farm\n"
	"\n"
	"usage: ironworks run ADAPTER… [--for TIME] [--coverage TIME] [--cores N] "
	"[--state DIR]\n"
	"                     [--json] [--disk-budget SIZE] [--http ADDRESS:PORT]\n"
	"                     [--no-sandbox]\n"
	"\n"
	"Builds each adapter, fuzzes its targets on all cores, and turns crashes into\n"
	"minimized bugs that name the staged pull request. ADAPTER is a folder or a "
	"name,\n"
	"with parameters behind a colon. What is found stays in the state folder; the "
	"next\n"
	"run goes on from there. Ctrl-C stops in peace, once more at once.\n"
	"\n"
	"  --for TIME    90s, 5m, 2h, 1d (default: until stopped); builds come before "
	"it,\n"
	"                and open triage gets a third of it afterwards\n"
	"  --coverage T  then look for at most so long at which lines the corpus "
	"reaches,\n"
	"                or off (default: a third of --for where that is a minute or "
	"more)\n"
	"  --cores N     use so many cores (default: all)\n"
	"  --disk-budget SIZE  room for builds and the compiler cache, like 500M or "
	"200G,\n"
	"                or none (default: a quarter of the disk)\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the outcome as one JSON object\n"
	"  --http A:P    where the page and the API are, on loopback (default: nowhere)\n"
	"  --no-sandbox  run targets unprotected; every issue says so\n"
	"\n"
	"exit status: 0 nothing new, 1 new bugs, or fixed ones that are back, 2 usage, 4 "
	"failed\n";

struct view {
	struct cli_watch watch; /* first: its callbacks get this */
	bool json;
	json_t *targets; /* the last look, for --json */
};

static json_t *engines_json(const struct farm_target_view *v)
{
	json_t *engines = json_object();
	size_t i;

	for (i = 0; i < v->engine_count; i++) {
		const struct farm_engine_view *e = &v->engines[i];

		json_object_set_new(engines, e->name,
			json_pack("{sI sI sI sI}", "executions",
				(json_int_t)e->executions, "stability",
				(json_int_t)e->stability, "received",
				(json_int_t)e->received, "kept", (json_int_t)e->kept));
	}
	return engines;
}

static json_t *target_json(const struct farm_target_view *v)
{
	return json_pack("{ss ss sI sI sI sI sI ss so}", "adapter", v->adapter, "target",
		v->target, "executions", (json_int_t)v->executions, "features_start",
		(json_int_t)v->features_start, "features", (json_int_t)v->features,
		"units", (json_int_t)v->units, "crashes", (json_int_t)v->crashes,
		"status", v->status, "engines", engines_json(v));
}

/* The last look of the farm. */
static void closing(void *ctx, const struct farm_view *view)
{
	struct view *v = ctx;
	size_t i;

	cli_watch_erase(&v->watch);
	v->targets = json_array();
	for (i = 0; i < view->target_count; i++)
		json_array_append_new(v->targets, target_json(&view->targets[i]));
}

/* -- what is told at the end -------------------------------------------------------- */

struct ending {
	struct iw_dbc *dbc;
	json_t *targets;
	struct iw_err *err;
};

static const char *str(const json_t *target, const char *field)
{
	return json_string_value(json_object_get(target, field));
}

static int64_t num(const json_t *target, const char *field)
{
	return json_integer_value(json_object_get(target, field));
}

/* The rows are what stays: a unit that was quarantined is none, nor are its features, and
 * the same input on the same build is one crash. So `status` tells the same. */
static int correct(void *ctx, const struct project_target_row *row)
{
	struct ending *e = ctx;
	json_t *target;
	int64_t features;
	size_t i;

	json_array_foreach(e->targets, i, target)
	{
		if (strcmp(str(target, "adapter"), row->adapter) != 0 ||
			strcmp(str(target, "target"), row->name) != 0)
			continue;
		if (answer_features(e->dbc, row->id, &features, e->err) < 0)
			return -1;
		json_object_set_new(target, "features", json_integer(features));
		json_object_set_new(target, "units", json_integer(row->units));
		json_object_set_new(target, "crashes", json_integer(row->crashes));
	}
	return 0;
}

static int correct_all(const char *state_dir, json_t *targets, struct iw_err *err)
{
	struct iw_state state;
	struct ending e = {.targets = targets, .err = err};
	int rc = iw_state_open(&state, state_dir, IW_STATE_READ, err);

	if (rc < 0)
		return rc;
	e.dbc = state.dbc;
	rc = project_db_targets(state.dbc, 0, correct, &e, err);
	iw_state_close(&state);
	return rc;
}

static void add_imports(struct cli_table *table, const json_t *engines)
{
	struct iw_buf text = {0};
	const char *name;
	json_t *engine;

	if (json_object_size(engines) > 1)
		json_object_foreach ((json_t *)engines, name, engine)
			iw_buf_addf(&text, "%s%s %lld/%lld", text.len ? " " : "", name,
				(long long)num(engine, "received"),
				(long long)num(engine, "kept"));
	cli_table_cell(table, "%s", text.data ? text.data : "-");
	iw_buf_fini(&text);
}

static void print_targets(const json_t *targets)
{
	struct cli_table *table = cli_table_new(
		"target|>executions|>features at start|>now|>units|>crashes|"
		"imported/kept");
	const json_t *t;
	size_t i;

	json_array_foreach(targets, i, t)
	{
		cli_table_cell(table, "%s/%s", str(t, "adapter"), str(t, "target"));
		cli_table_number(table, num(t, "executions"));
		cli_table_number(table, num(t, "features_start"));
		cli_table_number(table, num(t, "features"));
		cli_table_number(table, num(t, "units"));
		cli_table_number(table, num(t, "crashes"));
		add_imports(table, json_object_get(t, "engines"));
	}
	if (i) {
		putchar('\n');
		cli_table_print(table, stdout, 0);
	}
	cli_table_free(table);
}

static int print_end(
	const struct view *v, const struct iw_daemon_result *result, struct iw_err *err)
{
	int rc = correct_all(result->state_dir, v->targets, err);

	if (rc < 0)
		return rc;
	if (!v->json)
		print_targets(v->targets);
	return cli_print_bugs(result, v->json ? v->targets : NULL, err);
}

int cli_run(int argc, char **argv)
{
	struct view view = {.json = false};
	struct iw_daemon_config config = {.cover_ms = -1};
	struct iw_daemon_events events = {.ctx = &view,
		.say = cli_watch_say,
		.look = cli_watch_look,
		.closing = closing};
	struct iw_daemon_result result;
	struct iw_err err = IW_ERR_INIT;
	int code = CLI_DONE;
	int rc = cli_farm_options(argc, argv, help, true, &config, &view.json);

	if (rc >= 0)
		return rc;
	config.drain_ms = cli_watch_drain_ms(config.fuzz_ms);
	if (config.cover_ms < 0)
		config.cover_ms = cli_watch_cover_ms(config.fuzz_ms);
	rc = iw_daemon_run(&config, &events, &result, &err);
	cli_watch_erase(&view.watch);
	/* Of one that failed before it began there is nothing to tell but why. */
	if (view.targets && (rc == 0 || result.has_begun || view.json)) {
		struct iw_err print_err = IW_ERR_INIT;

		if (print_end(&view, &result, &print_err) < 0 && rc == 0)
			code = cli_fail(&print_err);
	}
	json_decref(view.targets);
	free(result.state_dir);
	if (rc < 0)
		return cli_fail(&err);
	return result.new_bugs + result.back_bugs > 0 ? CLI_NO : code;
}
