/*
 * A machine that goes wrong, preloaded into `ironworks` by the tests of faults.
 *
 * Counts what the program asks of the machine, and fails the n-th of a class:
 *
 *	write  calls that change files below the state folder
 *	spawn  calls that make processes
 *	step   SQLite statements
 *
 * FAULTS names a folder of the test's, which the program does not know. Its `log` gets a
 * line for each fault (and for each call, with FAULTS_COUNT). The test may put there
 * `freed` (nothing fails any more), `clock` (seconds by which the wall clock is off) and
 * `speed`: so many times faster the program's monotonic clock runs from then on, and
 * waiting for a retry takes a test no time. FAULTS_SPEED does the same once the state is
 * touched: before that the program waits for compilers. What the program starts inherits
 * none of this.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

enum class { WRITE, SPAWN, STEP, CLASSES };

static const char *const class_names[] = {"write", "spawn", "step"};
static atomic_long counts[CLASSES];
static char folder[PATH_MAX], state[PATH_MAX];
static int log_fd = -1;
static bool is_counting;
static enum class class = CLASSES;
static long first, last;
static int error;
static int64_t wanted_speed = 1;

/* The faster clock: the time of the machine, and ours, at which it began to be that. */
static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t speed = 1, began_ns, began_ours_ns;

/* The function behind ours. */
#define REAL(name)                                                                       \
	static __typeof__(name) *real;                                                   \
	if (!real)                                                                       \
	real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static const char *option(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

__attribute__((constructor)) static void begin(void)
{
	static const char *const names[] = {"LD_PRELOAD", "FAULTS", "FAULTS_STATE",
		"FAULTS_COUNT", "FAULTS_CLASS", "FAULTS_FIRST", "FAULTS_LAST",
		"FAULTS_ERRNO", "FAULTS_SPEED"};
	char path[PATH_MAX + 8];
	size_t i;

	snprintf(folder, sizeof folder, "%s", option("FAULTS"));
	snprintf(state, sizeof state, "%s", option("FAULTS_STATE"));
	is_counting = *option("FAULTS_COUNT") != '\0';
	for (i = 0; i < CLASSES; i++)
		if (strcmp(option("FAULTS_CLASS"), class_names[i]) == 0)
			class = (enum class)i;
	first = strtol(option("FAULTS_FIRST"), NULL, 10);
	last = strtol(option("FAULTS_LAST"), NULL, 10);
	error = (int)strtol(option("FAULTS_ERRNO"), NULL, 10);
	if (*option("FAULTS_SPEED"))
		wanted_speed = strtol(option("FAULTS_SPEED"), NULL, 10);
	for (i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	snprintf(path, sizeof path, "%s/log", folder);
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, path,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static bool is_freed(void)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s/freed", folder);
	return access(path, F_OK) == 0;
}

/* The number in a file of the test's; 0: none. */
static long number_in(const char *name)
{
	char path[PATH_MAX + 8], text[32] = "";
	int fd, kept = errno;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (syscall(SYS_read, fd, text, sizeof text - 1) < 0)
			text[0] = '\0';
		syscall(SYS_close, fd);
	}
	errno = kept;
	return strtol(text, NULL, 10);
}

/* The monotonic clock as the program sees it; a higher speed begins now. */
static int64_t monotonic_ns(int64_t new_speed)
{
	struct timespec now;
	int64_t ns;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&clock_lock);
	ns = began_ours_ns + (ns_of(&now) - began_ns) * speed;
	if (new_speed > speed) {
		began_ours_ns = ns;
		began_ns = ns_of(&now);
		speed = new_speed;
	}
	pthread_mutex_unlock(&clock_lock);
	return ns;
}

/* Counts a call; true: it is to fail. */
static bool fails(enum class what, const char *call, const char *about)
{
	long n = atomic_fetch_add(&counts[what], 1) + 1;
	int kept = errno;
	bool is_fault = what == class && n >= first && n <= last && !is_freed();
	char line[PATH_MAX + 128];
	int len;

	if (is_fault || is_counting) {
		len = snprintf(line, sizeof line, "%s %s %ld %s %.400s\n",
			is_fault ? "fault" : "count", class_names[what], n, call, about);
		syscall(SYS_write, log_fd, line, (size_t)len);
	}
	errno = is_fault ? error : kept;
	return is_fault;
}

static bool is_ours(const char *path)
{
	size_t len = strlen(state);

	/* The log is for reading only: what cannot be written there is missing there. */
	return len > 0 && strncmp(path, state, len) == 0 &&
		(path[len] == '/' || path[len] == '\0') &&
		strcmp(path + len, "/log") != 0;
}

static bool fails_on_path(const char *call, const char *path)
{
	if (!is_ours(path))
		return false;
	if (wanted_speed > 1)
		monotonic_ns(wanted_speed);
	return fails(WRITE, call, path);
}

static bool fails_on_fd(const char *call, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;
	int kept = errno;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	errno = kept;
	if (n < 0)
		return false;
	path[n] = '\0';
	return fails_on_path(call, path);
}

static bool fails_at(const char *call, int dir, const char *path)
{
	return *path == '/' || dir == AT_FDCWD ? fails_on_path(call, path)
					       : fails_on_fd(call, dir);
}

/* -- files -- */

ssize_t write(int fd, const void *data, size_t len)
{
	REAL(write);
	return fails_on_fd("write", fd) ? -1 : real(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	REAL(pwrite);
	return fails_on_fd("pwrite", fd) ? -1 : real(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	REAL(pwrite64);
	return fails_on_fd("pwrite", fd) ? -1 : real(fd, data, len, at);
}

int fsync(int fd)
{
	REAL(fsync);
	return fails_on_fd("fsync", fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	REAL(fdatasync);
	return fails_on_fd("fdatasync", fd) ? -1 : real(fd);
}

int ftruncate(int fd, off_t len)
{
	REAL(ftruncate);
	return fails_on_fd("ftruncate", fd) ? -1 : real(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	REAL(ftruncate64);
	return fails_on_fd("ftruncate", fd) ? -1 : real(fd, len);
}

int rename(const char *from, const char *to)
{
	REAL(rename);
	return fails_on_path("rename", to) ? -1 : real(from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	REAL(renameat2);
	return fails_at("rename", to_dir, to) ? -1
					      : real(from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
	REAL(link);
	return fails_on_path("link", to) ? -1 : real(from, to);
}

int symlink(const char *from, const char *to)
{
	REAL(symlink);
	return fails_on_path("symlink", to) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	/* Those that are there already are no writes. */
	return access(path, F_OK) < 0 && fails_on_path("mkdir", path) ? -1
								      : real(path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	REAL(mkdirat);
	return fails_at("mkdir", dir, path) ? -1 : real(dir, path, mode);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

#define OPEN_LIKE(name)                                                                  \
	int name(const char *path, int flags, ...)                                       \
	{                                                                                \
		REAL(name);                                                              \
		va_list ap;                                                              \
		mode_t mode;                                                             \
                                                                                         \
		va_start(ap, flags);                                                     \
		mode = mode_of(flags, ap);                                               \
		va_end(ap);                                                              \
		if (flags & O_CREAT && fails_on_path("open", path))                      \
			return -1;                                                       \
		return real(path, flags, mode);                                          \
	}

#define OPENAT_LIKE(name)                                                                \
	int name(int dir, const char *path, int flags, ...)                              \
	{                                                                                \
		REAL(name);                                                              \
		va_list ap;                                                              \
		mode_t mode;                                                             \
                                                                                         \
		va_start(ap, flags);                                                     \
		mode = mode_of(flags, ap);                                               \
		va_end(ap);                                                              \
		if (flags & O_CREAT && fails_at("open", dir, path))                      \
			return -1;                                                       \
		return real(dir, path, flags, mode);                                     \
	}

OPEN_LIKE(open)
OPEN_LIKE(open64)
OPENAT_LIKE(openat)
OPENAT_LIKE(openat64)

/* -- processes -- */

pid_t fork(void)
{
	REAL(fork);
	return fails(SPAWN, "fork", "") ? -1 : real();
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	REAL(posix_spawn);
	return fails(SPAWN, "posix_spawn", path)
		? error
		: real(pid, path, actions, attributes, argv, env);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
	REAL(posix_spawnp);
	return fails(SPAWN, "posix_spawnp", file)
		? error
		: real(pid, file, actions, attributes, argv, env);
}

/* -- SQLite: a statement that is made to fail leaves no trace in the library, so its
 * words are ours until the next one -- */

static _Thread_local sqlite3 *failed;
static _Thread_local bool is_inside;

static int code(void)
{
	return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR;
}

static bool step_fails(sqlite3 *db, const char *sql)
{
	char words[64];
	size_t i;

	failed = NULL;
	/* SQLite's ROLLBACK does not fail for a lack of room. */
	if (!sql || strncmp(sql, "ROLLBACK", 8) == 0)
		return false;
	snprintf(words, sizeof words, "%s", sql);
	for (i = 0; words[i]; i++)
		if (words[i] == '\n')
			words[i] = ' ';
	if (!fails(STEP, "step", words))
		return false;
	failed = db;
	return true;
}

int sqlite3_step(sqlite3_stmt *stmt)
{
	REAL(sqlite3_step);
	return !is_inside && step_fails(sqlite3_db_handle(stmt), sqlite3_sql(stmt))
		? code()
		: real(stmt);
}

int sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **),
	void *ctx, char **message)
{
	REAL(sqlite3_exec);
	int rc;

	if (step_fails(db, sql))
		return code();
	is_inside = true;
	rc = real(db, sql, each, ctx, message);
	is_inside = false;
	return rc;
}

const char *sqlite3_errmsg(sqlite3 *db)
{
	REAL(sqlite3_errmsg);
	return failed == db ? sqlite3_errstr(code()) : real(db);
}

int sqlite3_extended_errcode(sqlite3 *db)
{
	REAL(sqlite3_extended_errcode);
	return failed == db ? code() : real(db);
}

/* -- clocks -- */

int clock_gettime(clockid_t id, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, id, now);
	int64_t ns;

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		now->tv_sec += number_in("clock");
	} else if (rc == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)) {
		ns = monotonic_ns(number_in("speed"));
		now->tv_sec = ns / 1000000000;
		now->tv_nsec = ns % 1000000000;
	}
	return rc;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	now->tv_sec = t.tv_sec;
	now->tv_usec = t.tv_nsec / 1000;
	return 0;
}

static int sooner(int ms)
{
	return ms <= 0 ? ms : (int)((ms + speed - 1) / speed);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	REAL(epoll_wait);
	return real(fd, events, max, sooner(ms));
}

int epoll_pwait(
	int fd, struct epoll_event *events, int max, int ms, const sigset_t *signals)
{
	REAL(epoll_pwait);
	return real(fd, events, max, sooner(ms), signals);
}
