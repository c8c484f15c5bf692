#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

#include "base/banned.h"

#define DEFAULT_BYTES ((int64_t)16 << 20)
#define DEFAULT_FILES 4

static enum iw_log_level min_level = IW_LOG_WARN;

/* The file. Any thread writes to it and may find it full. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char log_path[PATH_MAX];
static int64_t log_size;
static struct iw_log_limits log_limits;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void iw_log_level(enum iw_log_level level)
{
	min_level = level;
}

static int open_log(void)
{
	struct stat st;
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	log_size = fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
	return fd;
}

int iw_log_to(const char *path, const struct iw_log_limits *limits, struct iw_err *err)
{
	log_limits = limits ? *limits : (struct iw_log_limits){0};
	if (!log_limits.bytes)
		log_limits.bytes = DEFAULT_BYTES;
	if (!log_limits.files)
		log_limits.files = DEFAULT_FILES;
	/* Room for the number behind it. */
	if (strlen(path) > sizeof log_path - 16)
		return iw_err_set(err, IW_EINVAL, "log path '%s' is too long", path);
	snprintf(log_path, sizeof log_path, "%s", path);
	log_fd = open_log();
	if (log_fd < 0)
		return iw_err_errno(err, errno, "cannot open log '%s'", path);
	return 0;
}

/* Where the n-th older file is; 0 is the log itself. */
static void path_of(int n, char path[static PATH_MAX])
{
	if (n == 0)
		snprintf(path, PATH_MAX, "%s", log_path);
	else
		snprintf(path, PATH_MAX, "%.*s.%d", PATH_MAX - 16, log_path, n);
}

/* What fails here leaves the log longer than it should be, and complete. */
static void rotate(void)
{
	char from[PATH_MAX], to[PATH_MAX];
	int n, fd;

	for (n = log_limits.files; n > 0; n--) {
		path_of(n - 1, from);
		path_of(n, to);
		(void)rename(from, to);
	}
	fd = open_log();
	if (fd < 0)
		return;
	close(log_fd);
	log_fd = fd;
}

static void add_time(struct iw_buf *line)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	iw_buf_addf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		now.tv_nsec / 1000000);
}

static void add_json(struct iw_buf *line, enum iw_log_level level, const char *what,
	const struct iw_log_field *fields, size_t count)
{
	size_t i;

	iw_buf_adds(line, "{\"time\":\"");
	add_time(line);
	iw_buf_addf(
		line, "\",\"level\":\"%s\",\"what\":\"%s\"", level_names[level], what);
	for (i = 0; i < count; i++) {
		iw_buf_addf(line, ",\"%s\":", fields[i].key);
		if (fields[i].s)
			iw_text_json(line, fields[i].s);
		else
			iw_buf_addf(line, "%lld", (long long)fields[i].i);
	}
	iw_buf_adds(line, "}\n");
}

static void add_text(struct iw_buf *line, enum iw_log_level level, const char *what,
	const struct iw_log_field *fields, size_t count)
{
	size_t i;

	iw_buf_addf(line, "ironworks: %s: %s", level_names[level], what);
	for (i = 0; i < count; i++) {
		iw_buf_addf(line, " %s=", fields[i].key);
		if (fields[i].s)
			iw_text_plain(line, fields[i].s);
		else
			iw_buf_addf(line, "%lld", (long long)fields[i].i);
	}
	iw_buf_adds(line, "\n");
}

static void emit(int fd, struct iw_buf *line)
{
	ssize_t n;

	do
		n = write(fd, line->data, line->len);
	while (n < 0 && errno == EINTR);
	iw_buf_fini(line);
}

static void emit_to_file(struct iw_buf *line)
{
	pthread_mutex_lock(&log_lock);
	if (log_size > 0 && log_size + (int64_t)line->len > log_limits.bytes)
		rotate();
	log_size += (int64_t)line->len;
	emit(log_fd, line);
	pthread_mutex_unlock(&log_lock);
}

void iw_log(enum iw_log_level level, const char *what, const struct iw_log_field *fields,
	size_t count)
{
	struct iw_buf line = {0};
	int kept = errno;

	if (log_fd >= 0) {
		add_json(&line, level, what, fields, count);
		emit_to_file(&line);
	}
	if (level >= min_level) {
		if (isatty(STDERR_FILENO))
			add_text(&line, level, what, fields, count);
		else
			add_json(&line, level, what, fields, count);
		emit(STDERR_FILENO, &line);
	}
	errno = kept;
}
