/*
 * One slice: one engine on one build of one target for a while.
 *
 * The happy path: the distilled corpus is written into the job's work/ on the pool; the
 * job runs; every second its corpus folder is scanned and its log read; it ends; a final
 * scan takes what is left, its artifacts become crashes, its totals are added, its folder
 * goes.
 *
 *	PREPARING --> RUNNING <--> SCANNING (still running)
 *	                  \--> job ended --> FINAL SCAN --> ARTIFACTS --> TOTALS --> end
 *
 * The failures: what cannot be stored (disk full) is tried again every few seconds; when
 * the farm ends before that works, the folder stays and the next start sweeps it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/project_db.h"
#include "adapters/staged_db.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/job_record.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "slice_room.h"

#include "base/banned.h"

#define LOG_TAIL ((size_t)16 << 10)
/* Between two starts of one target, and after starts that failed. */
#define START_REST_MS 300
#define BACKOFF_MAX_MS 60000
#define LOST_MAX_MS 5000
#define FAILURES_MAX 5

static void finish_scan(struct slice *s);

static void unlink_slice(struct slice *s)
{
	struct slice **at = &s->farm->slices;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	at = &s->target->slices_now;
	while (*at != s)
		at = &(*at)->next_of_target;
	*at = s->next_of_target;
}

void slice_end(struct slice *s, bool keep_folder)
{
	struct farm *farm = s->farm;
	size_t i;

	unlink_slice(s);
	s->target->engines--;
	s->lane->share->running--;
	farm_inbox_fini(&s->inbox);
	if (keep_folder)
		iw_job_leave(s->job);
	else
		iw_job_free(s->job);
	corpus_scan_free(s->scan);
	iw_timer_free(s->retry);
	for (i = 0; i < s->artifact_count; i++)
		free(s->artifacts[i].name);
	free(s->artifacts);
	free(s->corpus_dir);
	free(s->handout_inbox);
	free(s->kept_path);
	iw_ids_fini(&s->campaigns);
	free(s);
	farm_advance(farm);
}

/* What the others found and this slice was given, and what of it was new to it. An engine
 * whose queue does not say so begins with the others' finds in its corpus. */
static int64_t received_of(const struct slice *s)
{
	return s->received + s->inbox.given;
}

static int64_t kept_of(const struct slice *s)
{
	int64_t kept = s->kept + s->progress.kept + (s->is_resumed ? 0 : s->received);

	return kept < received_of(s) ? kept : received_of(s);
}

/* It passes; the target has done nothing. */
static bool is_machines_fault(const struct slice *s)
{
	return s->exit.class == IW_EXIT_LOST || s->exit.class == IW_EXIT_SPAWN_FAILED;
}

static int add_totals(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct slice *s = ctx;
	struct project_target_totals more = {
		.executions = s->progress.executions,
		.core_ms = iw_exit_cpu_us(&s->exit) / 1000,
		.found_ms = s->target->found_ms,
	};
	struct project_engine_totals mine = {
		.engine = s->engine->name,
		.executions = more.executions,
		.core_ms = more.core_ms,
		.received = received_of(s),
		.kept = kept_of(s),
	};
	struct staged_work work = {
		.build_id = s->lane->build->id,
		.target_id = s->target->triage.id,
		.engine = s->engine->name,
		.executions = more.executions,
		.core_ms = more.core_ms,
	};
	int rc;

	if (s->has_failed && !is_machines_fault(s)) {
		more.failures = 1;
		more.failed_ms = iw_time_wall_ms();
		more.failure = s->exit.words;
	}
	rc = project_db_add_totals(dbc, s->target->triage.id, &more, err);
	if (rc == 0)
		rc = project_db_add_engine(dbc, s->target->triage.id, &mine, err);
	if (rc == 0)
		rc = staged_db_add(dbc, &work, err);
	if (rc == 0)
		rc = slice_store_bill(s, dbc, err);
	return rc < 0 ? rc
		      : farm_campaigns_add(
				dbc, &s->campaigns, more.executions, more.core_ms, err);
}

static void on_totals(struct iw_db_req *req)
{
	struct slice *s = req->ctx;
	int64_t core_ms = iw_exit_cpu_us(&s->exit) / 1000;
	struct farm_share *share = s->lane->share;

	if (req->err.code)
		iw_warn("totals of a slice are lost", S("error", req->err.msg));
	else
		farm_campaigns_note(s->farm, &s->campaigns, core_ms);
	s->target->executions_before += s->progress.executions;
	share->executions += s->progress.executions;
	share->received += received_of(s);
	share->kept += kept_of(s);
	share->core_ms += core_ms;
	s->progress.executions = 0;
	s->target->core_ms += core_ms;
	s->lane->fuzz_core_ms += core_ms;
	if (s->engine->keeps_finds && !s->has_failed)
		farm_keep(s->farm, iw_job_work(s->job), s->engine, s->target->triage.id);
	slice_end(s, false);
}

void slice_add_totals(struct slice *s)
{
	s->db_req = (struct iw_db_req){.run = add_totals, .ctx = s, .done = on_totals};
	iw_db_submit(s->farm->db, &s->db_req);
}

/* The target is fine: libFuzzer works on it. */
static void note_failure(struct slice *s)
{
	struct farm_lane *lane = s->lane;

	lane->fuzz_from_ms = iw_time_mono_ms() + BACKOFF_MAX_MS / 4;
	if (++lane->failures < FAILURES_MAX)
		return;
	lane->is_out = true;
	farm_say(s->farm, "%s: %s cannot work on it (%s); it is fuzzed without",
		s->target->spec.name, s->engine->name, s->exit.words);
}

static void back_off(struct farm_target *t, int64_t max_ms)
{
	t->backoff_ms = t->backoff_ms * 4 < max_ms ? t->backoff_ms * 4 : max_ms;
}

/* A target whose engine cannot work at all must not spin. */
static void note_end(struct slice *s)
{
	struct farm_target *t = s->target;
	int64_t now = iw_time_mono_ms();

	if (s->exit.class == IW_EXIT_TIMEOUT) {
		iw_warn("an engine had to be ended", S("target", t->spec.name),
			S("how", s->exit.words));
		farm_say(s->farm, "an engine on %s was ended: it %s", t->spec.name,
			s->exit.words);
	}
	s->has_failed =
		s->engine->end(&s->exit, s->artifact_count > 0) == ENGINE_END_FAILED;
	if (!s->has_failed) {
		t->failures = s->lane->failures = 0;
		t->backoff_ms = START_REST_MS;
		slice_give_way(s, now);
	} else if (is_machines_fault(s)) {
		iw_warn("an engine was lost", S("target", t->spec.name),
			S("how", s->exit.words));
		if (t->backoff_ms == START_REST_MS)
			farm_say(s->farm, "an engine on %s is started again: %s",
				t->spec.name, s->exit.words);
		back_off(t, LOST_MAX_MS);
	} else {
		_auto_free_ char *log = NULL;
		size_t len = 0;

		iw_job_log_read(s->job, 600, &log, &len, NULL);
		iw_warn("an engine could not work", S("target", t->spec.name),
			S("flavour", s->lane->build->flavour), S("how", s->exit.words),
			S("log", log ? log : ""));
		if (!san_flavour_can_judge(san_flavour_find(s->lane->build->flavour))) {
			note_failure(s);
			return;
		}
		back_off(t, BACKOFF_MAX_MS);
		if (++t->failures >= FAILURES_MAX)
			farm_target_broken(t, s->exit.words);
	}
	t->not_before_ms = now + t->backoff_ms;
}

void slice_retry(struct slice *s, iw_timer_cb again)
{
	bool is_late = s->farm->phase == FARM_DRAINING &&
		iw_time_mono_ms() >= s->farm->drain_ends_ms;

	if ((is_late || s->farm->stops > 1 || s->farm->err.code) && !s->is_storing) {
		iw_warn("an engine's folder is kept for the next start",
			S("dir", iw_job_dir(s->job)));
		slice_end(s, true);
		return;
	}
	s->retry = iw_timer_new(s->farm->world.loop, again, s);
	iw_timer_start(s->retry, SLICE_RETRY_MS, 0);
}

static void scan(struct slice *s, bool is_final);

static void on_retry_scan(void *ctx)
{
	struct slice *s = ctx;

	iw_timer_free(s->retry);
	s->retry = NULL;
	scan(s, true);
}

static void on_scanned(struct corpus_ingest *ingest)
{
	struct slice *s = ingest->ctx;
	bool has_more = ingest->found.has_more;
	struct iw_err err = ingest->err;

	s->is_scanning = false;
	if (ingest->added > 0) {
		farm_units_added(s->target, ingest->added);
		farm_finds_note(s->target, s->lane->share, &ingest->found);
	}
	corpus_found_fini(&ingest->found);
	if (slice_left(s))
		return;
	if (err.code && farm_is_folder(iw_job_work(s->job), s->engine->find_dir))
		farm_say(s->farm, "units of %s could not be stored yet: %s",
			s->target->spec.name, err.msg);
	if (!s->has_ended || farm_inbox_is_busy(&s->inbox))
		return; /* the next tick looks again, or the inbox says when */
	if (err.code && !farm_is_folder(iw_job_work(s->job), s->engine->find_dir))
		finish_scan(
			s); /* the target took it away: there is nothing to wait for */
	else if (err.code)
		slice_retry(s, on_retry_scan);
	else if (has_more || !s->is_final)
		scan(s, true);
	else
		finish_scan(s);
}

static void scan(struct slice *s, bool is_final)
{
	s->is_scanning = true;
	s->is_final = is_final;
	s->ingest = (struct corpus_ingest){
		.loop = s->farm->world.loop,
		.db = s->farm->db,
		.packs = s->farm->packs,
		.scan = s->scan,
		.target_id = s->target->triage.id,
		.origin = CORPUS_ORIGIN_FUZZ,
		.is_final = is_final,
		.done = on_scanned,
		.ctx = s,
	};
	corpus_ingest_start(&s->ingest);
}

/* One of the engine's own files, in the folder that the target can write to. */
static char *read_own_file(const char *work, const char *path, size_t *len)
{
	const char *name = iw_path_base(path);
	_auto_free_ char *dir = iw_strndup(path, (size_t)(name - path));
	char *text = NULL;

	return farm_artifact_read(work, dir, name, &text, len, NULL) == 0 ? text : NULL;
}

void farm_progress_read(const char *dir, const struct engine_ops *engine,
	struct engine_progress *progress)
{
	_auto_free_ char *log = NULL, *work = iw_path_join(dir, "work");
	char *files[ENGINE_PROGRESS_FILES] = {NULL};
	const char *const *path = engine->progress_files;
	struct engine_said said = {0};
	size_t i;

	if (iw_job_record_log(dir, LOG_TAIL, &log, &said.log_len, NULL) < 0)
		return;
	said.log = log;
	for (i = 0; i < ENGINE_PROGRESS_FILES && path && path[i]; i++) {
		files[i] = read_own_file(work, path[i], &said.files[i].len);
		said.files[i].text = files[i];
	}
	engine->progress(&said, progress);
	for (i = 0; i < ENGINE_PROGRESS_FILES; i++)
		free(files[i]);
}

static void read_progress(struct slice *s)
{
	farm_progress_read(iw_job_dir(s->job), s->engine, &s->progress);
	if (s->progress.stability >= 0)
		s->lane->share->stability = s->progress.stability;
}

static void on_retry_list(void *ctx)
{
	struct slice *s = ctx;

	iw_timer_free(s->retry);
	s->retry = NULL;
	finish_scan(s);
}

/* The corpus is stored; now what crashed. */
static void finish_scan(struct slice *s)
{
	struct iw_err err = IW_ERR_INIT;

	if (slice_list_artifacts(s, &err) < 0) {
		farm_say(s->farm, "crashes of %s could not be stored yet: %s",
			s->target->spec.name, err.msg);
		slice_retry(s, on_retry_list);
		return;
	}
	note_end(s);
	slice_list_samples(s);
	s->is_closing = true;
	if (!s->is_storing)
		slice_next_artifact(s);
}

void slice_on_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct slice *s = ctx;

	s->has_ended = true;
	s->is_running = false;
	s->exit = *exit;
	read_progress(s);
	s->progress.per_second = 0;
	iw_debug("slice ended", S("job", iw_job_id(job)),
		S("target", s->target->spec.name), S("how", exit->words),
		I("executions", s->progress.executions));
	if (!s->is_scanning && !farm_inbox_is_busy(&s->inbox))
		scan(s, true);
}

void slice_on_inbox_idle(void *ctx)
{
	struct slice *s = ctx;

	if (slice_left(s))
		return;
	if (s->has_ended && !s->is_scanning)
		scan(s, true);
}

bool slice_left(struct slice *s)
{
	if (!s->farm->is_leaving || !s->is_running || !iw_job_is_running(s->job) ||
		s->is_scanning || s->is_storing || farm_inbox_is_busy(&s->inbox))
		return false;
	iw_job_let_go(iw_steal(&s->job));
	slice_end(s, true);
	return true;
}

void farm_slices_leave(struct farm *farm)
{
	struct slice *s, *next;

	for (s = farm->slices; s; s = next) {
		next = s->next;
		s->is_stopping = true;
		if (s->is_running && !iw_job_is_running(s->job))
			iw_job_stop(s->job); /* it waits for a slot */
		else
			slice_left(s);
	}
}

static void end_early(struct slice *s)
{
	s->is_stopping = true;
	if (s->is_running)
		iw_job_stop(s->job);
}

void farm_slices_stop(struct farm *farm)
{
	struct slice *s;

	for (s = farm->slices; s; s = s->next)
		end_early(s);
}

void farm_slices_tick(struct farm *farm)
{
	struct slice *s;

	for (s = farm->slices; s; s = s->next) {
		if (!s->is_running || !iw_job_is_running(s->job))
			continue;
		read_progress(s);
		farm_inbox_tick(&s->inbox);
		/* The engine may not have made it yet, or the target has removed it. */
		if (!s->is_scanning &&
			farm_is_folder(iw_job_work(s->job), s->engine->find_dir))
			scan(s, false);
		if (s->engine->goes_on && !s->is_storing) {
			slice_list_artifacts(s, NULL);
			slice_next_artifact(s);
		}
	}
}

/* An engine has one core, so it took no more than the time that passed. */
static int64_t core_ms_at_most(const struct slice *s, int64_t now)
{
	int64_t since = s->is_running ? iw_job_since_ms(s->job) : 0;

	if (s->has_ended)
		return iw_exit_cpu_us(&s->exit) / 1000;
	if (s->cpu_at_ms > since)
		since = s->cpu_at_ms;
	return since && now > since ? s->cpu_ms + now - since : s->cpu_ms;
}

static void ask_for_cpu(struct slice *s, int64_t now)
{
	int64_t cpu = s->is_running && !s->has_ended ? iw_job_cpu_ms(s->job) : -1;

	if (cpu < 0)
		return;
	s->cpu_ms = cpu;
	s->cpu_at_ms = now;
}

void farm_slices_each(struct farm *farm,
	void (*each)(void *ctx, struct farm_running *running), void *ctx)
{
	int64_t now = iw_time_wall_ms();
	struct slice *s;

	for (s = farm->slices; s; s = s->next) {
		struct farm_running r = {
			.target = s->target,
			.campaigns = &s->campaigns,
			.core_ms = core_ms_at_most(s, now),
		};

		each(ctx, &r);
		if (r.wants_core)
			ask_for_cpu(s, now);
		if (r.ends && !s->has_ended && !s->is_stopping)
			end_early(s);
	}
}

bool farm_slices_give(const struct farm_target *target, const struct farm_share *share,
	const struct farm_gift *gift)
{
	bool is_given = false;
	struct slice *s;

	for (s = target->slices_now; s; s = s->next_of_target) {
		if (s->lane->share != share || !s->is_running)
			continue;
		farm_inbox_put(&s->inbox, gift);
		farm_inbox_tick(&s->inbox);
		is_given = true;
	}
	return is_given;
}

void farm_slices_look(const struct farm_target *target, const struct farm_share *share,
	struct farm_engine_view *view)
{
	const struct slice *s;

	for (s = target->slices_now; s; s = s->next_of_target) {
		if (s->lane->share != share)
			continue;
		view->executions += s->progress.executions;
		view->received += received_of(s);
		view->kept += kept_of(s);
		if (s->is_running)
			view->per_second += s->progress.per_second;
	}
}

const char *farm_slices_why(const struct farm *farm, const struct iw_job *job)
{
	const struct slice *s;

	for (s = farm->slices; s; s = s->next)
		if (s->job == job)
			return s->why;
	return NULL;
}

int64_t farm_target_per_second(const struct farm_target *target)
{
	const struct slice *s;
	int64_t n = 0;

	for (s = target->slices_now; s; s = s->next_of_target)
		if (s->is_running)
			n += s->progress.per_second;
	return n;
}

int64_t farm_target_executions(const struct farm_target *target)
{
	const struct slice *s;
	int64_t n = target->executions_before;

	for (s = target->slices_now; s; s = s->next_of_target)
		n += s->progress.executions;
	return n;
}

const char *farm_target_flavour(const struct farm_target *target)
{
	const struct slice *s;

	for (s = target->slices_now; s; s = s->next_of_target)
		if (s->is_running)
			return s->lane->build->flavour;
	return NULL;
}
