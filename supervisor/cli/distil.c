/*
 * Import, measure in shards, distil, write. What can go on at the same time does: the
 * sandbox is tried while files are read, units are written while the database closes.
 */
#include "cli/distil.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/project_db.h"
#include "base/db.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/job.h"
#include "base/loop.h"
#include "base/mem.h"
#include "corpus/cover.h"
#include "corpus/ingest.h"
#include "corpus/measure.h"
#include "corpus/pack.h"
#include "corpus/unit_db.h"
#include "programs.h"
#include "sanitizers/binary.h"
#include "state.h"

#include "base/banned.h"

#define ROUND 8192 /* units measured at once: bounds memory and work folders */
#define RSS_LIMIT_MB 2048
#define ABOUT "{\"command\":\"corpus distil\"}"

struct distil {
	const struct cli_distil_spec *spec;
	struct cli_distil_answer *answer;

	struct iw_state state;
	struct iw_loop loop;
	bool has_loop;
	struct iw_db *db;
	struct iw_jobs *pool;
	struct corpus_packs *packs;
	char *driver; /* path of ironworks-driver.so */
	int64_t adapter_id, target_id, build_id;

	int64_t *ids; /* of the units in IN, ascending, none twice */
	size_t count, next;
	struct corpus_cover cover;
	struct iw_db_req load;
	struct iw_work write;
	struct iw_err err; /* of what happened on the loop */
};

/* What needs no state is found out on a thread of its own. */
struct probe {
	const struct cli_distil_spec *spec;
	pthread_t thread;
	bool is_running;
	struct iw_sandbox sandbox;
	char closure[IW_SHA256_HEX];
	int rc;
	struct iw_err err;
};

/* -- the state --------------------------------------------------------------------- */

static int open_target(struct distil *d, struct iw_err *err)
{
	const char *name = iw_path_base(d->spec->binary);
	int rc = project_db_adapter(d->state.dbc, "binary", "", "", &d->adapter_id, err);

	if (rc == 0)
		rc = project_db_target(
			d->state.dbc, d->adapter_id, name, &d->target_id, err);
	return rc;
}

static int open_build(struct distil *d, const char *closure, struct iw_err *err)
{
	struct iw_build build = {.flavour = "libfuzzer", .is_ok = true};
	int rc;

	memcpy(build.closure, closure, sizeof build.closure);
	rc = build_db_put(d->state.dbc, d->adapter_id, &build, err);
	d->build_id = build.id;
	return rc;
}

/* Folders of an earlier run of ours that was killed go; a farm's are the farm's. */
static int judge_folder(void *ctx, const char *dir, const char *about)
{
	(void)ctx;
	(void)dir;
	return about && strcmp(about, ABOUT) == 0 ? 0 : 1;
}

/* Everything that stands below the state folder, and the loop. */
static int open_state(struct distil *d, struct iw_err *err)
{
	static const struct iw_jobs_recovery recovery = {.found = judge_folder};
	int rc = iw_state_open(&d->state, d->spec->state_dir, IW_STATE_WRITE, err);

	if (rc == 0)
		rc = iw_jobs_recover(d->state.jobs, &recovery, err);
	if (rc == 0)
		rc = iw_loop_init(&d->loop, err);
	d->has_loop = rc == 0;
	if (rc == 0)
		rc = corpus_packs_open(&d->packs, d->state.units, err);
	if (rc == 0)
		rc = corpus_units_begin(d->state.dbc, d->packs, err);
	if (rc == 0)
		rc = open_target(d, err);
	return rc;
}

static void *run_probe(void *arg)
{
	struct probe *p = arg;

	p->rc = san_binary_hash(p->spec->binary, p->closure, &p->err);
	if (p->rc == 0 && !p->spec->no_sandbox)
		p->rc = iw_sandbox_probe(&p->sandbox, &p->err);
	return NULL;
}

static void start_probe(struct probe *probe, const struct cli_distil_spec *spec)
{
	*probe = (struct probe){.spec = spec, .sandbox = {.kind = IW_SANDBOX_OFF}};
	probe->is_running = pthread_create(&probe->thread, NULL, run_probe, probe) == 0;
	if (!probe->is_running)
		run_probe(probe);
}

static int end_probe(struct probe *probe, struct iw_err *err)
{
	if (probe->is_running)
		pthread_join(probe->thread, NULL);
	probe->is_running = false;
	return probe->rc < 0 ? iw_err_copy(err, &probe->err) : 0;
}

static int open_jobs(
	struct distil *d, const struct iw_sandbox *sandbox, struct iw_err *err)
{
	struct iw_jobs_config config = {.dir = d->state.jobs, .sandbox = *sandbox};
	_auto_free_ char *keeper = NULL;
	int rc = iw_programs_find(&keeper, &d->driver, err);

	config.keeper = keeper;
	return rc < 0 ? rc : iw_jobs_open(&d->pool, &d->loop, &config, err);
}

static void close_state(struct distil *d)
{
	corpus_cover_fini(&d->cover);
	free(d->ids);
	corpus_packs_close(d->packs);
	iw_state_close(&d->state);
	iw_jobs_close(d->pool);
	if (d->has_loop) {
		iw_loop_run(&d->loop); /* closes what is being closed */
		iw_loop_fini(&d->loop);
	}
	free(d->driver);
}

/* -- importing --------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int import(struct distil *d, struct iw_err *err)
{
	size_t count = 0, i, n;
	int k, rc;

	for (k = 0; k < d->spec->in_count; k++) {
		_auto_free_ char *dir = realpath(d->spec->ins[k], NULL);
		struct corpus_swept swept;

		if (!dir)
			return iw_err_errno(
				err, errno, "cannot open '%s'", d->spec->ins[k]);
		rc = corpus_ingest_dir_sync(d->state.dbc, d->packs, d->target_id,
			CORPUS_ORIGIN_IMPORT, dir, &swept, err);
		if (rc < 0)
			return rc;
		d->ids = iw_reallocarray(d->ids, count + swept.count + 1, sizeof *d->ids);
		for (i = 0; i < swept.count; i++)
			d->ids[count++] = swept.ids[i];
		free(swept.ids);
	}
	if (count == 0)
		return iw_err_set(
			err, IW_EINVAL, "there are no files in '%s'", d->spec->ins[0]);
	qsort(d->ids, count, sizeof *d->ids, compare_ids);
	for (i = n = 0; i < count; i++)
		if (n == 0 || d->ids[n - 1] != d->ids[i])
			d->ids[n++] = d->ids[i];
	d->count = n;
	return 0;
}

/* -- the answer -------------------------------------------------------------------- */

static int write_unit(
	const struct distil *d, const struct corpus_unit *unit, struct iw_err *err)
{
	_auto_free_ char *data = NULL, *path = NULL;
	char name[IW_SHA1_HEX];
	size_t len;
	int rc = corpus_packs_read(d->packs, &unit->place, &unit->sha, &data, &len, err);

	if (rc < 0)
		return rc;
	iw_sha1_hex(data, len, name);
	path = iw_path_join(d->spec->out, name);
	return iw_file_write(path, data, len, 0644, err);
}

static int write_out(struct distil *d, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < d->cover.count; i++)
		if (d->cover.chosen[i])
			rc = write_unit(d, &d->cover.units[i], err);
	return rc;
}

/* Pool. */
static void distil_and_write(struct iw_work *work)
{
	struct distil *d =
		(struct distil *)((char *)work - offsetof(struct distil, write));

	if (!d->cover.chosen)
		corpus_cover_distil(&d->cover);
	d->answer->units = d->count;
	d->answer->passed = d->cover.count;
	d->answer->bytes = d->cover.bytes;
	d->answer->chosen = d->cover.result;
	if (d->cover.result.features == 0)
		iw_err_set(&d->err, IW_EINVAL,
			"'%s' shows no coverage on any of %zu files; build it with "
			"-fsanitize=fuzzer",
			d->spec->binary, d->count);
	else
		write_out(d, &d->err);
}

static void on_written(struct iw_work *work)
{
	(void)work; /* the error is in place, and nothing else is under way */
}

/* The database closes, which takes a checkpoint, while files are written. */
static void begin_end(struct distil *d)
{
	if (!d->err.code)
		iw_work_submit(&d->loop, &d->write, distil_and_write, on_written);
	iw_db_stop(d->db, NULL, NULL);
}

/* -- measuring --------------------------------------------------------------------- */

/* On the writer thread: what earlier runs have measured. */
static int load(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct distil *d = ctx;

	return corpus_cover_load(
		&d->cover, dbc, d->build_id, d->target_id, d->ids, d->count, err);
}

static void on_loaded(struct iw_db_req *req)
{
	struct distil *d = req->ctx;

	if (req->err.code)
		iw_err_copy(&d->err, &req->err);
	begin_end(d);
}

static void begin_round(struct distil *d);

static void note_deaths(struct distil *d, const struct corpus_measure_result *result)
{
	char hex[IW_SHA256_HEX];
	size_t i;

	for (i = 0; i < result->count; i++) {
		const struct corpus_measured *unit = &result->units[i];

		/* After a failure not all of them have an answer. */
		if (!unit->result || unit->result->outcome != ENGINE_DIED)
			continue;
		iw_sha256_hex(&unit->unit.sha, hex);
		json_array_append_new(d->answer->deaths,
			json_pack("{ss ss}", "unit", hex, "kind",
				engine_death_name(unit->result->death)));
	}
}

static void on_measured(
	struct corpus_measure *measure, const struct iw_err *err, void *ctx)
{
	const struct corpus_measure_result *result = corpus_measure_result(measure);
	struct distil *d = ctx;

	note_deaths(d, result);
	d->answer->executed += result->passed + result->died;
	d->answer->died += result->died;
	d->answer->is_fallback |= result->is_fallback;
	if (err)
		iw_err_copy(&d->err, err);
	corpus_measure_free(measure);
	if (!err && d->next < d->count) {
		begin_round(d);
	} else if (!err && d->answer->executed < d->count) {
		d->load = (struct iw_db_req){.run = load, .ctx = d, .done = on_loaded};
		iw_db_submit(d->db, &d->load);
	} else {
		begin_end(d);
	}
}

/* Pool: a first run knows all when its only round is over, and need not wait until the
 * rows are stored. */
static void distil_early(void *ctx)
{
	struct distil *d = ctx;

	if (d->cover.count == d->count)
		corpus_cover_distil(&d->cover);
}

static void begin_round(struct distil *d)
{
	static const char *const env[] = {
		/* Nobody reads reports here, and leaks show no feature. Memory that is
		 * used again while it is warm saves a quarter of the time. */
		"ASAN_OPTIONS=detect_leaks=0:symbolize=0:quarantine_size_mb=1:"
		"malloc_context_size=0:detect_stack_use_after_return=0",
		"UBSAN_OPTIONS=halt_on_error=1:symbolize=0",
		"MSAN_OPTIONS=symbolize=0",
		"TSAN_OPTIONS=halt_on_error=1:symbolize=0",
		NULL,
	};
	struct corpus_measure_spec spec = {
		.db = d->db,
		.jobs = d->pool,
		.packs = d->packs,
		.driver =
			{
				.binary = d->spec->binary,
				.driver = d->driver,
				.env = env,
				.about = ABOUT,
				.purpose = IW_PURPOSE_DISTIL,
				.timeout_ms = d->spec->timeout_ms,
				.rss_limit_mb = RSS_LIMIT_MB,
				.wants_features = true,
			},
		.build_id = d->build_id,
		.target_id = d->target_id,
		.ids = d->ids + d->next,
		.id_count = d->count - d->next < ROUND ? d->count - d->next : ROUND,
		.shards = d->spec->jobs,
		.cover = &d->cover,
		.covered = distil_early,
		.covered_ctx = d,
	};

	d->next += spec.id_count;
	corpus_measure_start(&spec, on_measured, d);
}

/* Everything that happens on the loop; ends with the connection closed. */
static int run_loop(struct distil *d, struct iw_err *err)
{
	int rc = iw_db_start(&d->db, &d->loop, d->state.dbc, err);

	if (rc < 0)
		return rc;
	d->state.dbc = NULL; /* the thread's */
	begin_round(d);
	iw_loop_run(&d->loop);
	return d->err.code ? iw_err_copy(err, &d->err) : 0;
}

static int refuse_entry(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 1;
}

/* Before the work, so that a wrong folder costs nothing. */
static int make_out(const char *out, struct iw_err *err)
{
	int rc = iw_dir_make(out, err);

	if (rc == 0)
		rc = iw_dir_each(out, refuse_entry, NULL, err);
	if (rc == 1)
		return iw_err_set(err, IW_EEXIST,
			"'%s' is not empty; give a new folder with --out", out);
	return rc;
}

int cli_distil(const struct cli_distil_spec *spec, struct cli_distil_answer *answer,
	struct iw_err *err)
{
	struct distil d = {.spec = spec, .answer = answer};
	struct probe probe;
	int rc = make_out(spec->out, err), sandbox_rc;

	*answer = (struct cli_distil_answer){.deaths = json_array()};
	if (rc < 0)
		return rc;
	start_probe(&probe, spec);
	rc = open_state(&d, err);
	if (rc == 0)
		rc = import(&d, err);
	sandbox_rc = end_probe(&probe, rc == 0 ? err : NULL);
	if (rc == 0)
		rc = sandbox_rc;
	if (rc == 0)
		rc = open_build(&d, probe.closure, err);
	if (rc == 0)
		rc = open_jobs(&d, &probe.sandbox, err);
	if (rc == 0)
		rc = run_loop(&d, err);
	close_state(&d);
	return rc;
}
