#include "triage/publish.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_command.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "sanitizers/frames.h"
#include "sanitizers/report.h"
#include "triage/artifact.h"
#include "triage/bug_db.h"
#include "triage/crash_db.h"
#include "triage/decision.h"
#include "triage/fault.h"
#include "triage/issue.h"
#include "triage/retest.h"
#include "triage/signature.h"

#include "base/banned.h"

#define FRAMES_SHOWN 12
#define SIGHTINGS_SHOWN 32

struct publication {
	struct iw_db_req req;
	const struct triage_world *world;
	int64_t bug_id;
	const struct triage_target *target;
	triage_published_cb done;
	void *ctx;
};

/* Everything one text needs, gathered before it is written. */
struct draft {
	struct iw_arena *arena;
	const struct publication *pub;
	struct iw_dbc *dbc;
	struct triage_issue issue;
	struct crash_sighting sightings[SIGHTINGS_SHOWN];
	struct triage_sighting shown[SIGHTINGS_SHOWN];
	json_t *proof, *prs;
	struct triage_signature signature;
	char *input, *report;
	struct iw_err *err;
};

/* The same on every host that finds this bug: made of what the bug is, not of when; of a
 * hang's samples only what they share. */
static char *make_uid(struct draft *d, const struct bug_row *row)
{
	struct iw_buf text = {0};
	char hex[IW_SHA256_HEX];
	size_t i;

	iw_buf_addf(&text, "%s\n%s\n", row->adapter, row->type);
	if (d->signature.message)
		iw_buf_addf(&text, "%s\n", d->signature.message);
	for (i = 0; i < d->signature.frames.count; i++)
		iw_buf_addf(&text, "%s\n", d->signature.frames.names[i]);
	iw_sha256_hex_of(text.data, hex);
	iw_buf_fini(&text);
	return iw_arena_fmt(d->arena, "%s-%.10s", row->adapter, hex);
}

/* Title and link of a pull request that is in the snapshot. */
static void find_pr(const struct staging_snapshot *s, struct triage_issue_pr *pr)
{
	size_t place = staging_find_pr(s, pr->number);

	if (place) {
		pr->title = s->prs[place - 1].title;
		pr->url = s->prs[place - 1].url;
	}
}

/* Pull requests, then what belongs to none. */
static void add_culprits(struct draft *d, const struct bug_row *row)
{
	const struct staging_snapshot *s = project_snapshot(d->pub->target->project);
	/* Until it is attributed the proof is of what may still turn out otherwise. */
	const json_t *commits =
		row->outcome ? json_object_get(d->proof, "commits") : NULL;
	const json_t *item;
	struct triage_issue_pr *prs;
	size_t i, count = 0;

	d->prs = row->prs ? json_loads(row->prs, 0, NULL) : NULL;
	prs = iw_arena_alloc(d->arena,
		(json_array_size(d->prs) + json_array_size(commits) + 1) * sizeof *prs);
	json_array_foreach(d->prs, i, item)
	{
		prs[count].number = (int)json_integer_value(item);
		find_pr(s, &prs[count++]);
	}
	json_array_foreach(commits, i, item)
	{
		prs[count].commit = json_string_value(json_object_get(item, "commit"));
		prs[count++].title = json_string_value(json_object_get(item, "subject"));
	}
	d->issue.prs = prs;
	d->issue.pr_count = count;
}

static void add_proof(struct draft *d, const struct bug_row *row)
{
	const json_t *log;
	const char **lines;
	size_t i, count;

	d->proof = row->proof ? json_loads(row->proof, 0, NULL) : NULL;
	log = json_object_get(d->proof, "log");
	count = json_array_size(log);
	lines = iw_arena_alloc(d->arena, (count + 1) * sizeof *lines);
	for (i = 0; i < count; i++) {
		const char *line = json_string_value(json_array_get(log, i));

		lines[i] = line ? line : "";
	}
	d->issue.outcome = row->outcome;
	if (row->outcome)
		d->issue.reason = json_string_value(json_object_get(d->proof, "reason"));
	d->issue.log = lines;
	d->issue.log_count = count;
}

/* "cursor_read (src/cursor.c:12:3)"; builds call their source folder /src. */
static const char *frame_line(struct iw_arena *arena, const struct san_frame *f)
{
	const char *file = f->file;

	if (file && strncmp(file, "/src/", 5) == 0)
		file += 5;
	if (!f->function)
		return iw_arena_fmt(arena, "%s+0x%llx", f->module ? f->module : "?",
			(unsigned long long)f->offset);
	if (!file)
		return f->function;
	return iw_arena_fmt(arena, "%s (%s:%d)", f->function, file, f->line);
}

/* A hang's stack begins where its samples agree: further in, each of them was elsewhere, and
 * the report of a smaller input may stop in another place than the bug is known by. */
static size_t first_shared(const struct draft *d, const struct san_stack *stack)
{
	const char *name = d->signature.frames.count ? d->signature.frames.names[0] : "";
	size_t i;

	if (!triage_signature_is_hang(&d->signature))
		return 0;
	for (i = 0; i < stack->count; i++)
		if (stack->frames[i].function &&
			strcmp(stack->frames[i].function, name) == 0)
			return i;
	return 0;
}

static void add_frames(struct draft *d)
{
	const char **lines = iw_arena_alloc(d->arena, FRAMES_SHOWN * sizeof *lines);
	const struct san_report *primary;
	const struct san_stack *stack;
	struct san_report *reports;
	size_t count, i;

	if (san_report_parse(
		    d->arena, d->report, d->issue.report_len, &reports, &count, NULL) < 0)
		return;
	primary = triage_fault_report(reports, count, d->signature.type);
	stack = primary ? triage_fault_stack(primary) : NULL;
	if (!stack)
		return;
	for (i = first_shared(d, stack);
		i < stack->count && d->issue.frame_count < FRAMES_SHOWN; i++)
		if (!san_frame_is_plumbing(&stack->frames[i]))
			lines[d->issue.frame_count++] =
				frame_line(d->arena, &stack->frames[i]);
	d->issue.frames = lines;
}

/* The command that a shell understands, with the options the farm ran it with. */
static char *raw_command(struct draft *d, const struct bug_row *row, const char *input)
{
	const struct triage_world *w = d->pub->world;
	struct iw_build build = {0};
	struct target_command command = {
		.build = &build,
		.target = d->pub->target->spec,
		.input = input,
		.symbolizer = w->symbolizer_path,
	};
	struct iw_buf out = {0};
	char *line;

	snprintf(build.flavour, sizeof build.flavour, "%s", row->flavour);
	command.program = iw_arena_fmt(d->arena, "%s/builds/%s/%s", w->state_dir,
		row->closure, command.target->binary);
	target_command_add(&out, &command);
	line = iw_arena_strdup(d->arena, out.data);
	iw_buf_fini(&out);
	return line;
}

static int add_artifacts(struct draft *d, const struct bug_row *row)
{
	const struct triage_world *w = d->pub->world;
	_auto_free_ char *path = triage_artifact_path(w->artifacts_dir, &row->best);
	int rc;

	rc = triage_artifact_get(
		w->artifacts_dir, &row->best, &d->input, &d->issue.input_len, d->err);
	if (rc == 0)
		rc = triage_artifact_get(w->artifacts_dir, &row->report, &d->report,
			&d->issue.report_len, d->err);
	if (rc < 0)
		return rc;
	d->issue.input = d->input;
	d->issue.report = d->report;
	d->issue.first_len = (size_t)row->first_size;
	d->issue.artifact = iw_arena_strdup(d->arena, path);
	d->issue.command = raw_command(d, row, d->issue.artifact);
	return 0;
}

static int add_sightings(struct draft *d)
{
	size_t i, count;
	int rc = crash_db_sightings(
		d->dbc, d->pub->bug_id, d->sightings, SIGHTINGS_SHOWN, &count, d->err);

	for (i = 0; rc == 0 && i < count; i++)
		d->shown[i] = (struct triage_sighting){
			.target = d->sightings[i].target,
			.flavour = d->sightings[i].flavour,
			.count = (unsigned)d->sightings[i].count,
			.first_ms = d->sightings[i].first_ms,
		};
	d->issue.sightings = d->shown;
	d->issue.sighting_count = count;
	return rc;
}

static int write_issue(struct draft *d, const struct bug_row *row)
{
	_auto_free_ char *text = triage_issue_document(&d->issue);
	_auto_free_ char *made = triage_issue_file(&d->issue);
	const char *name = row->issue ? row->issue : made;
	_auto_free_ char *path = iw_path_join(d->pub->world->outbox_dir, name);
	bool is_flaky = row->hits < row->runs;
	int rc = iw_file_replace(path, text, strlen(text), d->err);

	if (rc < 0)
		return rc;
	rc = bug_db_set_issue(d->dbc, row->id, is_flaky ? "flaky" : "open", name, d->err);
	if (rc == 0 && !row->issue)
		rc = bug_db_add_event(
			d->dbc, row->id, "issue", "written into the outbox", d->err);
	return rc;
}

/* The commit of what it was tested on, where that is the snapshot of now. */
static const char *retest_words(struct draft *d, const struct bug_row *row)
{
	const struct staging_snapshot *s = project_snapshot(d->pub->target->project);
	bool is_now = row->tested_tree && strcmp(row->tested_tree, s->tree) == 0;
	struct triage_retest_seen seen = {
		.hits = (unsigned)row->tested_hits,
		.runs = (unsigned)row->tested_runs,
		.was_hits = (unsigned)row->hits,
		.was_runs = (unsigned)row->runs,
		.reach = (enum triage_reach)row->tested_reach,
	};
	_auto_free_ char *words = NULL;

	if (!row->tested_tree)
		return NULL;
	seen.snapshot = is_now ? iw_arena_fmt(d->arena, "%.12s", s->commit)
			       : iw_arena_fmt(d->arena, "tree %.12s", row->tested_tree);
	words = triage_retest_words(&seen);
	return iw_arena_strdup(d->arena, words);
}

/* Who mended it, of one that is fixed; who undid that, of one that is back. */
static void add_mend(struct draft *d, const struct bug_row *row)
{
	_auto_(iw_json_freep) json_t *mend =
		row->mend ? json_loads(row->mend, 0, NULL) : NULL;
	const char *reason = json_string_value(json_object_get(mend, "reason"));
	const char *back = json_string_value(
		json_object_get(json_object_get(mend, "back"), "reason"));

	if (reason && strcmp(row->state, "fixed") == 0)
		d->issue.mend = iw_arena_strdup(d->arena, reason);
	if (back && strcmp(row->state, "regressed") == 0)
		d->issue.back = iw_arena_strdup(d->arena, back);
}

static const char *decision_of(struct draft *d, const struct bug_row *row)
{
	_auto_free_ char *text = triage_decision_text(row);

	return iw_arena_strdup(d->arena, text);
}

static int write_row(void *ctx, const struct bug_row *row)
{
	struct draft *d = ctx;
	int rc;

	if (row->issue && triage_decision_is_quiet(row))
		return 0;
	if (row->merged_into >= 0) /* the other one's issue speaks for both */
		return 0;
	d->issue = (struct triage_issue){
		.bug = iw_arena_fmt(d->arena, "%lld", (long long)row->id),
		.adapter = row->adapter,
		.target = row->target,
		.type = row->type,
		.is_private = bug_row_is_private(row),
		.is_security = row->is_security,
		.severity = row->severity,
		.severity_reason = row->severity_reason,
		.is_remote = row->is_remote,
		.commit = row->found_commit ? row->found_commit : row->snapshot,
		.state = row->state,
		.retest = retest_words(d, row),
		.decision = decision_of(d, row),
		.flavour = row->flavour,
		.hits = (unsigned)row->hits,
		.runs = (unsigned)row->runs,
		.is_unsandboxed =
			iw_jobs_sandbox(d->pub->world->jobs)->kind == IW_SANDBOX_OFF,
		.state_dir = d->pub->world->state_dir,
	};
	rc = triage_signature_parse(&d->signature, row->type, row->frames, d->err);
	if (rc == 0) {
		d->issue.message = d->signature.message;
		d->issue.uid = make_uid(d, row);
	}
	if (rc == 0)
		rc = add_artifacts(d, row);
	if (rc < 0)
		return rc;
	add_proof(d, row);
	add_culprits(d, row);
	add_mend(d, row);
	add_frames(d);
	rc = add_sightings(d);
	return rc < 0 ? rc : write_issue(d, row);
}

static int publish(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct draft d = {.arena = iw_arena_new(), .pub = ctx, .dbc = dbc, .err = err};
	int rc = bug_db_list(dbc, d.pub->bug_id, write_row, &d, err);

	json_decref(d.proof);
	json_decref(d.prs);
	triage_signature_fini(&d.signature);
	free(d.input);
	free(d.report);
	iw_arena_free(d.arena);
	return rc;
}

static void on_published(struct iw_db_req *req)
{
	struct publication *pub = req->ctx;

	if (!req->err.code)
		iw_info("issue written", I("bug", pub->bug_id));
	pub->done(pub->ctx, req->err.code ? &req->err : NULL);
	free(pub);
}

void triage_publish(const struct triage_world *world, int64_t bug_id,
	const struct triage_target *target, triage_published_cb done, void *ctx)
{
	struct publication *pub = iw_calloc(1, sizeof *pub);

	pub->world = world;
	pub->bug_id = bug_id;
	pub->target = target;
	pub->done = done;
	pub->ctx = ctx;
	pub->req = (struct iw_db_req){.run = publish, .ctx = pub, .done = on_published};
	iw_db_submit(world->db, &pub->req);
}
