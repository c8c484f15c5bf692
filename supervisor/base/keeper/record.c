#include "base/keeper/record.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/keeper/process.h"
#include "base/keeper_format.h"
#include "base/banned.h"

static bool write_synced(int dir, const char *name, const char *text)
{
	int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	size_t size = strlen(text);
	bool is_written =
		fd >= 0 && write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;

	/* A short write sets no errno of its own. */
	if (fd >= 0 && close(fd) < 0)
		is_written = false;
	return is_written;
}

/* Beside, synced, renamed, and the directory synced: whole or not there at all. */
static bool record_write(int dir, const char *name, const char *text, struct fault *fault)
{
	char beside[64];

	snprintf(beside, sizeof(beside), "%s.tmp", name);
	errno = ENOSPC;
	if (!write_synced(dir, beside, text) || renameat(dir, beside, dir, name) < 0 ||
		fsync(dir) < 0)
		return fault_set(fault, "cannot write '%s': %s", name, strerror(errno));
	return true;
}

bool record_keeper(int dir, struct fault *fault)
{
	char text[256], boot[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot, sizeof(boot) - 1);

	if (fd >= 0)
		close(fd);
	boot[n > 0 ? n : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(text, sizeof(text),
		"{\"pid\":%d,\"starttime\":%llu,\"boot_id\":\"%s\"}\n", (int)getpid(),
		process_own_start(), boot);
	return record_write(dir, IW_KEEPER_RECORD, text, fault);
}

/* A JSON string, or null; what is no ASCII or no text becomes a question mark. */
static void json_string(const char *s, char *out, size_t size)
{
	size_t n = 0;

	if (!s) {
		snprintf(out, size, "null");
		return;
	}
	out[n++] = '"';
	for (; *s && n + 4 < size; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = c < 128 && isprint(c) ? *s : '?';
	}
	out[n++] = '"';
	out[n] = '\0';
}

static long long micros(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

bool record_exit(int dir, const struct ending *e, struct fault *fault)
{
	char text[4096], error[1200], bwrap[16] = "null";

	json_string(e->error, error, sizeof(error));
	if (e->bwrap_exit >= 0)
		snprintf(bwrap, sizeof(bwrap), "%d", e->bwrap_exit);
	snprintf(text, sizeof(text),
		"{\"status\":%d,\"reason\":\"%s\",\"forced\":%s,\"bwrap_exit\":%s,"
		"\"user_us\":%lld,\"sys_us\":%lld,\"maxrss_kb\":%ld,\"wall_ms\":%llu,"
		"\"log_bytes\":%llu,\"stdout_bytes\":%llu,\"lost_bytes\":%llu,"
		"\"error\":%s}\n",
		e->status, e->reason, e->is_forced ? "true" : "false", bwrap,
		micros(e->usage.ru_utime), micros(e->usage.ru_stime), e->usage.ru_maxrss,
		(unsigned long long)e->wall_ms, (unsigned long long)e->log_bytes,
		(unsigned long long)e->stdout_bytes, (unsigned long long)e->lost_bytes,
		error);
	return record_write(dir, IW_KEEPER_EXIT, text, fault);
}

/*
 * The file holds one JSON object of bwrap's after the other. They are flat and bwrap
 * alone writes them (the command inside does not get the descriptor), so looking for the
 * quoted key is enough.
 */
int record_bwrap(int dir, const char *key)
{
	char text[4096], quoted[64];
	int fd = openat(dir, IW_KEEPER_BWRAP, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *p;
	char *end;
	long value;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	p = strstr(text, quoted);
	if (!p)
		return -1;
	p += strlen(quoted);
	p += strspn(p, " :");
	value = strtol(p, &end, 10);
	return end == p || value < 0 || value > 1 << 30 ? -1 : (int)value;
}
