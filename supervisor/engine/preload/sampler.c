/*
 * The happy path: the signal of a timer looks at the main thread's stack, IW_SAMPLES times
 * in half of what a unit may take. When the unit was on it for half of that time it is not
 * on its way into its loop any more: each stack from then on is printed, and after the
 * last of them the timer stops.
 *
 * The engine's own alarm ends the process, so it is held back until the last sample was
 * taken: on a busy machine the signals of a timer come late and many become one, and the
 * alarm could be first.
 *
 * What was interrupted may hold any lock, malloc's or a runtime's. So nothing here takes
 * one: libgcc unwinds, modules were looked up before, names come later (see
 * sanitizers/symbolizer.h) from what the runtimes print as well, module and offset.
 *
 * The failures: without an unwinder or a timer there are no samples, and the engine's own
 * stack is all there is. Without the unit's symbol its time begins with the process. An
 * alarm is not held back for ever where no stack shows the unit.
 */
#include "engine/preload/sampler.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/driver_format.h"
#include "engine/preload/frame.h"
#include "engine/preload/target.h"
#include "engine/preload/unwinder.h"
#include "base/banned.h"

#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u
#define LINE_SIZE 256
/* A deep recursion is told by its ends: so many frames of each. */
#define END_FRAMES 64
#define FRAMES_MAX (2 * END_FRAMES)
/* After so many looks, twice as many as it takes, the alarm may come. */
#define LOOKS_MAX (4 * IW_SAMPLES)
/* The first real-time signal that no library here uses: engines take SIGALRM. */
#define TICK (SIGRTMIN + 5)

struct stack {
	uintptr_t struck;
	bool has_begun, has_unit;
	/* From FRAMES_MAX on the last END_FRAMES go round. */
	uintptr_t frames[FRAMES_MAX];
	size_t count;
};

static struct {
	struct unwinder unwinder;
	struct range unit; /* its function; empty: nobody knows */
	int timer;	   /* the kernel's number */
	uint64_t half_ns, began_ns;
	unsigned looks, taken;
	struct stack stack;
	char line[LINE_SIZE];
} sampler;

/* -- looking ------------------------------------------------------------------------ */

static void add_frame(struct stack *s, uintptr_t pc)
{
	size_t at = s->count < FRAMES_MAX
		? s->count
		: END_FRAMES + (s->count - FRAMES_MAX) % END_FRAMES;

	s->frames[at] = pc;
	s->count++;
}

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *arg)
{
	struct stack *s = arg;
	uintptr_t pc = sampler.unwinder.pc(context);

	/* Before it are the handler's own. */
	if (!s->has_begun && pc != s->struck)
		return _URC_NO_REASON;
	/* Callers are where they called, not where that returns to. */
	if (s->has_begun && pc > 0)
		pc--;
	s->has_begun = true;
	add_frame(s, pc);
	s->has_unit = range_has(&sampler.unit, pc);
	return s->has_unit ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static bool is_in_unit(const struct stack *s)
{
	return s->count > 0 && (s->has_unit || sampler.unit.end == 0);
}

/* -- printing ----------------------------------------------------------------------- */

static void print_heading(const char *heading)
{
	struct text line = {.buf = sampler.line, .cap = sizeof(sampler.line)};

	text_add(&line, heading);
	text_num(&line, sampler.taken);
	text_add(&line, "\n");
	text_write(&line);
}

static void print_sample(const struct stack *s)
{
	size_t kept = s->count < FRAMES_MAX ? s->count : FRAMES_MAX, i;

	print_heading("\n" IW_SAMPLE_HEADING);
	for (i = 0; i < kept; i++) {
		size_t at = i;

		if (s->count > FRAMES_MAX && i >= END_FRAMES)
			at = END_FRAMES +
				(s->count - FRAMES_MAX + i - END_FRAMES) % END_FRAMES;
		frame_print(i, s->frames[at]);
	}
	print_heading(IW_SAMPLE_END);
}

/* -- the timer ---------------------------------------------------------------------- */

static void set_timer(uint64_t step_ns)
{
	struct timespec step = {(time_t)(step_ns / NS_PER_S), (long)(step_ns % NS_PER_S)};
	static struct itimerspec when;

	when = (struct itimerspec){step, step};
	syscall(SYS_timer_settime, sampler.timer, 0, &when, NULL);
}

/* The alarm that waits comes with the return from the handler. */
static void end_sampling(ucontext_t *context)
{
	set_timer(0);
	sigdelset(&context->uc_sigmask, SIGALRM);
}

static void on_tick(int sig, siginfo_t *info, void *context)
{
	struct stack *s = &sampler.stack;
	int saved = errno;
	uint64_t now;

	(void)sig;
	(void)info;
	memset(s, 0, sizeof(*s));
	s->struck = unwinder_struck(context);
	sampler.unwinder.walk(take_frame, s);
	now = sys_now();
	if (!is_in_unit(s)) {
		sampler.began_ns = 0;
	} else if (!sampler.began_ns) {
		sampler.began_ns = now;
	} else if (now - sampler.began_ns >= sampler.half_ns) {
		sampler.taken++;
		print_sample(s);
	}
	if (sampler.taken == IW_SAMPLES || ++sampler.looks == LOOKS_MAX)
		end_sampling(context);
	errno = saved;
}

static void hold_alarm(void)
{
	static sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	/* Threads that begin later hold it back, too, or one of them would take it. */
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &alarm, NULL, 8);
}

/* Past the runtimes, which keep signals back while the target does not call them. */
static bool start_timer(void)
{
	static struct sigaction action;
	static struct sigevent event;
	int (*real)(int, const struct sigaction *, struct sigaction *);

	*(void **)&real = dlsym(RTLD_NEXT, "sigaction");
	action.sa_sigaction = on_tick;
	/* A recursion may have left little of the stack. */
	action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
	sigfillset(&action.sa_mask);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = TICK;
	event._sigev_un._tid = (int)syscall(SYS_gettid);
	if (!real || real(TICK, &action, NULL) != 0 ||
		syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &sampler.timer) != 0)
		return false;
	hold_alarm();
	set_timer(sampler.half_ns / IW_SAMPLES);
	return true;
}

/* -- the start ---------------------------------------------------------------------- */

static void find_unit(void)
{
	static char buf[IW_DRIVER_TEXT_MAX];
	struct text why = {.buf = buf, .cap = sizeof(buf)};
	static struct target target;

	if (target_find(&target, false, &why) && target.test_one_size > 0) {
		sampler.unit.begin = (uintptr_t)target.test_one;
		sampler.unit.end = sampler.unit.begin + target.test_one_size;
	}
}

int sampler_main(
	int (*target_main)(int, char **, char **), int argc, char **argv, char **envp)
{
	const char *timeout_ms = getenv(IW_SAMPLE_ENV);

	sampler.half_ns = strtoull(timeout_ms, NULL, 10) * NS_PER_MS / 2;
	unsetenv("LD_PRELOAD");
	unsetenv(IW_SAMPLE_ENV);
	if (sampler.half_ns >= IW_SAMPLES && unwinder_find(&sampler.unwinder)) {
		find_unit();
		frame_modules_find();
		(void)start_timer();
	}
	return target_main(argc, argv, envp);
}
