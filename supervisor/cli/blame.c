/* `ironworks blame`: who brought a bug, how sure that is, and how it was found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/summary.h"

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
	"built and run to find out; or that they wait for room in the disk budget.\n"
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

static void print_log(const json_t *log)
{
	const json_t *line;
	char number[32];
	size_t i;

	if (json_array_size(log) > 0)
		putchar('\n');
	json_array_foreach(log, i, line)
	{
		snprintf(number, sizeof number, "%3zu. ", i + 1);
		cli_print_plain(stdout, number, json_string_value(line));
	}
}

/* Who mended it, and that it came back since. */
static void print_mend(const struct bug_row *row)
{
	_auto_(iw_json_freep) json_t *mend =
		row->mend ? json_loads(row->mend, 0, NULL) : NULL;
	const char *reason = json_string_value(json_object_get(mend, "reason"));

	if (reason)
		cli_print_plain(stdout,
			strcmp(row->state, "fixed") == 0 ? "fixed: "
							 : "it was fixed before: ",
			reason);
}

static void print_answer(const struct bug_row *row, const json_t *proof, bool why)
{
	_auto_(iw_json_freep) json_t *prs =
		row->prs ? json_loads(row->prs, 0, NULL) : NULL;
	_auto_free_ char *who = cli_bug_blame(row->outcome, prs);
	double confidence = json_real_value(json_object_get(proof, "confidence"));
	const char *reason = json_string_value(json_object_get(proof, "reason"));

	bool has_word = json_array_size(prs) > 0 && is_proven(row->outcome);

	printf("bug %lld: %s%s%s", (long long)row->id, has_word ? row->outcome : "",
		has_word ? ", " : "", who);
	if (confidence > 0)
		printf(", %.*f %% sure", confidence > 0.99 ? 1 : 0, 100 * confidence);
	putchar('\n');
	if (reason)
		cli_print_plain(stdout, "", reason);
	if (row->waits)
		cli_print_plain(stdout, "waits: ", row->waits);
	print_mend(row);
	print_trees(json_object_get(proof, "trees"));
	if (why)
		print_log(json_object_get(proof, "log"));
}

static json_t *answer(const struct bug_row *row, json_t *proof)
{
	json_t *out = json_pack("{sI ss? ss? sb so? sO*}", "bug", (json_int_t)row->id,
		"outcome", row->outcome, "waits", row->waits, "proven",
		(int)is_proven(row->outcome), "prs",
		row->prs ? json_loads(row->prs, 0, NULL) : NULL, "confidence",
		json_object_get(proof, "confidence"));
	const char *key;
	json_t *value;

	if (row->mend)
		json_object_set_new(out, "mend", json_loads(row->mend, 0, NULL));
	json_object_foreach (proof, key, value)
		if (!json_object_get(out, key))
			json_object_set(out, key, value);
	return out;
}

struct blaming {
	bool json, why, found, proven;
};

static int blame_bug(void *ctx, const struct bug_row *row)
{
	_auto_(iw_json_freep) json_t *proof =
		row->proof ? json_loads(row->proof, 0, NULL) : NULL;
	struct blaming *b = ctx;

	b->found = true;
	b->proven = is_proven(row->outcome);
	if (b->json)
		cli_print_json(answer(row, proof));
	else
		print_answer(row, proof, b->why);
	return 0;
}

int cli_blame(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct blaming blaming = {0};
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
