/*
 * The happy path: the batch is written on the pool, the job runs the target with the
 * driver preloaded, the result is read on the pool, done is called.
 *
 * The failures: a driver that cannot serve the target says so (or never came in) and
 * libFuzzer's own way takes over; a job that dies in the middle leaves the units without
 * a record as not run, which with a reason is done's error.
 *
 *	NEW --start--> WRITING --> RUNNING --> READING --> ENDED
 *	 |                |                       |  unfit   ^
 *	 |                |                       +--> MERGING
 *	 |                +------- failed, stopped ----------+
 *	 +--> APART, no libFuzzer target --------------------+
 */
#include "engine/driver.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/apart.h"
#include "engine/driver_batch.h"
#include "engine/driver_format.h"
#include "engine/merge_inner.h"
#include "engine/target_job.h"

#include "base/banned.h"

enum state { NEW, WRITING, RUNNING, READING, MERGING, APART, ENDED };

struct engine_driver {
	struct iw_jobs *jobs;
	struct engine_driver_spec spec;
	struct engine_units units;
	struct engine_results results;
	engine_driver_done_cb done;
	void *ctx;

	enum state state;
	bool is_stopped;
	struct iw_job *job;
	struct iw_exit exit;
	struct engine_merge_inner *merge;
	struct engine_apart *apart;
	int64_t cpu_us;

	struct iw_work work;
	struct iw_err err; /* of the pool work, then of the whole */
	enum engine_batch_end end;
	char why[512];
};

static struct engine_driver *of_work(struct iw_work *work)
{
	return (struct engine_driver *)((char *)work -
		offsetof(struct engine_driver, work));
}

struct engine_driver *engine_driver_new(
	struct iw_jobs *jobs, const struct engine_driver_spec *spec)
{
	struct engine_driver *d = iw_calloc(1, sizeof *d);

	d->jobs = jobs;
	engine_spec_copy(&d->spec, spec);
	return d;
}

/* The end of every batch. The job's folder goes now: its files are read. */
static void finish(struct engine_driver *d)
{
	iw_job_free(d->job);
	d->job = NULL;
	d->state = ENDED;
	if (d->is_stopped)
		iw_err_set(&d->err, IW_ECANCELED, "measuring was stopped");
	d->done(d, d->err.code ? &d->err : NULL, d->ctx);
}

static void on_merged(
	struct engine_merge_inner *merge, const struct iw_err *err, void *ctx)
{
	struct engine_driver *d = ctx;

	d->cpu_us += engine_merge_inner_cpu_us(merge);
	if (err)
		iw_err_copy(&d->err, err);
	engine_merge_inner_free(merge);
	d->merge = NULL;
	finish(d);
}

static void on_apart(struct engine_apart *apart, const struct iw_err *err, void *ctx)
{
	struct engine_driver *d = ctx;

	d->cpu_us += engine_apart_cpu_us(apart);
	if (err)
		iw_err_copy(&d->err, err);
	engine_apart_free(apart);
	d->apart = NULL;
	finish(d);
}

static void fall_back(struct engine_driver *d)
{
	if (d->spec.collect) {
		engine_batch_failed(&d->err, "the driver cannot serve this target",
			d->why[0] ? d->why : d->exit.words);
		finish(d);
		return;
	}
	iw_info("the driver cannot serve this target, libFuzzer measures",
		S("target", d->spec.binary), S("why", d->why));
	iw_job_free(d->job);
	d->job = NULL;
	d->state = MERGING;
	engine_results_fini(&d->results);
	engine_results_init(&d->results, d->units.count);
	d->merge = engine_merge_inner_start(
		d->jobs, &d->spec, &d->units, &d->results, on_merged, d);
}

static void judge(struct engine_driver *d)
{
	int rc = 0;

	if (!d->err.code && !d->is_stopped)
		rc = engine_batch_judge(
			d->end, &d->exit, d->spec.purpose, d->why, &d->err);
	if (rc > 0)
		fall_back(d);
	else
		finish(d);
}

/* Pool. */
static void read_batch(struct iw_work *work)
{
	struct engine_driver *d = of_work(work);

	engine_batch_read(iw_job_work(d->job), &d->results, &d->end, d->why, &d->err);
	if (d->spec.collect)
		d->spec.collect(d->spec.collect_ctx, iw_job_work(d->job));
}

static void on_read(struct iw_work *work)
{
	judge(of_work(work));
}

static void on_job_done(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct engine_driver *d = ctx;

	(void)job;
	d->exit = *exit;
	/* Whoever stopped the job meant this batch; what it has measured is read all the
	 * same. */
	if (exit->class == IW_EXIT_STOPPED)
		d->is_stopped = true;
	d->cpu_us += iw_exit_cpu_us(exit);
	d->state = READING;
	iw_work_submit(iw_jobs_loop(d->jobs), &d->work, read_batch, on_read);
}

/* Pool. */
static void write_batch(struct iw_work *work)
{
	struct engine_driver *d = of_work(work);

	if (d->job)
		engine_batch_write(iw_job_work(d->job), &d->spec, &d->units, &d->err);
}

static void on_written(struct iw_work *work)
{
	struct engine_driver *d = of_work(work);

	if (d->err.code || d->is_stopped) {
		finish(d);
		return;
	}
	engine_target_command(d->job, &d->spec);
	d->state = RUNNING;
	iw_job_submit(d->job, on_job_done, d);
}

void engine_driver_start(struct engine_driver *d, const struct engine_units *units,
	engine_driver_done_cb done, void *ctx)
{
	assert(d->state == NEW && units->count > 0);
	d->units = *units;
	d->done = done;
	d->ctx = ctx;
	engine_results_init(&d->results, units->count);
	if (d->spec.args) {
		d->state = APART;
		d->apart = engine_apart_start(
			d->jobs, &d->spec, &d->units, &d->results, on_apart, d);
		return;
	}
	engine_target_job(&d->job, d->jobs, &d->spec, units->count, &d->err);
	d->state = WRITING;
	iw_work_submit(iw_jobs_loop(d->jobs), &d->work, write_batch, on_written);
}

void engine_driver_stop(struct engine_driver *d)
{
	if (d->state == NEW || d->state == ENDED)
		return;
	d->is_stopped = true;
	if (d->apart)
		engine_apart_stop(d->apart);
	else if (d->merge)
		engine_merge_inner_stop(d->merge);
	else if (d->job)
		iw_job_stop(d->job);
}

bool engine_driver_is_waiting(const struct engine_driver *d)
{
	return d->state == RUNNING && iw_job_since_ms(d->job) == 0;
}

/* Without features every record has the same size. */
size_t engine_driver_progress(const struct engine_driver *d)
{
	_auto_free_ char *path = NULL;
	struct stat st;

	if (d->apart)
		return engine_apart_progress(d->apart);
	if (d->state != RUNNING || d->spec.wants_features)
		return 0;
	path = iw_path_join(iw_job_work(d->job), IW_DRIVER_RESULT);
	if (lstat(path, &st) < 0 ||
		(size_t)st.st_size < sizeof(struct iw_driver_result_header))
		return 0;
	return ((size_t)st.st_size - sizeof(struct iw_driver_result_header)) /
		sizeof(struct iw_driver_record);
}

const struct engine_results *engine_driver_results(const struct engine_driver *d)
{
	assert(d->state == ENDED);
	return &d->results;
}

int64_t engine_driver_cpu_us(const struct engine_driver *d)
{
	return d->cpu_us;
}

void engine_driver_free(struct engine_driver *d)
{
	if (!d)
		return;
	assert(d->state == NEW || d->state == ENDED);
	engine_results_fini(&d->results);
	engine_spec_fini(&d->spec);
	free(d);
}
