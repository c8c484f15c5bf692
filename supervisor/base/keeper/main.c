/*
 * ironworks-job: the father of one job. base/keeper_format.h says what it promises.
 *
 * Happy path: a session of its own, the lock, the spec, the record of who we are; then
 * the command is started and the supervisor told. From there on one loop: output into
 * segments, signals, clocks. When the command has ended, everything that is left below
 * us is killed and reaped, because only then the CPU time is whole and nothing of the
 * job can go on unseen; then the exit record, and out.
 *
 * Failures before the command runs are told in the status pipe and, once the lock is
 * ours, in an exit record as well. Afterwards nothing makes the keeper give up: a full
 * disk costs output, an unreadable /proc costs the memory limit, and the exit record is
 * tried in any case.
 *
 * A stop has four ways in (SIGTERM, timeout_ms, stall_ms, a limit) and one way through:
 * RUNNING → ASKED (the engine has its SIGTERM, the grace runs) → KILLED. A second
 * SIGTERM, the end of the grace or a limit goes to KILLED directly. There SIGKILL
 * is repeated now and then, since a process may have been forked in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/keeper/command.h"
#include "base/keeper/disk.h"
#include "base/keeper/process.h"
#include "base/keeper/record.h"
#include "base/keeper/sink.h"
#include "base/keeper/spec.h"
#include "base/keeper_format.h"
#include "base/banned.h"

/* How long unkillable leftovers (a dead network disk) may hold up the exit record. */
#define REAP_MAX_MS 10000
#define REKILL_MS 100
/* Of a tree that is larger the rest is not counted: it is over every limit already. */
#define TREE_MAX 8192

enum stage { RUNNING, ASKED, KILLED };

struct keeper {
	int dir;
	int lock;
	int signals;
	int log_pipe; /* reading ends; -1: none, or ended */
	int stdout_pipe;
	struct spec spec;
	struct sink log;
	struct sink out;
	pid_t command;
	bool is_reaped; /* the command, that is */
	int status;
	enum stage stage;
	const char *reason; /* NULL until there is one */
	bool is_forced;
	uint64_t started_ms;
	uint64_t grace_end_ms;
	uint64_t next_limits_ms;
	uint64_t next_disk_ms;
	uint64_t soonest_disk_ms;
	long long used_kb, room_kb; /* when the disk was last counted */
	uint64_t next_stall_ms;
	uint64_t idle_ms; /* without CPU time, as far as we were there to see it */
	unsigned long long ticks;
	uint64_t next_kill_ms;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The one message to the supervisor; the pipe is closed behind it. */
static void tell(const char *text)
{
	size_t size = strlen(text);

	/* Whether anybody still listens is no concern of the job's. */
	if (write(IW_KEEPER_STATUS_FD, text, size) < 0)
		errno = 0;
	close(IW_KEEPER_STATUS_FD);
}

/*
 * Descriptors 0 … 5 are spoken for before anything else is opened, so that none of ours
 * lies where the command expects its own. The supervisor's stderr stays for complaints
 * until the command runs.
 */
static bool claim_descriptors(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return false;
	if (null > 4)
		syscall(SYS_close_range, 4u, (unsigned int)null - 1, 0);
	syscall(SYS_close_range, null > 3 ? (unsigned int)null + 1 : 4u, ~0u, 0);
	for (int fd = 0; fd <= IW_KEEPER_SECCOMP_FD; fd++) {
		bool is_kept = fd == STDERR_FILENO || fd == IW_KEEPER_STATUS_FD;

		if (fd != null && !(is_kept && fcntl(fd, F_GETFD) >= 0) &&
			dup3(null, fd, O_CLOEXEC) < 0)
			return false;
	}
	if (null > IW_KEEPER_SECCOMP_FD)
		close(null);
	/* These must be there without the flag: the command's stdin is our own. */
	fcntl(STDIN_FILENO, F_SETFD, 0);
	return fcntl(IW_KEEPER_STATUS_FD, F_SETFD, FD_CLOEXEC) == 0;
}

/*
 * Where the kernel groups tasks by session (autogroup, Debian's default), nice counts
 * only inside one: without this an engine in a session of its own weighs as much as the
 * supervisor. The kernel takes one change in 100 ms from all who are not root, hence the
 * patience; where there are no such groups, nice alone does it.
 */
static void weigh_session(const struct spec *s)
{
	int fd = -1, tries = 5;

	if (s->nice != SPEC_UNSET && s->nice > 0)
		fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	while (fd >= 0 && dprintf(fd, "%lld", s->nice) < 0 && errno == EAGAIN &&
		--tries > 0)
		poll(NULL, 0, 110);
	if (fd >= 0)
		close(fd);
}

static bool claim_job(struct keeper *k, const char *path, struct fault *fault)
{
	k->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->dir < 0)
		return fault_set(
			fault, "cannot open '%.300s': %s", path, strerror(errno));
	k->lock = openat(
		k->dir, IW_KEEPER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (k->lock < 0)
		return fault_set(
			fault, "cannot open '" IW_KEEPER_LOCK "': %s", strerror(errno));
	if (flock(k->lock, LOCK_EX | LOCK_NB) < 0)
		return fault_set(fault, "'" IW_KEEPER_LOCK "' is held by another keeper");
	if (faccessat(k->dir, IW_KEEPER_EXIT, F_OK, 0) == 0)
		return fault_set(fault,
			"this job has already ended: '" IW_KEEPER_EXIT "' is there");
	return true;
}

static bool claim_signals(struct keeper *k, struct fault *fault)
{
	sigset_t set;

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals < 0)
		return fault_set(fault, "signalfd: %s", strerror(errno));
	return true;
}

/* A pipe for output; ours is the reading end, which never blocks. */
static bool output_pipe(int *reading, int *writing, struct fault *fault)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		return fault_set(fault, "cannot make a pipe: %s", strerror(errno));
	*reading = ends[0];
	*writing = ends[1];
	return true;
}

/* Opening waits for nobody, using it waits for the other side. */
static bool open_fifo(
	struct keeper *k, const char *name, int flags, int *fd, struct fault *fault)
{
	struct stat st;

	*fd = openat(k->dir, name, flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0 || fstat(*fd, &st) < 0 || fcntl(*fd, F_SETFL, flags) < 0)
		return fault_set(fault, "cannot open '%s': %s", name, strerror(errno));
	if (!S_ISFIFO(st.st_mode))
		return fault_set(fault, "'%s' is no fifo", name);
	return true;
}

/* Everything the command gets hold of. */
static bool open_command_fds(
	struct keeper *k, struct command_fds *fds, struct fault *fault)
{
	const struct spec *s = &k->spec;

	if (!output_pipe(&k->log_pipe, &fds->err, fault))
		return false;
	fds->out = fds->err;
	if (s->stdout_name && !output_pipe(&k->stdout_pipe, &fds->out, fault))
		return false;
	if (s->stdin_fifo && !open_fifo(k, s->stdin_fifo, O_RDONLY, &fds->in, fault))
		return false;
	if (s->stdout_fifo && !open_fifo(k, s->stdout_fifo, O_WRONLY, &fds->out, fault))
		return false;
	if (s->sandboxed) {
		fds->bwrap = openat(k->dir, IW_KEEPER_BWRAP,
			O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
		if (fds->bwrap < 0)
			return fault_set(fault, "cannot create '" IW_KEEPER_BWRAP "': %s",
				strerror(errno));
	}
	if (s->seccomp) {
		fds->seccomp = open(s->seccomp, O_RDONLY | O_CLOEXEC);
		if (fds->seccomp < 0)
			return fault_set(fault, "cannot open '%.300s': %s", s->seccomp,
				strerror(errno));
	}
	return true;
}

static void close_command_fds(const struct command_fds *fds)
{
	if (fds->in >= 0)
		close(fds->in);
	if (fds->out >= 0 && fds->out != fds->err)
		close(fds->out);
	if (fds->err >= 0)
		close(fds->err);
	if (fds->bwrap >= 0)
		close(fds->bwrap);
	if (fds->seccomp >= 0)
		close(fds->seccomp);
}

/* From the spec to a running command. Our own record is on disk before the fork. */
static bool start(struct keeper *k, struct fault *fault)
{
	struct command_fds fds = {
		.in = -1, .out = -1, .err = -1, .bwrap = -1, .seccomp = -1};
	bool is_started;

	if (!spec_load(&k->spec, k->dir, fault) || !record_keeper(k->dir, fault) ||
		!claim_signals(k, fault))
		return false;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_set(fault, "prctl: %s", strerror(errno));
	sink_open(&k->log, k->dir, IW_KEEPER_LOG, (uint64_t)k->spec.log_limit);
	if (k->spec.stdout_name)
		sink_open(&k->out, k->dir, k->spec.stdout_name,
			(uint64_t)k->spec.log_limit);
	k->started_ms = now_ms();
	k->next_stall_ms = k->started_ms + IW_KEEPER_STALL_POLL_MS;
	is_started = open_command_fds(k, &fds, fault) &&
		command_start(&k->spec, &fds, &k->command, fault);
	close_command_fds(&fds);
	return is_started;
}

/* Takes what the pipe holds, but not more than a turn's worth: signals have their turn.
 */
static void pump(int *pipe_fd, struct sink *sink, bool is_last)
{
	static char buf[64 << 10];

	for (int turn = 0; *pipe_fd >= 0 && (turn < 16 || is_last); turn++) {
		ssize_t n = read(*pipe_fd, buf, sizeof(buf));

		if (n > 0) {
			sink_write(sink, buf, (size_t)n);
		} else if (n == 0 || errno != EINTR) {
			if (n == 0 || errno != EAGAIN) {
				close(*pipe_fd);
				*pipe_fd = -1;
			}
			return;
		}
	}
}

/* SIGKILL to all that is ours: the group, the command, whoever has been handed to us. */
static void kill_all(struct keeper *k)
{
	pid_t children[256];
	size_t n = process_children(getpid(), children, 256);

	if (!k->is_reaped) {
		kill(-k->command, SIGKILL);
		kill(k->command, SIGKILL);
	}
	for (size_t i = 0; i < n; i++)
		kill(children[i], SIGKILL);
	k->next_kill_ms = now_ms() + REKILL_MS;
}

static void stop_now(struct keeper *k, const char *reason)
{
	k->stage = KILLED;
	k->is_forced = true;
	if (!k->reason)
		k->reason = reason;
	kill_all(k);
}

/* To the engine itself: bwrap would end it without its handler ever running. */
static void stop_gently(struct keeper *k, const char *reason)
{
	pid_t engine = k->command;

	if (k->spec.sandboxed)
		engine = process_engine(k->command, record_bwrap(k->dir, "child-pid"));
	k->stage = ASKED;
	k->reason = reason;
	k->grace_end_ms = now_ms() + (uint64_t)k->spec.grace_ms;
	/* No engine yet: there is nothing that could be lost. */
	if (engine <= 0)
		engine = k->command;
	kill(engine, SIGTERM);
	kill(engine, SIGCONT);
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != k->command)
			continue;
		k->status = status;
		k->is_reaped = true;
	}
}

static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGTERM || k->is_reaped)
			continue;
		if (k->stage == RUNNING)
			stop_gently(k, "stopped");
		else
			stop_now(k, "killed");
	}
	reap(k);
}

/* What was last seen below us; too large for a stack. */
static pid_t tree[TREE_MAX];

static bool has_limits(const struct spec *s)
{
	return s->rss_limit_mb || s->process_limit || s->disk_limit_mb;
}

/* Counting is done in 1 % of the time, or a job of many files would cost too much. But it
 * cannot wait when the file system has lost more than this job had left to take. */
static bool is_disk_due(const struct keeper *k, uint64_t now)
{
	long long left_kb = (k->spec.disk_limit_mb << 10) - k->used_kb;

	if (!k->spec.disk_limit_mb || now < k->soonest_disk_ms)
		return false;
	return now >= k->next_disk_ms || k->room_kb - disk_room_kb(k->dir) > left_kb;
}

static bool is_over_disk(struct keeper *k, size_t count, uint64_t now)
{
	long long limit_kb = k->spec.disk_limit_mb << 10;
	uint64_t took_ms;

	if (!is_disk_due(k, now))
		return false;
	k->room_kb = disk_room_kb(k->dir);
	k->used_kb = disk_used_kb(k->dir, "work", tree, count, limit_kb);
	took_ms = now_ms() - now;
	k->soonest_disk_ms = now + took_ms +
		(took_ms > IW_KEEPER_DISK_POLL_MS ? took_ms : IW_KEEPER_DISK_POLL_MS);
	k->next_disk_ms = now + 100 * took_ms;
	return k->used_kb > limit_kb;
}

static void take_limits(struct keeper *k, uint64_t now)
{
	const struct spec *s = &k->spec;
	size_t n = process_tree(getpid(), tree, TREE_MAX);

	k->next_limits_ms = now + IW_KEEPER_LIMITS_POLL_MS;
	if (s->rss_limit_mb && process_rss_mb(tree, n) > s->rss_limit_mb)
		stop_now(k, "rss");
	else if (s->process_limit && (long long)n > s->process_limit)
		stop_now(k, "processes");
	else if (is_over_disk(k, n, now))
		stop_now(k, "disk");
}

/* A stopped or dead-locked engine runs into no limit of its own. One that wants a core and
 * gets none on a busy host is neither. */
static bool is_stalled(struct keeper *k, uint64_t now)
{
	size_t n = process_tree(getpid(), tree, TREE_MAX);
	bool is_busy;
	unsigned long long ticks = process_all_ticks(tree, n, &is_busy);

	k->idle_ms =
		ticks == k->ticks && !is_busy ? k->idle_ms + IW_KEEPER_STALL_POLL_MS : 0;
	k->ticks = ticks;
	k->next_stall_ms = now + IW_KEEPER_STALL_POLL_MS;
	return k->idle_ms >= (uint64_t)k->spec.stall_ms;
}

static void take_clocks(struct keeper *k)
{
	const struct spec *s = &k->spec;
	uint64_t now = now_ms();

	if (s->timeout_ms && k->stage == RUNNING &&
		now - k->started_ms >= (uint64_t)s->timeout_ms)
		stop_gently(k, "timeout");
	if (s->stall_ms && k->stage == RUNNING && now >= k->next_stall_ms &&
		is_stalled(k, now))
		stop_gently(k, "stalled");
	if (k->stage == ASKED && now >= k->grace_end_ms)
		stop_now(k, "killed");
	if (k->stage == KILLED && now >= k->next_kill_ms)
		kill_all(k);
	if (has_limits(s) && k->stage != KILLED && now >= k->next_limits_ms)
		take_limits(k, now);
}

static void sooner(uint64_t *when, uint64_t other)
{
	if (other < *when)
		*when = other;
}

/* Milliseconds until a clock wants us, -1 when none runs. */
static int next_wake(const struct keeper *k)
{
	uint64_t when = UINT64_MAX;
	uint64_t now = now_ms();

	if (k->spec.timeout_ms && k->stage == RUNNING)
		sooner(&when, k->started_ms + (uint64_t)k->spec.timeout_ms);
	if (k->spec.stall_ms && k->stage == RUNNING)
		sooner(&when, k->next_stall_ms);
	if (k->stage == ASKED)
		sooner(&when, k->grace_end_ms);
	if (k->stage == KILLED)
		sooner(&when, k->next_kill_ms);
	else if (has_limits(&k->spec))
		sooner(&when, k->next_limits_ms);
	if (when == UINT64_MAX)
		return -1;
	if (when <= now)
		return 0;
	return when - now > 60000 ? 60000 : (int)(when - now);
}

static void watch(struct keeper *k)
{
	while (!k->is_reaped) {
		struct pollfd fds[] = {
			{.fd = k->signals, .events = POLLIN},
			{.fd = k->log_pipe, .events = POLLIN},
			{.fd = k->stdout_pipe, .events = POLLIN},
		};

		poll(fds, 3, next_wake(k));
		pump(&k->log_pipe, &k->log, false);
		pump(&k->stdout_pipe, &k->out, false);
		take_signals(k);
		take_clocks(k);
	}
}

/* The command has ended. What it left behind ends here, too; false: it would not. */
static bool clear_up(struct keeper *k)
{
	uint64_t end = now_ms() + REAP_MAX_MS;
	bool is_clear;

	for (;;) {
		is_clear = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
		if (is_clear || now_ms() >= end)
			break;
		kill_all(k);
		pump(&k->log_pipe, &k->log, false);
		pump(&k->stdout_pipe, &k->out, false);
		poll(&(struct pollfd){.fd = k->signals, .events = POLLIN}, 1, 10);
		take_signals(k);
	}
	/* Leftovers that cannot be killed may hold the pipe for ever: no waiting for it.
	 */
	pump(&k->log_pipe, &k->log, is_clear);
	pump(&k->stdout_pipe, &k->out, is_clear);
	return is_clear;
}

static const char *final_reason(const struct keeper *k, int bwrap_exit)
{
	if (k->reason && k->is_forced && strcmp(k->reason, "stopped") == 0)
		return "killed";
	if (k->reason)
		return k->reason;
	if (k->spec.sandboxed && bwrap_exit < 0 && WIFEXITED(k->status) &&
		WEXITSTATUS(k->status) == 1)
		return "sandbox-failed";
	return "exited";
}

static int finish(struct keeper *k, bool is_clear)
{
	struct ending e = {.status = k->status, .is_forced = k->is_forced};
	struct fault fault;

	e.bwrap_exit = k->spec.sandboxed ? record_bwrap(k->dir, "exit-code") : -1;
	e.reason = final_reason(k, e.bwrap_exit);
	e.wall_ms = now_ms() - k->started_ms;
	getrusage(RUSAGE_CHILDREN, &e.usage);
	e.log_bytes = k->log.total;
	e.stdout_bytes = k->out.total;
	e.lost_bytes = k->log.lost + k->out.lost;
	e.error = is_clear ? NULL : "processes are left that cannot be killed";
	sink_close(&k->log);
	sink_close(&k->out);
	return record_exit(k->dir, &e, &fault) ? IW_KEEPER_DONE : IW_KEEPER_FAILED;
}

/* Nothing runs. The record is for a supervisor that died before it could listen. */
static int fail(struct keeper *k, const struct fault *why, bool is_ours)
{
	struct ending e = {.status = -1,
		.reason = "exec-failed",
		.bwrap_exit = -1,
		.error = why->text};
	struct fault fault;

	dprintf(STDERR_FILENO, "ironworks-job: %s\n", why->text);
	if (is_ours)
		record_exit(k->dir, &e, &fault);
	tell(why->text);
	return IW_KEEPER_FAILED;
}

int main(int argc, char **argv)
{
	struct keeper k = {
		.dir = -1, .lock = -1, .signals = -1, .log_pipe = -1, .stdout_pipe = -1};
	struct fault fault = {"cannot arrange descriptors"};

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: ironworks-job JOBDIR\n"
			"Runs the job that JOBDIR/spec describes and records its "
			"end in JOBDIR/exit.\n");
		return IW_KEEPER_USAGE;
	}
	/* Fails only for the leader of a session, who needs no new one. */
	setsid();
	if (!claim_descriptors() || !claim_job(&k, argv[1], &fault))
		return fail(&k, &fault, false);
	if (!start(&k, &fault))
		return fail(&k, &fault, true);
	dup3(STDIN_FILENO, STDERR_FILENO, O_CLOEXEC);
	tell(IW_KEEPER_OK);
	weigh_session(&k.spec);
	/* Where a job sees the host's /proc, it must not reach into this process. */
	prctl(PR_SET_DUMPABLE, 0);
	watch(&k);
	return finish(&k, clear_up(&k));
}
