/* `ironworks crash list|show`, and the way to `add` (crash_add.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/crash_add.h"
#include "cli/table.h"
#include "triage/crash_db.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks crash list\n"
	"  ironworks crash list --all\n"
	"  ironworks crash show 12\n"
	"  ironworks crash add ./crash-1f2e --target demo/tx\n"
	"  ironworks crash add ./slow ./hangs/ --target demo/tx --kind timeout\n"
	"\n"
	"usage: ironworks crash list [--all] [--state DIR] [--json]\n"
	"       ironworks crash show CRASH [--state DIR] [--json]\n"
	"       ironworks crash add FILE|DIR… --target ADAPTER/TARGET [--kind K]\n"
	"                           [--flavour F] [--state DIR] [--json]\n"
	"\n"
	"A crash is one failure that was seen: an input on a build. Many crashes make "
	"one\n"
	"bug: those of one bug on one build are a line, and --all and --json have each, "
	"the\n"
	"newest thousand. One that does not reproduce is kept and "
	"tried\n"
	"again on a few newer builds; 'environment' fails only as the engine runs it, "
	"and "
	"show\n"
	"says what the difference is. add brings inputs from elsewhere: the farm "
	"on\n"
	"the state folder judges them like its own, or the next one when none runs.\n"
	"\n"
	"  --all         a line for each crash\n"
	"  --target T    whose inputs they are\n"
	"  --kind K      what they do: crash (default), timeout, oom or leak\n"
	"  --flavour F   on whose build that was seen (default: the one that judges "
	"first)\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --json        print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 the farm does not answer, 4 failed or no such "
	"crash\n";

struct listing {
	const struct iw_state *state;
	struct cli_table *table;
	json_t *crashes;
	int count;
};

static void add_row(struct cli_table *t, const struct triage_crash_row *row)
{
	char found[24];

	iw_time_iso(row->found_ms, found);
	cli_table_cell(t, "%lld", (long long)row->id);
	cli_table_cell(t, "%s/%s", row->adapter, row->target);
	cli_table_cell(t, "%s", row->kind);
	cli_table_cell(t, "%s", row->flavour);
	cli_table_number(t, row->size);
	cli_table_cell(t, "%s", row->state);
	cli_table_cell(t, "%lld/%lld", (long long)row->hits, (long long)row->runs);
	if (row->bug_id >= 0)
		cli_table_cell(t, "%lld", (long long)row->bug_id);
	else
		cli_table_cell(t, "-");
	cli_table_cell(t, "%s", found);
}

static int list_group(void *ctx, const struct crash_group *group)
{
	const struct triage_crash_row *row = &group->newest;
	struct listing *l = ctx;
	char first[24], last[24];

	l->count++;
	iw_time_iso(group->first_ms, first);
	iw_time_iso(group->last_ms, last);
	if (row->bug_id >= 0)
		cli_table_cell(l->table, "%lld", (long long)row->bug_id);
	else
		cli_table_cell(l->table, "-");
	cli_table_number(l->table, group->count);
	cli_table_cell(l->table, "%s/%s", row->adapter, row->target);
	cli_table_cell(l->table, "%s", row->kind);
	cli_table_cell(l->table, "%s", row->flavour);
	cli_table_cell(l->table, "%s", row->state);
	cli_table_cell(l->table, "%s", first);
	cli_table_cell(l->table, "%s", last);
	cli_table_cell(l->table, "%lld", (long long)row->id);
	return 0;
}

static int list_crash(void *ctx, const struct triage_crash_row *row)
{
	struct listing *l = ctx;
	struct answer_scope scope = {.state = l->state, .sees_private = true};

	l->count++;
	add_row(l->table, row);
	json_array_append_new(l->crashes, answer_crash(&scope, row));
	return 0;
}

static void print_one(const json_t *crash)
{
	static const char *const keys[] = {"id", "adapter", "target", "kind", "type",
		"flavour", "state", "why", "size", "runs", "hits", "retries", "bug",
		"path"};
	struct cli_table *t = cli_table_new("field|value");
	size_t i;

	for (i = 0; i < IW_COUNT(keys); i++) {
		const json_t *v = json_object_get(crash, keys[i]);

		cli_table_cell(t, "%s", keys[i]);
		if (json_is_integer(v))
			cli_table_cell(t, "%lld", (long long)json_integer_value(v));
		else
			cli_table_cell(
				t, "%s", json_is_string(v) ? json_string_value(v) : "-");
	}
	cli_table_print(t, stdout, 0);
	cli_table_free(t);
}

static int print(const struct listing *l, int64_t id, bool json, struct iw_err *err)
{
	if (id && !l->count)
		return iw_err_set(err, IW_ENOENT,
			"there is no crash %lld; 'ironworks crash list' shows all",
			(long long)id);
	if (json && id)
		cli_print_json(json_incref(json_array_get(l->crashes, 0)));
	else if (json)
		cli_print_json(json_pack("{sO}", "crashes", l->crashes));
	else if (id)
		print_one(json_array_get(l->crashes, 0));
	else if (l->count)
		cli_table_print(l->table, stdout, 0);
	else
		puts("no crashes yet");
	return 0;
}

int cli_crash(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct cli_common common;
	struct crash_filter filter = {0};
	struct crash_add_wish add = {0};
	bool all = false, is_grouped;
	const struct cli_option more[] = {
		{"all", .flag = &all},
		{"target", .word = &add.target},
		{"kind", .word = &add.kind},
		{"flavour", .word = &add.flavour},
		{0},
	};
	struct iw_state state;
	struct listing l = {.state = &state};
	int first, rc = cli_options(argc, argv, help, more, &common, &first);
	const char *verb;

	if (rc >= 0)
		return rc;
	verb = first < argc ? argv[first] : "";
	if (all && strcmp(verb, "list") != 0)
		return cli_usage("crash", "--all is for 'list'");
	if (strcmp(verb, "add") == 0) {
		add.common = &common;
		add.paths = argv + first + 1;
		add.path_count = argc - first - 1;
		return cli_crash_add(&add);
	}
	if (add.target || add.kind || add.flavour)
		return cli_usage("crash", "--target, --kind and --flavour are for 'add'");
	if (strcmp(verb, "show") == 0 && argc - first == 2) {
		if (!cli_number(argv[first + 1], 1, INT64_MAX, &filter.id))
			return cli_usage("crash", "a crash is a number");
	} else if (strcmp(verb, "list") != 0 || argc - first != 1) {
		return cli_usage("crash", "say 'list', 'show CRASH' or 'add FILE…'");
	}
	if (iw_state_open(&state, common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	is_grouped = !filter.id && !all && !common.json;
	l.table = cli_table_new(is_grouped
			? ">bug|>crashes|target|kind|flavour|state|first|last|>the last "
			  "one"
			: ">crash|target|kind|flavour|>bytes|state|rate|>bug|found");
	l.crashes = json_array();
	rc = is_grouped ? crash_db_groups(state.dbc, list_group, &l, &err)
			: crash_db_list(state.dbc, &filter, list_crash, &l, &err);
	if (rc == 0)
		rc = print(&l, filter.id, common.json, &err);
	json_decref(l.crashes);
	cli_table_free(l.table);
	iw_state_close(&state);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}
