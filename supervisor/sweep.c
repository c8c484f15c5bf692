/*
 * What a process that is gone left in jobs/. Engines that live are noted, to be adopted;
 * other keepers are stopped, and the units and crashes of engines that have ended go into
 * the store before the folder goes. Blocks; runs before the loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "adapters/staged_db.h"
#include "base/file.h"
#include "base/job_record.h"
#include "base/log.h"
#include "base/mem.h"
#include "corpus/ingest.h"
#include "corpus/unit_db.h"
#include "farm_room.h"
#include "slice_shield.h"

#include "base/banned.h"

#define REPORT_MAX ((size_t)256 << 10)

/* One engine's folder. */
struct remains {
	struct farm *farm;
	struct iw_dbc *dbc;
	struct farm_swept *swept;
	const char *dir;
	char *work;
	const char *artifact_dir;
	struct farm_about about;
	size_t artifacts;
	struct slice_death *deaths;
	size_t death_count, death_cap;
	struct iw_err *err;
};

static int store_artifact(void *ctx, const char *name)
{
	struct remains *r = ctx;
	struct farm_swept *swept = r->swept;
	struct triage_target target = {.id = r->about.target_id};
	struct triage_crash crash = {.target = &target, .build_id = r->about.build_id};
	_auto_free_ char *input = NULL, *report = NULL;
	struct iw_err why = IW_ERR_INIT;
	struct iw_sha256 hash;
	int64_t id;
	int rc;

	if (r->about.engine->artifact(r->artifact_dir, name) == ENGINE_ARTIFACT_NONE)
		return 0;
	if (r->artifacts++ == FARM_ARTIFACTS_MAX)
		return 1;
	rc = farm_artifact_read(r->work, r->artifact_dir, name, &input, &crash.len, &why);
	if (rc == IW_EINVAL) {
		/* No crash, and no reason to refuse every start from now on. */
		iw_warn("an artifact cannot be read", S("error", why.msg));
		return 0;
	}
	if (rc < 0)
		return iw_err_copy(r->err, &why);
	if (iw_job_record_log(r->dir, REPORT_MAX, &report, &crash.report_len, NULL) < 0)
		report = iw_strdup("");
	crash.kind =
		engine_artifact_name(r->about.engine->artifact(r->artifact_dir, name));
	crash.input = input;
	crash.report = report;
	rc = triage_store(
		r->dbc, r->farm->world.state->artifacts, &crash, &id, &hash, r->err);
	if (rc < 0)
		return rc;
	iw_grow(r->deaths, r->death_count, r->death_cap);
	r->deaths[r->death_count++] = slice_death_of(&crash, &hash);
	if (rc > 0)
		return 0;
	iw_grow(swept->crashes, swept->crash_count, swept->crash_cap);
	swept->crashes[swept->crash_count++] = id;
	return 0;
}

static int store_artifacts(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct remains *r = ctx;
	const char *const *dir;
	int rc = 0;

	(void)dbc;
	for (dir = r->about.engine->artifact_dirs; rc == 0 && *dir; dir++) {
		r->artifact_dir = *dir;
		if (farm_is_folder(r->work, *dir))
			rc = iw_dir_each_below(
				r->work, *dir, FARM_ENTRIES_MAX, store_artifact, r, err);
	}
	return rc < 0 ? rc : 0;
}

static bool is_found(void *ctx, const char *name)
{
	const struct remains *r = ctx;

	return r->about.engine->unit(name) == ENGINE_UNIT_FOUND;
}

static int store_finds(struct remains *r)
{
	struct corpus_scan *scan =
		corpus_scan_new_below(r->work, r->about.engine->find_dir);
	struct corpus_swept swept = {0};
	int rc;

	corpus_scan_filter(scan, is_found, r);
	rc = corpus_ingest_scan_sync(r->dbc, r->farm->packs, r->about.target_id,
		CORPUS_ORIGIN_FUZZ, scan, &swept, r->err);
	r->swept->units += swept.added;
	iw_freep(&swept.ids);
	return rc;
}

/* What a hang took is not known any more. */
static int store_bill(struct remains *r, struct iw_dbc *dbc, int64_t cpu_us)
{
	struct engine_shield shield;
	struct slice_bill bill = {
		.target_id = r->about.target_id,
		.build_id = r->about.build_id,
		.engine = r->about.engine,
		.shield = &shield,
		.deaths = r->deaths,
		.death_count = r->death_count,
		.cpu_us = cpu_us,
	};

	engine_shield_read(r->work, &shield);
	return slice_bill_store(dbc, &bill, r->err);
}

/* How it ended stands in its record, and what it did in its log. */
static int store_totals(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct remains *r = ctx;
	struct engine_progress progress = engine_progress_none;
	struct project_target_totals more = {0};
	struct project_engine_totals mine = {.engine = r->about.engine->name};
	struct iw_exit exit;
	int rc;

	iw_job_record_read(r->dir, "", false, &exit);
	farm_progress_read(r->dir, r->about.engine, &progress);
	more.executions = mine.executions = progress.executions;
	more.core_ms = mine.core_ms = iw_exit_cpu_us(&exit) / 1000;
	iw_info("an engine ended while nobody watched", S("dir", r->dir),
		S("how", exit.words), I("executions", more.executions),
		I("cpu_ms", more.core_ms));
	rc = project_db_add_totals(dbc, r->about.target_id, &more, err);
	if (rc == 0)
		rc = project_db_add_engine(dbc, r->about.target_id, &mine, err);
	if (rc == 0)
		rc = staged_db_add(dbc,
			&(struct staged_work){.build_id = r->about.build_id,
				.target_id = r->about.target_id,
				.engine = mine.engine,
				.executions = more.executions,
				.core_ms = more.core_ms},
			err);
	if (rc == 0)
		rc = store_bill(r, dbc, iw_exit_cpu_us(&exit));
	return rc < 0 ? rc
		      : farm_campaigns_add(dbc, &r->about.campaigns, more.executions,
				more.core_ms, err);
}

int farm_sweep_folder(struct farm *farm, struct iw_dbc *dbc, const char *dir,
	const char *about, struct farm_swept *swept, struct iw_err *err)
{
	_auto_free_ char *work = iw_path_join(dir, "work");
	struct remains r = {.farm = farm,
		.dbc = dbc,
		.swept = swept,
		.dir = dir,
		.work = work,
		.err = err};
	int rc = 0;

	/* Everything but engines can be made again. */
	if (!farm_about_read(about, &r.about))
		return 0;
	if (farm_is_folder(r.work, r.about.engine->find_dir))
		rc = store_finds(&r);
	if (rc >= 0)
		rc = iw_db_tx(dbc, store_artifacts, &r, err);
	if (rc >= 0)
		rc = iw_db_tx(dbc, store_totals, &r, err);
	farm_about_fini(&r.about);
	free(r.deaths);
	return rc < 0 ? rc : 0;
}

void farm_sweep_keep(const struct farm *farm, const char *dir, const char *about)
{
	_auto_free_ char *work = iw_path_join(dir, "work");
	struct farm_about whose;

	if (farm_about_read(about, &whose) && whose.engine->keeps_finds)
		farm_keep(farm, work, whose.engine, whose.target_id);
	farm_about_fini(&whose);
}

/* All folders, at the start. */
struct sweep {
	struct farm *farm;
	struct iw_dbc *dbc;
	struct farm_swept swept;
	size_t folders;
	struct iw_err err;
};

static int sweep_folder(void *ctx, const char *dir, const char *about)
{
	struct sweep *s = ctx;
	int rc = farm_sweep_folder(s->farm, s->dbc, dir, about, &s->swept, &s->err);

	s->folders++;
	if (rc == 0)
		farm_sweep_keep(s->farm, dir, about);
	return rc;
}

static bool note_living(void *ctx, const char *dir, const char *about)
{
	struct sweep *s = ctx;

	return farm_note_living(s->farm, dir, about);
}

static int sweep_all(struct sweep *s, bool adopts, struct iw_err *err)
{
	struct iw_jobs_recovery recovery = {
		.ctx = s, .lives = adopts ? note_living : NULL, .found = sweep_folder};
	int rc = iw_jobs_recover(s->farm->world.state->jobs, &recovery, err);

	free(iw_steal(&s->swept.crashes));
	if (rc == 0 && s->err.code)
		rc = iw_err_copy(err, &s->err);
	if (rc < 0)
		return iw_err_wrap(err, "taking over what an earlier run left");
	if (s->folders > 0)
		iw_info("earlier run swept", I("folders", s->folders),
			I("units", s->swept.units), I("crashes", s->swept.crash_count));
	return 0;
}

int farm_sweep(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err)
{
	struct sweep s = {.farm = farm, .dbc = dbc};
	int rc = sweep_all(&s, true, err);

	if (rc == 0 && s.folders > 0)
		farm_say(farm, "taken over from an earlier run: %zu units, %zu crashes",
			s.swept.units, s.swept.crash_count);
	return rc;
}

int farm_end_leftovers(struct iw_state *state, size_t *jobs, struct iw_err *err)
{
	struct farm farm = {.world = {.state = state}};
	struct sweep s = {.farm = &farm, .dbc = state->dbc};
	int rc = corpus_packs_open(&farm.packs, state->units, err);

	if (rc == 0)
		rc = corpus_units_begin(state->dbc, farm.packs, err);
	if (rc == 0)
		rc = sweep_all(&s, false, err);
	*jobs = s.folders;
	corpus_packs_close(farm.packs);
	return rc;
}
