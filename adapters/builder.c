/*
 * The happy path: build() computes the closure and looks it up; unknown, an entry is
 * made, the git thread exports the tree into the job's work/src, the job runs the
 * adapter's build command, work/out is renamed to builds/<closure>/, the row is
 * committed, and everybody who asked meanwhile is told.
 *
 * The failures: the command fails (a failed build with its first error, kept); it cannot
 * be known (disk full, stopped, sandbox broken): everybody gets the error, nothing is
 * kept. A kill between rename and commit leaves a folder without a row, which the next
 * build of the closure replaces.
 */
#include "adapters/builder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/project_db.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

#define BUILD_LOG_MAX ((size_t)1 << 20)
/* make -j on a large machine, and the objects of a node. */
#define BUILD_PROCESSES 8192
#define BUILD_DISK_MB 32768
#define CCACHE "/usr/bin/ccache"

struct entry {
	struct entry *next;
	struct builder *builder;
	struct iw_build build;
	bool is_known;
	struct iw_build_req *waiters, **waiters_end;

	/* while it is being made */
	struct iw_job *job;
	bool is_running, is_stopped;
	struct iw_git_req git_req;
	struct iw_db_req db_req;
	char *src;
	int64_t core_ms;
	struct iw_err err;
};

struct builder {
	struct builder_config config;
	struct iw_git *git;
	char *builds_dir, *cache_dir;
	char recipe[IW_SHA256_HEX];
	struct entry *entries;
	int made, cached;
};

static const struct san_flavour *flavour_of(const struct entry *e)
{
	return san_flavour_find(e->build.flavour);
}

static void compute_closure(const struct builder *b, const char *tree,
	const struct san_flavour *flavour, char closure[static IW_SHA256_HEX])
{
	struct iw_buf text = {0};

	iw_buf_addf(&text, "ironworks closure 1\nadapter %s\nrecipe %s\ntree %s\n",
		b->config.adapter->name, b->recipe, tree);
	iw_buf_addf(&text, "toolchain %s\nflavour %s\nflags ",
		flavour->needs_aflpp ? b->config.tools->afl_id : b->config.tools->id,
		flavour->name);
	san_flavour_flags(flavour->cflags, &text);
	iw_buf_adds(&text, "\nlink ");
	san_flavour_flags(flavour->ldflags, &text);
	iw_buf_addf(&text, "\nengine %s\n", flavour->fuzzing_engine);
	if (flavour->build_env) {
		iw_buf_adds(&text, "env ");
		san_flavour_flags(flavour->build_env, &text);
		iw_buf_adds(&text, "\n");
	}
	iw_sha256_hex_of(text.data, closure);
	iw_buf_fini(&text);
}

static struct entry *entry_new(struct builder *b, const struct iw_build *build)
{
	struct entry *e = iw_calloc(1, sizeof *e);

	e->builder = b;
	e->build = *build;
	e->build.dir = iw_path_join(b->builds_dir, build->closure);
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
	if (config->cache_dir && access(CCACHE, X_OK) == 0)
		b->cache_dir = iw_strdup(config->cache_dir);
	rc = adapter_recipe_hash(config->adapter, b->recipe, err);
	if (rc == 0)
		rc = iw_dir_make(b->builds_dir, err);
	if (rc == 0 && b->cache_dir)
		rc = iw_dir_make(b->cache_dir, err);
	if (rc == 0)
		rc = project_db_builds(dbc, config->adapter_id, load_build, b, err);
	if (rc < 0) {
		builder_free(b);
		return rc;
	}
	*out = b;
	return 0;
}

void builder_set_git(struct builder *b, struct iw_git *git)
{
	b->git = git;
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
		free(e);
	}
	free(b->builds_dir);
	free(b->cache_dir);
	free(b);
}

void builder_counts(const struct builder *b, int *made, int *cached)
{
	*made = b->made;
	*cached = b->cached;
}

/* Tells everybody who waits; a callback may ask again, even for the same closure. */
static void answer(struct entry *e)
{
	struct iw_build_req *req = e->waiters, *next;
	struct iw_err err = e->err;

	e->waiters = NULL;
	e->waiters_end = &e->waiters;
	for (; req; req = next) {
		next = req->next;
		if (e->is_known)
			req->done(req, &e->build, NULL);
		else
			req->done(req, NULL, &err);
	}
}

static void end_making(struct entry *e)
{
	iw_job_free(e->job);
	e->job = NULL;
	free(e->src);
	e->src = NULL;
	e->is_running = e->is_stopped = false;
	answer(e);
}

static void on_stored(struct iw_db_req *req)
{
	struct entry *e = req->ctx;

	e->err = req->err;
	e->is_known = req->err.code == 0;
	if (e->is_known)
		e->builder->made++;
	end_making(e);
}

static int store_build(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct entry *e = ctx;

	return project_db_build_put(
		dbc, e->builder->config.adapter_id, &e->build, e->core_ms, err);
}

static void store(struct entry *e)
{
	e->db_req = (struct iw_db_req){.run = store_build, .ctx = e, .done = on_stored};
	iw_db_submit(e->builder->config.db, &e->db_req);
}

/* The first line that a compiler, linker or make calls an error; the last line of the log
 * when there is none. */
static void first_error(const char *log, char *error, size_t size)
{
	static const char *const marks[] = {" error: ", "undefined reference",
		"rror: ", "*** ", "No such file", "not found"};
	const char *at = NULL, *begin, *end;
	size_t i;

	for (i = 0; i < IW_COUNT(marks) && !at; i++)
		at = strstr(log, marks[i]);
	if (!at) {
		at = log + strlen(log);
		while (at > log && at[-1] == '\n')
			at--;
	}
	for (begin = at; begin > log && begin[-1] != '\n'; begin--)
		;
	end = begin + strcspn(begin, "\n");
	snprintf(error, size, "%.*s", (int)(end - begin), begin);
	if (!*error)
		snprintf(error, size, "the build command printed nothing");
}

/* The command may have put a link in its place, say to the compiler's cache, which later
 * builds write: then nobody would know what a build holds. */
static bool has_output(const struct entry *e)
{
	_auto_close_ int fd = iw_dir_open_below(iw_job_work(e->job), "out", NULL);

	return fd >= 0;
}

static int move_output(struct entry *e, struct iw_err *err)
{
	_auto_free_ char *out = iw_path_join(iw_job_work(e->job), "out");
	int rc = iw_dir_remove(e->build.dir, err);

	if (rc < 0)
		return rc;
	if (rename(out, e->build.dir) < 0)
		return iw_err_errno(err, errno, "cannot keep build '%s'", e->build.dir);
	return iw_dir_sync(e->builder->builds_dir, err);
}

static void judge_failure(struct entry *e, const struct iw_exit *exit, const char *log)
{
	if (strstr(log, "No space left on device")) {
		iw_err_set(&e->err, IW_ENOSPC,
			"building '%s' (%s): no space left on the disk",
			e->builder->config.adapter->name, e->build.flavour);
		end_making(e);
		return;
	}
	e->build.is_ok = false;
	if (exit->class == IW_EXIT_TIMEOUT)
		snprintf(e->build.error, sizeof e->build.error, "took longer than %lld s",
			(long long)e->builder->config.adapter->build.timeout_s);
	else
		first_error(log, e->build.error, sizeof e->build.error);
	store(e);
}

static void on_built(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct entry *e = ctx;
	_auto_free_ char *log = NULL;
	size_t len;

	e->is_running = false;
	e->core_ms = iw_exit_cpu_us(exit) / 1000;
	if (iw_job_log_read(job, BUILD_LOG_MAX, &log, &len, NULL) < 0)
		log = iw_strdup("");
	switch (exit->class) {
	case IW_EXIT_CLEAN:
		e->build.is_ok = has_output(e);
		if (!e->build.is_ok)
			snprintf(e->build.error, sizeof e->build.error,
				"the build command left no folder where $OUT was");
		if (e->build.is_ok && move_output(e, &e->err) < 0)
			end_making(e);
		else
			store(e);
		return;
	case IW_EXIT_FAILED:
	case IW_EXIT_SIGNALED:
	case IW_EXIT_TIMEOUT:
		judge_failure(e, exit, log);
		return;
	case IW_EXIT_STOPPED:
		iw_err_set(&e->err, IW_ECANCELED, "the build was stopped");
		break;
	default:
		iw_err_set(&e->err, IW_EJOB, "building '%s' (%s): %s",
			e->builder->config.adapter->name, e->build.flavour, exit->words);
	}
	end_making(e);
}

/* The compiler cache takes a wrapper for a clang and knows nothing of its environment.
 * It finds no object again that names the folder of a build, as lines to be counted do.
 */
static bool is_cached(const struct entry *e)
{
	return e->builder->cache_dir != NULL && !flavour_of(e)->counts_lines;
}

/* The cache looks at the words of a command. What stands for the compiler itself is ours
 * to say: AFL++'s wrappers read the environment, and call a compiler that it cannot see. */
static void add_cache(const struct entry *e)
{
	const struct san_toolchain *tools = e->builder->config.tools;
	const struct san_flavour *flavour = flavour_of(e);
	_auto_free_ char *compiler = iw_fmt("string:%s %s",
		flavour->needs_aflpp ? tools->afl_id : tools->id, flavour->name);

	iw_job_env(e->job, "CCACHE_DIR", e->builder->cache_dir);
	iw_job_env(e->job, "CCACHE_BASEDIR", e->src);
	iw_job_env(e->job, "CCACHE_NOHASHDIR", "1");
	iw_job_env(e->job, "CCACHE_COMPILERCHECK", compiler);
}

static void add_compiler(const struct entry *e, const char *name, const char *path)
{
	_auto_free_ char *cached = iw_fmt(CCACHE " %s", path);

	iw_job_env(e->job, name, is_cached(e) ? cached : path);
}

static void add_build_env(struct iw_job *job, const struct san_flavour *flavour)
{
	const char *const *row;

	for (row = flavour->build_env; row && *row; row++) {
		size_t n = strcspn(*row, "=");
		_auto_free_ char *name = iw_strndup(*row, n);

		iw_job_env(job, name, *row + n + 1);
	}
}

/* OSS-Fuzz's names, since build scripts know them; adapters/GUIDE.md explains. */
static void add_environment(struct entry *e)
{
	const struct builder_config *c = &e->builder->config;
	const struct san_flavour *flavour = flavour_of(e);
	_auto_free_ char *out = iw_path_join(iw_job_work(e->job), "out");
	_auto_free_ char *tmp = iw_path_join(iw_job_work(e->job), "tmp");
	_auto_free_ char *jobs = iw_fmt("%d", c->make_jobs);
	struct iw_buf flags = {0}, link = {0};

	san_flavour_flags(flavour->cflags, &flags);
	/* The folder differs from build to build and must not show: reports name files
	 * below it, and the compiler cache compares. */
	iw_buf_adds(&flags, " -fdebug-compilation-dir=/src");
	if (flavour->counts_lines)
		iw_buf_addf(&flags, " -fcoverage-prefix-map=%s=/src", e->src);
	san_flavour_flags(flavour->ldflags, &link);
	iw_job_env(e->job, "SRC", e->src);
	iw_job_env(e->job, "OUT", out);
	iw_job_env(e->job, "HOME", tmp);
	iw_job_env(e->job, "TMPDIR", tmp);
	iw_job_env(e->job, "PATH", "/usr/local/bin:/usr/bin:/bin");
	iw_job_env(e->job, "LC_ALL", "C.UTF-8");
	iw_job_env(e->job, "ADAPTER", c->adapter->dir);
	iw_job_env(e->job, "FLAVOUR", flavour->name);
	iw_job_env(e->job, "JOBS", jobs);
	iw_job_env(e->job, "CFLAGS", flags.data);
	iw_job_env(e->job, "CXXFLAGS", flags.data);
	iw_job_env(e->job, "LDFLAGS", link.data ? link.data : "");
	iw_job_env(e->job, "LIB_FUZZING_ENGINE", flavour->fuzzing_engine);
	add_compiler(e, "CC", flavour->needs_aflpp ? c->tools->afl_cc : c->tools->cc);
	if (flavour->needs_aflpp || c->tools->cxx)
		add_compiler(e, "CXX",
			flavour->needs_aflpp ? c->tools->afl_cxx : c->tools->cxx);
	add_build_env(e->job, flavour);
	if (is_cached(e))
		add_cache(e);
	iw_buf_fini(&flags);
	iw_buf_fini(&link);
}

static void on_exported(struct iw_git_req *req)
{
	struct entry *e = req->ctx;
	const char *const *word;

	if (req->rc < 0) {
		e->err = req->err;
		iw_err_wrap(&e->err, "exporting tree %.12s of '%s'", e->build.tree,
			e->builder->config.adapter->name);
		end_making(e);
		return;
	}
	if (e->is_stopped) {
		iw_err_set(&e->err, IW_ECANCELED, "the build was stopped");
		end_making(e);
		return;
	}
	add_environment(e);
	/* The job starts in work/; the recipe wants to start in the source. */
	iw_job_arg(e->job, "/usr/bin/env");
	iw_job_argf(e->job, "--chdir=%s", e->src);
	for (word = e->builder->config.adapter->build.command; *word; word++)
		iw_job_arg(e->job, *word);
	e->is_running = true;
	iw_job_submit(e->job, on_built, e);
}

static int export_tree(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct entry *e = ctx;

	return iw_git_export(repo, e->build.tree, e->src, err);
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
	bool is_last = flavour_of(e)->counts_lines;
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
	e->git_req =
		(struct iw_git_req){.run = export_tree, .ctx = e, .done = on_exported};
	iw_git_submit(e->builder->git, &e->git_req);
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

static struct entry *find(struct builder *b, const char *closure)
{
	struct entry *e;

	for (e = b->entries; e; e = e->next)
		if (strcmp(e->build.closure, closure) == 0)
			return e;
	return NULL;
}

static void build(void *ctx, struct iw_build_req *req)
{
	struct builder *b = ctx;
	const struct san_flavour *flavour = san_flavour_find(req->flavour);
	struct iw_build fresh = {.id = -1};
	bool is_first;
	struct entry *e;

	assert(flavour);
	compute_closure(b, req->tree, flavour, fresh.closure);
	memcpy(fresh.tree, req->tree, sizeof fresh.tree);
	memcpy(fresh.flavour, req->flavour, sizeof fresh.flavour);
	e = find(b, fresh.closure);
	if (!e)
		e = entry_new(b, &fresh);
	is_first = !e->waiters;
	req->next = NULL;
	*e->waiters_end = req;
	e->waiters_end = &req->next;
	if (!is_first)
		return;
	if (e->is_known) {
		b->cached++;
		answer_later(e);
	} else if (start_making(e, &e->err) < 0) {
		answer_later(e);
	}
}

static void stop(void *ctx, struct iw_build_req *req)
{
	struct builder *b = ctx;
	struct entry *e;

	for (e = b->entries; e; e = e->next) {
		if (e->waiters != req || req->next || !e->job)
			continue;
		e->is_stopped = true;
		if (e->is_running)
			iw_job_stop(e->job);
	}
}

struct iw_builder builder_ops(struct builder *b)
{
	return (struct iw_builder){.ctx = b, .build = build, .stop = stop};
}
