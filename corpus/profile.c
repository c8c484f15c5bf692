/*
 * The happy path:
 *
 *	LISTING (writer) --> RUNNING (a driver for each batch of units, one after the
 *	other; each job's files are moved away on the pool) --> ENDED
 *
 * The failures: a batch that fails ends it, with the error.
 */
#include "corpus/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "corpus/unit_db.h"
#include "engine/target_job.h"

#include "base/banned.h"

/* Of units in one job. Between two jobs others have their turn. */
#define BATCH 4096
/* Of one job: each death starts a process where the driver cannot fork. */
#define FILES_MAX 1024
#define ENTRIES_MAX 8192
/* The runtime writes there; every process has a file of its own, %c maps it. */
#define PREFIX "ironworks-profile-"
#define PROFILE_ENV "LLVM_PROFILE_FILE=%c" PREFIX "%p"

struct corpus_profile {
	struct corpus_profile_spec spec;
	char *dir;
	corpus_profile_done_cb done;
	void *ctx;
	struct corpus_unit *units;
	size_t unit_count, next; /* the first unit of the batch */
	struct engine_driver *driver;
	size_t batch; /* units of it */
	char *content;
	const char **env;
	size_t batch_files;
	bool is_stopped;
	struct iw_db_req req;
	struct corpus_profile_result result;
	struct iw_err err;
};

static void finish(struct corpus_profile *p)
{
	if (p->is_stopped)
		iw_err_set(&p->err, IW_ECANCELED, "counting lines was stopped");
	p->done(p, p->err.code ? &p->err : NULL, p->ctx);
}

/* Pool. An unreadable record is an empty unit here; measuring quarantines it. */
static int load_unit(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	struct corpus_profile *p = ctx;
	const struct corpus_unit *unit = &p->units[p->next + i];
	int rc;

	free(iw_steal(&p->content));
	rc = corpus_packs_read(
		p->spec.packs, &unit->place, &unit->sha, &p->content, len, err);
	if (rc == IW_EINVAL || rc == IW_ENOENT) {
		*err = (struct iw_err)IW_ERR_INIT;
		*data = "";
		*len = 0;
		return 0;
	}
	*data = p->content;
	return rc;
}

struct moving {
	struct corpus_profile *profile;
	const char *work;
};

/* A link could lead to a file of ours. */
static int move_file(void *ctx, const char *name)
{
	struct moving *m = ctx;
	struct corpus_profile *p = m->profile;
	_auto_free_ char *from = NULL, *to = NULL;
	struct stat st;

	if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || p->batch_files == FILES_MAX)
		return 0;
	from = iw_path_join(m->work, name);
	if (lstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	to = iw_fmt("%s/%zu.profraw", p->dir, p->result.files);
	if (rename(from, to) < 0)
		return iw_err_errno(&p->err, errno, "cannot keep '%s'", to);
	p->batch_files++;
	p->result.files++;
	return 0;
}

/* Pool. */
static void collect(void *ctx, const char *work)
{
	struct moving m = {.profile = ctx, .work = work};

	m.profile->batch_files = 0;
	iw_dir_each_below(work, ".", ENTRIES_MAX, move_file, &m, &m.profile->err);
}

static void run_batch(struct corpus_profile *p);

static void on_batch(struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct corpus_profile *p = ctx;
	const struct engine_results *results = engine_driver_results(driver);
	size_t i;

	for (i = 0; i < p->batch; i++) {
		p->result.died += results->units[i].outcome == ENGINE_DIED;
		p->result.not_run += results->units[i].outcome == ENGINE_NOT_RUN;
	}
	p->result.units += p->batch;
	p->result.cpu_us += engine_driver_cpu_us(driver);
	p->next += p->batch;
	if (err && !p->err.code)
		iw_err_copy(&p->err, err);
	engine_driver_free(driver);
	p->driver = NULL;
	run_batch(p);
}

static void run_batch(struct corpus_profile *p)
{
	struct engine_units units = {.load = load_unit, .ctx = p};
	size_t left = p->unit_count - p->next;

	if (p->err.code || p->is_stopped || left == 0) {
		finish(p);
		return;
	}
	p->batch = units.count = left < BATCH ? left : BATCH;
	p->driver = engine_driver_new(p->spec.jobs, &p->spec.driver);
	engine_driver_start(p->driver, &units, on_batch, p);
}

static void on_listed(struct iw_db_req *req)
{
	struct corpus_profile *p = req->ctx;

	p->err = req->err;
	run_batch(p);
}

/* Writer thread. */
static int list_units(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct corpus_profile *p = ctx;
	int rc = iw_dir_make(p->dir, err);

	if (rc < 0)
		return rc;
	return corpus_units_list(dbc, p->spec.target_id, &p->units, &p->unit_count, err);
}

/* The target's environment, and where its counters go. */
static void make_env(struct corpus_profile *p, const char *const *env)
{
	size_t n = 0, i;

	while (env && env[n])
		n++;
	p->env = iw_calloc(n + 2, sizeof *p->env);
	for (i = 0; i < n; i++)
		p->env[i] = env[i];
	p->env[n] = PROFILE_ENV;
}

struct corpus_profile *corpus_profile_start(
	const struct corpus_profile_spec *spec, corpus_profile_done_cb done, void *ctx)
{
	struct corpus_profile *p = iw_calloc(1, sizeof *p);
	struct engine_driver_spec driver = spec->driver;

	p->spec = *spec;
	p->dir = iw_strdup(spec->dir);
	p->done = done;
	p->ctx = ctx;
	make_env(p, driver.env);
	driver.env = p->env;
	driver.max_deaths = CORPUS_PROFILE_DEATHS_MAX;
	driver.collect = collect;
	driver.collect_ctx = p;
	engine_spec_copy(&p->spec.driver, &driver);
	p->req = (struct iw_db_req){.run = list_units, .ctx = p, .done = on_listed};
	iw_db_submit(spec->db, &p->req);
	return p;
}

void corpus_profile_stop(struct corpus_profile *p)
{
	p->is_stopped = true;
	if (p->driver)
		engine_driver_stop(p->driver);
}

const struct corpus_profile_result *corpus_profile_result(const struct corpus_profile *p)
{
	return &p->result;
}

void corpus_profile_free(struct corpus_profile *p)
{
	if (!p)
		return;
	engine_spec_fini(&p->spec.driver);
	free(p->env);
	free(p->units);
	free(p->content);
	free(p->dir);
	free(p);
}
