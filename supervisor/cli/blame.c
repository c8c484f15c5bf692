/* `ironworks blame`: who brought a bug, how sure that is, and how it was found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/staged_db.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "state.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks blame 3\n"
	"  ironworks blame 3 --why\n"
	"  ironworks blame 3 --json | jq .confidence\n"
	"\n"
	"usage: ironworks blame BUG [--why] [--state DIR] [--json]\n"
	"\n"
	"Says which staged pull request brought a bug: proven (staged: one pull "
	"request;\n"
	"interaction: several that do it only together; pre-existing: none, the base\n"
	"has it), or not (suspect, flaky, infra); how sure that is; and which trees "
	"were\n"
	"built and run to find out. While that is under way: how far it is, and what\n"
	"the farm does for it now, or that it waits for room in the disk budget. A\n"
	"commit that was pushed to the branch without a pull request is named by its\n"
	"id.\n"
	"\n"
	"  --why         also each step: what was asked, and what follows from the "
	"answer\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the answer as one JSON object\n"
	"\n"
	"exit status: 0 it is proven, 1 it is not, or not yet, 2 usage, 4 failed or no "
	"such "
	"bug\n";

static const char *const proven[] = {"staged", "interaction", "pre-existing"};

static bool is_proven(const char *outcome)
{
	size_t i;

	for (i = 0; outcome && i < IW_COUNT(proven); i++)
		if (strcmp(outcome, proven[i]) == 0)
			return true;
	return false;
}

/* Where an answer came from. */
static const char *origin(const json_t *tree)
{
	if (json_is_true(json_object_get(tree, "remembered")))
		return "asked before";
	if (!json_object_get(tree, "tree"))
		return "none";
	return json_is_true(json_object_get(tree, "built")) ? "made" : "was there";
}

static void print_trees(const json_t *trees)
{
	struct cli_table *table = cli_table_new("tree|answer|>hits|>runs|build|git tree");
	const json_t *tree;
	size_t i;

	json_array_foreach(trees, i, tree)
	{
		const char *why = json_string_value(json_object_get(tree, "why"));
		const char *id = json_string_value(json_object_get(tree, "tree"));

		cli_table_cell(table, "%s%s",
			json_string_value(json_object_get(tree, "what")),
			json_is_true(json_object_get(tree, "carried"))
				? ", with today's target"
				: "");
		cli_table_cell(table, "%s%s%s",
			json_string_value(json_object_get(tree, "answer")),
			why ? ": " : "", why ? why : "");
		cli_table_number(
			table, json_integer_value(json_object_get(tree, "hits")));
		cli_table_number(
			table, json_integer_value(json_object_get(tree, "runs")));
		cli_table_cell(table, "%s", origin(tree));
		cli_table_cell(table, "%.12s", id ? id : "");
	}
	if (json_array_size(trees) > 0) {
		putchar('\n');
		cli_table_print(table, stdout, 0);
	}
	cli_table_free(table);
}

static void print_log(const char *heading, const json_t *log)
{
	const json_t *line;
	char number[32];
	size_t i;

	if (json_array_size(log) > 0)
		printf("\n%s%s", heading, *heading ? "\n" : "");
	json_array_foreach(log, i, line)
	{
		snprintf(number, sizeof number, "%3zu. ", i + 1);
		cli_print_plain(stdout, number, json_string_value(line));
	}
}

/* -- an answer that is not there yet -------------------------------------------------- */

/* Trees that a search among so many merges asks about, and the two that check it. */
static int trees_to_go(int64_t merges)
{
	int trees = 2;

	for (; merges > 1; merges = (merges + 1) / 2)
		trees++;
	return trees;
}

static void print_now(const json_t *now)
{
	const char *doing = json_string_value(json_object_get(now, "doing"));
	const char *what = json_string_value(json_object_get(now, "what"));
	_auto_free_ char *line = NULL;

	if (!doing)
		return;
	if (!what)
		line = iw_strdup("the farm looks for another input of it that needs "
				 "fewer pull requests now");
	else if (strcmp(doing, "builds") == 0)
		line = iw_fmt("the farm builds %s now", what);
	else
		line = iw_fmt("the farm runs the bug's input on %s now", what);
	cli_print_plain(stdout, "", line);
}

static void print_progress(const struct bug_row *row, const json_t *proof, bool is_served)
{
	size_t answered = json_array_size(json_object_get(proof, "trees"));
	int64_t left = json_integer_value(json_object_get(proof, "left"));

	printf("bug %lld: not yet", (long long)row->id);
	if (row->merged_into >= 0)
		puts("");
	else if (!proof && !row->is_minimized)
		puts("; its input is made small first");
	else if (!proof)
		puts("; it waits for its turn");
	else if (left == 0)
		printf(": %zu trees tried\n", answered);
	else
		printf(": %zu tree%s tried, %lld merge%s in question, about %d trees to "
		       "go\n",
			answered, answered == 1 ? "" : "s", (long long)left,
			left == 1 ? "" : "s", trees_to_go(left));
	if (is_served && !row->waits)
		print_now(json_object_get(proof, "now"));
	else if (!is_served && row->merged_into < 0)
		puts("no farm works on it: the next 'ironworks run' or 'ironworks serve' "
		     "goes on");
}

/* -- the answer ----------------------------------------------------------------------- */

/* What else was said of it. */
static void print_notes(const struct bug_row *row)
{
	_auto_free_ char *by = NULL;

	if (row->merged_into >= 0)
		printf("it is a part of bug %lld: 'ironworks blame %lld' says who "
		       "brought "
		       "that\n",
			(long long)row->merged_into, (long long)row->merged_into);
	if (!row->decision)
		return;
	by = iw_fmt("%s, decided by %s%s%s", row->decision,
		row->decision_by ? row->decision_by : "?", row->decision_why ? ": " : "",
		row->decision_why ? row->decision_why : "");
	cli_print_plain(stdout, "", by);
}

/* Who mended it, and who brought it back since. */
static void print_mend(const struct bug_row *row, const json_t *mend)
{
	const char *back = json_string_value(
		json_object_get(json_object_get(mend, "back"), "reason"));
	const char *reason = json_string_value(json_object_get(mend, "reason"));

	if (reason)
		cli_print_plain(stdout,
			strcmp(row->state, "fixed") == 0 ? "fixed: "
							 : "it was fixed before: ",
			reason);
	if (back)
		cli_print_plain(stdout, "it is back: ", back);
}

/* Titles of an adapter's pull requests by number, the newest version of each. */
struct titles {
	int64_t adapter_id;
	json_t *by_number;
};

static int note_title(void *ctx, const struct staged_row *pr)
{
	struct titles *t = ctx;
	_auto_free_ char *key = iw_fmt("%lld", (long long)pr->pr);
	_auto_free_ char *words = NULL;

	if (pr->adapter_id != t->adapter_id || json_object_get(t->by_number, key))
		return 0;
	words = iw_fmt("%s%s%s", pr->title, pr->url ? ", " : "", pr->url ? pr->url : "");
	json_object_set_new(
		t->by_number, key, json_stringn_nocheck(words, strlen(words)));
	return 0;
}

/* What the numbers and ids in the first line are. */
static int print_culprits(struct iw_dbc *dbc, const struct bug_row *row,
	const json_t *prs, const json_t *commits, struct iw_err *err)
{
	_auto_(iw_json_freep) json_t *by_number = json_object();
	struct titles titles = {.adapter_id = row->adapter_id, .by_number = by_number};
	const json_t *item;
	size_t i;
	int rc = 0;

	if (json_array_size(prs))
		rc = staged_db_list(dbc, note_title, &titles, err);
	json_array_foreach(prs, i, item)
	{
		_auto_free_ char *key =
			iw_fmt("%lld", (long long)json_integer_value(item));
		_auto_free_ char *name = iw_fmt("PR #%s: ", key);
		const json_t *title = json_object_get(by_number, key);

		if (title)
			cli_print_plain(stdout, name, json_string_value(title));
	}
	json_array_foreach(commits, i, item)
	{
		_auto_free_ char *line =
			iw_fmt("commit %.12s, which belongs to no pull request: %s",
				json_string_value(json_object_get(item, "commit")),
				json_string_value(json_object_get(item, "subject")));

		cli_print_plain(stdout, "", line);
	}
	return rc;
}

static void print_head(const struct bug_row *row, const json_t *prs, const json_t *proof)
{
	const json_t *commits = json_object_get(proof, "commits");
	_auto_free_ char *who = cli_bug_blame(row->outcome, prs, commits);
	double confidence = json_real_value(json_object_get(proof, "confidence"));
	bool has_word = json_array_size(prs) + json_array_size(commits) > 0 &&
		is_proven(row->outcome);

	printf("bug %lld: %s%s%s", (long long)row->id, has_word ? row->outcome : "",
		has_word ? ", " : "", who);
	if (confidence > 0)
		printf(", %.*f %% sure", confidence > 0.99 ? 1 : 0, 100 * confidence);
	putchar('\n');
}

struct blaming {
	struct iw_dbc *dbc;
	bool json, why, found, proven;
	bool is_served; /* a farm works on the state folder */
	struct iw_err *err;
};

static int print_answer(
	const struct blaming *b, const struct bug_row *row, const json_t *proof)
{
	_auto_(iw_json_freep) json_t *prs =
		row->prs ? json_loads(row->prs, 0, NULL) : NULL;
	_auto_(iw_json_freep) json_t *mend =
		row->mend ? json_loads(row->mend, 0, NULL) : NULL;
	const char *reason = json_string_value(json_object_get(proof, "reason"));
	int rc = 0;

	if (row->outcome) {
		print_head(row, prs, proof);
		rc = print_culprits(
			b->dbc, row, prs, json_object_get(proof, "commits"), b->err);
		if (reason)
			cli_print_plain(stdout, "", reason);
	} else {
		print_progress(row, proof, b->is_served);
	}
	if (row->waits)
		cli_print_plain(stdout, "waits: ", row->waits);
	print_notes(row);
	print_mend(row, mend);
	print_trees(json_object_get(proof, "trees"));
	/* Of one that is not decided the last steps say what is left. */
	if (b->why || !row->outcome)
		print_log("", json_object_get(proof, "log"));
	if (b->why) {
		print_log("who mended it:", json_object_get(mend, "log"));
		print_log("who brought it back:",
			json_object_get(json_object_get(mend, "back"), "log"));
	}
	return rc;
}

static json_t *answer(const struct bug_row *row, json_t *proof)
{
	json_t *commits = row->outcome ? json_object_get(proof, "commits") : NULL;
	json_t *out = json_pack("{sI ss? ss? sb so? sO? sO*}", "bug", (json_int_t)row->id,
		"outcome", row->outcome, "waits", row->waits, "proven",
		(int)is_proven(row->outcome), "prs",
		row->prs ? json_loads(row->prs, 0, NULL) : NULL, "commits", commits,
		"confidence", json_object_get(proof, "confidence"));
	const char *key;
	json_t *value;

	if (row->mend)
		json_object_set_new(out, "mend", json_loads(row->mend, 0, NULL));
	json_object_set_new(out, "state", json_string(row->state));
	json_object_set_new(out, "merged_into",
		row->merged_into >= 0 ? json_integer(row->merged_into) : json_null());
	json_object_foreach (proof, key, value)
		if (!json_object_get(out, key))
			json_object_set(out, key, value);
	return out;
}

static int blame_bug(void *ctx, const struct bug_row *row)
{
	_auto_(iw_json_freep) json_t *proof =
		row->proof ? json_loads(row->proof, 0, NULL) : NULL;
	struct blaming *b = ctx;

	b->found = true;
	b->proven = is_proven(row->outcome);
	if (!b->json)
		return print_answer(b, row, proof);
	cli_print_json(answer(row, proof));
	return 0;
}

static bool is_served(const char *dir)
{
	struct iw_err err = IW_ERR_INIT;
	pid_t pid = 0;

	return iw_state_holder(dir, &pid, &err) == 0 && pid != 0;
}

int cli_blame(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct blaming blaming = {.err = &err};
	const struct cli_option more[] = {{"why", .flag = &blaming.why}, {0}};
	struct cli_common common;
	struct iw_state state;
	int64_t id = 0;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first != 1 || !cli_number(argv[first], 1, INT64_MAX, &id))
		return cli_usage("blame", "say which bug, by its number");
	blaming.json = common.json;
	if (iw_state_open(&state, common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	blaming.dbc = state.dbc;
	blaming.is_served = is_served(common.state);
	rc = bug_db_list(state.dbc, id, blame_bug, &blaming, &err);
	iw_state_close(&state);
	if (rc == 0 && !blaming.found)
		rc = iw_err_set(&err, IW_ENOENT,
			"there is no bug %lld; 'ironworks bug list' shows all",
			(long long)id);
	if (rc < 0)
		return cli_fail(&err);
	return blaming.proven ? CLI_DONE : CLI_NO;
}
