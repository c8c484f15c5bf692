/* `ironworks run`: a farm in the foreground. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/farm_options.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "daemon.h"

#include "base/banned.h"

#define DRAIN_MIN_MS 30000
#define DRAIN_MAX_MS 600000
/* A short run is somebody who tries something. */
#define COVER_FROM_MS 60000
#define COVER_MIN_MS 60000
#define COVER_MAX_MS 600000
/* Without a terminal the view would be noise; a line now and then is a log. */
#define PLAIN_EVERY_MS 15000

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
	"exit status: 0 nothing new, 1 new bugs, 2 usage, 4 failed\n";

struct view {
	bool is_terminal;
	int lines; /* of the table that stands on the terminal now */
	int64_t plain_at;
	bool json;
	json_t *targets; /* the last look, for --json */
};

static void erase(struct view *v)
{
	if (v->lines > 0)
		fprintf(stderr, "\033[%dA\033[J", v->lines);
	v->lines = 0;
}

static void say(void *ctx, const char *text)
{
	struct view *v = ctx;
	struct iw_buf safe = {0};

	iw_text_plain(&safe, text);
	erase(v);
	fprintf(stderr, "%s\n", safe.data ? safe.data : "");
	iw_buf_fini(&safe);
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void print_head(const struct farm_view *view, FILE *out)
{
	static const char *const phases[] = {
		"opening", "fuzzing", "finishing triage", "closed"};
	char elapsed[24], left[24];

	iw_time_words(view->elapsed_ms, elapsed);
	iw_time_words(view->left_ms, left);
	fprintf(out,
		"%s  %s%s%s  engines %d/%d  builds %d  crashes to judge %d+%d  bugs to "
		"settle %d  new bugs %d\n",
		phases[view->phase], elapsed,
		view->phase == FARM_FUZZING && view->left_ms >= 0 ? ", left " : "",
		view->phase == FARM_FUZZING && view->left_ms >= 0 ? left : "",
		view->engines, view->slots, view->builds_made, view->judging,
		view->backlog, view->pursuing, view->new_bugs);
}

/* "aflpp 12/9 libfuzzer 30/22": of what others found, given to it and kept by it. */
static void add_imports(struct cli_table *t, const struct farm_target_view *v)
{
	struct iw_buf text = {0};
	size_t i;

	for (i = 0; v->engine_count > 1 && i < v->engine_count; i++)
		iw_buf_addf(&text, "%s%s %lld/%lld", text.len ? " " : "",
			v->engines[i].name, (long long)v->engines[i].received,
			(long long)v->engines[i].kept);
	cli_table_cell(t, "%s", text.data ? text.data : "-");
	iw_buf_fini(&text);
}

static void add_target(struct cli_table *t, const struct farm_target_view *v)
{
	char since[24] = "-";

	if (v->found_ms)
		iw_time_words(iw_time_wall_ms() - v->found_ms, since);
	cli_table_cell(t, "%s/%s", v->adapter, v->target);
	cli_table_cell(t, "%s", v->status);
	cli_table_number(t, v->per_second);
	cli_table_number(t, v->executions);
	cli_table_number(t, v->features);
	cli_table_cell(t, "+%lld", (long long)(v->features - v->features_start));
	cli_table_number(t, v->units);
	cli_table_number(t, v->crashes);
	cli_table_cell(t, "%s", since);
	add_imports(t, v);
}

static void look(void *ctx, const struct farm_view *view)
{
	struct view *v = ctx;
	struct cli_table *table;
	size_t i;

	if (!v->is_terminal) {
		if (iw_time_mono_ms() < v->plain_at)
			return;
		v->plain_at = iw_time_mono_ms() + PLAIN_EVERY_MS;
		print_head(view, stderr);
		return;
	}
	table = cli_table_new("target|on|>exec/s|>executions|>features|>new|>units|"
			      ">crashes|>last find|imported/kept");
	for (i = 0; i < view->target_count; i++)
		add_target(table, &view->targets[i]);
	erase(v);
	print_head(view, stderr);
	v->lines = 1;
	if (view->target_count) {
		cli_table_print(table, stderr, terminal_width());
		v->lines += cli_table_lines(table);
	}
	cli_table_free(table);
}

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

/* The table that a run ends with. */
static void closing(void *ctx, const struct farm_view *view)
{
	struct view *v = ctx;
	struct cli_table *table;
	size_t i;

	erase(v);
	v->targets = json_array();
	for (i = 0; i < view->target_count; i++)
		json_array_append_new(v->targets, target_json(&view->targets[i]));
	if (v->json || view->target_count == 0)
		return;
	table = cli_table_new(
		"target|>executions|>features at start|>now|>units|>crashes|"
		"imported/kept");
	for (i = 0; i < view->target_count; i++) {
		const struct farm_target_view *t = &view->targets[i];

		cli_table_cell(table, "%s/%s", t->adapter, t->target);
		cli_table_number(table, t->executions);
		cli_table_number(table, t->features_start);
		cli_table_number(table, t->features);
		cli_table_number(table, t->units);
		cli_table_number(table, t->crashes);
		add_imports(table, t);
	}
	putchar('\n');
	cli_table_print(table, stdout, 0);
	cli_table_free(table);
}

static int64_t cover_default(int64_t fuzz_ms)
{
	int64_t ms = fuzz_ms / 3;

	if (fuzz_ms < COVER_FROM_MS)
		return 0;
	if (ms < COVER_MIN_MS)
		return COVER_MIN_MS;
	return ms < COVER_MAX_MS ? ms : COVER_MAX_MS;
}

int cli_run(int argc, char **argv)
{
	struct view view = {.is_terminal = isatty(STDERR_FILENO)};
	struct iw_daemon_config config = {.cover_ms = -1};
	struct iw_daemon_events events = {
		.ctx = &view, .say = say, .look = look, .closing = closing};
	struct iw_daemon_result result;
	struct iw_err err = IW_ERR_INIT;
	int code = CLI_DONE;
	int rc = cli_farm_options(argc, argv, help, true, &config, &view.json);

	if (rc >= 0)
		return rc;
	config.drain_ms = config.fuzz_ms / 3;
	if (config.drain_ms < DRAIN_MIN_MS)
		config.drain_ms = DRAIN_MIN_MS;
	if (config.drain_ms > DRAIN_MAX_MS)
		config.drain_ms = DRAIN_MAX_MS;
	if (config.cover_ms < 0)
		config.cover_ms = cover_default(config.fuzz_ms);
	rc = iw_daemon_run(&config, &events, &result, &err);
	erase(&view);
	if (view.targets) {
		struct iw_err print_err = IW_ERR_INIT;

		if (cli_print_bugs(result.state_dir, view.json ? view.targets : NULL,
			    result.new_bugs, &print_err) < 0 &&
			rc == 0)
			code = cli_fail(&print_err);
	}
	json_decref(view.targets);
	free(result.state_dir);
	if (rc < 0)
		return cli_fail(&err);
	return result.new_bugs > 0 ? CLI_NO : code;
}
