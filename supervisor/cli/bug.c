/* `ironworks bug list|show`, and the way to what people decide (bug_change.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/bug_change.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "grouping.h"
#include "triage/artifact.h"
#include "triage/decision.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks bug list\n"
	"  ironworks bug show 3\n"
	"  ironworks bug show 3 --json | jq .proof\n"
	"  ironworks bug wontfix 3 --why 'only a fuzzer calls it like that'\n"
	"  ironworks bug reopen 3\n"
	"\n"
	"usage: ironworks bug list [--all] [--state DIR] [--json]\n"
	"       ironworks bug show BUG [--state DIR] [--json]\n"
	"       ironworks bug wontfix BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug expected BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug close BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug mute BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug reopen BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug merge BUG BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug unmerge BUG [--why TEXT] [--state DIR] [--json]\n"
	"       ironworks bug split BUG CRASH… [--why TEXT] [--state DIR] [--json]\n"
	"\n"
	"A bug is a cluster of crashes with one cause: its best reproducer, how often "
	"it\n"
	"reproduces, and the staged pull request that brought it, with the proof.\n"
	"\n"
	"wontfix and expected: it is still seen and counted, but its issue is not "
	"rewritten\n"
	"any more. close: it is done; when it shows on another snapshot it is "
	"reopened.\n"
	"mute: sightings do not rewrite its issue. reopen undoes any of these. The "
	"farm goes\n"
	"on with it in any case, the issue says who decided and why, and the bug's "
	"timeline\n"
	"keeps it.\n"
	"\n"
	"merge: the second bug is a part of the first; unmerge takes it out again. "
	"split: "
	"those\n"
	"crashes are another bug, which gets a number of its own; merge undoes it.\n"
	"\n"
	"  --all         fixed ones, too: those that no longer show on a newer snapshot\n"
	"  --why TEXT    one line, for the others\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 the farm does not answer, 4 failed or no such "
	"bug\n";

struct listing {
	const struct iw_state *state;
	struct cli_table *table;
	json_t *bugs;
	bool all;
	int count, fixed;
};

static int list_bug(void *ctx, const struct bug_row *row)
{
	struct listing *l = ctx;
	struct answer_scope scope = {.state = l->state, .sees_private = true};

	if (row->merged_into >= 0)
		return 0;
	if (strcmp(row->state, "fixed") == 0 && !l->all) {
		l->fixed++;
		return 0;
	}
	l->count++;
	cli_bug_row(l->table, row, l->state->outbox);
	json_array_append_new(l->bugs, answer_bug(&scope, row));
	return 0;
}

static int list(const struct iw_state *state, bool all, bool json, struct iw_err *err)
{
	struct listing l = {.state = state,
		.table = cli_bug_table(),
		.bugs = json_array(),
		.all = all};
	int rc = bug_db_list(state->dbc, 0, list_bug, &l, err);

	if (rc == 0 && json)
		cli_print_json(json_pack("{sO}", "bugs", l.bugs));
	else if (rc == 0 && l.count)
		cli_table_print(l.table, stdout, 0);
	else if (rc == 0 && !l.fixed)
		puts("no bugs yet");
	if (rc == 0 && !json && l.fixed)
		printf("%s%d fixed, which --all shows\n", l.count ? "\n" : "", l.fixed);
	json_decref(l.bugs);
	cli_table_free(l.table);
	return rc;
}

static void print_text(const char *text, size_t len)
{
	struct iw_buf safe = {0};

	iw_text_block(&safe, text, len);
	if (safe.len)
		fwrite(safe.data, 1, safe.len, stdout);
	iw_buf_fini(&safe);
}

/* The issue says everything; before there is one, its report does. */
static int show_text(
	const struct iw_state *state, const struct bug_row *row, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	size_t len;
	int rc;

	if (row->issue) {
		_auto_free_ char *path = iw_path_join(state->outbox, row->issue);

		rc = iw_file_read(path, 1 << 20, &text, &len, err);
	} else {
		rc = triage_artifact_get(
			state->artifacts, &row->report, &text, &len, err);
	}
	if (rc == 0 && row->waits)
		cli_print_plain(stdout, "waits: ", row->waits);
	if (rc == 0)
		print_text(text, len);
	return rc;
}

struct showing {
	const struct iw_state *state;
	bool json, found;
	struct iw_err *err;
};

static int show_bug(void *ctx, const struct bug_row *row)
{
	struct showing *s = ctx;
	struct answer_scope scope = {.state = s->state, .sees_private = true};

	s->found = true;
	if (!s->json)
		return show_text(s->state, row, s->err);
	cli_print_json(answer_bug(&scope, row));
	return 0;
}

static int show(const struct iw_state *state, int64_t id, bool json, struct iw_err *err)
{
	struct showing s = {.state = state, .json = json, .err = err};
	int rc = bug_db_list(state->dbc, id, show_bug, &s, err);

	if (rc == 0 && !s.found)
		return iw_err_set(err, IW_ENOENT,
			"there is no bug %lld; 'ironworks bug list' shows all",
			(long long)id);
	return rc;
}

int cli_bug(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	const char *why = NULL;
	bool all = false;
	const struct cli_option more[] = {
		{"why", .word = &why}, {"all", .flag = &all}, {0}};
	struct cli_common common;
	struct iw_state state;
	int64_t id = 0;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);
	const char *verb;

	if (rc >= 0)
		return rc;
	verb = first < argc ? argv[first] : "";
	if (grouping_is(verb))
		return cli_bug_regroup(
			&common, verb, argv + first + 1, argc - first - 1, why);
	if (argc - first >= 2 && !cli_number(argv[first + 1], 1, INT64_MAX, &id))
		return cli_usage("bug", "a bug is a number");
	if (triage_decision_is(verb) && argc - first == 2)
		return cli_bug_decide(&common, verb, id, why);
	if (why)
		return cli_usage("bug", "--why is for what you decide");
	if (all && strcmp(verb, "list") != 0)
		return cli_usage("bug", "--all is for 'list'");
	if ((strcmp(verb, "show") != 0 || argc - first != 2) &&
		(strcmp(verb, "list") != 0 || argc - first != 1))
		return cli_usage("bug",
			"say 'list', 'show BUG', 'wontfix', 'expected', 'close', 'mute' "
			"or 'reopen' and a BUG, 'merge BUG BUG', 'unmerge BUG' or "
			"'split BUG CRASH…'");
	if (iw_state_open(&state, common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	rc = id ? show(&state, id, common.json, &err)
		: list(&state, all, common.json, &err);
	iw_state_close(&state);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}
