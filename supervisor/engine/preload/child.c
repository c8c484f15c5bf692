/*
 * The child: runs one unit after the other until one of them ends the process.
 *
 * Happy path of a unit: copy it into a buffer of exactly its size, say so in the shared
 * state, start the timer, call the target, stop the timer, turn the counters into a
 * record, write the record with one write(2), so that it is safe whatever the next unit
 * does.
 *
 * A unit dies in one of these ways; each leaves its cause in the shared state, and the
 * parent makes the record:
 *   - a signal or a sanitizer: the death callback notes that it was the sanitizer;
 *   - exit(): our on_exit handler runs before the runtimes' own, notes it, and ends the
 *     process at once, so that no leak check at exit adds a second story. _exit() leaves
 *     no cause, which for a process that exited means the same;
 *   - time: SIGALRM prints a stack. If a sanitizer is already printing a report, time is
 *     given to finish it: symbolizing a large binary takes longer than most units may;
 *   - memory: the parent sends the same signal, or the malloc hook finds a single
 *     allocation above the limit;
 *   - a leak found after the unit.
 */
#include "engine/preload/driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "engine/preload/features.h"
#include "base/banned.h"

/* Deeper than the frames of a target's usual calls, and of a leak check. */
#define WIPE_SIZE (256 << 10)

/* Allocations and frees of the process so far; threads of the target count, too. */
static _Atomic uint64_t mallocs;
static _Atomic uint64_t frees;

static int own_pid;

/* The target may fork; only the child itself speaks for the unit. */
static bool is_unit_running(void)
{
	return (int)syscall(SYS_getpid) == own_pid &&
		atomic_load(&driver.state->phase) == PHASE_UNIT;
}

/* Claims the death of the running unit. False if somebody else was first. */
static bool claim(enum cause cause)
{
	uint32_t none = CAUSE_NONE;

	return atomic_compare_exchange_strong(&driver.state->cause, &none, cause);
}

/* "==PID== ERROR: ironworks-driver: WHAT", the unit, a stack; then the end. */
__attribute__((noreturn)) static void report(
	const char *what, uint64_t number, const char *unit, int status)
{
	static char line[256];
	struct text t = {.buf = line, .cap = sizeof(line)};

	atomic_store(&driver.state->phase, PHASE_REPORTING);
	text_add(&t, "==");
	text_num(&t, (uint64_t)own_pid);
	text_add(&t, "== ERROR: ironworks-driver: ");
	text_add(&t, what);
	if (unit) {
		text_num(&t, number);
		text_add(&t, unit);
	}
	text_add(&t, "\n");
	sys_write(STDERR_FILENO, line, t.len);
	/* TSan's runtime waits for ever when it is asked from inside its own allocator or
	 * a signal handler; other flavours of the target will print the stack. */
	if (driver.target.print_stack && !driver.target.tsan_init)
		driver.target.print_stack();
	sys_exit(status);
}

/*
 * Whether a sanitizer has begun a fatal report on the running unit, judged by its
 * heading. UBSan's "runtime error" is not one: with recovery the target goes on.
 */
static bool output_has_report(void)
{
	static char buf[64 << 10];
	static const char *const headings[] = {
		"ERROR: AddressSanitizer",
		"ERROR: LeakSanitizer",
		"ERROR: UndefinedBehaviorSanitizer",
		"WARNING: MemorySanitizer",
		"ERROR: MemorySanitizer",
		"WARNING: ThreadSanitizer",
		"ERROR: ThreadSanitizer",
	};
	int64_t size = sys_size(driver.output);
	uint64_t at = size > (int64_t)sizeof(buf) ? (uint64_t)size - sizeof(buf) : 0;
	ssize_t n = sys_pread(driver.output, buf, sizeof(buf), at);

	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
		if (n > 0 && memmem(buf, (size_t)n, headings[i], strlen(headings[i])))
			return true;
	return false;
}

static void on_alarm(int sig)
{
	if (!is_unit_running())
		return;
	/* The stack worth printing is the main thread's. */
	if ((int)syscall(SYS_gettid) != own_pid) {
		syscall(SYS_tgkill, own_pid, own_pid, sig);
		return;
	}
	if (atomic_load(&driver.state->cause) == CAUSE_OOM_RSS)
		report("out-of-memory (rss ", atomic_load(&driver.state->limit_seen),
			" MiB)", IW_DRIVER_CHILD_OOM);
	if (output_has_report()) {
		atomic_store(&driver.state->phase, PHASE_REPORTING);
		return;
	}
	if (claim(CAUSE_TIMEOUT))
		report("timeout after ",
			sig == SIGPROF ? driver.options.cpu_ms
				       : driver.options.timeout_ms,
			" ms", IW_DRIVER_CHILD_TIMEOUT);
}

static void on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
	if (driver.options.malloc_limit_mb &&
		size >> 20 >= driver.options.malloc_limit_mb && is_unit_running() &&
		claim(CAUSE_OOM_MALLOC))
		report("out-of-memory (malloc(", size, "))", IW_DRIVER_CHILD_OOM);
}

static void on_free(const volatile void *p)
{
	if (p)
		atomic_fetch_add_explicit(&frees, 1, memory_order_relaxed);
}

static void on_sanitizer_death(void)
{
	if ((int)syscall(SYS_getpid) == own_pid)
		claim(CAUSE_SANITIZER);
}

static void on_exit_called(int status, void *arg)
{
	static char text[IW_DRIVER_TEXT_MAX];
	struct text t = {.buf = text, .cap = sizeof(text)};
	struct iw_driver_record r = {.kind = IW_DRIVER_UNFIT};

	(void)arg;
	if ((int)syscall(SYS_getpid) != own_pid)
		return;
	if (own_pid != driver.parent) {
		fflush(NULL);
		claim(CAUSE_EXIT);
		sys_exit(status);
	}
	text_add(&t, "LLVMFuzzerInitialize called exit with status ");
	text_num(&t, (uint64_t)(status & 255));
	r.bytes = (uint32_t)t.len;
	result_begin();
	record_write(&r, text);
	sys_exit(IW_DRIVER_EXIT_UNFIT);
}

/* ubsan's runtime has the function but no allocator to call it: try before trusting. */
static void hooks_install(void)
{
	uint64_t before = atomic_load(&mallocs);
	void *volatile p;

	if (!driver.target.install_hooks ||
		!(driver.options.leaks || driver.options.malloc_limit_mb))
		return;
	driver.target.install_hooks(on_malloc, on_free);
	p = malloc(1);
	free(p);
	driver.hooks_work = atomic_load(&mallocs) != before;
}

void child_prepare(void)
{
	own_pid = (int)syscall(SYS_getpid);
	hooks_install();
	if (driver.target.set_death_callback)
		driver.target.set_death_callback(on_sanitizer_death);
	on_exit(on_exit_called, NULL);
}

void child_initialize(int argc, char **argv)
{
	/* Not on the stack: MSan would see what an earlier frame left there. */
	static int count;
	static char **vector;

	count = argc;
	vector = argv;
	if (driver.target.msan_unpoison_param)
		driver.target.msan_unpoison_param(2);
	if (driver.target.initialize)
		driver.target.initialize(&count, &vector);
	fflush(NULL);
}

static void timer_set(int which, uint32_t ms)
{
	static struct itimerval t;

	t.it_value.tv_sec = ms / 1000;
	t.it_value.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	syscall(SYS_setitimer, which, &t, NULL);
}

/* Compared in words; the copy is small beside what the target did with it. */
static bool is_unchanged(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t i = 0;

	for (; i + 8 <= size; i += 8) {
		uint64_t x, y;

		__builtin_memcpy(&x, a + i, 8);
		__builtin_memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	for (; i < size; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Calls the target with its own copy of the unit. Returns what it returned. */
static int unit_call(const uint8_t *data, uint32_t size, uint64_t *elapsed_ns)
{
	const struct target *t = &driver.target;
	struct state *s = driver.state;
	/* Never zero bytes: the target may ask whether the pointer is NULL. */
	uint8_t *copy = malloc(size ? size : 1);
	uint64_t start;
	int rc;

	if (!copy) {
		atomic_store(&s->phase, PHASE_FAILED);
		sys_exit(IW_DRIVER_EXIT_IO);
	}
	memcpy(copy, data, size);
	if (t->msan_unpoison)
		t->msan_unpoison(copy, size);
	if (t->msan_unpoison_param)
		t->msan_unpoison_param(2);
	start = sys_now();
	atomic_store(&s->started_ns, start);
	atomic_store(&s->phase, PHASE_UNIT);
	if (driver.options.timeout_ms)
		timer_set(ITIMER_REAL, driver.options.timeout_ms);
	if (driver.options.cpu_ms)
		timer_set(ITIMER_PROF, driver.options.cpu_ms);
	rc = t->test_one(copy, size);
	*elapsed_ns = sys_now() - start;
	if (driver.options.timeout_ms)
		timer_set(ITIMER_REAL, 0);
	if (driver.options.cpu_ms)
		timer_set(ITIMER_PROF, 0);
	if (!is_unchanged(copy, data, size) && claim(CAUSE_OVERWRITE))
		report("overwrites-const-input", 0, NULL, IW_DRIVER_CHILD_OVERWRITE);
	free(copy);
	return rc;
}

/*
 * LeakSanitizer takes any word on the stack for a pointer, also those the target left in
 * frames it has returned from, once its own frames lie over them. A leak hidden like that
 * would surface in a later check and be blamed on another unit.
 */
__attribute__((noinline)) static void stack_wipe(void)
{
	uint64_t dead[WIPE_SIZE / sizeof(uint64_t)];
	volatile uint64_t *p = dead;

	for (size_t i = 0; i < WIPE_SIZE / sizeof(uint64_t); i++)
		p[i] = 0;
}

/*
 * Without hooks every unit is checked; with them only those that kept, or gave back, an
 * allocation. The check costs milliseconds, most units a fraction of one.
 */
static void unit_check_leaks(uint64_t mallocs_before, uint64_t frees_before)
{
	uint64_t taken = atomic_load(&mallocs) - mallocs_before;
	uint64_t given = atomic_load(&frees) - frees_before;

	if (!driver.options.leaks || !driver.target.leak_check ||
		(driver.hooks_work && taken == given))
		return;
	stack_wipe();
	if (driver.target.leak_check() && claim(CAUSE_LEAK))
		sys_exit(IW_DRIVER_CHILD_LEAK);
}

static void unit_run(uint32_t index, uint32_t run)
{
	const struct target *t = &driver.target;
	struct iw_driver_record r = {.kind = IW_DRIVER_MEASURED, .index = index};
	uint64_t mallocs_before = atomic_load(&mallocs);
	uint64_t frees_before = atomic_load(&frees);
	uint64_t elapsed_ns;
	uint32_t size;
	const uint8_t *data = batch_unit(&driver.batch, index, &size);

	if (unit_call(data, size, &elapsed_ns) != 0)
		r.flags |= IW_DRIVER_REJECTED;
	if (driver.options.features)
		r.bytes = (uint32_t)features_take(t->counters, t->counters_end,
			driver.record + sizeof(r), &r.count);
	unit_check_leaks(mallocs_before, frees_before);
	atomic_store(&driver.state->phase, PHASE_BETWEEN);
	atomic_store(&driver.state->started_ns, 0);
	if (sys_size(driver.output) > 0) {
		r.flags |= IW_DRIVER_WROTE;
		sys_truncate(driver.output, 0);
	}
	r.run = (uint16_t)run;
	elapsed_ns /= 1000;
	r.microseconds = elapsed_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed_ns;
	if (!record_write(&r, NULL)) {
		atomic_store(&driver.state->phase, PHASE_FAILED);
		sys_exit(IW_DRIVER_EXIT_IO);
	}
}

void child_run(void)
{
	struct state *s = driver.state;
	struct target *t = &driver.target;
	uint32_t i = atomic_load(&s->index);

	own_pid = (int)syscall(SYS_getpid);
	sys_handle(SIGALRM, on_alarm);
	sys_handle(SIGPROF, on_alarm);
	/* Whatever initialisation did is no feature of the first unit. */
	if (driver.options.features)
		features_clear(t->counters, t->counters_end);
	atomic_store(&s->phase, PHASE_BETWEEN);
	for (; i < driver.batch.units && !atomic_load(&s->stop); i++) {
		atomic_store(&s->index, i);
		for (uint32_t run = 0; run < driver.options.repeat; run++)
			unit_run(i, run);
	}
	atomic_store(&s->index, i);
	atomic_store(&s->phase, PHASE_DONE);
	sys_exit(0);
}
