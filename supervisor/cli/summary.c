#include "cli/summary.h"

#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/size.h"
#include "cli/cli.h"
#include "triage/rate.h"
#include "triage/severity.h"

#include "base/banned.h"

struct printing {
	struct cli_table *table;
	json_t *bugs;
	const struct iw_state *state;
	int count;
};

struct cli_table *cli_bug_table(void)
{
	return cli_table_new(
		">bug|type|target|severity|>bytes|rate|pull request|state|issue");
}

char *cli_bug_blame(const char *outcome, const json_t *prs, const json_t *commits)
{
	size_t count = json_array_size(prs) + json_array_size(commits);
	struct iw_buf out = {0};
	const json_t *item;
	size_t i;

	if (!outcome)
		iw_buf_adds(&out, "not yet");
	else if (count == 0)
		iw_buf_adds(&out, outcome);
	else if (strcmp(outcome, "suspect") == 0)
		iw_buf_adds(&out, "suspect ");
	json_array_foreach(prs, i, item) iw_buf_addf(
		&out, "%s#%lld", i ? " + " : "", (long long)json_integer_value(item));
	json_array_foreach(commits, i, item) iw_buf_addf(&out, "%scommit %.12s",
		i || json_array_size(prs) ? " + " : "",
		json_string_value(json_object_get(item, "commit")));
	return iw_buf_steal(&out);
}

char *cli_bug_name(const char *type, const json_t *frames)
{
	const char *frame = json_string_value(json_array_get(frames, 0));

	return iw_fmt("%s in %s", type, frame ? frame : "?");
}

void cli_bug_row(struct cli_table *table, const struct bug_row *row, const char *outbox)
{
	json_t *prs = row->prs ? json_loads(row->prs, 0, NULL) : NULL;
	json_t *proof = row->proof ? json_loads(row->proof, 0, NULL) : NULL;
	json_t *frames = json_loads(row->frames, 0, NULL);
	_auto_free_ char *blame =
		cli_bug_blame(row->outcome, prs, json_object_get(proof, "commits"));
	_auto_free_ char *name = cli_bug_name(row->type, frames);
	_auto_free_ char *rate =
		triage_rate_brief((unsigned)row->hits, (unsigned)row->runs);

	cli_table_cell(table, "%lld", (long long)row->id);
	cli_table_cell(table, "%s", name);
	cli_table_cell(table, "%s/%s", row->adapter, row->target);
	cli_table_cell(table, "%s", triage_severity_brief(row->severity, row->is_remote));
	cli_table_cell(table, "%lld", (long long)row->best_size);
	cli_table_cell(table, "%s", rate);
	cli_table_cell(table, "%s", blame);
	cli_table_cell(table, "%s",
		row->decision		? row->decision
			: row->muted_ms ? "muted"
					: row->state);
	if (row->issue)
		cli_table_cell(table, "%s/%s", outbox, row->issue);
	else
		cli_table_cell(table, "not yet");
	json_decref(frames);
	json_decref(proof);
	json_decref(prs);
}

static int add_bug(void *ctx, const struct bug_row *row)
{
	struct printing *p = ctx;
	struct answer_scope scope = {.state = p->state, .sees_private = true};

	if (row->merged_into >= 0)
		return 0;
	p->count++;
	cli_bug_row(p->table, row, p->state->outbox);
	json_array_append_new(p->bugs, answer_bug(&scope, row));
	return 0;
}

int cli_print_bugs(
	const struct iw_daemon_result *result, json_t *targets, struct iw_err *err)
{
	struct printing p = {.table = cli_bug_table(), .bugs = json_array()};
	struct iw_state state;
	int rc = iw_state_open(&state, result->state_dir, IW_STATE_READ, err);

	if (rc == 0) {
		p.state = &state;
		rc = bug_db_list(state.dbc, 0, add_bug, &p, err);
		iw_state_close(&state);
	}
	if (rc == 0 && targets) {
		cli_print_json(json_pack("{si si sO sO ss}", "new_bugs", result->new_bugs,
			"regressed_bugs", result->back_bugs, "targets", targets, "bugs",
			p.bugs, "state", result->state_dir));
	} else if (rc == 0) {
		putchar('\n');
		if (p.count)
			cli_table_print(p.table, stdout, 0);
		printf("%s%d bug%s, %d new", p.count ? "\n" : "", p.count,
			p.count == 1 ? "" : "s", result->new_bugs);
		if (result->back_bugs)
			printf(", %d back", result->back_bugs);
		putchar('\n');
	}
	json_decref(p.bugs);
	cli_table_free(p.table);
	return rc;
}

char *cli_disk_words(const json_t *disk)
{
	long long count = json_integer_value(json_object_get(disk, "builds"));
	long long left = json_integer_value(json_object_get(disk, "left"));
	int64_t budget = json_integer_value(json_object_get(disk, "budget"));
	long long waiting = json_integer_value(json_object_get(disk, "waiting"));
	_auto_free_ char *short_of = waiting
		? iw_fmt("; %lld bug%s wait%s for room (raise --disk-budget)", waiting,
			  waiting == 1 ? "" : "s", waiting == 1 ? "s" : "")
		: NULL;
	char bytes[24], bound[24];

	iw_size_words(json_integer_value(json_object_get(disk, "bytes")), bytes);
	iw_size_words(budget, bound);
	return iw_fmt("builds: %lld, %s%s%s; %lld %s left to make room%s", count, bytes,
		budget ? " of a disk budget of " : ", without a bound",
		budget ? bound : "", left, left == 1 ? "has" : "have",
		short_of ? short_of : "");
}
