/*
 * A round:
 *
 *	RESTING --> LISTING --> MEASURING --> (room is made here) --> REMOVING -->
 *	NOTING --> RESTING, or LISTING again when somebody asked meanwhile
 *
 * Who asks for room is answered by the next round that begins after that, when what left is
 * removed. A round that somebody has asked for another one during answers nobody: a build
 * that was stored meanwhile is not in its list.
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
/* While somebody waits. */
#define TICK_MS 5000

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
	bool has_begun, has_ended;
	bool is_busy, is_asked;
	bool is_over;  /* what stays is more than the budget; said once */
	bool is_short; /* somebody was refused; said once */

	struct budget_room *rooms; /* that wait, first come first served */
	int64_t total;		   /* of builds, after the last round; -1: none yet */
	int64_t kept_room;	   /* for builds that are being made */
	int64_t refused; /* the smallest that was, and was not told since; or 0 */
	bool tells;	 /* them, when this round is over */
	int64_t looked_ms;
	struct iw_err why; /* of a refusal */
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
	b->total = -1;
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
	assert(!b->is_busy && !b->rooms);
	clear(b);
	free(b->kept);
	free(b->builds_dir);
	free(b);
}

bool budget_rests(const struct budget *b)
{
	return !b || !b->is_busy;
}

/* The first that has its answer, not in the list any more. */
static struct budget_room *pop_answered(struct budget *b)
{
	struct budget_room **at = &b->rooms, *room;

	while ((room = *at) != NULL && !room->is_kept && !room->is_refused)
		at = &room->next;
	if (room)
		*at = room->next;
	return room;
}

/* Whoever is told may ask again, which begins the next round. */
static void rest(struct budget *b)
{
	struct budget_room *room;
	bool tells = b->tells;

	clear(b);
	b->is_busy = b->tells = false;
	while ((room = pop_answered(b)) != NULL)
		room->done(room, room->is_kept ? NULL : &b->why);
	if (tells)
		b->config.has_room(b->config.ctx);
	if (b->is_busy)
		return;
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

static enum budget_use use_of(const struct budget *b, const struct kept *k)
{
	_auto_free_ char *dir = iw_path_join(b->builds_dir, k->closure);
	enum budget_use use;

	if (k->is_pinned)
		return BUDGET_USED;
	use = b->config.use(b->config.ctx, k->closure);
	return use == BUDGET_FREE && is_locked(dir) ? BUDGET_USED : use;
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

static int64_t limit_of(const struct budget *b)
{
	return b->config.bytes - b->config.bytes / BUDGET_CACHE_PART;
}

/* "builds take 9.4 MiB, the disk budget of 13 MiB leaves them 10 MiB, …"; the caller
 * frees. */
static char *situation(const struct budget *b)
{
	char taken[24], limit[24], budget[24];

	iw_size_words(b->total, taken);
	iw_size_words(limit_of(b), limit);
	iw_size_words(b->config.bytes, budget);
	return iw_fmt("builds take %s, the disk budget of %s leaves them %s, and all are "
		      "in use or needed for open bugs; raise --disk-budget",
		taken, budget, limit);
}

static void say_over(struct budget *b)
{
	_auto_free_ char *text = situation(b);

	iw_warn("over the disk budget", I("bytes", b->total),
		I("budget", b->config.bytes));
	b->config.say(b->config.ctx, text);
}

/* Makes room for so many bytes as far as it can be had, and says how many are missing. */
static int64_t shed(struct budget *b, int64_t bytes)
{
	int64_t freed = 0;
	int left = 0;
	size_t i;

	for (i = 0; i < b->count && freed < bytes; i++) {
		struct kept *k = &b->kept[i];

		if (!k->is_there || k->leaves || use_of(b, k) != BUDGET_FREE ||
			!leave(b, k))
			continue;
		freed += k->bytes;
		left++;
	}
	if (left)
		say_what_left(b, left, freed);
	b->total -= freed;
	return bytes - freed;
}

static int64_t bytes_of(const struct budget *b, enum budget_use use)
{
	int64_t bytes = 0;
	size_t i;

	for (i = 0; i < b->count; i++) {
		const struct kept *k = &b->kept[i];

		if (k->is_there && !k->leaves && use_of(b, k) == use)
			bytes += k->bytes;
	}
	return bytes;
}

/* How much is missing for so much more. */
static int64_t missing_for(const struct budget *b, int64_t bytes)
{
	return b->total + b->kept_room + bytes - limit_of(b);
}

/* Nothing leaves in vain. */
static bool make_room_for(struct budget *b, int64_t bytes)
{
	int64_t missing = missing_for(b, bytes);

	return missing <= 0 ||
		(missing <= bytes_of(b, BUDGET_FREE) && shed(b, missing) <= 0);
}

static void keep(struct budget *b, struct budget_room *room)
{
	room->is_kept = true;
	b->kept_room += room->bytes;
}

static void refuse(struct budget *b, struct budget_room *room)
{
	_auto_free_ char *text = situation(b);
	_auto_free_ char *said = NULL;
	char bytes[24];

	room->is_refused = true;
	if (!b->refused || room->bytes < b->refused)
		b->refused = room->bytes > 0 ? room->bytes : 1;
	iw_size_words(room->bytes, bytes);
	iw_err_set(
		&b->why, IW_EBUDGET, "no room for a build of about %s: %s", bytes, text);
	if (b->is_short)
		return;
	b->is_short = true;
	said = iw_fmt("blame waits, there is %s", b->why.msg);
	b->config.say(b->config.ctx, said);
}

/* Who waits for what is lent, or for room that another build turns out not to need, is
 * asked again when that ends. */
static void answer_rooms(struct budget *b)
{
	struct budget_room *room;

	if (b->refused && make_room_for(b, b->refused)) {
		b->refused = 0;
		b->is_short = false;
		b->tells = true;
	}
	for (room = b->rooms; room; room = room->next) {
		if (make_room_for(b, room->bytes))
			keep(b, room);
		else if (missing_for(b, room->bytes) > bytes_of(b, BUDGET_FREE) +
				bytes_of(b, BUDGET_LENT) + b->kept_room)
			refuse(b, room);
	}
}

static void cancel_rooms(struct budget *b)
{
	struct budget_room *room;

	iw_err_set(&b->why, IW_ECANCELED, "stopped");
	for (room = b->rooms; room; room = room->next)
		room->is_refused = true;
}

static void make_room(struct budget *b)
{
	int64_t missing;
	size_t i;

	b->total = 0;
	for (i = 0; i < b->count; i++)
		b->total += b->kept[i].bytes;
	if (b->has_ended) {
		cancel_rooms(b);
		return;
	}
	if (!b->config.bytes)
		return;
	missing = b->total - limit_of(b);
	if (missing > 0)
		missing = shed(b, missing);
	if (missing > 0 && !b->is_over)
		say_over(b);
	b->is_over = missing > 0;
	if (!b->is_asked)
		answer_rooms(b);
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
	if (b->is_busy || (!b->has_begun && !b->has_ended))
		return;
	b->is_busy = true;
	b->looked_ms = iw_time_mono_ms();
	b->req = (struct iw_db_req){.run = list, .ctx = b, .done = on_listed};
	iw_db_submit(b->config.db, &b->req);
}

void budget_begin(struct budget *b)
{
	b->has_begun = true;
	budget_look(b);
}

void budget_end(struct budget *b)
{
	b->has_ended = true;
	if (b->rooms)
		budget_look(b);
}

void budget_tick(struct budget *b)
{
	if ((b->refused || b->rooms) && iw_time_mono_ms() - b->looked_ms >= TICK_MS)
		budget_look(b);
}

/* -- room for one more -------------------------------------------------------------- */

bool budget_room_ask(struct budget *b, struct budget_room *room)
{
	struct budget_room **end = &b->rooms;

	room->next = NULL;
	room->is_kept = room->is_refused = false;
	if (!b->config.bytes ||
		(b->total >= 0 && !b->is_busy && !b->has_ended && !b->rooms &&
			missing_for(b, room->bytes) <= 0)) {
		keep(b, room);
		return true;
	}
	while (*end)
		end = &(*end)->next;
	*end = room;
	budget_look(b);
	return false;
}

void budget_room_end(struct budget *b, struct budget_room *room)
{
	struct budget_room **at = &b->rooms;

	while (*at && *at != room)
		at = &(*at)->next;
	if (*at)
		*at = room->next;
	if (room->is_kept)
		b->kept_room -= room->bytes;
	room->is_kept = false;
	budget_returned(b);
}

void budget_returned(struct budget *b)
{
	if (b->rooms)
		budget_look(b);
}
