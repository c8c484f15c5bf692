/*
 * One unit after the other: its file is written on the pool, its job runs, its end is
 * read. A program's own exit status says nothing about it (whoever reads an input that is
 * wrong says so with one), unless it left a report: that is for the reader of reports to
 * find out, so such a unit died by exit and its output is kept.
 */
#include "engine/apart.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/driver_format.h"
#include "engine/program.h"
#include "engine/target_job.h"

#include "base/banned.h"

#define LOG_MAX ((size_t)512 << 10)

struct engine_apart {
	struct iw_jobs *jobs;
	const struct engine_driver_spec *spec;
	const struct engine_units *units;
	struct engine_results *results;
	engine_apart_done_cb done;
	void *ctx;

	size_t next; /* the unit that runs, or would */
	uint32_t deaths;
	struct iw_job *job;
	char *path; /* of the unit */
	struct iw_work work;
	struct iw_err err;
	bool is_stopped;
	int64_t cpu_us;
};

static struct engine_apart *of_work(struct iw_work *work)
{
	return (struct engine_apart *)((char *)work -
		offsetof(struct engine_apart, work));
}

/* Pool. */
static void write_unit(struct iw_work *work)
{
	struct engine_apart *a = of_work(work);
	const void *data;
	size_t len;

	if (a->job && a->units->load(a->units->ctx, a->next, &data, &len, &a->err) == 0)
		iw_file_write(a->path, data, len, 0644, &a->err);
}

static enum engine_death death_of(const struct iw_exit *exit)
{
	switch (exit->class) {
	case IW_EXIT_TIMEOUT:
		return ENGINE_DEATH_TIMEOUT;
	case IW_EXIT_OOM:
		return ENGINE_DEATH_OOM;
	case IW_EXIT_FAILED:
		return ENGINE_DEATH_EXIT;
	default:
		return ENGINE_DEATH_CRASH;
	}
}

/* A signal leaves no report unless a runtime or our witness catches it: otherwise the words
 * that a shell has for it are one. */
static void add_words(struct engine_unit_result *unit, const struct iw_exit *exit)
{
	struct iw_buf report = {.data = unit->report,
		.len = unit->report_len,
		.cap = unit->report ? unit->report_len + 1 : 0};

	iw_buf_addf(&report, "\n%s (core dumped)\n", strsignal(exit->code));
	unit->report_len = report.len;
	unit->report = iw_buf_steal(&report);
}

static bool has_witness(const struct engine_unit_result *unit)
{
	return unit->report &&
		memmem(unit->report, unit->report_len, IW_WITNESS_HEADING,
			strlen(IW_WITNESS_HEADING));
}

static void take_end(struct engine_apart *a, const struct iw_exit *exit)
{
	struct engine_unit_result *unit = &a->results->units[a->next];

	if (exit->class == IW_EXIT_CLEAN) {
		unit->outcome = ENGINE_PASSED;
		return;
	}
	a->deaths++;
	unit->outcome = ENGINE_DIED;
	unit->death = death_of(exit);
	unit->status =
		exit->class == IW_EXIT_SIGNALED ? exit->code : (exit->code & 0xff) << 8;
	if (iw_job_log_read(a->job, LOG_MAX, &unit->report, &unit->report_len, NULL) < 0)
		unit->report = NULL;
	if (exit->class == IW_EXIT_SIGNALED && !has_witness(unit))
		add_words(unit, exit);
}

static void next_unit(struct engine_apart *a);

static void end_job(struct engine_apart *a)
{
	iw_job_free(a->job);
	a->job = NULL;
	free(iw_steal(&a->path));
}

static void on_exit_of_job(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct engine_apart *a = ctx;

	(void)job;
	a->cpu_us += iw_exit_cpu_us(exit);
	switch (exit->class) {
	case IW_EXIT_STOPPED:
		a->is_stopped = true;
		break;
	case IW_EXIT_SPAWN_FAILED:
	case IW_EXIT_SANDBOX_FAILED:
	case IW_EXIT_LOST:
		iw_err_set(&a->err, IW_EJOB, "cannot run '%s': %s", a->spec->binary,
			exit->words);
		break;
	default:
		take_end(a, exit);
		a->next++;
	}
	end_job(a);
	next_unit(a);
}

static void on_written(struct iw_work *work)
{
	struct engine_apart *a = of_work(work);

	if (a->err.code || a->is_stopped) {
		end_job(a);
		next_unit(a);
		return;
	}
	engine_program_command(a->job, a->spec->binary, a->spec->args, a->path,
		a->spec->is_silent ? a->spec->driver : NULL);
	iw_job_submit(a->job, on_exit_of_job, a);
}

static void next_unit(struct engine_apart *a)
{
	bool is_enough = a->spec->max_deaths && a->deaths >= a->spec->max_deaths;

	if (a->is_stopped && !a->err.code)
		iw_err_set(&a->err, IW_ECANCELED, "stopped");
	if (a->err.code || is_enough || a->next == a->units->count) {
		a->done(a, a->err.code ? &a->err : NULL, a->ctx);
		return;
	}
	if (engine_target_job(&a->job, a->jobs, a->spec, 1, &a->err) == 0)
		a->path = iw_path_join(iw_job_work(a->job), "input");
	/* Also where there is no job: done comes later, not from the caller's own call. */
	iw_work_submit(iw_jobs_loop(a->jobs), &a->work, write_unit, on_written);
}

struct engine_apart *engine_apart_start(struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, const struct engine_units *units,
	struct engine_results *results, engine_apart_done_cb done, void *ctx)
{
	struct engine_apart *a = iw_calloc(1, sizeof *a);

	assert(units->count > 0);
	a->jobs = jobs;
	a->spec = spec;
	a->units = units;
	a->results = results;
	a->done = done;
	a->ctx = ctx;
	next_unit(a);
	return a;
}

void engine_apart_stop(struct engine_apart *apart)
{
	apart->is_stopped = true;
	if (apart->job)
		iw_job_stop(apart->job);
}

size_t engine_apart_progress(const struct engine_apart *apart)
{
	return apart->next;
}

int64_t engine_apart_cpu_us(const struct engine_apart *apart)
{
	return apart->cpu_us;
}

void engine_apart_free(struct engine_apart *apart)
{
	if (!apart)
		return;
	assert(!apart->job);
	free(apart);
}
