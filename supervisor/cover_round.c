/*
 * The happy path:
 *
 *	ASKING (is anything new?) --> BUILDING --> READING (tree, lines of what is staged)
 *	--> for each target: PROFILING --> REPORTING --> then WHOLE (all profiles
 *	together) --> PUBLISHING (pool: the folder is exchanged) --> STORING --> ENDED
 *
 * The failures: a tree that does not build in this flavour, or a tool that fails, ends the
 * round with a sentence; what was known before stays. A target that cannot be run is left
 * out, with a sentence.
 */
#include "cover_round.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_log.h"
#include "adapters/coverage_db.h"
#include "adapters/staged_db.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "corpus/profile.h"
#include "cover_report.h"

#include "base/banned.h"

/* It runs behind everything else, and a unit's time is measured on a clock on the wall. */
#define PATIENCE 10

enum state {
	ASKING,
	BUILDING,
	READING,
	PROFILING,
	REPORTING,
	WHOLE,
	PUBLISHING,
	STORING
};

/* One target of the round. */
struct part {
	struct farm_target *target;
	char *program, *profiles, *out; /* paths: profiles and out are folders */
	struct coverage_row row;
	struct staged_reach *reach; /* by the snapshot's prs */
	bool is_there;		    /* it has a report */
};

struct cover_round {
	struct farm *farm;
	struct farm_project *project;
	cover_round_done_cb done;
	void *ctx;
	enum state state;
	bool is_stopped;
	bool is_same; /* nothing has changed since the last round */
	struct cover_round_result result;
	struct iw_err err;

	char *scratch, *source, *fresh; /* fresh becomes coverage/<adapter> */
	struct iw_build_req build_req;
	const struct iw_build *build;
	struct iw_git_req git_req;
	struct iw_db_req db_req;
	struct iw_work work;
	struct staged_lines lines;
	struct staged_reach *reach;
	struct part *parts;
	size_t part_count, next;
	struct target_driver driver;
	struct corpus_profile *profile;
	struct cover_report *report;
	char *what;
	char **files, **programs; /* of the report that is made */
	size_t file_count, file_cap, program_count, program_cap;
	const char *reads[4];
	struct coverage_row whole;
};

static const struct adapter *adapter_of(const struct cover_round *r)
{
	return project_adapter(r->project->project);
}

static const struct staging_snapshot *snapshot_of(const struct cover_round *r)
{
	return project_snapshot(r->project->project);
}

static struct cover_round *of_work(struct iw_work *work)
{
	return (struct cover_round *)((char *)work - offsetof(struct cover_round, work));
}

/* -- the end ------------------------------------------------------------------------ */

static void free_list(char ***items, size_t *count, size_t *cap)
{
	size_t i;

	for (i = 0; i < *count; i++)
		free((*items)[i]);
	free(*items);
	*items = NULL;
	*count = *cap = 0;
}

static void tell(struct cover_round *r)
{
	const char *name = adapter_of(r)->name;
	int64_t staged = 0, reached = 0;
	char also[96] = "";

	if (r->err.code && r->err.code != IW_ECANCELED) {
		iw_warn("coverage failed", S("adapter", name), S("error", r->err.msg));
		farm_say(r->farm, "%s: no coverage report: %s", name, r->err.msg);
	}
	if (r->err.code || r->state != STORING)
		return;
	staged_reach_sum(r->reach, snapshot_of(r)->count, &staged, &reached);
	if (staged)
		snprintf(also, sizeof also, ", and %lld of %lld that are staged",
			(long long)reached, (long long)staged);
	farm_say(r->farm,
		"%s: the corpus reaches %lld of %lld lines%s; 'ironworks coverage %s' "
		"shows which",
		name, (long long)r->whole.lines_reached, (long long)r->whole.lines, also,
		name);
}

static void on_swept(struct iw_work *work)
{
	struct cover_round *r = of_work(work);

	r->result.is_done = !r->err.code && !r->is_stopped;
	tell(r);
	r->done(r, &r->result, r->ctx);
}

/* Pool. */
static void sweep(struct iw_work *work)
{
	struct cover_round *r = of_work(work);

	iw_dir_remove(r->scratch, NULL);
}

static void finish(struct cover_round *r)
{
	if (r->is_stopped)
		iw_err_set(&r->err, IW_ECANCELED, "counting lines was stopped");
	iw_work_submit(r->farm->world.loop, &r->work, sweep, on_swept);
}

/* Whether the round ends here. */
static bool is_over(struct cover_round *r, const struct iw_err *err)
{
	if (err && err->code && !r->err.code)
		iw_err_copy(&r->err, err);
	if (!r->err.code && !r->is_stopped)
		return false;
	finish(r);
	return true;
}

/* -- storing ------------------------------------------------------------------------ */

static void on_stored(struct iw_db_req *req)
{
	struct cover_round *r = req->ctx;

	if (req->err.code)
		iw_err_copy(&r->err, &req->err);
	finish(r);
}

static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct cover_round *r = ctx;
	const struct staging_snapshot *snapshot = snapshot_of(r);
	int64_t id = project_id(r->project->project);
	size_t i;
	int rc = coverage_db_clear(dbc, id, err);

	for (i = 0; rc == 0 && i < r->part_count; i++)
		if (r->parts[i].is_there)
			rc = coverage_db_put(dbc, &r->parts[i].row, err);
	if (rc == 0)
		rc = coverage_db_put(dbc, &r->whole, err);
	for (i = 0; rc == 0 && i < snapshot->count; i++)
		if (staging_is_staged(snapshot, i))
			rc = coverage_db_put_staged(dbc, id, &snapshot->prs[i],
				&r->reach[i], r->whole.at_ms, err);
	for (i = 0; rc == 0 && i < r->part_count; i++)
		if (r->parts[i].is_there)
			rc = staged_db_put_reach(dbc, id, snapshot,
				r->parts[i].target->spec.name, r->parts[i].reach, err);
	return rc;
}

static void on_published(struct iw_work *work)
{
	struct cover_round *r = of_work(work);

	if (is_over(r, NULL))
		return;
	r->state = STORING;
	r->db_req = (struct iw_db_req){.run = store, .ctx = r, .done = on_stored};
	iw_db_submit(r->farm->db, &r->db_req);
}

/* Pool: the folder of before lies in the scratch after it, and is swept with it. */
static void publish(struct iw_work *work)
{
	struct cover_round *r = of_work(work);
	_auto_free_ char *place =
		iw_path_join(r->farm->world.state->coverage, adapter_of(r)->name);
	unsigned how = iw_file_exists(place) ? RENAME_EXCHANGE : RENAME_NOREPLACE;

	r->reach = staged_reach_new(
		&r->lines, &cover_report_result(r->report)->lcov, snapshot_of(r)->count);
	if (renameat2(AT_FDCWD, r->fresh, AT_FDCWD, place, how) < 0)
		iw_err_errno(&r->err, errno, "cannot keep '%s'", place);
}

/* -- reports ------------------------------------------------------------------------ */

static void fill_row(struct cover_round *r, struct coverage_row *row)
{
	const struct cover_report_result *result = cover_report_result(r->report);
	const struct cover_totals *t = &result->totals;

	row->adapter_id = project_id(r->project->project);
	row->snapshot = snapshot_of(r)->commit;
	row->lines = t->lines;
	row->lines_reached = t->lines_reached;
	row->functions = t->functions;
	row->functions_reached = t->functions_reached;
	row->regions = t->regions;
	row->regions_reached = t->regions_reached;
	row->core_ms += result->cpu_us / 1000;
	row->at_ms = iw_time_wall_ms();
	r->result.core_ms += result->cpu_us / 1000;
}

static void next_part(struct cover_round *r);

static void leave_out(struct cover_round *r, const struct iw_err *err)
{
	const struct part *part = &r->parts[r->next];

	farm_say(r->farm, "%s/%s: no coverage report: %s", adapter_of(r)->name,
		part->target->spec.name, err->msg);
	r->next++;
	next_part(r);
}

static void on_report(struct cover_report *report, const struct iw_err *err, void *ctx)
{
	struct cover_round *r = ctx;
	struct part *part = r->state == WHOLE ? NULL : &r->parts[r->next];

	if (!err)
		fill_row(r, part ? &part->row : &r->whole);
	if (part && !err)
		part->reach = staged_reach_new(&r->lines,
			&cover_report_result(report)->lcov, snapshot_of(r)->count);
	/* The one of the whole is still needed. */
	if (part) {
		cover_report_free(report);
		r->report = NULL;
	}
	if (is_over(r, !part || (err && err->code == IW_ECANCELED) ? err : NULL))
		return;
	if (part && err) {
		leave_out(r, err);
		return;
	}
	if (part) {
		part->is_there = true;
		r->next++;
		next_part(r);
		return;
	}
	r->state = PUBLISHING;
	iw_work_submit(r->farm->world.loop, &r->work, publish, on_published);
}

static void start_report(struct cover_round *r, const char *out, char *what)
{
	struct cover_report_spec spec = {
		.jobs = r->farm->world.jobs,
		.tools = r->farm->world.tools,
		.what = what,
		.profiles = r->files,
		.profile_count = r->file_count,
		.programs = r->programs,
		.program_count = r->program_count,
		.reads = r->reads,
		.source = r->source,
		.out = out,
		.only_reached = r->state != WHOLE,
	};

	free(r->what);
	r->what = what;
	r->reads[0] = r->scratch;
	r->reads[1] = r->build->dir;
	r->report = cover_report_start(&spec, on_report, r);
}

static void add_file(struct cover_round *r, char *path)
{
	iw_grow(r->files, r->file_count, r->file_cap);
	r->files[r->file_count++] = path;
}

/* Some adapters have one program for all targets. */
static void add_program(struct cover_round *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->program_count; i++)
		if (strcmp(r->programs[i], path) == 0)
			return;
	iw_grow(r->programs, r->program_count, r->program_cap);
	r->programs[r->program_count++] = iw_strdup(path);
}

static void clear_lists(struct cover_round *r)
{
	free_list(&r->files, &r->file_count, &r->file_cap);
	free_list(&r->programs, &r->program_count, &r->program_cap);
}

static void start_whole(struct cover_round *r)
{
	size_t i;

	clear_lists(r);
	r->whole.target_id = -1;
	for (i = 0; i < r->part_count; i++) {
		const struct part *part = &r->parts[i];

		if (!part->is_there)
			continue;
		add_file(r, iw_path_join(part->out, "profile.profdata"));
		add_program(r, part->program);
		r->whole.units += part->row.units;
		r->whole.died += part->row.died;
		r->whole.core_ms += part->row.core_ms;
	}
	if (!r->file_count) {
		iw_err_set(&r->err, IW_EJOB, "no target could be run");
		r->result.is_hopeless = true;
		finish(r);
		return;
	}
	r->state = WHOLE;
	start_report(r, r->fresh, iw_strdup(adapter_of(r)->name));
}

/* -- targets ------------------------------------------------------------------------ */

static void on_profile(
	struct corpus_profile *profile, const struct iw_err *err, void *ctx)
{
	struct cover_round *r = ctx;
	struct part *part = &r->parts[r->next];
	struct corpus_profile_result result = *corpus_profile_result(profile);
	struct iw_err failed = IW_ERR_INIT;
	size_t i;

	corpus_profile_free(profile);
	r->profile = NULL;
	target_driver_fini(&r->driver);
	part->row.target_id = part->target->triage.id;
	part->row.units = (int64_t)(result.units - result.not_run);
	part->row.died = (int64_t)result.died;
	part->row.core_ms = result.cpu_us / 1000;
	r->result.core_ms += part->row.core_ms;
	if (is_over(r, err && err->code == IW_ECANCELED ? err : NULL))
		return;
	if (err)
		failed = *err;
	else if (!result.files)
		iw_err_set(&failed, IW_EJOB,
			"its program writes no profile; does the build command compile "
			"and link with $CFLAGS?");
	if (failed.code) {
		leave_out(r, &failed);
		return;
	}
	clear_lists(r);
	for (i = 0; i < result.files; i++)
		add_file(r, iw_fmt("%s/%zu.profraw", part->profiles, i));
	add_program(r, part->program);
	r->state = REPORTING;
	start_report(r, part->out,
		iw_fmt("%s/%s", adapter_of(r)->name, part->target->spec.name));
}

static void next_part(struct cover_round *r)
{
	struct farm *farm = r->farm;
	struct corpus_profile_spec spec = {
		.db = farm->db, .jobs = farm->world.jobs, .packs = farm->packs};
	struct part *part = &r->parts[r->next];

	if (r->next == r->part_count) {
		start_whole(r);
		return;
	}
	if (target_driver_init(&r->driver, r->build, &part->target->spec,
		    IW_PURPOSE_COVER, farm->world.driver, NULL, &r->err) < 0) {
		finish(r);
		return;
	}
	target_driver_set_what(&r->driver,
		iw_fmt("%s/%s, " COVER_FLAVOUR, adapter_of(r)->name,
			part->target->spec.name));
	r->state = PROFILING;
	spec.driver = r->driver.spec;
	spec.driver.timeout_ms *= PATIENCE;
	spec.target_id = part->target->triage.id;
	spec.dir = part->profiles;
	r->profile = corpus_profile_start(&spec, on_profile, r);
}

/* -- what is needed ----------------------------------------------------------------- */

static void on_read(struct iw_git_req *req)
{
	struct cover_round *r = req->ctx;

	if (!is_over(r, req->rc < 0 ? &req->err : NULL))
		next_part(r);
}

/* Git thread. */
static int read_source(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct cover_round *r = ctx;
	size_t i;
	int rc = iw_dir_remove(r->scratch, err);

	for (i = 0; rc == 0 && i < r->part_count; i++)
		rc = iw_dir_make(r->parts[i].out, err);
	if (rc == 0)
		rc = iw_git_export(repo, snapshot_of(r)->tree, r->source, err);
	return rc < 0 ? rc : staged_lines_read(repo, snapshot_of(r), &r->lines, err);
}

/* Targets that have units, and a program in this build. */
static void find_parts(struct cover_round *r)
{
	const struct farm_project *p = r->project;
	size_t i;

	r->parts = iw_calloc(p->target_count + 1, sizeof *r->parts);
	for (i = 0; i < p->target_count; i++) {
		struct farm_target *t = p->targets[i];
		char *program = target_binary(r->build, &t->spec);
		struct part *part = &r->parts[r->part_count];

		if (!program || t->state != FARM_TARGET_READY || t->units == 0) {
			free(program);
			continue;
		}
		*part = (struct part){.target = t, .program = program};
		part->profiles = iw_fmt("%s/profiles/%zu", r->scratch, r->part_count);
		part->out = iw_fmt("%s/targets/%s", r->fresh, t->spec.name);
		r->part_count++;
	}
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct cover_round *r = req->ctx;

	if (is_over(r, err))
		return;
	if (!build->is_ok) {
		_auto_free_ char *error = build_error_words(build);

		iw_err_set(&r->err, IW_EJOB, "its %s build failed: %s", COVER_FLAVOUR,
			error);
		r->result.is_hopeless = true;
		finish(r);
		return;
	}
	r->build = build;
	find_parts(r);
	r->state = READING;
	r->git_req = (struct iw_git_req){.run = read_source, .ctx = r, .done = on_read};
	iw_git_submit(project_git(r->project->project), &r->git_req);
}

/* Writer thread. */
static int ask(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct cover_round *r = ctx;
	char snapshot[IW_GIT_HEX];
	int64_t units;
	int rc = coverage_db_whole(
		dbc, project_id(r->project->project), snapshot, &units, err);

	r->is_same = rc == 1 && units == r->result.units &&
		strcmp(snapshot, snapshot_of(r)->commit) == 0;
	return rc < 0 ? rc : 0;
}

static void on_asked(struct iw_db_req *req)
{
	struct cover_round *r = req->ctx;
	struct iw_builder builder = project_builder(r->project->project);

	if (r->is_same)
		finish(r);
	if (r->is_same || is_over(r, &req->err))
		return;
	r->state = BUILDING;
	r->build_req = (struct iw_build_req){
		.adapter_id = project_id(r->project->project),
		.flavour = COVER_FLAVOUR,
		.done = on_built,
		.ctx = r,
	};
	snprintf(r->build_req.tree, sizeof r->build_req.tree, "%s", snapshot_of(r)->tree);
	builder.build(builder.ctx, &r->build_req);
}

struct cover_round *cover_round_start(
	struct farm_project *project, cover_round_done_cb done, void *ctx)
{
	struct cover_round *r = iw_calloc(1, sizeof *r);
	size_t i;

	r->farm = project->farm;
	r->project = project;
	r->done = done;
	r->ctx = ctx;
	/* No adapter has a name with a dot in front. */
	r->scratch = iw_path_join(r->farm->world.state->coverage, ".making");
	r->source = iw_path_join(r->scratch, "src");
	r->fresh = iw_path_join(r->scratch, "fresh");
	for (i = 0; i < project->target_count; i++)
		if (project->targets[i]->state == FARM_TARGET_READY)
			r->result.units += project->targets[i]->units;
	r->db_req = (struct iw_db_req){.run = ask, .ctx = r, .done = on_asked};
	iw_db_submit(r->farm->db, &r->db_req);
	return r;
}

void cover_round_stop(struct cover_round *r)
{
	struct iw_builder builder = project_builder(r->project->project);

	r->is_stopped = true;
	if (r->state == BUILDING)
		builder.stop(builder.ctx, &r->build_req);
	if (r->profile)
		corpus_profile_stop(r->profile);
	if (r->report && r->state != PUBLISHING && r->state != STORING)
		cover_report_stop(r->report);
}

void cover_round_free(struct cover_round *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->part_count; i++) {
		free(r->parts[i].program);
		free(r->parts[i].profiles);
		free(r->parts[i].out);
		staged_reach_free(r->parts[i].reach, snapshot_of(r)->count);
	}
	free(r->parts);
	clear_lists(r);
	cover_report_free(r->report);
	staged_reach_free(r->reach, snapshot_of(r)->count);
	staged_lines_fini(&r->lines);
	free(r->what);
	free(r->scratch);
	free(r->source);
	free(r->fresh);
	free(r);
}
