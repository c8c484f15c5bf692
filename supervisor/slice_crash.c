/* The crashes of a slice, from the engine's folders to triage, one after the other. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "slice_room.h"

#include "base/banned.h"

#define REPORT_MAX ((size_t)256 << 10)
/* A slice that found a crash sooner has seen little else. */
#define AT_ONCE_MS 5000

int farm_artifact_read(const char *work, const char *dir, const char *name, char **data,
	size_t *len, struct iw_err *err)
{
	_auto_close_ int fd = iw_dir_open_below(work, dir, err);

	if (fd < 0)
		return fd;
	return iw_file_read_foreign_at(fd, name, CORPUS_UNIT_MAX, data, len, err);
}

bool farm_is_folder(const char *work, const char *dir)
{
	_auto_close_ int fd = iw_dir_open_below(work, dir, NULL);

	return fd >= 0;
}

static void on_retry_artifact(void *ctx)
{
	struct slice *s = ctx;

	iw_timer_free(s->retry);
	s->retry = NULL;
	slice_next_artifact(s);
}

static void on_artifact_stored(void *ctx, const struct iw_err *err)
{
	struct slice *s = ctx;

	s->is_storing = false;
	if (slice_left(s))
		return; /* this one as well is still in the engine's folder */
	if (err) {
		farm_say(s->farm, "a crash of %s could not be stored yet: %s",
			s->target->spec.name, err->msg);
		if (s->is_closing)
			slice_retry(s, on_retry_artifact);
		return; /* or with the next tick */
	}
	s->target->crashes++;
	s->artifact_at++;
	slice_next_artifact(s);
}

static bool is_sample(const struct artifact *a)
{
	return strcmp(a->dir, ENGINE_SHIELD_DIR) == 0;
}

void slice_next_artifact(struct slice *s)
{
	_auto_free_ char *input = NULL, *report = NULL;
	struct triage_crash crash = {
		.target = &s->target->triage,
		.build_id = s->lane->build->id,
		.flavour = s->lane->build->flavour,
		.build_dir = s->lane->build->dir,
	};
	struct iw_err err = IW_ERR_INIT;
	size_t report_len = 0;
	struct iw_sha256 sha;
	struct artifact *a;
	int rc;

	if (s->artifact_at == s->artifact_count && !s->is_closing)
		return; /* the engine goes on */
	if (s->artifact_at == s->artifact_count) {
		slice_add_totals(s);
		return;
	}
	a = &s->artifacts[s->artifact_at];
	rc = farm_artifact_read(
		iw_job_work(s->job), a->dir, a->name, &input, &crash.len, &err);
	if (rc == IW_EINVAL || rc == IW_ENOENT) {
		iw_warn("an artifact cannot be read", S("error", err.msg));
		s->artifact_at++;
		slice_next_artifact(s);
		return;
	}
	if (rc < 0) {
		on_artifact_stored(s, &err);
		return;
	}
	/* An engine that goes on has printed nothing about it. */
	if (s->engine->goes_on || is_sample(a) ||
		iw_job_log_read(s->job, REPORT_MAX, &report, &report_len, NULL) < 0)
		report = iw_strdup("");
	crash.kind = is_sample(a)
		? engine_artifact_name(ENGINE_ARTIFACT_CRASH)
		: engine_artifact_name(s->engine->artifact(a->dir, a->name));
	crash.input = input;
	sha = iw_sha256(crash.input, crash.len);
	a->death = slice_death_of(&crash, &sha);
	crash.report = report;
	crash.report_len = report_len;
	s->is_storing = true;
	triage_submit(s->farm->triage, &crash, on_artifact_stored, s);
}

/* The engine may still be writing it. */
static bool is_fresh(const struct slice *s, const char *name)
{
	_auto_close_ int fd =
		iw_dir_open_below(iw_job_work(s->job), s->artifact_dir, NULL);
	struct stat st;

	return fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		iw_time_wall_ms() - (int64_t)st.st_mtim.tv_sec * 1000 <
		CORPUS_SCAN_SETTLE_MS;
}

static int take_artifact(void *ctx, const char *name)
{
	struct slice *s = ctx;
	size_t i;

	if (s->engine->artifact(s->artifact_dir, name) == ENGINE_ARTIFACT_NONE)
		return 0;
	for (i = 0; i < s->artifact_count; i++)
		if (s->artifacts[i].dir == s->artifact_dir &&
			strcmp(s->artifacts[i].name, name) == 0)
			return 0;
	if (s->artifact_count == FARM_ARTIFACTS_MAX) {
		iw_warn("a slice left more artifacts than any engine does",
			S("target", s->target->spec.name), I("kept", FARM_ARTIFACTS_MAX));
		return 1;
	}
	if (!s->has_ended && is_fresh(s, name))
		return 0;
	iw_grow(s->artifacts, s->artifact_count, s->artifact_cap);
	s->artifacts[s->artifact_count++] =
		(struct artifact){.dir = s->artifact_dir, .name = iw_strdup(name)};
	return 0;
}

int slice_list_artifacts(struct slice *s, struct iw_err *err)
{
	const char *const *dir;
	int rc = 0;

	for (dir = s->engine->artifact_dirs; rc >= 0 && *dir; dir++) {
		s->artifact_dir = *dir;
		if (farm_is_folder(iw_job_work(s->job), *dir))
			rc = iw_dir_each_below(iw_job_work(s->job), *dir,
				FARM_ENTRIES_MAX, take_artifact, s, err);
	}
	return rc < 0 ? rc : 0;
}

static int take_sample(void *ctx, const char *name)
{
	struct slice *s = ctx;

	if (!engine_shield_is_sample(name) || s->artifact_count == FARM_ARTIFACTS_MAX)
		return 0;
	iw_grow(s->artifacts, s->artifact_count, s->artifact_cap);
	s->artifacts[s->artifact_count++] =
		(struct artifact){.dir = ENGINE_SHIELD_DIR, .name = iw_strdup(name)};
	return 0;
}

void slice_list_samples(struct slice *s)
{
	if (farm_is_folder(iw_job_work(s->job), ENGINE_SHIELD_DIR))
		iw_dir_each_below(iw_job_work(s->job), ENGINE_SHIELD_DIR,
			FARM_ENTRIES_MAX, take_sample, s, NULL);
}

int slice_store_bill(struct slice *s, struct iw_dbc *dbc, struct iw_err *err)
{
	_auto_free_ struct slice_death *deaths =
		iw_calloc(s->artifact_count + 1, sizeof *deaths);
	struct engine_shield shield;
	struct slice_bill bill = {
		.target_id = s->target->triage.id,
		.build_id = s->lane->build->id,
		.engine = s->engine,
		.shield = &shield,
		.deaths = deaths,
		.timeout_us = s->timeout_s * 1000000,
		.cpu_us = iw_exit_cpu_us(&s->exit),
	};
	size_t i;

	engine_shield_read(iw_job_work(s->job), &shield);
	for (i = 0; i < s->artifact_count; i++)
		if (strcmp(s->artifacts[i].dir, ENGINE_SHIELD_DIR) != 0 &&
			s->artifacts[i].death.input)
			deaths[bill.death_count++] = s->artifacts[i].death;
	return slice_bill_store(dbc, &bill, err);
}

static bool can_other_fuzz(const struct slice *s)
{
	const struct farm_target *t = s->target;
	size_t i;

	for (i = 0; i < t->lane_count; i++)
		if (&t->lanes[i] != s->lane && t->lanes[i].share && !t->lanes[i].is_out &&
			t->lanes[i].deaths == 0)
			return true;
	return false;
}

void slice_give_way(struct slice *s, int64_t now)
{
	struct farm_lane *lane = s->lane;

	if (s->artifact_count == 0 || s->engine->goes_on ||
		now - s->began_ms >= AT_ONCE_MS) {
		lane->deaths = 0;
		return;
	}
	lane->deaths++;
	if (can_other_fuzz(s))
		lane->fuzz_from_ms = now + slice_rest_ms(lane->deaths);
}
