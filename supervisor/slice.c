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
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "corpus/handout.h"
#include "corpus/ingest.h"
#include "farm_room.h"

#include "base/banned.h"

#define LOG_TAIL ((size_t)16 << 10)
#define REPORT_MAX ((size_t)256 << 10)
#define RETRY_MS 3000
/* A slice in a short run still visits every target several times. */
#define SLICE_MIN_S 5
#define SLICE_MAX_S 300
#define VISITS 4
/* An engine ends at its first finding; AFL++ keeps some. More is the target's own doing.
 */
#define ARTIFACTS_MAX 256
/* Between two starts of one target, and after starts that failed. */
#define START_REST_MS 300
#define BACKOFF_MAX_MS 60000
#define FAILURES_MAX 5
/* The engine ends by itself; the keeper's deadline is for one that does not. */
#define OVERTIME_MS 30000
#define STALL_MS 10000

struct slice {
	struct slice *next;
	struct farm *farm;
	struct farm_target *target;
	struct farm_lane *lane;
	const struct engine_ops *engine;
	struct iw_job *job;
	char *corpus_dir, *artifact_dir;
	int64_t seconds;

	struct iw_work work;
	struct corpus_handout handout;
	struct iw_err err;

	struct corpus_scan *scan;
	struct corpus_ingest ingest;
	bool is_scanning, is_running, is_stopping;
	struct engine_progress progress;

	struct iw_exit exit;
	bool has_ended, is_final;
	char **artifacts; /* names */
	size_t artifact_count, artifact_cap, artifact_at;
	struct iw_db_req db_req;
	struct iw_timer *retry;
};

static void finish_scan(struct slice *s);
static void next_artifact(struct slice *s);

char *farm_about(const struct farm_target *target, const struct iw_build *build,
	const char *engine)
{
	return iw_fmt("{\"target\":%lld,\"build\":%lld,\"engine\":\"%s\"}",
		(long long)target->triage.id, (long long)build->id, engine);
}

int farm_artifact_read(
	const char *dir, const char *name, char **data, size_t *len, struct iw_err *err)
{
	_auto_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP
			? iw_err_set(err, IW_EINVAL, "'%s' is no folder", dir)
			: iw_err_errno(err, errno, "cannot open '%s'", dir);
	return iw_file_read_foreign_at(fd, name, CORPUS_UNIT_MAX, data, len, err);
}

bool farm_is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void unlink_slice(struct slice *s)
{
	struct slice **at = &s->farm->slices;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

static void end(struct slice *s, bool keep_folder)
{
	struct farm *farm = s->farm;
	size_t i;

	unlink_slice(s);
	s->target->engines--;
	if (keep_folder)
		iw_job_leave(s->job);
	else
		iw_job_free(s->job);
	corpus_scan_free(s->scan);
	iw_timer_free(s->retry);
	for (i = 0; i < s->artifact_count; i++)
		free(s->artifacts[i]);
	free(s->artifacts);
	free(s->corpus_dir);
	free(s->artifact_dir);
	free(s);
	farm_advance(farm);
}

static bool has_failed(const struct slice *s)
{
	return s->engine->end(&s->exit, s->artifact_count > 0) == ENGINE_END_FAILED;
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

	if (has_failed(s) && !is_machines_fault(s)) {
		more.failures = 1;
		more.failed_ms = iw_time_wall_ms();
		more.failure = s->exit.words;
	}

	return project_db_add_totals(dbc, s->target->triage.id, &more, err);
}

static void on_totals(struct iw_db_req *req)
{
	struct slice *s = req->ctx;
	int64_t core_ms = iw_exit_cpu_us(&s->exit) / 1000;

	if (req->err.code)
		iw_warn("totals of a slice are lost", S("error", req->err.msg));
	s->target->executions_before += s->progress.executions;
	s->progress.executions = 0;
	s->target->core_ms += core_ms;
	s->lane->fuzz_core_ms += core_ms;
	end(s, false);
}

static void back_off(struct farm_target *t)
{
	t->backoff_ms =
		t->backoff_ms * 4 < BACKOFF_MAX_MS ? t->backoff_ms * 4 : BACKOFF_MAX_MS;
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
	if (!has_failed(s)) {
		t->failures = 0;
		t->backoff_ms = START_REST_MS;
	} else if (is_machines_fault(s)) {
		iw_warn("an engine was lost", S("target", t->spec.name),
			S("how", s->exit.words));
		if (t->backoff_ms == START_REST_MS)
			farm_say(s->farm, "an engine on %s is started again: %s",
				t->spec.name, s->exit.words);
		back_off(t);
	} else {
		_auto_free_ char *log = NULL;
		size_t len = 0;

		iw_job_log_read(s->job, 600, &log, &len, NULL);
		iw_warn("an engine could not work", S("target", t->spec.name),
			S("flavour", s->lane->build->flavour), S("how", s->exit.words),
			S("log", log ? log : ""));
		back_off(t);
		if (++t->failures >= FAILURES_MAX)
			farm_target_broken(t, s->exit.words);
	}
	t->not_before_ms = now + t->backoff_ms;
}

static void on_retry_artifact(void *ctx)
{
	struct slice *s = ctx;

	iw_timer_free(s->retry);
	s->retry = NULL;
	next_artifact(s);
}

/* Storing failed: later again, or never in this process. */
static void retry(struct slice *s, iw_timer_cb again)
{
	bool is_late = s->farm->phase == FARM_DRAINING &&
		iw_time_mono_ms() >= s->farm->drain_ends_ms;

	if (is_late || s->farm->stops > 1 || s->farm->err.code) {
		iw_warn("an engine's folder is kept for the next start",
			S("dir", iw_job_dir(s->job)));
		end(s, true);
		return;
	}
	s->retry = iw_timer_new(s->farm->world.loop, again, s);
	iw_timer_start(s->retry, RETRY_MS, 0);
}

static void on_artifact_stored(void *ctx, const struct iw_err *err)
{
	struct slice *s = ctx;

	if (err) {
		farm_say(s->farm, "a crash of %s could not be stored yet: %s",
			s->target->spec.name, err->msg);
		retry(s, on_retry_artifact);
		return;
	}
	s->target->crashes++;
	s->artifact_at++;
	next_artifact(s);
}

static void next_artifact(struct slice *s)
{
	_auto_free_ char *input = NULL, *report = NULL;
	struct triage_crash crash = {
		.target = &s->target->triage,
		.build_id = s->lane->build->id,
		.flavour = s->lane->build->flavour,
	};
	struct iw_err err = IW_ERR_INIT;
	size_t report_len = 0;
	const char *name;
	int rc;

	if (s->artifact_at == s->artifact_count) {
		s->db_req = (struct iw_db_req){
			.run = add_totals, .ctx = s, .done = on_totals};
		iw_db_submit(s->farm->db, &s->db_req);
		return;
	}
	name = s->artifacts[s->artifact_at];
	rc = farm_artifact_read(s->artifact_dir, name, &input, &crash.len, &err);
	if (rc == IW_EINVAL || rc == IW_ENOENT) {
		iw_warn("an artifact cannot be read", S("error", err.msg));
		s->artifact_at++;
		next_artifact(s);
		return;
	}
	if (rc < 0) {
		on_artifact_stored(s, &err);
		return;
	}
	if (iw_job_log_read(s->job, REPORT_MAX, &report, &report_len, NULL) < 0)
		report = iw_strdup("");
	crash.kind = engine_artifact_name(s->engine->artifact(name));
	crash.input = input;
	crash.report = report;
	crash.report_len = report_len;
	triage_submit(s->farm->triage, &crash, on_artifact_stored, s);
}

static int take_artifact(void *ctx, const char *name)
{
	struct slice *s = ctx;

	if (s->engine->artifact(name) == ENGINE_ARTIFACT_NONE)
		return 0;
	if (s->artifact_count == ARTIFACTS_MAX) {
		iw_warn("a slice left more artifacts than any engine does",
			S("target", s->target->spec.name), I("kept", ARTIFACTS_MAX));
		return 1;
	}
	iw_grow(s->artifacts, s->artifact_count, s->artifact_cap);
	s->artifacts[s->artifact_count++] = iw_strdup(name);
	return 0;
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
	if (ingest->added > 0)
		farm_units_added(s->target, ingest->added);
	corpus_found_fini(&ingest->found);
	if (err.code)
		farm_say(s->farm, "units of %s could not be stored yet: %s",
			s->target->spec.name, err.msg);
	if (!s->has_ended)
		return; /* the next tick looks again */
	if (err.code && !farm_is_folder(s->corpus_dir))
		finish_scan(
			s); /* the target took it away: there is nothing to wait for */
	else if (err.code)
		retry(s, on_retry_scan);
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

static void read_progress(struct slice *s)
{
	_auto_free_ char *log = NULL;
	size_t len;

	if (iw_job_log_read(s->job, LOG_TAIL, &log, &len, NULL) == 0)
		s->engine->progress(log, len, &s->progress);
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

	if (iw_dir_each(s->artifact_dir, take_artifact, s, &err) < 0 &&
		farm_is_folder(s->artifact_dir)) {
		farm_say(s->farm, "crashes of %s could not be stored yet: %s",
			s->target->spec.name, err.msg);
		retry(s, on_retry_list);
		return;
	}
	note_end(s);
	next_artifact(s);
}

static void on_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx)
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
	if (!s->is_scanning)
		scan(s, true);
}

static void give_up(struct slice *s)
{
	if (s->err.code != IW_ECANCELED) {
		iw_warn("a slice could not start", S("target", s->target->spec.name),
			S("error", s->err.msg));
		farm_say(s->farm, "%s: %s", s->target->spec.name, s->err.msg);
	}
	s->target->not_before_ms = iw_time_mono_ms() + RETRY_MS;
	end(s, false);
}

static void start_engine(struct slice *s)
{
	const struct adapter_target *t = &s->target->spec;
	_auto_free_ char *binary = target_binary(s->lane->build, t);
	struct engine_slice spec = {
		.binary = binary,
		.dictionary = s->target->dictionary,
		.seconds = s->seconds,
		.max_len = t->max_len,
		.timeout_s = t->timeout_s,
		.rss_limit_mb = target_rss_limit_mb(s->lane->build, t),
		.malloc_limit_mb = t->rss_limit_mb,
		.check_leaks = t->check_leaks,
		.seed = farm_random(s->farm) | 1,
	};

	if (!binary) {
		iw_err_set(&s->err, IW_ENOENT, "its build has no '%s'", t->binary);
		give_up(s);
		return;
	}
	s->engine->command(s->job, &spec);
	target_add_env(
		s->job, s->lane->build, SAN_USE_FUZZ, s->farm->world.tools->symbolizer);
	s->is_running = true;
	iw_job_submit(s->job, on_ended, s);
}

static void write_corpus(struct iw_work *work)
{
	struct slice *s = (struct slice *)((char *)work - offsetof(struct slice, work));

	corpus_handout(&s->handout, &s->err);
}

static void on_corpus_written(struct iw_work *work)
{
	struct slice *s = (struct slice *)((char *)work - offsetof(struct slice, work));

	if (s->err.code || s->is_stopping) {
		if (!s->err.code)
			iw_err_set(&s->err, IW_ECANCELED, "stopped before it started");
		give_up(s);
		return;
	}
	start_engine(s);
}

static int64_t slice_seconds(const struct farm *farm)
{
	int64_t left = farm->fuzz_ends_ms - iw_time_mono_ms(), targets = 0, s;
	size_t i;

	if (!farm->config.fuzz_ms)
		return SLICE_MAX_S;
	for (i = 0; i < farm->project_count; i++)
		targets += (int64_t)farm->projects[i].target_count;
	s = farm->config.fuzz_ms / 1000 * iw_slots_count(farm->world.slots) /
		(VISITS * (targets ? targets : 1));
	s = s < SLICE_MIN_S ? SLICE_MIN_S : s > SLICE_MAX_S ? SLICE_MAX_S : s;
	return s < left / 1000 + 1 ? s : left / 1000 + 1;
}

static int make_job(struct slice *s, struct iw_err *err)
{
	const struct adapter_target *t = &s->target->spec;
	const char *reads[] = {
		s->lane->build->dir, s->lane->target->lanes[0].build->dir, NULL};
	_auto_free_ char *about = farm_about(s->target, s->lane->build, s->engine->name);
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_FUZZ,
		.about = about,
		.reads = reads,
		.timeout_ms = s->seconds * 1000 + t->timeout_s * 1000 + OVERTIME_MS,
		/* libFuzzer's own alarm is far sooner; a stopped engine has none. */
		.stall_ms = t->timeout_s * 2000 + STALL_MS,
		.rss_limit_mb = target_rss_limit_mb(s->lane->build, t) * 2 + 2048,
		.disk_limit_mb = t->disk_limit_mb,
		.nice = IW_SLOTS_FUZZ_NICE,
		.no_aslr = san_flavour_find(s->lane->build->flavour)->no_aslr,
	};
	int rc = iw_job_new(&s->job, s->farm->world.jobs, &spec, err);

	if (rc < 0)
		return rc;
	s->corpus_dir = iw_path_join(iw_job_work(s->job), s->engine->corpus_dir);
	s->artifact_dir = iw_path_join(iw_job_work(s->job), s->engine->artifact_dir);
	return iw_dir_make(s->artifact_dir, err);
}

void farm_slice_start(struct farm_target *target, struct farm_lane *lane)
{
	struct farm *farm = target->farm;
	struct slice *s = iw_calloc(1, sizeof *s);

	s->farm = farm;
	s->target = target;
	s->lane = lane;
	s->engine = &engine_libfuzzer;
	s->seconds = slice_seconds(farm);
	s->next = farm->slices;
	farm->slices = s;
	target->engines++;
	target->slices++;
	/* Until it runs and ends: what it is going to cost. */
	lane->fuzz_core_ms += 1;
	if (make_job(s, &s->err) < 0) {
		give_up(s);
		return;
	}
	s->scan = corpus_scan_new(s->corpus_dir);
	s->handout = (struct corpus_handout){
		.db_path = farm->world.state->db,
		.packs = farm->packs,
		.build_id = target->lanes[0].build->id,
		.target_id = target->triage.id,
		.dir = s->corpus_dir,
	};
	iw_work_submit(farm->world.loop, &s->work, write_corpus, on_corpus_written);
}

void farm_slices_stop(struct farm *farm)
{
	struct slice *s;

	for (s = farm->slices; s; s = s->next) {
		s->is_stopping = true;
		if (s->is_running)
			iw_job_stop(s->job);
	}
}

void farm_slices_tick(struct farm *farm)
{
	struct slice *s;

	for (s = farm->slices; s; s = s->next) {
		if (!s->is_running || !iw_job_is_running(s->job))
			continue;
		read_progress(s);
		if (!s->is_scanning)
			scan(s, false);
	}
}

int64_t farm_target_per_second(const struct farm_target *target)
{
	const struct slice *s;
	int64_t n = 0;

	for (s = target->farm->slices; s; s = s->next)
		if (s->target == target && s->is_running)
			n += s->progress.per_second;
	return n;
}

int64_t farm_target_executions(const struct farm_target *target)
{
	const struct slice *s;
	int64_t n = target->executions_before;

	for (s = target->farm->slices; s; s = s->next)
		if (s->target == target)
			n += s->progress.executions;
	return n;
}

const char *farm_target_flavour(const struct farm_target *target)
{
	const struct slice *s;

	for (s = target->farm->slices; s; s = s->next)
		if (s->target == target && s->is_running)
			return s->lane->build->flavour;
	return NULL;
}
