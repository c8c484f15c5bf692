#include "base/job_record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/keeper_format.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

/* What a keeper may take to end its job before it is killed itself. */
#define RECOVER_TERM_MS 10000
#define RECOVER_KILL_MS 5000
/* Between taking its lock and saying who it is, a keeper has an fsync to do. */
#define RECOVER_YOUNG_MS 2000
#define RECOVER_POLL_MS 20

static void say(
	struct iw_exit *exit, enum iw_exit_class class, int code, const char *words)
{
	exit->class = class;
	exit->code = code;
	snprintf(exit->words, sizeof exit->words, "%s", words);
}

static void say_signal(struct iw_exit *exit, int signal)
{
	const char *name = sigabbrev_np(signal);
	char words[64];

	if (name)
		snprintf(words, sizeof words, "killed by SIG%s", name);
	else
		snprintf(words, sizeof words, "killed by signal %d", signal);
	say(exit, IW_EXIT_SIGNALED, signal, words);
}

static void say_code(struct iw_exit *exit, int code)
{
	char words[64];

	snprintf(words, sizeof words, "exit code %d", code);
	say(exit, code == 0 ? IW_EXIT_CLEAN : IW_EXIT_FAILED, code, words);
}

/* The command ended by itself. Under bwrap the engine's signal arrives as 128 + n. */
static void classify_exited(struct iw_exit *exit, int status, const json_t *bwrap_exit)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (WIFSIGNALED(status))
		say_signal(exit, WTERMSIG(status));
	else if (json_is_integer(bwrap_exit) && code > 128 && code < 128 + NSIG)
		say_signal(exit, code - 128);
	else
		say_code(exit, code);
}

static void classify(const json_t *record, bool was_stopped, struct iw_exit *exit)
{
	const char *reason = json_string_value(json_object_get(record, "reason"));
	const char *error = json_string_value(json_object_get(record, "error"));
	int status = (int)json_integer_value(json_object_get(record, "status"));

	if (!reason)
		say(exit, IW_EXIT_LOST, -1, "its exit record is damaged");
	else if (strcmp(reason, "timeout") == 0)
		say(exit, IW_EXIT_TIMEOUT, -1, "ran longer than allowed");
	else if (strcmp(reason, "stalled") == 0)
		say(exit, IW_EXIT_TIMEOUT, -1, "stood still without using any CPU");
	else if (strcmp(reason, "rss") == 0)
		say(exit, IW_EXIT_OOM, -1, "used more memory than allowed");
	else if (strcmp(reason, "processes") == 0)
		say(exit, IW_EXIT_OVERRUN, -1, "started more processes than allowed");
	else if (strcmp(reason, "disk") == 0)
		say(exit, IW_EXIT_OVERRUN, -1, "took more disk than allowed");
	else if (strcmp(reason, "exec-failed") == 0)
		say(exit, IW_EXIT_SPAWN_FAILED, -1, error ? error : "cannot be executed");
	else if (strcmp(reason, "sandbox-failed") == 0)
		say(exit, IW_EXIT_SANDBOX_FAILED, -1, "the sandbox could not be set up");
	else if (strcmp(reason, "exited") != 0 || was_stopped)
		say(exit, IW_EXIT_STOPPED, -1, "stopped");
	else
		classify_exited(exit, status, json_object_get(record, "bwrap_exit"));
}

void iw_job_record_read(
	const char *dir, const char *status_text, bool was_stopped, struct iw_exit *exit)
{
	_auto_(iw_json_freep) json_t *record = NULL;
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_EXIT);

	*exit = (struct iw_exit){.code = -1};
	if (iw_json_load(path, &record, NULL) < 0) {
		if (was_stopped)
			/* It may have been stopped before it could write anything. */
			say(exit, IW_EXIT_STOPPED, -1, "stopped");
		else if (*status_text && strcmp(status_text, IW_KEEPER_OK) != 0)
			say(exit, IW_EXIT_SPAWN_FAILED, -1, status_text);
		else
			say(exit, IW_EXIT_LOST, -1, "its keeper was killed");
		return;
	}
	exit->user_us = json_integer_value(json_object_get(record, "user_us"));
	exit->sys_us = json_integer_value(json_object_get(record, "sys_us"));
	exit->wall_ms = json_integer_value(json_object_get(record, "wall_ms"));
	exit->maxrss_kb = json_integer_value(json_object_get(record, "maxrss_kb"));
	classify(record, was_stopped, exit);
}

/* Segments of the log, keeper_format.h: `log`, then log.K by number. */
struct segments {
	long numbers[16];
	size_t count;
};

static int take_segment(void *ctx, const char *name)
{
	struct segments *s = ctx;
	long number = 0;
	char *end;

	if (strncmp(name, IW_KEEPER_LOG, 3) != 0)
		return 0;
	if (name[3] == '.') {
		number = strtol(name + 4, &end, 10);
		if (*end || number <= 0)
			return 0;
	} else if (name[3]) {
		return 0;
	}
	if (s->count < IW_COUNT(s->numbers))
		s->numbers[s->count++] = number;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

int iw_job_record_log(
	const char *dir, size_t max, char **data, size_t *len, struct iw_err *err)
{
	struct segments s = {.count = 0};
	struct iw_buf all = {0};
	size_t i;
	int rc = iw_dir_each(dir, take_segment, &s, err);

	qsort(s.numbers, s.count, sizeof s.numbers[0], compare_numbers);
	for (i = 0; rc == 0 && i < s.count; i++) {
		_auto_free_ char *path = s.numbers[i]
			? iw_fmt("%s/" IW_KEEPER_LOG ".%ld", dir, s.numbers[i])
			: iw_path_join(dir, IW_KEEPER_LOG);
		_auto_free_ char *text = NULL;
		size_t n;

		/* A segment may be deleted between the listing and now. */
		if (iw_file_read_tail(path, max, &text, &n, NULL) == 0)
			iw_buf_add(&all, text, n);
	}
	if (rc < 0) {
		iw_buf_fini(&all);
		return rc;
	}
	if (all.len > max) {
		memmove(all.data, all.data + all.len - max, max);
		all.len = max;
	}
	*len = all.len;
	*data = iw_buf_steal(&all);
	return 0;
}

/* A keeper's pid is trusted only together with its start time: pids come round again. */
static int64_t start_time(pid_t pid)
{
	char path[64];
	_auto_free_ char *text = NULL;
	const char *p;
	size_t len;
	int field;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (iw_file_read(path, 4096, &text, &len, NULL) < 0)
		return -1;
	/* Field 2 is a name that may hold anything; the last ')' ends it. */
	p = strrchr(text, ')');
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoll(p, NULL, 10) : -1;
}

int iw_job_record_keeper(const char *dir)
{
	_auto_(iw_json_freep) json_t *record = NULL;
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_RECORD);
	pid_t pid;
	int fd;

	if (iw_json_load(path, &record, NULL) < 0)
		return -1;
	pid = (pid_t)json_integer_value(json_object_get(record, "pid"));
	if (pid <= 1)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0 &&
		start_time(pid) !=
			json_integer_value(json_object_get(record, "starttime"))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool wait_end(int pidfd, int ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int rc;

	do
		rc = poll(&p, 1, ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static bool is_locked(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_LOCK);
	_auto_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

struct names {
	char **items;
	size_t count, cap;
};

static void names_add(struct names *names, const char *name)
{
	iw_grow(names->items, names->count, names->cap);
	names->items[names->count++] = iw_strdup(name);
}

static bool names_have(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static void names_fini(struct names *names)
{
	while (names->count > 0)
		free(names->items[--names->count]);
	free(names->items);
}

struct recovering {
	const struct iw_jobs_recovery *recovery;
	const char *dir;
	struct iw_err *err;
	struct names kept, asked;
};

static void ask_keeper(int pidfd)
{
	/* One that was stopped (SIGSTOP) takes a signal only when it goes on. */
	syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
	syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
}

/* A keeper that has its lock and no record yet is young: a moment later it has. */
static int await_keeper(const char *dir)
{
	int waited, fd = -1;

	for (waited = 0; fd < 0 && waited < RECOVER_YOUNG_MS; waited += RECOVER_POLL_MS) {
		if (!is_locked(dir))
			return -1;
		fd = iw_job_record_keeper(dir);
		if (fd < 0)
			poll(NULL, 0, RECOVER_POLL_MS);
	}
	return fd;
}

static void stop_keeper(const char *dir, bool is_asked)
{
	_auto_close_ int fd = await_keeper(dir);

	if (fd < 0)
		return;
	iw_info("stopping a job of an earlier run", S("dir", dir));
	/* Being asked twice means at once. */
	if (!is_asked)
		ask_keeper(fd);
	if (wait_end(fd, RECOVER_TERM_MS))
		return;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	wait_end(fd, RECOVER_KILL_MS);
}

/* NULL only where there is none: without it nobody knows whose findings are in there. */
static int read_about(const char *dir, char **about, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, "about");
	size_t len;
	int rc = iw_file_read(path, 64 << 10, about, &len, err);

	if (rc < 0)
		*about = NULL;
	return rc == IW_ENOENT ? 0 : rc;
}

/* All are asked before the first is waited for. */
static int ask_one(void *ctx, const char *name)
{
	struct recovering *r = ctx;
	_auto_free_ char *dir = iw_path_join(r->dir, name);
	_auto_free_ char *about = NULL;
	_auto_close_ int fd = await_keeper(dir);

	if (fd < 0)
		return 0;
	if (r->recovery->lives && read_about(dir, &about, NULL) == 0 &&
		r->recovery->lives(r->recovery->ctx, dir, about)) {
		names_add(&r->kept, name);
		return 0;
	}
	names_add(&r->asked, name);
	ask_keeper(fd);
	return 0;
}

static int recover_one(void *ctx, const char *name)
{
	struct recovering *r = ctx;
	_auto_free_ char *dir = iw_path_join(r->dir, name);
	_auto_free_ char *about = NULL;
	int rc;

	if (names_have(&r->kept, name))
		return 0;
	stop_keeper(dir, names_have(&r->asked, name));
	rc = read_about(dir, &about, r->err);
	if (rc < 0)
		return rc;
	if (r->recovery->found(r->recovery->ctx, dir, about) != 0) {
		iw_warn("job folder kept", S("dir", dir));
		return 0;
	}
	return iw_dir_remove(dir, r->err);
}

int iw_jobs_recover(
	const char *dir, const struct iw_jobs_recovery *recovery, struct iw_err *err)
{
	struct recovering r = {.recovery = recovery, .dir = dir, .err = err};
	int rc;

	if (!iw_file_exists(dir))
		return 0;
	rc = iw_dir_each(dir, ask_one, &r, err);
	if (rc == 0)
		rc = iw_dir_each(dir, recover_one, &r, err);
	names_fini(&r.kept);
	names_fini(&r.asked);
	return rc;
}
