#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

#include "base/banned.h"

static enum iw_log_level min_level = IW_LOG_WARN;
static int log_fd = -1;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void iw_log_level(enum iw_log_level level)
{
	min_level = level;
}

int iw_log_to(const char *path, struct iw_err *err)
{
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (log_fd < 0)
		return iw_err_errno(err, errno, "cannot open log '%s'", path);
	return 0;
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

void iw_log(enum iw_log_level level, const char *what, const struct iw_log_field *fields,
	size_t count)
{
	struct iw_buf line = {0};
	int kept = errno;

	if (log_fd >= 0) {
		add_json(&line, level, what, fields, count);
		emit(log_fd, &line);
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
