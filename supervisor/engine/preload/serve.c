#include "engine/preload/serve.h"

#include <poll.h>
#include <time.h>

#include "engine/preload/driver.h"
#include "base/banned.h"

/* How often a wait looks whether SIGTERM came just before it began. */
#define LOOK_S 1

static int ask = -1, answer = -1;

void serve_open(void)
{
	int nothing = sys_openat(AT_FDCWD, "/dev/null", O_RDWR);

	ask = (int)syscall(SYS_fcntl, STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	answer = (int)syscall(SYS_fcntl, STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	syscall(SYS_dup3, nothing, STDIN_FILENO, 0);
	syscall(SYS_dup3, STDERR_FILENO, STDOUT_FILENO, 0);
	sys_close(nothing);
}

bool serve_await(void)
{
	static struct pollfd pfd;
	static struct timespec pause;
	static char byte;

	for (;;) {
		if (atomic_load(&driver.state->stop))
			return false;
		pfd.fd = ask;
		pfd.events = POLLIN;
		pfd.revents = 0;
		pause.tv_sec = LOOK_S;
		pause.tv_nsec = 0;
		if (syscall(SYS_ppoll, &pfd, 1, &pause, NULL, 0) > 0)
			return syscall(SYS_read, ask, &byte, 1) == 1;
	}
}

void serve_answer(void)
{
	static const char byte = '.';

	sys_write(answer, &byte, 1);
}
