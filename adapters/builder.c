/*
 * The happy path: build() computes the closure and looks it up; unknown, an entry is
 * made, a checkout of the tree becomes the job's work/src, the job runs the adapter's
 * build command, its log is kept and work/out renamed to builds/<closure>/, the row is
 * committed, and everybody who asked meanwhile is told.
 *
 * The failures: the command fails (a failed build with its first error, kept); it cannot
 * be known (disk full, stopped, sandbox broken): everybody gets the error, nothing is
 * kept. What is only lent asks the disk budget for room before it is made, and likewise
 * gets an error when there is none. A kill between rename and commit leaves a folder
 * without a row, which the next build of the closure replaces.
 */
#include "adapters/builder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/build_env.h"
#include "adapters/build_log.h"
#include "adapters/build_result.h"
#include "adapters/checkout.h"
#include "adapters/linkage.h"
#include "adapters/suppressions.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

/* make -j on a large machine, and the objects of a node. */
#define BUILD_PROCESSES 8192
#define BUILD_DISK_MB 32768
/* Longer than anybody works on one without starting a job there. */
#define IN_USE_MS (60 * 60 * 1000)

struct entry {
	struct iw_work work; /* first: what the pool hands back is this */
	struct entry *next;
	struct builder *builder;
	struct iw_build build;
	bool is_known;
	int64_t asked_ms; /* monotonic; 0: not in this process, or only lent */
	int lent;
	struct iw_build_req *waiters, **waiters_end;

	/* while it is being made */
	struct budget_room room;
	bool asks_room, has_room;
	struct iw_job *job;
	bool is_running, is_stopped, is_made;
	struct checkout_req checkout;
	struct iw_db_req db_req;
	char *src;
	struct iw_exit exit;
	struct iw_err err;
};

struct builder {
	struct builder_config config;
	struct checkouts *checkouts;
	char *builds_dir, *cache_dir;
	char recipe[IW_SHA256_HEX];
	struct entry *entries;
	int made, cached;
};

static struct build_env env_of(const struct builder *b, const char *flavour)
{
	return (struct build_env){
		.adapter = b->config.adapter,
		.tools = b->config.tools,
		.flavour = san_flavour_find(flavour),
		.cache_dir = b->cache_dir,
		.cache_bytes = b->config.cache_bytes,
		.make_jobs = b->config.make_jobs,
	};
}

static struct entry *entry_new(struct builder *b, const struct iw_build *build)
{
	struct entry *e = iw_calloc(1, sizeof *e);

	e->builder = b;
	e->build = *build;
	e->build.dir = iw_path_join(b->builds_dir, build->closure);
	e->build.log = build_log_path(b->builds_dir, build->closure);
	e->waiters_end = &e->waiters;
	e->next = b->entries;
	b->entries = e;
	return e;
}

static void load_build(void *ctx, const struct iw_build *build)
{
	struct entry *e = entry_new(ctx, build);

	/* A failure may have been the machine's, and somebody may have mended that or
	 * made room by removing folders: a new process asks again. */
	e->is_known = build->is_ok && iw_file_exists(e->build.dir);
}

int builder_new(struct builder **out, const struct builder_config *config,
	struct iw_dbc *dbc, struct iw_err *err)
{
	struct builder *b = iw_calloc(1, sizeof *b);
	int rc;

	b->config = *config;
	b->builds_dir = iw_strdup(config->builds_dir);
	if (config->cache_dir && build_env_can_cache())
		b->cache_dir = iw_strdup(config->cache_dir);
	rc = adapter_recipe_hash(config->adapter, b->recipe, err);
	if (rc == 0)
		rc = iw_dir_make(b->builds_dir, err);
	if (rc == 0 && b->cache_dir)
		rc = iw_dir_make(b->cache_dir, err);
	if (rc == 0)
		rc = checkouts_new(&b->checkouts, iw_jobs_loop(config->jobs),
			config->trees_dir, err);
	if (rc == 0)
		rc = build_db_list(dbc, config->adapter_id, load_build, b, err);
	if (rc < 0) {
		builder_free(b);
		return rc;
	}
	b->config.trees_dir = NULL; /* the checkouts have it */
	*out = b;
	return 0;
}

void builder_set_git(struct builder *b, struct iw_git *git)
{
	checkouts_set_git(b->checkouts, git);
}

void builder_free(struct builder *b)
{
	struct entry *e, *next;

	if (!b)
		return;
	for (e = b->entries; e; e = next) {
		next = e->next;
		assert(!e->waiters);
		free(e->build.dir);
		free(e->build.log);
		free(e);
	}
	checkouts_free(b->checkouts);
	free(b->builds_dir);
	free(b->cache_dir);
	free(b);
}

void builder_counts(const struct builder *b, int *made, int *cached)
{
	*made = b->made;
	*cached = b->cached;
}

/* Its runs read the adapter's suppressions as they are now, or those from before. */
static void suppress(struct entry *e)
{
	const struct adapter *adapter = e->builder->config.adapter;
	struct iw_err err = IW_ERR_INIT;

	if (suppressions_put(adapter, e->build.dir, &err) < 0)
		iw_warn("suppressions are not renewed", S("adapter", adapter->name),
			S("error", err.msg));
}

/* What MSan says of a value that came out of such a library is false. */
static bool is_build_only(const struct entry *e)
{
	enum adapter_msan msan = e->builder->config.adapter->msan;

	return linkage_matters(&e->build) &&
		(msan == ADAPTER_MSAN_BUILD_ONLY ||
			(msan == ADAPTER_MSAN_UNSAID && *e->build.uninstrumented));
}

static void end_room(struct entry *e)
{
	if (e->asks_room || e->has_room)
		budget_room_end(e->builder->config.budget, &e->room);
	e->asks_room = e->has_room = false;
}

/* Tells everybody who waits; a callback may ask again, even for the same closure. */
static void answer(struct entry *e)
{
	struct iw_build_req *req = e->waiters, *next;
	struct iw_err err = e->err;
	bool is_made = e->is_made;

	if (e->is_known && e->build.is_ok)
		suppress(e);
	e->build.is_build_only = is_build_only(e);
	e->waiters = NULL;
	e->waiters_end = &e->waiters;
	end_room(e);
	for (; req; req = next) {
		next = req->next;
		req->is_made = is_made;
		if (req->is_lent)
			e->lent += e->is_known;
		else
			e->asked_ms = iw_time_mono_ms();
		if (e->is_known)
			req->done(req, &e->build, NULL);
		else
			req->done(req, NULL, &err);
	}
}

static void end_making(struct entry *e)
{
	struct budget *budget = e->builder->config.budget;

	iw_job_free(e->job);
	e->job = NULL;
	free(e->src);
	e->src = NULL;
	e->is_running = e->is_stopped = false;
	/* Before the room that was kept for it is given to another. */
	if (e->is_known && budget)
		budget_look(budget);
	answer(e);
}

static void on_stored(struct iw_db_req *req)
{
	struct entry *e = req->ctx;

	e->err = req->err;
	e->is_known = e->is_made = req->err.code == 0;
	if (e->is_known)
		e->builder->made++;
	end_making(e);
}

static int store_build(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct entry *e = ctx;

	return build_db_put(dbc, e->builder->config.adapter_id, &e->build, err);
}

/* On the pool. */
static void take_result(struct iw_work *work)
{
	struct entry *e = (struct entry *)work;
	struct build_result result = {
		.job = e->job,
		.exit = &e->exit,
		.adapter = e->builder->config.adapter,
		.builds_dir = e->builder->builds_dir,
	};

	build_result_take(&result, &e->build, &e->err);
}

static void on_taken(struct iw_work *work)
{
	struct entry *e = (struct entry *)work;

	if (e->err.code) {
		end_making(e);
		return;
	}
	if (!e->build.is_ok)
		iw_info("build failed", S("adapter", e->builder->config.adapter->name),
			S("flavour", e->build.flavour), S("tree", e->build.tree),
			S("error", e->build.error), S("log", e->build.log));
	e->db_req = (struct iw_db_req){.run = store_build, .ctx = e, .done = on_stored};
	iw_db_submit(e->builder->config.db, &e->db_req);
}

static void on_built(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct entry *e = ctx;

	(void)job;
	e->is_running = false;
	e->exit = *exit;
	e->build.core_ms = iw_exit_cpu_us(exit) / 1000;
	iw_work_submit(
		iw_jobs_loop(e->builder->config.jobs), &e->work, take_result, on_taken);
}

static void on_checked_out(struct checkout_req *req, const struct iw_err *err)
{
	struct entry *e = req->ctx;
	struct build_env env = env_of(e->builder, e->build.flavour);
	const char *const *word;

	if (err) {
		e->err = *err;
		iw_err_wrap(&e->err, "exporting tree %.12s of '%s'", e->build.tree,
			env.adapter->name);
		end_making(e);
		return;
	}
	if (e->is_stopped) {
		iw_err_set(&e->err, IW_ECANCELED, "the build was stopped");
		end_making(e);
		return;
	}
	env.src = e->src;
	build_env_add(&env, e->job);
	/* The job starts in work/; the recipe wants to start in the source. */
	iw_job_arg(e->job, "/usr/bin/env");
	iw_job_argf(e->job, "--chdir=%s", e->src);
	for (word = env.adapter->build.command; *word; word++)
		iw_job_arg(e->job, *word);
	e->is_running = true;
	iw_job_submit(e->job, on_built, e);
}

static int make_folders(struct entry *e, struct iw_err *err)
{
	_auto_free_ char *out = iw_path_join(iw_job_work(e->job), "out");
	_auto_free_ char *tmp = iw_path_join(iw_job_work(e->job), "tmp");
	int rc = iw_dir_make(out, err);

	return rc < 0 ? rc : iw_dir_make(tmp, err);
}

static int start_making(struct entry *e, struct iw_err *err)
{
	const struct builder_config *c = &e->builder->config;
	const char *reads[] = {c->adapter->dir, NULL};
	const char *writes[] = {e->builder->cache_dir, NULL};
	bool is_last = san_flavour_find(e->build.flavour)->counts_lines;
	_auto_free_ char *about = iw_fmt("{\"adapter\":\"%s\",\"flavour\":\"%s\","
					 "\"tree\":\"%s\"}",
		c->adapter->name, e->build.flavour, e->build.tree);
	_auto_free_ char *what = iw_fmt(
		"%s, %s, tree %.12s", c->adapter->name, e->build.flavour, e->build.tree);
	struct iw_job_spec spec = {
		.purpose = is_last ? IW_PURPOSE_COVER : IW_PURPOSE_BUILD,
		.nice = is_last ? IW_COVER_NICE : 0,
		.about = about,
		.what = what,
		.reads = reads,
		.writes = writes,
		.timeout_ms = c->adapter->build.timeout_s * 1000,
		.log_limit = BUILD_LOG_MAX,
		.disk_limit_mb = BUILD_DISK_MB,
		.process_limit = BUILD_PROCESSES,
		.wants_all_cores = true,
	};
	int rc = iw_job_new(&e->job, c->jobs, &spec, err);

	if (rc < 0)
		return rc;
	rc = make_folders(e, err);
	if (rc < 0)
		return rc;
	e->src = iw_path_join(iw_job_work(e->job), "src");
	e->err = (struct iw_err)IW_ERR_INIT;
	e->checkout = (struct checkout_req){
		.tree = e->build.tree, .to = e->src, .done = on_checked_out, .ctx = e};
	checkouts_ask(e->builder->checkouts, &e->checkout);
	iw_info("build started", S("adapter", c->adapter->name),
		S("flavour", e->build.flavour), S("tree", e->build.tree));
	return 0;
}

/* Answers come from the loop, never from inside the asker's own call. */
struct later {
	struct entry *entry;
	struct iw_timer *timer;
};

static void on_cannot_start(void *ctx)
{
	struct later *later = ctx;
	struct entry *e = later->entry;

	iw_timer_free(later->timer);
	free(later);
	if (e->job)
		end_making(e);
	else
		answer(e);
}

static void answer_later(struct entry *e)
{
	struct later *later = iw_calloc(1, sizeof *later);

	later->entry = e;
	later->timer = iw_timer_new(
		iw_jobs_loop(e->builder->config.jobs), on_cannot_start, later);
	iw_timer_start(later->timer, 0, 0);
}

static struct entry *find(const struct builder *b, const char *closure)
{
	struct entry *e;

	for (e = b->entries; e; e = e->next)
		if (strcmp(e->build.closure, closure) == 0)
			return e;
	return NULL;
}

static int set_used(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct entry *e = ctx;

	return build_db_used(dbc, e->build.id, err);
}

static void on_noted(struct iw_db_req *req)
{
	struct entry *e = req->ctx;

	/* What is not noted leaves a little early one day. */
	if (req->err.code)
		iw_warn("the use of a build is not noted", S("closure", e->build.closure),
			S("error", req->err.msg));
	answer(e);
}

static void make(struct entry *e)
{
	if (start_making(e, &e->err) < 0)
		answer_later(e);
}

/* As large as the last one of its flavour. */
static int64_t guess_bytes(const struct entry *e)
{
	const struct entry *other;

	for (other = e->builder->entries; other; other = other->next)
		if (other->build.is_ok && other->build.bytes > 0 &&
			strcmp(other->build.flavour, e->build.flavour) == 0)
			return other->build.bytes;
	return 0;
}

static void on_room(struct budget_room *room, const struct iw_err *err)
{
	struct entry *e = room->ctx;

	e->asks_room = false;
	e->has_room = !err;
	if (err) {
		e->err = *err;
		iw_err_wrap(&e->err, "building '%s' (%s)",
			e->builder->config.adapter->name, e->build.flavour);
		answer(e);
	} else {
		make(e);
	}
}

static void make_where_room_is(struct entry *e)
{
	struct budget *budget = e->builder->config.budget;

	if (budget) {
		e->room = (struct budget_room){
			.bytes = guess_bytes(e), .done = on_room, .ctx = e};
		e->has_room = budget_room_ask(budget, &e->room);
		e->asks_room = !e->has_room;
	}
	if (!e->asks_room)
		make(e);
}

/* Found; that it is used is noted, which is what age is counted from. */
static void note_used(struct entry *e)
{
	int64_t now = iw_time_mono_ms();

	e->builder->cached++;
	if (e->asked_ms == 0 || now - e->asked_ms > IN_USE_MS / 2) {
		e->db_req =
			(struct iw_db_req){.run = set_used, .ctx = e, .done = on_noted};
		iw_db_submit(e->builder->config.db, &e->db_req);
	} else {
		answer_later(e);
	}
}

static void build(void *ctx, struct iw_build_req *req)
{
	struct builder *b = ctx;
	struct build_env env = env_of(b, req->flavour);
	struct iw_build fresh = {.id = -1};
	bool is_first;
	struct entry *e;

	assert(env.flavour);
	build_env_closure(&env, b->recipe, req->tree, fresh.closure);
	memcpy(fresh.tree, req->tree, sizeof fresh.tree);
	memcpy(fresh.flavour, req->flavour, sizeof fresh.flavour);
	e = find(b, fresh.closure);
	if (!e)
		e = entry_new(b, &fresh);
	is_first = !e->waiters;
	req->next = NULL;
	*e->waiters_end = req;
	e->waiters_end = &req->next;
	if (!is_first) {
		/* Not everybody waits for room. */
		if (e->asks_room && !req->is_lent) {
			end_room(e);
			make(e);
		}
		return;
	}
	e->is_made = false;
	if (e->is_known && !e->build.is_ok && req->again)
		e->is_known = false;
	if (e->is_known)
		note_used(e);
	else if (req->is_lent)
		make_where_room_is(e);
	else
		make(e);
}

static void stop(void *ctx, struct iw_build_req *req)
{
	struct builder *b = ctx;
	struct entry *e;

	for (e = b->entries; e; e = e->next) {
		if (e->waiters != req || req->next)
			continue;
		if (e->asks_room) {
			end_room(e);
			iw_err_set(&e->err, IW_ECANCELED, "the build was stopped");
			answer_later(e);
		}
		if (!e->job)
			continue;
		e->is_stopped = true;
		if (e->is_running)
			iw_job_stop(e->job);
	}
}

bool builder_has(const struct builder *b, const char *tree, const char *flavour)
{
	struct build_env env = env_of(b, flavour);
	char closure[IW_SHA256_HEX];
	const struct entry *e;

	build_env_closure(&env, b->recipe, tree, closure);
	e = find(b, closure);
	return e && e->is_known && e->build.is_ok;
}

enum budget_use builder_use(const struct builder *b, const char *closure)
{
	const struct entry *e = find(b, closure);

	if (!e)
		return BUDGET_FREE;
	if (e->waiters || (e->asked_ms && iw_time_mono_ms() - e->asked_ms < IN_USE_MS))
		return BUDGET_USED;
	return e->lent ? BUDGET_LENT : BUDGET_FREE;
}

void builder_forget(struct builder *b, const char *closure)
{
	struct entry *e = find(b, closure);

	if (e && !e->waiters)
		e->is_known = false;
}

static void let_go(void *ctx, const struct iw_build *build)
{
	struct builder *b = ctx;
	struct entry *e = find(b, build->closure);

	assert(e && e->lent > 0);
	if (--e->lent == 0 && b->config.budget)
		budget_returned(b->config.budget);
}

struct iw_builder builder_ops(struct builder *b)
{
	return (struct iw_builder){
		.ctx = b, .build = build, .stop = stop, .let_go = let_go};
}
