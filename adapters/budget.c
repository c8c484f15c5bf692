/*
 * A round:
 *
 *	RESTING --> LISTING --> MEASURING --> (room is made here) --> REMOVING -->
 *	NOTING --> RESTING, or LISTING again when somebody asked meanwhile
 *
 * What leaves is renamed on the loop, where nobody can ask for it at the same moment,
 * and removed on the pool. A kill in between leaves a folder that the next round removes,
 * and a row that says more than there is: whoever asks looks for the folder.
 */
#include "adapters/budget.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapters/build_db.h"
#include "adapters/build_log.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/time.h"

#include "base/banned.h"

/* A folder that no row knows may be a build on its way; after a day it is none. */
#define LOST_AFTER_S (24 * 60 * 60)
#define LEAVING ".leaving-"

struct kept {
	int64_t id, bytes, used_ms;
	char closure[IW_SHA256_HEX];
	char *what; /* "demo, libfuzzer+tsan" */
	bool is_pinned, is_there, was_measured, leaves;
};

struct budget {
	struct iw_work work; /* first: what the pool hands back is this */
	struct budget_config config;
	char *builds_dir;
	struct kept *kept;
	size_t count, cap;
	struct iw_db_req req;
	bool is_busy, is_asked;
	bool is_over; /* what stays is more than the budget; said once */
};

int64_t budget_default(const char *state_dir)
{
	int64_t size = iw_disk_size(state_dir);

	return size > 0 ? size / BUDGET_DISK_PART : 0;
}

struct budget *budget_new(const struct budget_config *config)
{
	struct budget *b = iw_calloc(1, sizeof *b);

	b->config = *config;
	b->builds_dir = iw_strdup(config->builds_dir);
	return b;
}

static void clear(struct budget *b)
{
	while (b->count > 0)
		free(b->kept[--b->count].what);
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	assert(!b->is_busy);
	clear(b);
	free(b->kept);
	free(b->builds_dir);
	free(b);
}

bool budget_rests(const struct budget *b)
{
	return !b || !b->is_busy;
}

static void rest(struct budget *b)
{
	clear(b);
	b->is_busy = false;
	if (b->is_asked)
		budget_look(b);
	else if (b->config.rested)
		b->config.rested(b->config.ctx);
}

/* -- removing ----------------------------------------------------------------------- */

static char *leaving_path(const struct budget *b, const char *closure)
{
	return iw_fmt("%s/" LEAVING "%s", b->builds_dir, closure);
}

static int note(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct budget *b = ctx;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < b->count; i++) {
		const struct kept *k = &b->kept[i];

		if (k->leaves || !k->is_there)
			rc = build_db_left(dbc, k->id, err);
		else if (k->was_measured)
			rc = build_db_measured(dbc, k->id, k->bytes, err);
	}
	return rc;
}

static void on_noted(struct iw_db_req *req)
{
	if (req->err.code)
		iw_warn("builds that left are not noted", S("error", req->err.msg));
	rest(req->ctx);
}

static void remove_leaving(struct iw_work *work)
{
	struct budget *b = (struct budget *)work;
	struct iw_err err = IW_ERR_INIT;
	size_t i;

	for (i = 0; i < b->count; i++) {
		_auto_free_ char *path = leaving_path(b, b->kept[i].closure);
		_auto_free_ char *log = build_log_path(b->builds_dir, b->kept[i].closure);

		if (!b->kept[i].leaves)
			continue;
		if (iw_dir_remove(path, &err) < 0)
			iw_warn("a build that left is still there", S("error", err.msg));
		unlink(log);
	}
}

static void on_removed(struct iw_work *work)
{
	struct budget *b = (struct budget *)work;

	b->req = (struct iw_db_req){.run = note, .ctx = b, .done = on_noted};
	iw_db_submit(b->config.db, &b->req);
}

/* -- making room -------------------------------------------------------------------- */

/* Another process may run a target of it: `ironworks repro` says so with a lock. */
static bool is_locked(const char *dir)
{
	_auto_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool may_leave(const struct budget *b, const struct kept *k)
{
	_auto_free_ char *dir = iw_path_join(b->builds_dir, k->closure);

	return k->is_there && !k->is_pinned &&
		!b->config.uses(b->config.ctx, k->closure) && !is_locked(dir);
}

static bool leave(struct budget *b, struct kept *k)
{
	_auto_free_ char *dir = iw_path_join(b->builds_dir, k->closure);
	_auto_free_ char *to = leaving_path(b, k->closure);

	/* A failed build has a log and no folder. */
	if (rename(dir, to) < 0 && errno != ENOENT) {
		iw_warn("a build cannot leave", S("closure", k->closure),
			S("error", strerror(errno)));
		return false;
	}
	b->config.forget(b->config.ctx, k->closure);
	k->leaves = true;
	iw_info("a build leaves", S("build", k->what), S("closure", k->closure),
		I("bytes", k->bytes),
		I("unused_hours", (iw_time_wall_ms() - k->used_ms) / 3600000));
	return true;
}

static void say_what_left(struct budget *b, int left, int64_t bytes)
{
	char size[24], budget[24];
	_auto_free_ char *text = NULL;

	iw_size_words(bytes, size);
	iw_size_words(b->config.bytes, budget);
	text = iw_fmt("%d build%s of %s left to stay within the disk budget of %s", left,
		left == 1 ? "" : "s", size, budget);
	b->config.say(b->config.ctx, text);
}

static void say_over(struct budget *b, int64_t bytes)
{
	char size[24], budget[24];
	_auto_free_ char *text = NULL;

	iw_size_words(bytes, size);
	iw_size_words(b->config.bytes, budget);
	text = iw_fmt("builds take %s, more than the disk budget of %s leaves them, and "
		      "all are in use or needed for open bugs; raise --disk-budget",
		size, budget);
	iw_warn("over the disk budget", I("bytes", bytes), I("budget", b->config.bytes));
	b->config.say(b->config.ctx, text);
}

static void make_room(struct budget *b)
{
	int64_t limit = b->config.bytes - b->config.bytes / BUDGET_CACHE_PART;
	int64_t total = 0, freed = 0;
	int left = 0;
	size_t i;

	for (i = 0; i < b->count; i++)
		total += b->kept[i].bytes;
	for (i = 0; i < b->count && b->config.bytes && total > limit; i++) {
		struct kept *k = &b->kept[i];

		if (!may_leave(b, k) || !leave(b, k))
			continue;
		total -= k->bytes;
		freed += k->bytes;
		left++;
	}
	if (left)
		say_what_left(b, left, freed);
	if (b->config.bytes && total > limit && !b->is_over)
		say_over(b, total);
	b->is_over = b->config.bytes && total > limit;
}

static void on_measured(struct iw_work *work)
{
	struct budget *b = (struct budget *)work;

	make_room(b);
	iw_work_submit(b->config.loop, &b->work, remove_leaving, on_removed);
}

/* -- looking ------------------------------------------------------------------------ */

static bool is_known(const struct budget *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		if (strncmp(b->kept[i].closure, name, IW_SHA256_HEX - 1) == 0)
			return true;
	return false;
}

static bool is_old(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && time(NULL) - st.st_mtime > LOST_AFTER_S;
}

/* What kills left behind: folders on their way out, builds that no row knows. */
static int sweep_name(void *ctx, const char *name)
{
	const struct budget *b = ctx;
	_auto_free_ char *path = iw_path_join(b->builds_dir, name);
	bool is_build = strspn(name, "0123456789abcdef") == IW_SHA256_HEX - 1;

	if (strncmp(name, LEAVING, strlen(LEAVING)) == 0 ||
		(is_build && !is_known(b, name) && is_old(path)))
		iw_dir_remove(path, NULL);
	return 0;
}

static void measure(struct iw_work *work)
{
	struct budget *b = (struct budget *)work;
	size_t i;

	iw_dir_each(b->builds_dir, sweep_name, b, NULL);
	for (i = 0; i < b->count; i++) {
		struct kept *k = &b->kept[i];
		_auto_free_ char *dir = iw_path_join(b->builds_dir, k->closure);
		_auto_free_ char *log = build_log_path(b->builds_dir, k->closure);
		int64_t log_bytes = iw_file_size(log);

		k->is_there = iw_file_exists(dir) || log_bytes >= 0;
		if (!k->is_there) {
			k->bytes = 0;
		} else if (k->bytes == 0) {
			k->bytes = iw_dir_size(dir) + (log_bytes > 0 ? log_bytes : 0);
			k->was_measured = true;
		}
	}
}

static void take_kept(void *ctx, const struct build_kept *row)
{
	struct budget *b = ctx;
	struct kept k = {
		.id = row->id,
		.bytes = row->bytes,
		.used_ms = row->used_ms,
		.is_pinned = row->is_pinned,
		.what = iw_fmt(
			"%s, %s, tree %.12s", row->adapter, row->flavour, row->tree),
	};

	snprintf(k.closure, sizeof k.closure, "%s", row->closure);
	iw_grow(b->kept, b->count, b->cap);
	b->kept[b->count++] = k;
}

static int list(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct budget *b = ctx;
	int rc = build_db_set_budget(dbc, b->config.bytes, err);

	return rc < 0 ? rc : build_db_kept(dbc, take_kept, b, err);
}

static void on_listed(struct iw_db_req *req)
{
	struct budget *b = req->ctx;

	if (req->err.code) {
		iw_warn("builds cannot be listed", S("error", req->err.msg));
		rest(b);
		return;
	}
	iw_work_submit(b->config.loop, &b->work, measure, on_measured);
}

void budget_look(struct budget *b)
{
	b->is_asked = b->is_busy;
	if (b->is_busy)
		return;
	b->is_busy = true;
	b->req = (struct iw_db_req){.run = list, .ctx = b, .done = on_listed};
	iw_db_submit(b->config.db, &b->req);
}
