/*
 * The driver's entry and its parent process.
 *
 * Happy path: our __libc_start_main gives libc driver_main in place of the target's main.
 * Spec and batch are read, the target's symbols found, the environment cleaned, the
 * target initialised. Then generations: a child runs units from the first one left, the
 * parent waits. A child that ran them all ends the batch with an END record.
 *
 * A child that ends before that is the death of the unit it was at. The parent cuts a
 * record the child may have left half written, writes one of the death, keeps the unit's
 * output, and starts the next generation behind it. So there is one fork per death, and
 * no unit is run twice, except the one in which a memory limit was passed (see
 * IW_DRIVER_SPEC) when others ran before it in the same process.
 *
 * A generation is a fork of the initialised parent, or, where a fork would not do, a new
 * process of the same executable with the same arguments: under TSan, whose runtime does
 * not bear threads after a fork, and for targets that have threads of their own once
 * initialised, which a fork loses. Such a child finds the shared state in a descriptor
 * that it inherits, initialises the target itself, and goes on as a forked one does.
 *
 * A driver that serves goes through all of this once per question, but for the start.
 *
 * Failures: no control directory, malformed input, an unfit target and a full disk end
 * the process with a status of their own and, where a file can be written at all, a
 * record that says why. A target that dies while initialising takes the parent with it,
 * or in a spawned child is reported as unfit.
 */
#include "engine/preload/driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "engine/preload/death.h"
#include "engine/preload/features.h"
#include "engine/preload/sampler.h"
#include "engine/preload/serve.h"
#include "engine/preload/shield.h"
#include "engine/preload/traces.h"
#include "engine/preload/witness.h"
#include "engine/shield_format.h"
#include "base/banned.h"

#define EXPORT __attribute__((visibility("default")))

struct driver driver = {.dir = -1, .result = -1, .output = -1, .start_dir = -1};

/* What spawned children get. */
static char **spawn_environment;
static char **spawn_argv;

static char reason_buf[IW_DRIVER_TEXT_MAX];
static struct text reason = {.buf = reason_buf, .cap = sizeof(reason_buf)};

bool record_write(struct iw_driver_record *r, const void *payload)
{
	size_t size = sizeof(*r) + r->bytes;

	*(struct iw_driver_record *)driver.record = *r;
	if (payload)
		memcpy(driver.record + sizeof(*r), payload, r->bytes);
	if (sys_write(driver.result, driver.record, size) != (ssize_t)size) {
		sys_truncate(driver.result, atomic_load(&driver.state->result_size));
		return false;
	}
	atomic_fetch_add(&driver.state->result_size, size);
	return true;
}

void result_begin(void)
{
	static struct iw_driver_result_header h = {
		.magic = IW_DRIVER_RESULT_MAGIC, .version = IW_DRIVER_VERSION};
	const struct target *t = &driver.target;

	if (atomic_load(&driver.state->result_size) > 0)
		return;
	h.units = driver.batch.units;
	h.counters = (uint64_t)(t->counters_end - t->counters);
	h.flags = (t->leak_check ? IW_DRIVER_HAS_LSAN : 0) |
		(driver.hooks_work ? IW_DRIVER_HAS_HOOKS : 0) |
		(t->print_stack ? IW_DRIVER_HAS_STACKS : 0) |
		(driver.spawns ? IW_DRIVER_SPAWNS : 0) |
		(target_has_other_counters() ? IW_DRIVER_OTHER_COUNTERS : 0);
	if (sys_write(driver.result, &h, sizeof(h)) != (ssize_t)sizeof(h))
		sys_exit(IW_DRIVER_EXIT_IO);
	atomic_store(&driver.state->result_size, sizeof(h));
}

/* Ends the driver with a record of this kind and the reason; also told on stderr. */
__attribute__((noreturn)) static void give_up(enum iw_driver_kind kind, int status)
{
	static const char prefix[] = "ironworks-driver: ";
	struct iw_driver_record r = {
		.kind = (uint8_t)kind, .bytes = (uint32_t)reason.len};

	sys_write(STDERR_FILENO, prefix, sizeof(prefix) - 1);
	sys_write(STDERR_FILENO, reason.buf, reason.len);
	sys_write(STDERR_FILENO, "\n", 1);
	/* A spawned child leaves the records to its parent. */
	if (driver.result >= 0 && driver.state && !driver.is_child) {
		result_begin();
		record_write(&r, reason.buf);
	}
	sys_exit(status);
}

__attribute__((noreturn)) static void fail_io(const char *what)
{
	text_add(&reason, what);
	give_up(IW_DRIVER_FAILED, IW_DRIVER_EXIT_IO);
}

/* The shared page: `handed_over` names the descriptor in a spawned child, else NULL. */
static void state_map(const char *handed_over)
{
	int fd = 0;
	void *p;

	if (!handed_over) {
		fd = (int)syscall(SYS_memfd_create, "ironworks-driver", MFD_CLOEXEC);
		sys_truncate(fd, sizeof(struct state));
	}
	for (; handed_over && *handed_over >= '0' && *handed_over <= '9'; handed_over++)
		fd = fd * 10 + (*handed_over - '0');
	p = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		fail_io("cannot map the shared state");
	driver.state_fd = fd;
	driver.state = p;
}

/* Opens the files; a spawned child joins those of its parent. */
static void files_open(const char *dir)
{
	int flags = O_CREAT | O_APPEND | O_NOFOLLOW | (driver.is_child ? 0 : O_TRUNC);

	driver.dir = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY);
	driver.start_dir = sys_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
	if (driver.dir < 0)
		fail_io("cannot open the control directory");
	driver.result = sys_openat(driver.dir, IW_DRIVER_RESULT, O_WRONLY | flags);
	driver.output = sys_openat(driver.dir, IW_DRIVER_OUTPUT, O_RDWR | flags);
	if (driver.result < 0 || driver.output < 0)
		fail_io("cannot create files in the control directory");
	driver.record = sys_pages(sizeof(struct iw_driver_record) + IW_DRIVER_TEXT_MAX);
	if (!driver.record)
		fail_io("no memory");
}

static void input_load(void)
{
	if (!options_load(&driver.options, driver.dir, &reason) ||
		!batch_load(&driver.batch, driver.dir, &reason))
		give_up(IW_DRIVER_FAILED, IW_DRIVER_EXIT_BAD_INPUT);
}

static void target_load(void)
{
	struct target *t = &driver.target;
	size_t counters;

	if (!target_find(t, driver.options.features, &reason))
		give_up(IW_DRIVER_UNFIT, IW_DRIVER_EXIT_UNFIT);
	traces_silence(t);
	counters = (size_t)(t->counters_end - t->counters);
	driver.record = sys_pages(sizeof(struct iw_driver_record) + IW_DRIVER_TEXT_MAX +
		FEATURES_SIZE_MAX(counters));
	if (!driver.record)
		fail_io("no memory for a record");
	driver.spawns = driver.options.spawn || t->tsan_init;
}

/*
 * Makes the environment of spawned children, then cleans our own. Theirs is as we found
 * ours, with halt_on_error in front of TSAN_OPTIONS, where the caller can override it,
 * and room for the descriptor of the state.
 */
static void environment_take(char **argv, char **envp)
{
	static const char tsan[] = "TSAN_OPTIONS=";
	static char tsan_buf[8192];
	static char handover[sizeof(IW_DRIVER_ENV_CHILD) + 16];
	struct text options = {.buf = tsan_buf, .cap = sizeof(tsan_buf)};
	struct text child = {.buf = handover, .cap = sizeof(handover)};
	size_t n = 0;

	while (envp[n])
		n++;
	spawn_environment = sys_pages((n + 3) * sizeof(*envp));
	if (!spawn_environment)
		fail_io("no memory for the environment");
	text_add(&options, "TSAN_OPTIONS=halt_on_error=1");
	n = 0;
	for (char **e = envp; *e; e++) {
		if (strncmp(*e, tsan, strlen(tsan)) != 0) {
			spawn_environment[n++] = *e;
		} else {
			text_add(&options, ":");
			text_add(&options, *e + strlen(tsan));
		}
	}
	text_add(&child, IW_DRIVER_ENV_CHILD "=");
	text_num(&child, (uint64_t)driver.state_fd);
	spawn_environment[n++] = tsan_buf;
	spawn_environment[n] = handover;
	spawn_argv = argv;
	unsetenv("LD_PRELOAD");
	unsetenv(IW_DRIVER_ENV);
	unsetenv(IW_DRIVER_ENV_CHILD);
}

/* Threads of this process, 1 when unknown: the 20th field of /proc/self/stat. */
static int thread_count(void)
{
	static char buf[1024];
	int fd = sys_openat(AT_FDCWD, "/proc/self/stat", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : sys_pread(fd, buf, sizeof(buf) - 1, 0);
	int count = 0;
	const char *p;

	if (fd >= 0)
		sys_close(fd);
	buf[n > 0 ? n : 0] = '\0';
	/* The name, field 2, may hold anything: count from its closing parenthesis. */
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 20; field++)
		p = strchr(p + 1, ' ');
	for (p = p ? p + 1 : "1"; *p >= '0' && *p <= '9'; p++)
		count = count * 10 + (*p - '0');
	return count;
}

/* The new child, forked just now: runs units, or becomes the executable once more. */
__attribute__((noreturn)) static void generation_child(void)
{
	/* The batch dies with its parent, also if that died before this line. */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if ((int)syscall(SYS_getppid) != driver.parent)
		sys_exit(IW_DRIVER_EXIT_IO);
	syscall(SYS_dup3, driver.output, STDOUT_FILENO, 0);
	syscall(SYS_dup3, driver.output, STDERR_FILENO, 0);
	if (!driver.spawns)
		child_run();
	syscall(SYS_fcntl, driver.state_fd, F_SETFD, 0);
	syscall(SYS_fchdir, driver.start_dir);
	syscall(SYS_execve, "/proc/self/exe", spawn_argv, spawn_environment);
	sys_exit(IW_DRIVER_EXIT_IO);
}

/*
 * fork() without what the runtimes hang on it: since clang 17 theirs touch the whole table
 * of stacks, before and after, which costs more than all the rest of a generation. Their
 * locks are free, for this process has one thread or it would spawn. Older C libraries
 * have only fork().
 */
static int generation_fork(void)
{
	static int (*plain)(void);

	if (!plain)
		*(void **)&plain = dlsym(RTLD_DEFAULT, "_Fork");
	return plain ? plain() : fork();
}

/* Runs one generation from this unit on. Returns the child's raw wait status. */
static int generation_run(uint32_t first)
{
	struct state *s = driver.state;
	int pid;

	atomic_store(&s->phase, PHASE_INIT);
	atomic_store(&s->index, first);
	atomic_store(&s->cause, CAUSE_NONE);
	atomic_store(&s->started_ns, 0);
	sys_truncate(driver.output, 0);
	pid = generation_fork();
	if (pid < 0)
		fail_io("cannot fork");
	if (pid == 0)
		generation_child();
	return death_await(pid);
}

static enum iw_driver_kind death_kind(int status)
{
	switch (atomic_load(&driver.state->cause)) {
	case CAUSE_TIMEOUT:
		return IW_DRIVER_TIMEOUT;
	case CAUSE_OOM_RSS:
	case CAUSE_OOM_MALLOC:
		return IW_DRIVER_OOM;
	case CAUSE_LEAK:
		return IW_DRIVER_LEAK;
	case CAUSE_SANITIZER:
	case CAUSE_OVERWRITE:
		return IW_DRIVER_DIED;
	default:
		return WIFEXITED(status) ? IW_DRIVER_EXIT : IW_DRIVER_DIED;
	}
}

static void death_record(uint32_t index, int status)
{
	static char name[64];
	struct text t = {.buf = name, .cap = sizeof(name)};
	struct iw_driver_record r = {.kind = (uint8_t)death_kind(status),
		.index = index,
		.status = (uint32_t)status};
	uint64_t started = atomic_load(&driver.state->started_ns);
	uint64_t now = sys_now();
	uint64_t us = started && started < now ? (now - started) / 1000 : 0;

	r.microseconds = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	text_add(&t, "death-");
	text_num(&t, index);
	text_add(&t, ".txt");
	death_keep_output(name);
	if (!record_write(&r, NULL))
		fail_io("cannot write a record");
}

/* The child ended before its first unit: nothing of this target can be run. */
__attribute__((noreturn)) static void give_up_on_start(int status)
{
	death_keep_output(IW_DRIVER_DEATH_INIT);
	text_add(&reason, "the target died before its first unit, ");
	text_add(&reason, WIFSIGNALED(status) ? "signal " : "exit status ");
	text_num(&reason,
		(uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
	give_up(IW_DRIVER_UNFIT, IW_DRIVER_EXIT_UNFIT);
}

static void skip_rest(uint32_t first, uint32_t why)
{
	struct iw_driver_record r = {.kind = IW_DRIVER_SKIPPED,
		.index = first,
		.status = why,
		.count = driver.batch.units - first};

	if (first < driver.batch.units && !record_write(&r, NULL))
		fail_io("cannot write a record");
}

/* One turn: a generation and its end. Returns the first unit left. */
static uint32_t batch_step(uint32_t first, uint32_t *deaths)
{
	struct state *s = driver.state;
	int status = generation_run(first);
	enum phase phase = atomic_load(&s->phase);
	uint32_t index = atomic_load(&s->index);

	/* What lies behind the last complete record is half of one. */
	sys_truncate(driver.result, atomic_load(&s->result_size));
	if (phase == PHASE_FAILED)
		fail_io("cannot write a record, or no memory for a unit");
	if (phase == PHASE_INIT)
		give_up_on_start(status);
	if (index < first || index > driver.batch.units ||
		(index == driver.batch.units && phase != PHASE_DONE))
		fail_io("the target overwrote the shared state");
	if (phase == PHASE_DONE)
		return index;
	if (atomic_load(&s->cause) == CAUSE_OOM_RSS && index > first)
		return index;
	death_record(index, status);
	++*deaths;
	return index + 1;
}

static int batch_run(void)
{
	uint32_t units = driver.batch.units;
	uint32_t next = driver.options.first;
	uint32_t deaths = 0;
	bool is_stopped = false;
	struct iw_driver_record end = {.kind = IW_DRIVER_END};

	if (next > units)
		next = units;
	while (next < units) {
		is_stopped = atomic_load(&driver.state->stop);
		if (is_stopped) {
			skip_rest(next, IW_DRIVER_SKIPPED_STOPPED);
			break;
		}
		if (driver.options.max_deaths && deaths >= driver.options.max_deaths) {
			skip_rest(next, IW_DRIVER_SKIPPED_MAX_DEATHS);
			break;
		}
		next = batch_step(next, &deaths);
	}
	if (!record_write(&end, NULL))
		fail_io("cannot write a record");
	return is_stopped ? IW_DRIVER_EXIT_STOPPED : IW_DRIVER_EXIT_DONE;
}

static void on_stop(int sig)
{
	(void)sig;
	atomic_store(&driver.state->stop, 1);
}

/*
 * Initialises the target here unless only spawned children need it. In the first process
 * a target that has threads afterwards makes every generation a spawned one.
 */
static void initialize(int argc, char **argv)
{
	child_prepare();
	if (!driver.is_child && driver.spawns)
		return;
	child_initialize(argc, argv);
	if (!driver.is_child && thread_count() > 1)
		driver.spawns = true;
}

/* The first question may be there already; each of them has a batch file of its own. */
static int batches_serve(void)
{
	int status = IW_DRIVER_EXIT_DONE;

	while (status == IW_DRIVER_EXIT_DONE && serve_await()) {
		sys_truncate(driver.result, 0);
		atomic_store(&driver.state->result_size, 0);
		batch_unload(&driver.batch);
		if (!options_load(&driver.options, driver.dir, &reason) ||
			!batch_load(&driver.batch, driver.dir, &reason))
			give_up(IW_DRIVER_FAILED, IW_DRIVER_EXIT_BAD_INPUT);
		result_begin();
		status = batch_run();
		serve_answer();
	}
	return status;
}

static int driver_main(int argc, char **argv, char **envp)
{
	const char *dir = getenv(IW_DRIVER_ENV);
	const char *handed_over = getenv(IW_DRIVER_ENV_CHILD);

	driver.is_child = handed_over != NULL;
	driver.parent = (int)syscall(driver.is_child ? SYS_getppid : SYS_getpid);
	state_map(handed_over);
	files_open(dir);
	environment_take(argv, envp);
	/* A file size limit must show as a failed write, not as the death of a unit. */
	sys_handle(SIGXFSZ, SIG_IGN);
	input_load();
	if (driver.options.serve && !driver.is_child)
		serve_open();
	target_load();
	initialize(argc, argv);
	sys_handle(SIGTERM, on_stop);
	/* A target that ignores it would leave us nothing to wait for. */
	sys_handle(SIGCHLD, SIG_DFL);
	if (driver.is_child)
		child_run();
	result_begin();
	sys_exit(driver.options.serve ? batches_serve() : batch_run());
}

/* The target's own. */
static main_cb own_main;

static int shielded_main(int argc, char **argv, char **envp)
{
	return shield_main(own_main, argc, argv, envp);
}

static int sampled_main(int argc, char **argv, char **envp)
{
	return sampler_main(own_main, argc, argv, envp);
}

static int witnessed_main(int argc, char **argv, char **envp)
{
	return witness_main(own_main, argc, argv, envp);
}

static main_cb main_for(main_cb target_main)
{
	own_main = target_main;
	if (getenv(IW_DRIVER_ENV))
		return driver_main;
	if (getenv(IW_SAMPLE_ENV))
		return sampled_main;
	if (getenv(IW_WITNESS_ENV))
		return witnessed_main;
	return getenv(IW_SHIELD_ENV) ? shielded_main : target_main;
}

/*
 * Stands in for libc's. The arguments after argv are passed through as they are; they
 * differ between versions of glibc.
 */
EXPORT int __libc_start_main(main_cb target_main, int argc, char **argv,
	void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

EXPORT int __libc_start_main(main_cb target_main, int argc, char **argv,
	void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	int (*real)(main_cb, int, char **, void (*)(void), void (*)(void), void (*)(void),
		void *);

	*(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
	if (!real)
		sys_exit(IW_DRIVER_EXIT_IO);
	return real(main_for(target_main), argc, argv, init, fini, rtld_fini, stack_end);
}
