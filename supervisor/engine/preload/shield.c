/*
 * A known crash costs an execution, not the process.
 *
 * The happy path: shield_main stands in for the target's main and hands the engine a
 * function of ours in place of LLVMFuzzerTestOneInput. With the first unit, when the
 * engine has its signal handlers, ours go before them. A unit crashes; the handler finds
 * its place among those that are known, counts it and its CPU time, and jumps back into
 * our function, which clears the counters, so that the engine keeps nothing of it, and
 * returns.
 *
 * An unknown place is written down, and the engine's own handler gets the signal as if we
 * were not there: it makes the artifact and ends the process. The farm knows the place
 * when it starts the next one. An engine that forks anew by itself (AFL++) gets so many
 * deaths of one place as the page says, and then that is known, too.
 *
 * What a jump out of a crash leaves behind: memory that nobody frees, locks that nobody
 * opens, whatever the unit had half changed. So it is never made out of libc's allocator,
 * nor in another thread than the engine's; when memory runs out, or a unit waits for a
 * lock, the process ends as if its time were up and the next begins afresh; and a crash
 * that only follows from what an earlier unit left does not reproduce in a fresh process,
 * so triage does not believe it.
 */
#include "engine/preload/shield.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "engine/shield_format.h"
#include "base/banned.h"

#define STACK_MAX (8 << 20)
#define ALTSTACK_SIZE (256 << 10)
/* After so many swallowed crashes memory is looked at again. */
#define LOOK_EVERY 256
/* A unit that used less of the time that passed than one part in so many only waits. */
#define IDLE_SHARE 10
/* An engine's main does nothing but call it; a larger one is the target's own. */
#define MAIN_SIZE_MAX 160
/* A sample is written at 1, 2, 4, … swallowed ones, up to this. */
#define SAMPLES_UNTIL (1u << 20)

static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct iw_shield_page *page;
static int dir = -1;
static struct target target;
static struct sigaction before[SIGNALS], before_alarm;
static bool is_ready;

/* The unit that runs. */
static sigjmp_buf back;
static const uint8_t *unit_data;
static size_t unit_size;
static uint64_t unit_began;
static uintptr_t unit_stack;  /* below it lie the unit's own frames, */
static uintptr_t crash_stack; /* down to here */
static __thread volatile sig_atomic_t in_unit __attribute__((tls_model("initial-exec")));
static volatile sig_atomic_t in_handler;

static uint32_t first_rss; /* when the first crash was swallowed, in MiB */
static uint64_t alarm_unit, alarm_cpu, alarm_at;

static uint64_t cpu_us(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The functions behind the runtimes, which keep handlers back or to themselves. */
static void (*real_siglongjmp)(sigjmp_buf env, int value);

static int real_sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
	int (*real)(int, const struct sigaction *, struct sigaction *);

	*(void **)&real = dlsym(RTLD_NEXT, "sigaction");
	return real ? real(sig, new, old) : -1;
}

static uint32_t rss_mb(void)
{
	char buf[64];
	int fd = sys_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : sys_pread(fd, buf, sizeof(buf) - 1, 0);
	uint64_t pages = 0;
	char *p = buf;

	if (fd >= 0)
		sys_close(fd);
	buf[n > 0 ? n : 0] = '\0';
	while (*p && *p != ' ')
		p++;
	for (p += *p == ' '; *p >= '0' && *p <= '9'; p++)
		pages = pages * 10 + (uint64_t)(*p - '0');
	return (uint32_t)(pages * (uint64_t)sysconf(_SC_PAGESIZE) >> 20);
}

/* The process ends as if its time were up, with what its engine says then. */
__attribute__((noreturn)) static void renew(void)
{
	static char line[96];
	struct text t = {.buf = line, .cap = sizeof(line)};

	page->state = IW_SHIELD_RENEWS;
	text_add(&t, "stat::number_of_executed_units: ");
	text_num(&t, page->executions);
	text_add(&t, "\n");
	sys_write(STDERR_FILENO, line, t.len);
	sys_exit(0);
}

static bool has_memory(void)
{
	uint32_t now = rss_mb();

	if (!first_rss)
		first_rss = now ? now : 1;
	return !page->rss_limit_mb || now < first_rss + page->rss_limit_mb / 4;
}

static struct iw_shield_slot *slot_of(uint64_t key, bool makes)
{
	for (size_t i = 0; key && i < IW_SHIELD_SLOTS; i++) {
		struct iw_shield_slot *s = &page->slots[i];

		if (s->key == key)
			return s;
		if (s->key)
			continue;
		if (!makes)
			return NULL;
		s->key = key;
		return s;
	}
	return NULL;
}

static bool is_known(const struct iw_shield_slot *slot)
{
	return (size_t)(slot - page->slots) < page->known ||
		(page->deaths_max && slot->deaths >= page->deaths_max);
}

/* The unit replaces the sample before it. */
static void write_sample(const struct iw_shield_slot *slot)
{
	char name[32];
	struct text t = {.buf = name, .cap = sizeof(name)};
	int fd;

	text_add(&t, IW_SHIELD_SAMPLE);
	text_num(&t, (uint64_t)(slot - page->slots));
	fd = sys_openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
	if (fd < 0)
		return;
	sys_write(fd, unit_data, unit_size);
	sys_close(fd);
}

static uint64_t unit_us(void)
{
	uint64_t now = cpu_us(CLOCK_MONOTONIC);

	return now > unit_began ? now - unit_began : 0;
}

__attribute__((noreturn)) static void swallow(struct iw_shield_slot *slot)
{
	uint64_t n = ++slot->swallowed;

	slot->us += unit_us();
	if (page->wants_samples && n <= SAMPLES_UNTIL && (n & (n - 1)) == 0)
		write_sample(slot);
	real_siglongjmp(back, 1);
	abort();
}

static void note_death(uint64_t key)
{
	struct iw_shield_slot *slot = slot_of(key, true);

	page->last_key = key;
	if (!slot)
		return;
	if (slot->deaths++ == 0)
		slot->input = iw_shield_hash(0, unit_data, unit_size);
	slot->us += unit_us();
}

/* The handler before ours gets the signal as if we were not there: a fault strikes again
 * when its instruction runs again, what was sent is sent again. */
static void pass_on(int sig, const siginfo_t *info)
{
	sigset_t set;

	for (size_t i = 0; i < SIGNALS; i++)
		real_sigaction(signals[i], &before[i], NULL);
	if (info->si_code > 0 && sig != SIGTRAP)
		return;
	sigemptyset(&set);
	sigaddset(&set, sig);
	/* It waits until we have returned: that puts the mask back. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), sig);
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
	struct iw_shield_slot *slot;
	bool in_allocator;
	int saved = errno;
	uint64_t key;

	if (!in_unit || in_handler) {
		pass_on(sig, info);
		errno = saved;
		return;
	}
	in_handler = 1;
	key = place_key(info, context, &in_allocator);
	in_handler = 0;
	slot = slot_of(key, false);
	if (slot && is_known(slot) && !in_allocator) {
		crash_stack = place_stack(context);
		swallow(slot);
	}
	note_death(key);
	pass_on(sig, info);
	errno = saved;
}

/* AddressSanitizer found something: the same for what sends no signal. */
static void on_report(uintptr_t pc, uintptr_t stack)
{
	struct iw_shield_slot *slot;
	uint64_t key;

	if (!in_unit || in_handler)
		return;
	in_handler = 1;
	key = place_report_key(pc, stack);
	in_handler = 0;
	slot = slot_of(key, false);
	if (slot && is_known(slot)) {
		crash_stack = (uintptr_t)__builtin_frame_address(0);
		swallow(slot);
	}
	note_death(key);
}

/*
 * libFuzzer's timer. The same unit at two strokes, with next to no CPU time between them,
 * waits for a lock that an earlier one took with it. So once a crash was swallowed, a unit
 * is not out of time at its first stroke.
 */
static void on_alarm(int sig, siginfo_t *info, void *context)
{
	uint64_t cpu = cpu_us(CLOCK_PROCESS_CPUTIME_ID), now = cpu_us(CLOCK_MONOTONIC);

	bool is_first = alarm_unit != page->executions;

	if (first_rss && in_unit && !is_first &&
		cpu - alarm_cpu < (now - alarm_at) / IDLE_SHARE)
		renew();
	alarm_unit = page->executions;
	alarm_cpu = cpu;
	alarm_at = now;
	if (first_rss && in_unit && is_first)
		return;
	if (before_alarm.sa_flags & SA_SIGINFO)
		before_alarm.sa_sigaction(sig, info, context);
	else if (before_alarm.sa_handler != SIG_DFL && before_alarm.sa_handler != SIG_IGN)
		before_alarm.sa_handler(sig);
}

/* What was swallowed is no leak of the units that passed: LeakSanitizer must not look when
 * the engine is done. An exit() of the target is the engine's to find. */
static void on_exit_called(int status, void *arg)
{
	(void)arg;
	if (in_unit || !first_rss)
		return;
	fflush(NULL);
	sys_exit(status);
}

/* A stack that overflowed has no room for a handler. */
static void make_altstack(void)
{
	stack_t old, new = {.ss_size = ALTSTACK_SIZE};

	if (syscall(SYS_sigaltstack, NULL, &old) != 0 || !(old.ss_flags & SS_DISABLE))
		return;
	new.ss_sp = sys_pages(ALTSTACK_SIZE);
	if (new.ss_sp)
		syscall(SYS_sigaltstack, &new, NULL);
}

/* After the engine's own, before the first unit. */
static void take_signals(void)
{
	/* Not blocked while it is handled: nobody would unblock it after the jump. */
	struct sigaction sa = {.sa_sigaction = on_crash,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	struct sigaction alarm = {.sa_sigaction = on_alarm,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};

	is_ready = true;
	on_exit(on_exit_called, NULL);
	make_altstack();
	for (size_t i = 0; i < SIGNALS; i++)
		real_sigaction(signals[i], &sa, &before[i]);
	real_sigaction(SIGALRM, NULL, &before_alarm);
	if (before_alarm.sa_handler != SIG_DFL && before_alarm.sa_handler != SIG_IGN)
		real_sigaction(SIGALRM, &alarm, NULL);
}

/* AddressSanitizer would find its marks of frames that are gone. Its own longjmp() clears
 * the whole stack when it is called from a handler's, which takes ten times as long. */
static void wipe_marks(void)
{
	uintptr_t low = crash_stack & ~(uintptr_t)15;

	if (low >= unit_stack || unit_stack - low > STACK_MAX)
		low = unit_stack - STACK_MAX;
	if (target.asan_unpoison)
		target.asan_unpoison((void *)low, unit_stack - low);
	if (target.asan_no_return)
		target.asan_no_return();
}

/* The crash showed the engine nothing, and left the process usable or not. */
static void after_swallow(void)
{
	static uint64_t count;

	wipe_marks();
	if (target.counters)
		memset(target.counters, 0,
			(size_t)(target.counters_end - target.counters));
	if (count++ % LOOK_EVERY == 0 && !has_memory())
		renew();
}

static int run_unit(const uint8_t *data, size_t size)
{
	int rc;

	if (!is_ready)
		take_signals();
	unit_data = data;
	unit_size = size;
	if (++page->executions == page->warm_units)
		page->warm_us = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
	unit_stack = (uintptr_t)__builtin_frame_address(0);
	unit_began = cpu_us(CLOCK_MONOTONIC);
	if (sigsetjmp(back, 0) != 0) {
		in_unit = 0;
		after_swallow();
		return 0;
	}
	in_unit = 1;
	rc = target.test_one(data, size);
	in_unit = 0;
	return rc;
}

static bool page_map(const char *path)
{
	int fd;
	void *p;

	dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	fd = dir < 0 ? -1 : sys_openat(dir, IW_SHIELD_PAGE, O_RDWR | O_NOFOLLOW);
	if (fd < 0 || sys_size(fd) < (int64_t)sizeof(*page))
		return false;
	p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sys_close(fd);
	if (p == MAP_FAILED)
		return false;
	page = p;
	return page->magic == IW_SHIELD_MAGIC && page->version == IW_SHIELD_VERSION &&
		page->known <= IW_SHIELD_SLOTS;
}

int shield_main(main_cb target_main, int argc, char **argv, char **envp)
{
	static char buf[IW_SHIELD_SLOTS];
	struct text why = {.buf = buf, .cap = sizeof(buf)};
	bool is_mapped = page_map(getenv(IW_SHIELD_ENV));

	unsetenv("LD_PRELOAD");
	unsetenv(IW_SHIELD_ENV);
	if (!is_mapped || !target_find(&target, false, &why) || !target.run_driver ||
		target.main_size > MAIN_SIZE_MAX)
		return target_main(argc, argv, envp);
	*(void **)&real_siglongjmp = dlsym(RTLD_NEXT, "siglongjmp");
	if (!real_siglongjmp || !place_prepare())
		return target_main(argc, argv, envp);
	report_take(&target, on_report);
	page->state = IW_SHIELD_WORKS;
	return target.run_driver(&argc, &argv, run_unit);
}
