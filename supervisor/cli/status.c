/* `ironworks status`: totals per target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "answers.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "corpus/judging_db.h"
#include "triage/crash_db.h"

#include "base/banned.h"

/* Of a target's core time, before it is worth a line. */
#define NOTEWORTHY_MS 1000
#define NOTEWORTHY_PERCENT 1

static const char help[] =
	"Examples:\n"
	"  ironworks status\n"
	"  ironworks status --state /srv/farm --json\n"
	"\n"
	"usage: ironworks status [--state DIR] [--json]\n"
	"\n"
	"What the farm has done on a state folder so far: executions, core time, units,\n"
	"features, crashes and bugs per target; units that some sanitizer has not seen "
	"and\n"
	"for how long; which are held, which campaigns are active, and how much of the "
	"disk\n"
	"builds take. Works while a farm runs, too.\n"
	"\n"
	"exit status: 0 done, 2 usage, 4 failed\n";

struct status {
	struct answer_scope scope;
	struct cli_table *table, *engine_table, *judge_table;
	json_t *targets;
	const struct project_target_row *row;
	json_t *target;	     /* of that row */
	struct iw_buf notes; /* lines below the table */
	struct iw_err *err;
};

static int add_engine(void *ctx, const struct project_engine_totals *e)
{
	struct status *s = ctx;
	char core[24];

	iw_time_words(e->core_ms, core);
	cli_table_cell(s->engine_table, "%s/%s", s->row->adapter, s->row->name);
	cli_table_cell(s->engine_table, "%s", e->engine);
	cli_table_number(s->engine_table, e->executions);
	cli_table_cell(s->engine_table, "%s", core);
	cli_table_number(s->engine_table, e->received);
	cli_table_number(s->engine_table, e->kept);
	answer_engine(s->target, e);
	return 0;
}

static int add_judge(
	void *ctx, const struct corpus_judge *judge, const struct corpus_waiting *waiting)
{
	struct status *s = ctx;
	int64_t now = iw_time_wall_ms();
	char since[24] = "-", within[24];

	answer_judge(s->target, judge->flavour, waiting, now);
	if (waiting->units == 0)
		return 0;
	iw_time_words(now - waiting->oldest_ms, since);
	cli_table_cell(s->judge_table, "%s/%s", s->row->adapter, s->row->name);
	cli_table_cell(s->judge_table, "%s", judge->flavour);
	cli_table_number(s->judge_table, waiting->units);
	cli_table_cell(s->judge_table, "%s", since);
	if (waiting->late == 0)
		return 0;
	iw_time_words(judge->within_ms, within);
	iw_buf_addf(&s->notes,
		"%s/%s: %lld unit%s waited longer than %s to be seen under %s%s\n",
		s->row->adapter, s->row->name, (long long)waiting->late,
		waiting->late == 1 ? "" : "s", within, judge->flavour,
		judge->build_id < 0 ? ", which has no program of it" : "");
	return 0;
}

/* What known crashes take from an engine. */
static void note_burned(struct status *s, const struct project_target_row *row)
{
	char burned[24];

	iw_time_words(row->burned_ms, burned);
	iw_buf_addf(&s->notes,
		"%s/%s: crashes that are known burned %s, %lld %% of its core time\n",
		row->adapter, row->name, burned,
		(long long)(row->totals.core_ms
				? row->burned_ms * 100 / row->totals.core_ms
				: 0));
}

static void add_row(struct status *s, int64_t features)
{
	const struct project_target_row *row = s->row;
	char core[24], since[24] = "-";

	iw_time_words(row->totals.core_ms, core);
	if (row->totals.found_ms)
		iw_time_words(iw_time_wall_ms() - row->totals.found_ms, since);
	cli_table_cell(s->table, "%s/%s", row->adapter, row->name);
	cli_table_number(s->table, row->totals.executions);
	cli_table_cell(s->table, "%s", core);
	cli_table_number(s->table, features);
	cli_table_number(s->table, row->units);
	cli_table_number(s->table, row->crashes);
	cli_table_number(s->table, row->bugs);
	cli_table_cell(s->table, "%s", since);
	if (row->offline_ms) {
		iw_time_words(iw_time_wall_ms() - row->offline_ms, since);
		iw_buf_addf(&s->notes,
			"%s/%s: offline for %s, the snapshot has no such target\n",
			row->adapter, row->name, since);
	}
	if (row->totals.failures)
		iw_buf_addf(&s->notes, "%s/%s: %lld engine%s did not work, the last %s\n",
			row->adapter, row->name, (long long)row->totals.failures,
			row->totals.failures == 1 ? "" : "s", row->totals.failure);
	if (row->burned_ms >= NOTEWORTHY_MS &&
		row->burned_ms * 100 >= row->totals.core_ms * NOTEWORTHY_PERCENT)
		note_burned(s, row);
	if (row->held_ms)
		iw_buf_addf(&s->notes, "%s/%s is held%s%s\n", row->adapter, row->name,
			row->held_why ? ": " : "", row->held_why ? row->held_why : "");
}

static void note_campaigns(struct status *s, const json_t *campaigns)
{
	const json_t *c;
	size_t i;

	json_array_foreach(campaigns, i, c)
	{
		char used[24], budget[24];

		if (strcmp(json_string_value(json_object_get(c, "state")), "active") != 0)
			continue;
		iw_time_words(
			json_integer_value(json_object_get(c, "used_core_ms")), used);
		iw_time_words(
			json_integer_value(json_object_get(c, "budget_core_ms")), budget);
		iw_buf_addf(&s->notes, "campaign '%s': %s of %s core time used\n",
			json_string_value(json_object_get(c, "name")), used, budget);
	}
}

static void note_disk(struct status *s, const json_t *disk)
{
	_auto_free_ char *words = disk ? cli_disk_words(disk) : NULL;

	if (words)
		iw_buf_addf(&s->notes, "%s\n", words);
}

static int add_waiting(struct status *s)
{
	int64_t count;
	int rc = crash_db_waiting(s->scope.dbc, s->row->id, &count, s->err);

	if (rc < 0)
		return rc;
	json_object_set_new(s->target, "crashes_waiting", json_integer(count));
	if (count)
		iw_buf_addf(&s->notes, "%s/%s: %lld crash%s for a verdict\n",
			s->row->adapter, s->row->name, (long long)count,
			count == 1 ? " waits" : "es wait");
	return 0;
}

static int add_target(void *ctx, const struct project_target_row *row)
{
	struct status *s = ctx;
	int64_t features;

	if (answer_features(s->scope.dbc, row->id, &features, s->err) < 0)
		return -1;
	s->row = row;
	s->target = answer_target(&s->scope, row, features);
	add_row(s, features);
	json_array_append_new(s->targets, s->target);
	if (add_waiting(s) < 0)
		return -1;
	if (!row->offline_ms &&
		corpus_judging_each(s->scope.dbc, row->id, iw_time_wall_ms(), add_judge,
			s, s->err) < 0)
		return -1;
	return project_db_engines(s->scope.dbc, row->id, add_engine, s, s->err);
}

/* Foreign words are in them. */
static void print_notes(const struct iw_buf *notes)
{
	struct iw_buf safe = {0};

	iw_text_block(&safe, notes->data, notes->len);
	printf("\n%s", safe.data);
	iw_buf_fini(&safe);
}

int cli_status(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct cli_common common;
	struct iw_state state;
	struct status s = {.err = &err};
	json_t *campaigns, *disk;
	int first, rc = cli_options(argc, argv, help, NULL, &common, &first);

	if (rc >= 0)
		return rc;
	if (first != argc)
		return cli_usage("status", "takes no arguments");
	if (iw_state_open(&state, common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	s.scope = (struct answer_scope){
		.dbc = state.dbc, .state = &state, .sees_private = true};
	s.table = cli_table_new("target|>executions|>core time|>features|>units|>crashes|"
				">bugs|>last find");
	s.engine_table = cli_table_new(
		"target|engine|>executions|>core time|>units received|>kept");
	s.judge_table = cli_table_new("target|flavour|>units|>the oldest waits");
	s.targets = json_array();
	rc = project_db_targets(state.dbc, 0, add_target, &s, &err);
	campaigns = rc == 0 ? answer_campaigns(&s.scope, 0, &err) : NULL;
	if (rc == 0 && !campaigns)
		rc = -1;
	note_campaigns(&s, json_object_get(campaigns, "campaigns"));
	disk = rc == 0 ? answer_disk(&s.scope, &err) : NULL;
	if (rc == 0 && !disk)
		rc = -1;
	note_disk(&s, disk);
	if (rc == 0 && common.json) {
		cli_print_json(json_pack("{ss sO sO sO}", "state", state.dir, "targets",
			s.targets, "campaigns", json_object_get(campaigns, "campaigns"),
			"disk", disk));
	} else if (rc == 0) {
		printf("state %s\n\n", state.dir);
		cli_table_print(s.table, stdout, 0);
		printf("\nunits that another engine found:\n\n");
		cli_table_print(s.engine_table, stdout, 0);
		if (cli_table_lines(s.judge_table) > 1) {
			printf("\nunits that a sanitizer has not seen:\n\n");
			cli_table_print(s.judge_table, stdout, 0);
		}
		if (s.notes.len)
			print_notes(&s.notes);
	}
	iw_buf_fini(&s.notes);
	json_decref(s.targets);
	json_decref(campaigns);
	json_decref(disk);
	cli_table_free(s.table);
	cli_table_free(s.engine_table);
	cli_table_free(s.judge_table);
	iw_state_close(&state);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}
