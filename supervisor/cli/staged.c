/* `ironworks staged list|show`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

#define HEAD_SHOWN 10
#define FUNCTIONS_SHOWN 12

static const char help[] =
	"Examples:\n"
	"  ironworks staged list\n"
	"  ironworks staged list demo --all\n"
	"  ironworks staged show 463\n"
	"  ironworks staged show 463 --json\n"
	"\n"
	"usage: ironworks staged list [ADAPTER] [--all] [--state DIR] [--json]\n"
	"       ironworks staged show PR [--state DIR] [--json]\n"
	"\n"
	"The pull requests of the snapshot that is fuzzed: what each changes, the "
	"targets\n"
	"that have to do with it, what it has been tested with and for how long, and "
	"its\n"
	"bugs. A target is near one when its corpus reaches functions that it changes, "
	"as\n"
	"of the last look at coverage; it is fuzzed first on a new snapshot.\n"
	"\n"
	"  --all        those that are not in the snapshot any more, too\n"
	"  --state DIR  (default: the user's state folder)\n"
	"  --json       print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, 1 nothing is staged, 2 usage, 4 failed\n";

static const char *str(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

static int64_t num(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

/* Foreign words are in it. */
static void print_line(struct iw_buf *line)
{
	cli_print_plain(stdout, "", line->data ? line->data : "");
	iw_buf_fini(line);
}

/* "3, 7": of numbers. */
static char *numbers(const json_t *list)
{
	struct iw_buf text = {0};
	const json_t *number;
	size_t i;

	json_array_foreach(list, i, number) iw_buf_addf(
		&text, "%s%lld", i ? ", " : "", (long long)json_integer_value(number));
	iw_buf_adds(&text, "");
	return iw_buf_steal(&text);
}

/* -- the list ----------------------------------------------------------------------- */

static void add_row(struct cli_table *t, const json_t *pr)
{
	const json_t *changed = json_object_get(pr, "changed");
	const json_t *coverage = json_object_get(pr, "coverage");
	_auto_free_ char *bugs = numbers(json_object_get(pr, "bugs"));
	char since[24], core[24];

	iw_time_words(iw_time_wall_ms() - num(pr, "promoted_ms"), since);
	iw_time_words(num(pr, "core_ms"), core);
	cli_table_cell(t, "#%lld", (long long)num(pr, "pr"));
	cli_table_cell(t, "%s", str(pr, "adapter"));
	cli_table_cell(t, "%s", str(pr, "title"));
	cli_table_cell(t, "%.*s", HEAD_SHOWN, str(pr, "head"));
	cli_table_cell(t, "%s", since);
	cli_table_cell(t, "+%lld -%lld", (long long)num(changed, "added"),
		(long long)num(changed, "removed"));
	cli_table_number(t, num(changed, "functions"));
	cli_table_number(t, (int64_t)json_array_size(json_object_get(pr, "targets")));
	if (json_is_object(coverage))
		cli_table_cell(t, "%lld of %lld",
			(long long)num(coverage, "lines_reached"),
			(long long)num(coverage, "lines"));
	else
		cli_table_cell(t, "-");
	cli_table_cell(t, "%s", core);
	cli_table_cell(t, "%s", *bugs ? bugs : "-");
}

static int print_list(const json_t *prs)
{
	struct cli_table *t = cli_table_new(
		"PR|adapter|title|head|>promoted ago|>lines|>functions|>targets|>reached|"
		">core time|bugs");
	const json_t *pr;
	size_t i;

	if (json_array_size(prs) == 0) {
		puts("nothing is staged");
	} else {
		json_array_foreach(prs, i, pr) add_row(t, pr);
		cli_table_print(t, stdout, 0);
	}
	cli_table_free(t);
	return json_array_size(prs) ? CLI_DONE : CLI_NO;
}

/* Leaves those that are asked for. */
static void filter(json_t *prs, const char *adapter, bool all)
{
	size_t i;

	for (i = json_array_size(prs); i-- > 0;) {
		const json_t *pr = json_array_get(prs, i);

		if ((!all && !json_is_true(json_object_get(pr, "is_current"))) ||
			(adapter && strcmp(str(pr, "adapter"), adapter) != 0))
			json_array_remove(prs, i);
	}
}

/* -- one of them -------------------------------------------------------------------- */

static void print_head(const json_t *pr)
{
	struct iw_buf line = {0};
	char promoted[24];

	iw_time_iso(num(pr, "promoted_ms"), promoted);
	iw_buf_addf(&line, "#%lld %s", (long long)num(pr, "pr"), str(pr, "title"));
	print_line(&line);
	iw_buf_addf(&line, "%s%s%s, promoted %s%s", str(pr, "adapter"),
		*str(pr, "url") ? ", " : "", str(pr, "url"), promoted,
		json_is_true(json_object_get(pr, "is_current"))
			? ""
			: ", not in the snapshot any more");
	print_line(&line);
	/* A squash has no commit of its own that was merged. */
	if (*str(pr, "head"))
		iw_buf_addf(&line, "head %s%s%s%s, ", str(pr, "head"),
			*str(pr, "head_ref") ? " (" : "", str(pr, "head_ref"),
			*str(pr, "head_ref") ? ")" : "");
	iw_buf_addf(&line, "merge %s", str(pr, "merge"));
	print_line(&line);
}

static void add_functions(struct iw_buf *out, const json_t *change)
{
	const json_t *functions = json_object_get(change, "functions"), *name;
	int64_t more = num(change, "functions_left_out");
	size_t i;

	json_array_foreach(functions, i, name)
	{
		if (i < FUNCTIONS_SHOWN)
			iw_buf_addf(out, "%s%s", i ? ", " : "", json_string_value(name));
		else
			more++;
	}
	if (more)
		iw_buf_addf(out, " and %lld more", (long long)more);
	iw_buf_adds(out, "");
}

static void print_changes(const json_t *pr)
{
	const json_t *changes = json_object_get(pr, "changes"), *change;
	struct cli_table *t = cli_table_new("file|>added|>removed|in functions");
	size_t i;

	json_array_foreach(changes, i, change)
	{
		struct iw_buf functions = {0};

		add_functions(&functions, change);
		cli_table_cell(t, "%s", str(change, "path"));
		cli_table_number(t, num(change, "added"));
		cli_table_number(t, num(change, "removed"));
		cli_table_cell(t, "%s", functions.data);
		iw_buf_fini(&functions);
	}
	putchar('\n');
	if (i)
		cli_table_print(t, stdout, 0);
	else
		puts("it changes nothing");
	cli_table_free(t);
}

static void print_targets(const json_t *pr)
{
	const json_t *targets = json_object_get(pr, "targets"), *target;
	struct cli_table *t =
		cli_table_new("target|reaches functions it changes|>its lines");
	size_t i;

	json_array_foreach(targets, i, target)
	{
		cli_table_cell(t, "%s/%s", str(pr, "adapter"), str(target, "target"));
		cli_table_cell(t, "%s",
			json_is_true(json_object_get(target, "is_near")) ? "yes" : "no");
		if (json_is_integer(json_object_get(target, "lines")))
			cli_table_number(t, num(target, "lines"));
		else
			cli_table_cell(t, "not looked at");
	}
	putchar('\n');
	if (i)
		cli_table_print(t, stdout, 0);
	else
		puts("no target is known to reach it; 'ironworks coverage' says when "
		     "somebody "
		     "looked");
	cli_table_free(t);
}

static void print_tested(const json_t *pr)
{
	const json_t *tested = json_object_get(pr, "tested"), *row;
	struct cli_table *t =
		cli_table_new("tested with|flavour|engine|>executions|>core time");
	int64_t core_ms = 0;
	char words[24];
	size_t i;

	json_array_foreach(tested, i, row)
	{
		core_ms += num(row, "core_ms");
		iw_time_words(num(row, "core_ms"), words);
		cli_table_cell(t, "%s", str(row, "target"));
		cli_table_cell(t, "%s", str(row, "flavour"));
		cli_table_cell(t, "%s", str(row, "engine"));
		cli_table_number(t, num(row, "executions"));
		cli_table_cell(t, "%s", words);
	}
	putchar('\n');
	if (i) {
		cli_table_print(t, stdout, 0);
		printf("%.3f core-hours, %.3f of them of engines\n",
			(double)core_ms / 3600000, (double)num(pr, "core_ms") / 3600000);
	} else {
		puts("nothing was run with it yet");
	}
	cli_table_free(t);
}

static void print_one(const json_t *pr)
{
	_auto_free_ char *bugs = numbers(json_object_get(pr, "bugs"));

	print_head(pr);
	print_changes(pr);
	print_targets(pr);
	print_tested(pr);
	printf("\nbugs: %s\n", *bugs ? bugs : "none");
}

/* -- words -------------------------------------------------------------------------- */

static int show(json_t *answer, int64_t number, bool json)
{
	const json_t *prs = json_object_get(answer, "prs"), *pr;
	struct iw_err err = IW_ERR_INIT;
	size_t i;

	if (json_array_size(prs) == 0) {
		iw_err_set(&err, IW_ENOENT,
			"pull request #%lld was never staged here; 'ironworks staged "
			"list "
			"--all' shows all",
			(long long)number);
		return cli_fail(&err);
	}
	if (json) {
		cli_print_json(json_incref(answer));
		return CLI_DONE;
	}
	json_array_foreach(prs, i, pr)
	{
		if (i)
			putchar('\n');
		print_one(pr);
	}
	return CLI_DONE;
}

static int list(json_t *answer, const char *adapter, bool all, bool json)
{
	json_t *prs = json_object_get(answer, "prs");

	filter(prs, adapter, all);
	if (!json)
		return print_list(prs);
	cli_print_json(json_incref(answer));
	return json_array_size(prs) ? CLI_DONE : CLI_NO;
}

/* adapter: must be known; NULL: any. */
static json_t *look_up(
	const char *dir, const char *adapter, int64_t pr, struct iw_err *err)
{
	struct iw_state state;
	struct answer_scope scope = {.state = &state, .sees_private = true};
	json_t *answer = NULL;
	int64_t id;

	if (iw_state_open(&state, dir, IW_STATE_READ, err) < 0)
		return NULL;
	scope.dbc = state.dbc;
	if (!adapter || project_db_adapter_id(state.dbc, adapter, &id, err) == 0)
		answer = pr ? answer_pr(&scope, pr, err) : answer_prs(&scope, err);
	iw_state_close(&state);
	return answer;
}

int cli_staged(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	bool all = false;
	const struct cli_option more[] = {{"all", .flag = &all}, {0}};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);
	const char *verb, *word;
	int64_t pr = 0;
	json_t *answer;
	bool is_show;

	if (rc >= 0)
		return rc;
	verb = first < argc ? argv[first] : "";
	word = first + 1 < argc ? argv[first + 1] : NULL;
	is_show = strcmp(verb, "show") == 0;
	if ((!is_show && strcmp(verb, "list") != 0) || argc - first > 2 ||
		(is_show && !word))
		return cli_usage("staged", "say 'list', 'list ADAPTER' or 'show PR'");
	if (is_show && (all || !cli_number(word + (*word == '#'), 1, INT32_MAX, &pr)))
		return cli_usage("staged",
			all ? "--all is for 'list'" : "a pull request is a number");
	answer = look_up(common.state, is_show ? NULL : word, pr, &err);
	if (!answer)
		return cli_fail(&err);
	rc = is_show ? show(answer, pr, common.json)
		     : list(answer, word, all, common.json);
	json_decref(answer);
	return rc;
}
