/*
 * Happy path: fork; the child makes itself what the spec says, in an order in which no
 * step takes away what a later one needs, and executes. The close-on-exec pipe between
 * the two then closes without a word, which is how the parent knows.
 *
 * Failure of any step: the child writes errno and the step's name into the pipe and ends
 * with 127. A child that is killed before it executes leaves the pipe empty, too; the
 * wait status then tells, as for a command that died right after its start.
 */
#include "base/keeper/command.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/keeper_format.h"
#include "base/banned.h"

struct failure {
	int error;
	char step[32];
};

/* A step's name is written only if it fails. */
static bool step(bool is_done, const char *name, struct failure *f)
{
	if (!is_done) {
		f->error = errno;
		snprintf(f->step, sizeof(f->step), "%s", name);
	}
	return is_done;
}

/* Dispositions and masks outlive an exec; the command must find the usual ones. */
static bool reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* A stricter limit that is there already stays: only root could raise it. */
static bool set_limit(int resource, long long value)
{
	struct rlimit limit;

	if (value == SPEC_UNSET)
		return true;
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return false;
	if ((rlim_t)value < limit.rlim_max)
		limit.rlim_max = (rlim_t)value;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

/* When the host runs out of memory, the kernel is to take jobs, not who looks after them.
 * Where it cannot be said, so be it. */
static void volunteer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

static bool set_core(long long core)
{
	cpu_set_t set;

	if (core < 0)
		return true;
	errno = EINVAL;
	if (core >= CPU_SETSIZE)
		return false;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* dup2 clears close-on-exec, which is the point. */
static bool give(int from, int to)
{
	return from < 0 || dup2(from, to) == to;
}

/* Limits on files and processes come last: they must not bind these steps themselves. */
/* An unprivileged user may only go up, and may have begun above what is wanted. */
static bool set_nice(const struct spec *s)
{
	if (s->nice == SPEC_UNSET || getpriority(PRIO_PROCESS, 0) >= s->nice)
		return true;
	return setpriority(PRIO_PROCESS, 0, (int)s->nice) == 0;
}

static bool become(const struct spec *s, const struct command_fds *fds, struct failure *f)
{
	return step(setpgid(0, 0) == 0, "setpgid", f) &&
		step(reset_signals(), "sigprocmask", f) &&
		step(set_core(s->cpu), "cpu", f) && step(set_nice(s), "nice", f) &&
		step(!s->no_aslr || personality(ADDR_NO_RANDOMIZE) >= 0, "no_aslr", f) &&
		step(chdir(s->cwd) == 0, "cwd", f) &&
		step(give(fds->in, STDIN_FILENO), "stdin", f) &&
		step(give(fds->out, STDOUT_FILENO), "stdout", f) &&
		step(give(fds->err, STDERR_FILENO), "stderr", f) &&
		step(give(fds->bwrap, IW_KEEPER_BWRAP_FD), "bwrap", f) &&
		step(give(fds->seccomp, IW_KEEPER_SECCOMP_FD), "seccomp", f) &&
		step(set_limit(RLIMIT_CORE, s->rlimit_core), "rlimit_core", f) &&
		step(set_limit(RLIMIT_FSIZE, s->rlimit_fsize), "rlimit_fsize", f) &&
		step(set_limit(RLIMIT_STACK, s->rlimit_stack), "rlimit_stack", f) &&
		step(set_limit(RLIMIT_NPROC, s->rlimit_nproc), "rlimit_nproc", f) &&
		step(set_limit(RLIMIT_NOFILE, s->rlimit_nofile), "rlimit_nofile", f);
}

__attribute__((noreturn)) static void child(
	const struct spec *s, const struct command_fds *fds, pid_t keeper, int pipe_fd)
{
	struct failure f = {0};

	/* The keeper may be gone already; then nobody would tell us of its death. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper)
		_exit(127);
	volunteer();
	if (become(s, fds, &f)) {
		execve(s->argv[0], s->argv, s->envp);
		step(false, "exec", &f);
	}
	if (write(pipe_fd, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

/* Nothing read: the command was executed. */
static bool await_exec(const struct spec *s, int pipe_fd, struct fault *fault)
{
	struct failure f;
	ssize_t n;

	do
		n = read(pipe_fd, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(f))
		return true;
	f.step[sizeof(f.step) - 1] = '\0';
	if (strcmp(f.step, "exec") == 0)
		return fault_set(
			fault, "exec '%.300s': %s", s->argv[0], strerror(f.error));
	return fault_set(fault, "cannot set '%s': %s", f.step, strerror(f.error));
}

bool command_start(const struct spec *spec, const struct command_fds *fds, pid_t *pid,
	struct fault *fault)
{
	pid_t keeper = getpid();
	int ends[2];
	bool is_started;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fault_set(fault, "cannot make a pipe: %s", strerror(errno));
	*pid = fork();
	if (*pid == 0)
		child(spec, fds, keeper, ends[1]);
	close(ends[1]);
	if (*pid < 0) {
		close(ends[0]);
		return fault_set(fault, "cannot fork: %s", strerror(errno));
	}
	is_started = await_exec(spec, ends[0], fault);
	close(ends[0]);
	if (!is_started)
		waitpid(*pid, NULL, 0);
	return is_started;
}
