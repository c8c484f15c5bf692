/* `ironworks coverage`: which lines the corpora reach. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/staged_db.h"
#include "answers.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

/* Places of a pull request that are named; --json has them all. */
#define GAPS_SHOWN 8
#define LCOV_MAX ((size_t)512 << 20)

static const char help[] =
	"Examples:\n"
	"  ironworks coverage\n"
	"  ironworks coverage demo --target message\n"
	"  ironworks coverage demo --html ./coverage --lcov ./lcov.info\n"
	"\n"
	"usage: ironworks coverage [ADAPTER] [--target NAME] [--html DIR] [--lcov FILE]\n"
	"                          [--state DIR] [--json]\n"
	"\n"
	"Which lines, functions and regions the corpora reach, by target and for an "
	"adapter\n"
	"as a whole, and which lines of staged pull requests nothing reaches, as of the "
	"last\n"
	"time that a farm looked: an adapter that declares the flavour 'coverage' is "
	"looked at\n"
	"after minutes of fuzzing, when its corpus has grown, and at the end of a run.\n"
	"\n"
	"  --target NAME  only this target of the adapter\n"
	"  --html DIR     copy the pages there, into a new folder\n"
	"  --lcov FILE    copy the lines there, in lcov's format\n"
	"\n"
	"exit status: 0 done, 1 nobody has looked yet, 2 usage, 4 failed\n";

struct options {
	const char *adapter, *target, *html, *lcov;
};

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

static int64_t number_of(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

/* "873 of 1,030  84 %" in two cells. */
static void add_pair(struct cli_table *table, const json_t *row, const char *name)
{
	const json_t *pair = json_object_get(row, name);
	int64_t count = number_of(pair, "count"), reached = number_of(pair, "reached");

	cli_table_number(table, reached);
	cli_table_number(table, count);
	if (count)
		cli_table_cell(table, "%lld %%", (long long)(reached * 100 / count));
	else
		cli_table_cell(table, "-");
}

static void add_row(struct cli_table *table, const char *name, const json_t *row)
{
	cli_table_cell(table, "%s", name);
	add_pair(table, row, "lines");
	add_pair(table, row, "functions");
	add_pair(table, row, "regions");
	cli_table_number(table, number_of(row, "units"));
	cli_table_number(table, number_of(row, "died"));
}

static void print_places(const json_t *row)
{
	_auto_free_ char *html = iw_fmt("pages    %s", text_of(row, "html"));
	_auto_free_ char *lcov = iw_fmt("lcov     %s", text_of(row, "lcov"));
	_auto_free_ char *summary = iw_fmt("summary  %s", text_of(row, "summary"));

	cli_print_plain(stdout, "", html);
	cli_print_plain(stdout, "", lcov);
	cli_print_plain(stdout, "", summary);
}

static void print_adapter(const json_t *adapter, const struct options *o)
{
	struct cli_table *table =
		cli_table_new("target|>lines reached|>of|>|>functions|>of|>|>regions|>"
			      "of|>|>units|>died");
	const char *name = text_of(adapter, "adapter");
	const json_t *targets = json_object_get(adapter, "targets"), *target;
	_auto_free_ char *head = NULL;
	char since[24];
	size_t i;

	iw_time_words(iw_time_wall_ms() - number_of(adapter, "at_ms"), since);
	head = iw_fmt("%s, commit %.12s, looked at %s ago", name,
		text_of(adapter, "snapshot"), since);
	cli_print_plain(stdout, "", head);
	putchar('\n');
	json_array_foreach(targets, i, target)
	{
		_auto_free_ char *full = iw_fmt("%s/%s", name, text_of(target, "target"));

		add_row(table, full, target);
	}
	if (!o->target)
		add_row(table, "together", adapter);
	cli_table_print(table, stdout, 0);
	cli_table_free(table);
	putchar('\n');
	print_places(o->target ? json_array_get(targets, 0) : adapter);
}

static void add_gaps(struct iw_buf *out, const json_t *gaps)
{
	const char *path = "";
	const json_t *gap;
	size_t i;

	json_array_foreach(gaps, i, gap)
	{
		const char *here = text_of(gap, "path");

		if (i == GAPS_SHOWN) {
			iw_buf_addf(out, ", … %zu more", json_array_size(gaps) - i);
			break;
		}
		if (strcmp(path, here) == 0)
			iw_buf_adds(out, ", ");
		else
			iw_buf_addf(out, "%s%s:", i ? ", " : "", here);
		path = here;
		iw_buf_addf(out, "%lld", (long long)number_of(gap, "first"));
		if (number_of(gap, "last") > number_of(gap, "first"))
			iw_buf_addf(out, "-%lld", (long long)number_of(gap, "last"));
	}
}

static void print_pr(const json_t *pr)
{
	const json_t *coverage = json_object_get(pr, "coverage");
	int64_t lines = number_of(coverage, "lines");
	int64_t reached = number_of(coverage, "lines_reached");
	struct iw_buf out = {0};

	iw_buf_addf(&out, "#%lld: ", (long long)number_of(pr, "pr"));
	if (!lines)
		iw_buf_adds(&out, "no line that can be executed");
	else
		iw_buf_addf(&out, "%lld of %lld changed lines reached",
			(long long)reached, (long long)lines);
	if (reached < lines) {
		iw_buf_adds(&out, "; not reached: ");
		add_gaps(&out, json_object_get(coverage, "gaps"));
	}
	cli_print_plain(stdout, "", out.data);
	iw_buf_fini(&out);
}

/* Of this adapter, in the snapshot and looked at. */
static bool is_shown(const json_t *pr, const char *adapter)
{
	return json_is_true(json_object_get(pr, "is_current")) &&
		json_is_object(json_object_get(pr, "coverage")) &&
		strcmp(text_of(pr, "adapter"), adapter) == 0;
}

static void print_prs(const json_t *prs, const char *adapter)
{
	const json_t *pr;
	bool is_first = true;
	size_t i;

	json_array_foreach(prs, i, pr)
	{
		if (!is_shown(pr, adapter))
			continue;
		if (is_first)
			puts("\nstaged pull requests, the newest first:\n");
		is_first = false;
		print_pr(pr);
	}
}

/* Adds "prs": [] to each adapter. */
static void add_prs(json_t *adapters, json_t *prs)
{
	json_t *adapter, *pr;
	size_t i, k;

	json_array_foreach(adapters, i, adapter)
	{
		json_t *own = json_array();

		json_array_foreach(
			prs, k, pr) if (is_shown(pr, text_of(adapter, "adapter")))
			json_array_append_new(own,
				json_pack("{sO sO sO}", "pr", json_object_get(pr, "pr"),
					"head", json_object_get(pr, "head"), "coverage",
					json_object_get(pr, "coverage")));
		json_object_set_new(adapter, "prs", own);
	}
}

static int copy_file(const char *from, const char *to, struct iw_err *err)
{
	_auto_free_ char *data = NULL;
	size_t len;
	int rc = iw_file_read(from, LCOV_MAX, &data, &len, err);

	return rc < 0 ? rc : iw_file_write(to, data, len, 0644, err);
}

static int copy_pages(const char *index, const char *to, struct iw_err *err)
{
	_auto_free_ char *dir = iw_strndup(index, (size_t)(strrchr(index, '/') - index));

	if (iw_file_exists(to))
		return iw_err_set(err, IW_EINVAL,
			"'%s' is there already; --html makes a new folder", to);
	return iw_dir_copy(dir, to, err);
}

static int export(const json_t *adapters, const struct options *o, struct iw_err *err)
{
	const json_t *row = json_array_get(adapters, 0);
	int rc = 0;

	if (o->target)
		row = json_array_get(json_object_get(row, "targets"), 0);
	if (o->lcov)
		rc = copy_file(text_of(row, "lcov"), o->lcov, err);
	if (rc == 0 && o->html)
		rc = copy_pages(text_of(row, "html"), o->html, err);
	return rc;
}

static void print(const json_t *adapters, const json_t *prs, const struct options *o)
{
	const json_t *adapter;
	size_t i;

	json_array_foreach(adapters, i, adapter)
	{
		if (i)
			putchar('\n');
		print_adapter(adapter, o);
		if (!o->target)
			print_prs(prs, text_of(adapter, "adapter"));
	}
}

/* Whether somebody has looked at what is asked for. */
static bool is_known(const json_t *adapters, const struct options *o)
{
	const json_t *targets = json_object_get(json_array_get(adapters, 0), "targets");

	return json_array_size(adapters) > 0 &&
		(!o->target || json_array_size(targets) > 0);
}

/* 1: nobody has looked. */
static int show(const struct iw_state *state, const struct options *o, bool json,
	struct iw_err *err)
{
	struct answer_scope scope = {
		.dbc = state->dbc, .state = state, .sees_private = true};
	json_t *answer = answer_coverage(&scope, o->adapter, o->target, err);
	json_t *prs = answer ? answer_prs(&scope, err) : NULL;
	json_t *adapters = json_object_get(answer, "adapters");
	json_t *list = json_object_get(prs, "prs");
	int rc = prs ? 0 : -1;

	if (rc == 0 && !is_known(adapters, o))
		rc = 1;
	if (rc == 0)
		rc = export(adapters, o, err);
	if (rc >= 0 && json) {
		add_prs(adapters, list);
		cli_print_json(json_incref(answer));
	} else if (rc == 0) {
		print(adapters, list, o);
	} else if (rc == 1) {
		puts("nobody has looked at which lines are reached yet; 'ironworks run "
		     "ADAPTER --for 5m' does, where the adapter declares the flavour "
		     "'coverage'");
	}
	json_decref(answer);
	json_decref(prs);
	return rc;
}

static int is_target(void *ctx, const struct project_target_row *row)
{
	const struct options *o = ctx;

	return strcmp(row->adapter, o->adapter) == 0 && strcmp(row->name, o->target) == 0;
}

/* A name that nobody knows is a mistake, and not something that was not looked at. */
static int check_names(
	const struct iw_state *state, const struct options *o, struct iw_err *err)
{
	int64_t id;
	int rc = o->adapter ? project_db_adapter_id(state->dbc, o->adapter, &id, err) : 0;

	if (rc < 0 || !o->target)
		return rc;
	rc = project_db_targets(state->dbc, 0, is_target, (void *)o, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return iw_err_set(err, IW_ENOENT,
		"adapter '%s' has no target '%s'; 'ironworks target list' shows all",
		o->adapter, o->target);
}

int cli_coverage(int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option more[] = {
		{.name = "target", .word = &o.target},
		{.name = "html", .word = &o.html},
		{.name = "lcov", .word = &o.lcov},
		{0},
	};
	struct iw_err err = IW_ERR_INIT;
	struct cli_common common;
	struct iw_state state;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first > 1)
		return cli_usage("coverage", "name one adapter, or none");
	o.adapter = argc > first ? argv[first] : NULL;
	if (!o.adapter && (o.target || o.html || o.lcov))
		return cli_usage("coverage", "of which adapter?");
	if (iw_state_open(&state, common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	rc = check_names(&state, &o, &err);
	if (rc == 0)
		rc = show(&state, &o, common.json, &err);
	iw_state_close(&state);
	if (rc < 0)
		return cli_fail(&err);
	return rc == 1 ? CLI_NO : CLI_DONE;
}
