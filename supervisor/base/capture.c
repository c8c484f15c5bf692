#include "base/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define OUTPUT_MAX (64 << 10)

extern char **environ;

static int start(const char *const *argv, int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
	posix_spawn_file_actions_adddup2(&actions, out_fd, 2);
	rc = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* True when the output ended, false when time did. */
static bool collect(int fd, int64_t deadline, struct iw_buf *out)
{
	char chunk[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - iw_time_mono_ms();
		size_t room = out->len < OUTPUT_MAX ? OUTPUT_MAX - out->len : 0;
		ssize_t n;
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (rc == 0)
			return false;
		if (rc < 0) /* a signal of ours; read would wait without an end */
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		iw_buf_add(out, chunk, (size_t)n < room ? (size_t)n : room);
	}
}

/* A program that has closed its output may live on. */
static bool await_end(pid_t pid, int64_t deadline, int *status)
{
	_auto_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (fd >= 0) {
		int64_t left = deadline - iw_time_mono_ms();
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (rc == 0)
			return false;
		if (rc > 0)
			break;
	}
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return true;
}

int iw_capture(
	const char *const *argv, int timeout_ms, struct iw_buf *out, struct iw_err *err)
{
	_auto_close_ int reader = -1;
	int64_t deadline = iw_time_mono_ms() + timeout_ms;
	int pipe_fds[2], status = 0, rc;
	bool has_ended;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return iw_err_errno(err, errno, "cannot make a pipe");
	reader = pipe_fds[0];
	rc = start(argv, pipe_fds[1], &pid);
	close(pipe_fds[1]);
	if (rc != 0)
		return iw_err_set(
			err, IW_ETOOL, "cannot start '%s': %s", argv[0], strerror(rc));
	has_ended = collect(reader, deadline, out) && await_end(pid, deadline, &status);
	if (!has_ended) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	iw_buf_add(out, NULL, 0);
	if (!has_ended)
		return iw_err_set(err, IW_EJOB, "'%s' did not end within %d s", argv[0],
			timeout_ms / 1000);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
