/*
 * What a change adds: bugs that were found on it and are shown not to be on its base, and
 * those of which that could not be shown; nothing else, but how much else there is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/build_log.h"
#include "adapters/project_db.h"
#include "adapters/staged_reach.h"
#include "answers.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/diff_room.h"
#include "cli/summary.h"
#include "cover_report.h"
#include "triage/rate.h"

#include "base/banned.h"

struct report {
	struct diff *diff;
	const struct iw_state *state;
	struct cli_table *table;
	json_t *bugs;	 /* that the change adds */
	json_t *broken;	 /* flavours that build on the base alone */
	json_t *lines;	 /* {"count", "reached"}, or null */
	int unconfirmed; /* of the bugs */
	int shared;	 /* that the base shows, too, found on either */
	int by_fuzzing;	 /* of those: with another input than the change's */
	int gone;	 /* that it showed, and the change does not */
};

/* -- bugs --------------------------------------------------------------------------- */

/* How a bug was looked for on the base. */
struct base_look {
	int64_t runs;	  /* of its input, in which it did not show */
	int64_t fuzzed_s; /* from its input, without an input that shows it */
	char *reason;	  /* NULL: nobody has looked */
};

static struct base_look read_look(const struct bug_row *row)
{
	_auto_(iw_json_freep) json_t *proof =
		row->proof ? json_loads(row->proof, 0, NULL) : NULL;
	const char *reason = json_string_value(json_object_get(proof, "reason"));
	struct base_look look = {
		.fuzzed_s = json_integer_value(json_object_get(proof, "base_fuzzed_s")),
		.reason = reason ? iw_strdup(reason) : NULL,
	};
	const json_t *tree;
	size_t i;

	json_array_foreach(json_object_get(proof, "trees"), i, tree)
	{
		const char *what = json_string_value(json_object_get(tree, "what"));
		const char *answer = json_string_value(json_object_get(tree, "answer"));

		if (what && answer && strcmp(what, "the base") == 0 &&
			strcmp(answer, "good") == 0)
			look.runs = json_integer_value(json_object_get(tree, "runs"));
	}
	return look;
}

static bool is_outcome(const struct bug_row *row, const char *word)
{
	return row->outcome && strcmp(row->outcome, word) == 0;
}

/* What the base says to it. The caller frees. */
static char *base_words(
	const struct bug_row *row, const struct base_look *look, bool is_confirmed)
{
	if (is_confirmed && look->fuzzed_s)
		return iw_fmt("absent in %lld runs, and in %lld s of fuzzing from it",
			(long long)look->runs, (long long)look->fuzzed_s);
	if (is_confirmed)
		return iw_fmt("absent in %lld runs", (long long)look->runs);
	if (!row->outcome)
		return iw_strdup("not tried there before the time was over");
	return iw_strdup(look->reason ? look->reason : "could not be tried there");
}

static void add_row(const struct report *r, const struct bug_row *row, const char *words)
{
	json_t *frames = json_loads(row->frames, 0, NULL);
	_auto_free_ char *name = cli_bug_name(row->type, frames);
	_auto_free_ char *rate =
		triage_rate_brief((unsigned)row->hits, (unsigned)row->runs);

	cli_table_cell(r->table, "%lld", (long long)row->id);
	cli_table_cell(r->table, "%s", name);
	cli_table_cell(r->table, "%s", row->target);
	cli_table_cell(r->table, "%lld", (long long)row->best_size);
	cli_table_cell(r->table, "%s", rate);
	cli_table_cell(r->table, "%s", words);
	json_decref(frames);
}

static int add_bug(struct report *r, const struct bug_row *row)
{
	struct answer_scope scope = {.state = r->state, .sees_private = true};
	bool is_confirmed = is_outcome(row, "staged");
	struct base_look look = read_look(row);
	_auto_free_ char *words = base_words(row, &look, is_confirmed);
	json_t *bug;

	add_row(r, row, words);
	bug = answer_bug(&scope, row);
	json_object_set_new(bug, "confirmed", json_boolean(is_confirmed));
	json_object_set_new(bug, "base", json_string(words));
	json_object_set_new(bug, "base_runs", json_integer(look.runs));
	json_object_set_new(bug, "base_fuzzed_s", json_integer(look.fuzzed_s));
	json_array_append_new(r->bugs, bug);
	r->unconfirmed += !is_confirmed;
	free(look.reason);
	return 0;
}

static void count_shared(struct report *r, const struct bug_row *row)
{
	struct base_look look = read_look(row);

	r->shared++;
	r->by_fuzzing += look.fuzzed_s > 0;
	free(look.reason);
}

static int sort_bug(void *ctx, const struct bug_row *row)
{
	struct report *r = ctx;
	bool is_changes = row->found_commit &&
		strcmp(row->found_commit, r->diff->change.merge) == 0;

	if (row->merged_into >= 0)
		return 0;
	if (is_changes && !is_outcome(row, "pre-existing"))
		return add_bug(r, row);
	if (strcmp(row->state, "fixed") == 0)
		r->gone++;
	else
		count_shared(r, row);
	return 0;
}

/* -- builds ------------------------------------------------------------------------- */

static void note_build(void *ctx, const struct iw_build *build)
{
	struct report *r = ctx;
	const struct change *c = &r->diff->change;
	json_t *flavour = json_object_get(r->broken, build->flavour);

	if (!flavour) {
		flavour = json_object();
		json_object_set_new(r->broken, build->flavour, flavour);
	}
	if (strcmp(build->tree, c->base_tree) == 0)
		json_object_set_new(flavour, "base", json_boolean(build->is_ok));
	if (strcmp(build->tree, c->tree) == 0 && !build->is_ok) {
		_auto_free_ char *error = build_error_words(build);

		json_object_set_new(flavour, "error", json_string(error));
	}
}

/* {flavour: its first error} of those that the change alone does not build. */
static int read_builds(struct report *r, struct iw_err *err)
{
	const char *name;
	json_t *flavour;
	void *next;
	int64_t adapter_id;
	int rc = project_db_adapter_id(
		r->state->dbc, r->diff->adapter->name, &adapter_id, err);

	if (rc == 0)
		rc = build_db_list(r->state->dbc, adapter_id, note_build, r, err);
	json_object_foreach_safe(r->broken, next, name, flavour)
	{
		json_t *error = json_object_get(flavour, "error");

		if (error && json_is_true(json_object_get(flavour, "base")))
			json_object_set(r->broken, name, error);
		else
			json_object_del(r->broken, name);
	}
	return rc;
}

/* -- lines -------------------------------------------------------------------------- */

static int read_lcov(const struct report *r, struct san_lcov *lcov)
{
	_auto_free_ char *path =
		iw_fmt("%s/%s/lcov.info", r->state->coverage, r->diff->adapter->name);

	return cover_report_lcov(path, lcov, NULL);
}

/* Of the lines that the change wrote: those that can be executed, and that were. */
static int count_lines(struct report *r, const struct san_lcov *lcov, struct iw_err *err)
{
	const struct change *c = &r->diff->change;
	_auto_free_ char *path = iw_path_join(r->state->sources, r->diff->adapter->name);
	_auto_(iw_git_closep) struct iw_git_repo *repo = NULL;
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	struct staged_lines lines = {0};
	struct staged_reach *reach;
	int rc = iw_git_open(&repo, path, err);

	if (rc == 0)
		rc = staging_read(repo, c->merge, c->base, &snapshot, err);
	if (rc == 0)
		rc = staged_lines_read(repo, snapshot, &lines, err);
	if (rc < 0)
		return rc;
	reach = staged_reach_new(&lines, lcov, snapshot->count);
	r->lines = json_pack("{sI sI}", "count", (json_int_t)reach[0].lines, "reached",
		(json_int_t)reach[0].reached);
	staged_reach_free(reach, snapshot->count);
	staged_lines_fini(&lines);
	return 0;
}

/* Where nobody had the time to look there is nothing to tell. */
static int read_lines(struct report *r, struct iw_err *err)
{
	struct san_lcov lcov;
	int rc;

	if (read_lcov(r, &lcov) < 0)
		return 0;
	rc = count_lines(r, &lcov, err);
	san_lcov_fini(&lcov);
	return rc;
}

/* -- telling ------------------------------------------------------------------------ */

static json_t *targets_json(const struct diff *d)
{
	json_t *targets = json_array();
	size_t i;

	for (i = 0; i < d->target_count; i++) {
		const struct diff_target *t = &d->targets[i];

		json_array_append_new(targets,
			json_pack("{ss sb sb sI sI}", "target", t->name, "on_base",
				(int)t->is_on[DIFF_BASE], "on_change",
				(int)t->is_on[DIFF_CHANGE], "executions_base",
				(json_int_t)t->executions[DIFF_BASE], "executions_change",
				(json_int_t)t->executions[DIFF_CHANGE]));
	}
	return targets;
}

static json_t *report_json(const struct report *r)
{
	const struct diff *d = r->diff;
	const struct change *c = &d->change;
	int64_t added, removed;
	json_t *out;

	change_count(c, &added, &removed);
	out = json_pack("{ss so ss ss sb sI sI sI so sO si si si sO so}", "adapter",
		d->adapter->name, "pr", c->pr ? json_integer(c->pr) : json_null(), "base",
		c->base, "head", c->head, "apart", (int)c->is_apart, "files",
		(json_int_t)c->diff.count, "added", (json_int_t)added, "removed",
		(json_int_t)removed, "targets", targets_json(d), "bugs", r->bugs,
		"shared", r->shared, "gone", r->gone, "not_judged", d->judging,
		"broken_flavours", r->broken, "changed_lines",
		r->lines ? json_incref(r->lines) : json_null());
	json_object_set_new(out, "shared_by_fuzzing", json_integer(r->by_fuzzing));
	json_object_set_new(out, "seeds", json_integer((json_int_t)d->seeds));
	json_object_set_new(out, "budget_ms", json_integer(d->wish.budget_ms));
	json_object_set_new(out, "stopped", json_boolean(d->was_stopped));
	json_object_set_new(out, "state", d->stays ? json_string(d->dir) : json_null());
	return out;
}

/* Names of targets come from strangers' build scripts; the table takes their sting out. */
static void print_targets(const struct diff *d)
{
	struct cli_table *table =
		cli_table_new("target|>executions, base|>executions, change|");
	size_t i;

	for (i = 0; i < d->target_count; i++) {
		const struct diff_target *t = &d->targets[i];

		cli_table_cell(table, "%s", t->name);
		cli_table_number(table, t->executions[DIFF_BASE]);
		cli_table_number(table, t->executions[DIFF_CHANGE]);
		cli_table_cell(table, "%s",
			!t->is_on[DIFF_BASE]		 ? "only the change has it"
				: !t->is_on[DIFF_CHANGE] ? "only the base has it"
							 : "");
	}
	if (d->target_count)
		cli_table_print(table, stdout, 0);
	cli_table_free(table);
}

static void print_broken(const struct report *r)
{
	struct cli_table *table = cli_table_new("flavour|does not build with the change");
	const char *name;
	json_t *error;

	json_object_foreach (r->broken, name, error) {
		cli_table_cell(table, "%s", name);
		cli_table_cell(table, "%s", json_string_value(error));
	}
	if (json_object_size(r->broken)) {
		putchar('\n');
		cli_table_print(table, stdout, 0);
	}
	cli_table_free(table);
}

static void print_sums(const struct report *r)
{
	const struct diff *d = r->diff;
	size_t bugs = json_array_size(r->bugs);

	printf("\nthe change adds %zu bug%s", bugs, bugs == 1 ? "" : "s");
	if (r->unconfirmed)
		printf(", of which %d could not be shown to be absent on the base",
			r->unconfirmed);
	printf("; %d show%s on the base as well", r->shared, r->shared == 1 ? "s" : "");
	if (r->by_fuzzing)
		printf(" (%d only when it is fuzzed from the change's input)",
			r->by_fuzzing);
	printf(", %d of the base %s gone\n", r->gone, r->gone == 1 ? "is" : "are");
	if (r->lines)
		printf("%lld of the %lld changed lines that can be executed are "
		       "reached\n",
			(long long)json_integer_value(
				json_object_get(r->lines, "reached")),
			(long long)json_integer_value(
				json_object_get(r->lines, "count")));
	if (d->was_stopped)
		puts("stopped before its time was over");
	if (d->stays)
		printf("all of it is in %s\n", d->dir);
	if (bugs)
		printf("'ironworks bug show N --state %s' tells more,\n"
		       "'ironworks repro N --state %s' runs it\n",
			d->dir, d->dir);
}

static void print(const struct report *r)
{
	print_targets(r->diff);
	print_broken(r);
	if (json_array_size(r->bugs)) {
		putchar('\n');
		cli_table_print(r->table, stdout, 0);
	}
	print_sums(r);
}

static int fill(struct report *r, struct iw_err *err)
{
	int rc = bug_db_list(r->state->dbc, 0, sort_bug, r, err);

	if (rc < 0)
		return rc;
	/* Without a difference nothing was built. */
	if (r->diff->target_count == 0)
		return 0;
	rc = read_builds(r, err);
	return rc < 0 ? rc : read_lines(r, err);
}

int diff_report(struct diff *d, int *adds, struct iw_err *err)
{
	struct iw_state state;
	struct report r = {
		.diff = d,
		.state = &state,
		.table = cli_table_new(">bug|type|target|>bytes|rate|on the base"),
		.bugs = json_array(),
		.broken = json_object(),
	};
	int rc = iw_state_open(&state, d->dir, IW_STATE_READ, err);

	if (rc == 0) {
		rc = fill(&r, err);
		iw_state_close(&state);
	}
	*adds = (int)json_array_size(r.bugs);
	d->stays |= *adds > 0;
	if (rc == 0 && d->wish.json)
		cli_print_json(report_json(&r));
	else if (rc == 0)
		print(&r);
	json_decref(r.bugs);
	json_decref(r.broken);
	json_decref(r.lines);
	cli_table_free(r.table);
	return rc;
}
