/*
 * The parent sleeps on the child's pidfd and wakes twenty times a second to look at three
 * things: whether the unit has outlived its time and its own handler did not act, how
 * much memory the child has, and how much the unit has written.
 */
#include "engine/preload/death.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/preload/driver.h"
#include "base/banned.h"

/* A chatty unit is cut back to its head at this size; what follows is appended. */
#define OUTPUT_MAX (8 << 20)
#define HEAD_MAX (IW_DRIVER_DEATH_MAX / 4)
#define CUT "\n[ironworks-driver: output cut here]\n"

struct watch {
	int pid;
	int statm;
	uint64_t asked_ns;  /* when the child was asked to report its memory */
	uint64_t report_ns; /* when its report was first seen */
};

/* Resident memory in MiB, 0 when unknown. */
static uint32_t watch_rss(const struct watch *w)
{
	static char buf[128];
	ssize_t n = w->statm < 0 ? -1 : sys_pread(w->statm, buf, sizeof(buf) - 1, 0);
	uint64_t pages = 0;
	char *p = buf;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	while (*p && *p != ' ')
		p++;
	for (p++; p < buf + n && *p >= '0' && *p <= '9'; p++)
		pages = pages * 10 + (uint64_t)(*p - '0');
	return (uint32_t)(pages * (uint64_t)sysconf(_SC_PAGESIZE) >> 20);
}

/* Asks once, politely, for the stack that identifies the bug; insists two seconds later.
 */
static void watch_memory(struct watch *w, uint64_t now)
{
	uint32_t limit = driver.options.rss_limit_mb;
	uint32_t rss = limit ? watch_rss(w) : 0;
	uint32_t none = CAUSE_NONE;

	if (rss <= limit || !limit)
		return;
	if (!w->asked_ns) {
		atomic_store(&driver.state->limit_seen, rss);
		atomic_compare_exchange_strong(
			&driver.state->cause, &none, CAUSE_OOM_RSS);
		w->asked_ns = now;
		sys_kill(w->pid, SIGALRM);
	} else if (rss / 2 > limit ||
		now - w->asked_ns > IW_DRIVER_KILL_MS * 1000000ull) {
		sys_kill(w->pid, SIGKILL);
	}
}

static void watch_time(uint64_t now, int pid)
{
	uint64_t limit_ms = driver.options.timeout_ms;
	uint64_t started = atomic_load(&driver.state->started_ns);
	uint32_t none = CAUSE_NONE;

	if (!limit_ms || !started || started > now ||
		now - started < (limit_ms + IW_DRIVER_KILL_MS) * 1000000)
		return;
	atomic_compare_exchange_strong(&driver.state->cause, &none, CAUSE_TIMEOUT);
	sys_kill(pid, SIGKILL);
}

static void watch_tick(struct watch *w)
{
	uint64_t now = sys_now();

	if (sys_size(driver.output) > OUTPUT_MAX)
		sys_truncate(driver.output, HEAD_MAX);
	switch (atomic_load(&driver.state->phase)) {
	case PHASE_UNIT:
		watch_memory(w, now);
		watch_time(now, w->pid);
		break;
	case PHASE_REPORTING:
		if (!w->report_ns)
			w->report_ns = now;
		else if (now - w->report_ns > IW_DRIVER_REPORT_MS * 1000000ull)
			sys_kill(w->pid, SIGKILL);
		break;
	default:
		break;
	}
}

static int open_statm(int pid)
{
	static char path[64];
	struct text t = {.buf = path, .cap = sizeof(path)};

	text_add(&t, "/proc/");
	text_num(&t, (uint64_t)pid);
	text_add(&t, "/statm");
	return sys_openat(AT_FDCWD, path, O_RDONLY);
}

int death_await(int pid)
{
	static struct pollfd pfd;
	static struct timespec pause;
	static int status;
	struct watch w = {.pid = pid, .statm = -1};

	if (driver.options.rss_limit_mb)
		w.statm = open_statm(pid);
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	pfd.events = POLLIN;
	for (;;) {
		/* The kernel writes back what is left of the pause, so set it each time.
		 * Without a pidfd, on an old kernel, this is a plain sleep. */
		pause.tv_sec = 0;
		pause.tv_nsec = IW_DRIVER_POLL_MS * 1000000L;
		syscall(SYS_ppoll, &pfd, 1, &pause, NULL, 0);
		if (syscall(SYS_wait4, pid, &status, WNOHANG, NULL) == pid)
			break;
		watch_tick(&w);
	}
	if (pfd.fd >= 0)
		sys_close(pfd.fd);
	if (w.statm >= 0)
		sys_close(w.statm);
	return status;
}

static void copy_range(int to, uint64_t at, uint64_t end)
{
	static char buf[16 << 10];

	while (at < end) {
		size_t want = end - at < sizeof(buf) ? (size_t)(end - at) : sizeof(buf);
		ssize_t n = sys_pread(driver.output, buf, want, at);

		if (n <= 0 || sys_write(to, buf, (size_t)n) != n)
			return;
		at += (uint64_t)n;
	}
}

void death_keep_output(const char *name)
{
	int64_t size = sys_size(driver.output);
	int fd = sys_openat(driver.dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
	uint64_t end = size < 0 ? 0 : (uint64_t)size;

	if (fd < 0)
		return;
	if (end <= IW_DRIVER_DEATH_MAX) {
		copy_range(fd, 0, end);
	} else {
		copy_range(fd, 0, HEAD_MAX);
		sys_write(fd, CUT, strlen(CUT));
		copy_range(fd, end - (IW_DRIVER_DEATH_MAX - HEAD_MAX - strlen(CUT)), end);
	}
	sys_close(fd);
}
