/*
 * The keeper's process: started, watched through a pidfd, signalled.
 *
 * posix_spawn and not uv_spawn, which forks: copying the page tables of a supervisor with
 * a large farm, for the child to drop them at once, was half of what a job cost.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/job_room.h"
#include "base/mem.h"

#include "base/banned.h"

/* Where a keeper finds the pipe on which it says that it could not start its job. */
#define STATUS_FD 3

static void on_status_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct iw_job *job = handle->data;

	(void)suggested;
	buf->base = job->status_text + job->status_len;
	buf->len = sizeof job->status_text - 1 - job->status_len;
}

static void on_status(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct iw_job *job = stream->data;

	(void)buf;
	if (n > 0) {
		job->status_len += (size_t)n;
		job->status_text[job->status_len] = '\0';
	} else if (n < 0) {
		uv_close((uv_handle_t *)stream, iw_job_on_handle_closed);
	}
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void on_keeper_end(uv_poll_t *poll, int status, int events)
{
	struct iw_job *job = poll->data;

	(void)status;
	(void)events;
	/* How it ended nobody asks: the record tells, and one that was killed left none. */
	if (job->keeper)
		reap(job->keeper);
	job->has_exited = true;
	uv_close((uv_handle_t *)poll, iw_job_on_handle_closed);
}

int iw_job_watch_keeper(struct iw_job *job)
{
	int rc = uv_poll_init(&job->jobs->loop->uv, &job->poll, job->pidfd);

	if (rc < 0)
		return rc;
	job->poll.data = job;
	job->open_handles++;
	/* One that has ended meanwhile is readable at once. */
	uv_poll_start(&job->poll, UV_READABLE, on_keeper_end);
	return 0;
}

/* With no signal blocked or ignored, and no file of ours but the pipe. 0, or an errno. */
static int start(const struct iw_job *job, int status_fd, pid_t *pid)
{
	char *argv[] = {job->jobs->keeper, job->dir, NULL};
	char *env[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int fd, rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&files);
	/* First, or one of the others could stand in its place. */
	posix_spawn_file_actions_adddup2(&files, status_fd, STATUS_FD);
	for (fd = 0; fd < STATUS_FD; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	rc = posix_spawn(pid, argv[0], &files, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

static int watch(struct iw_job *job, int reader)
{
	int rc;

	job->pidfd = (int)syscall(SYS_pidfd_open, job->keeper, 0);
	rc = job->pidfd < 0 ? -errno : iw_job_watch_keeper(job);
	if (rc < 0)
		return rc;
	uv_pipe_init(&job->jobs->loop->uv, &job->status, 0);
	job->status.data = job;
	job->open_handles++;
	uv_pipe_open(&job->status, reader);
	uv_read_start((uv_stream_t *)&job->status, on_status_buf, on_status);
	return 0;
}

int iw_job_spawn_keeper(struct iw_job *job)
{
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rc = -start(job, fds[1], &job->keeper);
	close(fds[1]);
	if (rc == 0) {
		rc = watch(job, fds[0]);
		/* A keeper that nobody can watch must not run. */
		if (rc < 0) {
			kill(job->keeper, SIGKILL);
			reap(job->keeper);
		}
	}
	if (rc < 0)
		close(fds[0]);
	return rc;
}

void iw_job_signal_keeper(const struct iw_job *job, int number)
{
	syscall(SYS_pidfd_send_signal, job->pidfd, number, NULL, 0);
}
