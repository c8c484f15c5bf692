/*
 * What a process that is gone left in jobs/. Engines that live are noted, to be adopted;
 * other keepers are stopped, and the units and crashes of engines that have ended go into
 * the store before the folder goes. Blocks; runs before the loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/job_record.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "corpus/ingest.h"
#include "farm_room.h"

#include "base/banned.h"

#define REPORT_MAX ((size_t)256 << 10)

struct sweep {
	struct farm *farm;
	struct iw_dbc *dbc;
	struct iw_err *err;
	size_t folders, units, crashes;
};

/* One engine's folder. */
struct remains {
	struct sweep *sweep;
	const char *dir;
	char *work;
	const char *artifact_dir;
	const struct engine_ops *engine;
	int64_t target_id, build_id;
	size_t artifacts;
};

static int store_artifact(void *ctx, const char *name)
{
	struct remains *r = ctx;
	struct triage_target target = {.id = r->target_id};
	struct triage_crash crash = {.target = &target, .build_id = r->build_id};
	_auto_free_ char *input = NULL, *report = NULL;
	struct iw_err why = IW_ERR_INIT;
	struct iw_sha256 hash;
	int64_t id;
	int rc;

	if (r->engine->artifact(r->artifact_dir, name) == ENGINE_ARTIFACT_NONE)
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
		return iw_err_copy(r->sweep->err, &why);
	if (iw_job_record_log(r->dir, REPORT_MAX, &report, &crash.report_len, NULL) < 0)
		report = iw_strdup("");
	crash.kind = engine_artifact_name(r->engine->artifact(r->artifact_dir, name));
	crash.input = input;
	crash.report = report;
	rc = triage_store(r->sweep->dbc, r->sweep->farm->world.state->artifacts, &crash,
		&id, &hash, r->sweep->err);
	if (rc == 0)
		r->sweep->crashes++;
	return rc < 0 ? rc : 0;
}

static int store_artifacts(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct remains *r = ctx;
	const char *const *dir;
	int rc = 0;

	(void)dbc;
	for (dir = r->engine->artifact_dirs; rc == 0 && *dir; dir++) {
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

	return r->engine->unit(name) == ENGINE_UNIT_FOUND;
}

static int store_finds(struct remains *r)
{
	struct corpus_scan *scan = corpus_scan_new_below(r->work, r->engine->find_dir);
	struct corpus_swept swept = {0};
	int rc;

	corpus_scan_filter(scan, is_found, r);
	rc = corpus_ingest_scan_sync(r->sweep->dbc, r->sweep->farm->packs, r->target_id,
		CORPUS_ORIGIN_FUZZ, scan, &swept, r->sweep->err);
	r->sweep->units += swept.added;
	iw_freep(&swept.ids);
	return rc;
}

static int sweep_engine(struct remains *r)
{
	int rc = 0;

	r->work = iw_path_join(r->dir, "work");
	if (farm_is_folder(r->work, r->engine->find_dir))
		rc = store_finds(r);
	if (rc >= 0)
		rc = iw_db_tx(r->sweep->dbc, store_artifacts, r, r->sweep->err);
	if (rc >= 0 && r->engine->keeps_finds)
		farm_keep(r->sweep->farm, r->work, r->engine, r->target_id);
	free(iw_steal(&r->work));
	return rc < 0 ? rc : 0;
}

static int sweep_folder(void *ctx, const char *dir, const char *about)
{
	struct sweep *s = ctx;
	_auto_(iw_json_freep) json_t *json = about ? json_loads(about, 0, NULL) : NULL;
	const char *engine = json_string_value(json_object_get(json, "engine"));
	struct remains r = {
		.sweep = s,
		.dir = dir,
		.engine = engine ? engine_find(engine) : NULL,
		.target_id = json_integer_value(json_object_get(json, "target")),
		.build_id = json_integer_value(json_object_get(json, "build")),
	};

	s->folders++;
	/* Everything but engines can be made again. */
	return r.engine ? sweep_engine(&r) : 0;
}

static bool note_living(void *ctx, const char *dir, const char *about)
{
	struct sweep *s = ctx;

	return farm_note_living(s->farm, dir, about);
}

int farm_sweep(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err)
{
	struct iw_err why = IW_ERR_INIT;
	struct sweep s = {.farm = farm, .dbc = dbc, .err = &why};
	struct iw_jobs_recovery recovery = {
		.ctx = &s, .lives = note_living, .found = sweep_folder};
	int rc = iw_jobs_recover(farm->world.state->jobs, &recovery, err);

	if (rc == 0 && why.code)
		rc = iw_err_copy(err, &why);
	if (rc < 0)
		return iw_err_wrap(err, "taking over what an earlier run left");
	if (s.folders > 0) {
		iw_info("earlier run swept", I("folders", s.folders), I("units", s.units),
			I("crashes", s.crashes));
		farm_say(farm, "taken over from an earlier run: %zu units, %zu crashes",
			s.units, s.crashes);
	}
	return 0;
}
