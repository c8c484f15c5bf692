/*
 * The happy path: a signal that nobody waits for comes; its handler says which, where and
 * what for, walks the stack, prints it without names, and the process dies by that signal
 * as it would have without us.
 *
 * The failures: a stack that is damaged can make the walk itself fail. That signal comes
 * into the same handler, which prints what was seen so far and ends the process with the
 * first signal. Where it was not even the handler's own stack that was left (a thread that
 * has overflowed its own) nothing is printed.
 *
 * A program that handles a signal itself, from the start or later, keeps its handler.
 */
#include "engine/preload/witness.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/driver_format.h"
#include "engine/preload/frame.h"
#include "engine/preload/sys.h"
#include "engine/preload/unwinder.h"
#include "base/banned.h"

/* What identifies a failure is at the inner end, also of an endless recursion. */
#define FRAMES_MAX 256
#define STACK_SIZE (64u << 10)
#define LINE_SIZE 256
/* As far from the stack's pointer a fault is still the stack's own. */
#define BELOW 512u
#define ABOVE 0xffffu

static const struct {
	int number;
	const char *name;
	bool has_address;
} signals[] = {
	{SIGSEGV, "SEGV", true},
	{SIGBUS, "BUS", true},
	{SIGFPE, "FPE", true},
	{SIGILL, "ILL", true},
	{SIGTRAP, "TRAP", false},
	{SIGABRT, "ABRT", false},
};

#define SIGNALS (sizeof(signals) / sizeof(*signals))

static struct {
	struct unwinder unwinder;
	int pid;
	atomic_int thread; /* whose death it is; 0: nobody's yet */
	int signal;
	uintptr_t struck;
	uintptr_t frames[FRAMES_MAX];
	size_t count, printed;
	char line[LINE_SIZE];
	char stack[STACK_SIZE];
} witness;

/* -- what there is to say ----------------------------------------------------------- */

struct fault {
	uintptr_t pc, sp, address;
	bool has_address, is_read, is_write;
};

static struct fault fault_of(const siginfo_t *info, const ucontext_t *context)
{
	struct fault f = {.pc = unwinder_struck(context)};

	/* Nobody sent it, and the processor knew where. */
	f.has_address = info->si_code > 0 && info->si_code != SI_KERNEL;
	f.address = (uintptr_t)info->si_addr;
#if defined(__x86_64__)
	f.sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
	if (f.has_address && context->uc_mcontext.gregs[REG_TRAPNO] == 14) {
		f.is_write = context->uc_mcontext.gregs[REG_ERR] & 2;
		f.is_read = !f.is_write;
	}
#elif defined(__aarch64__)
	f.sp = (uintptr_t)context->uc_mcontext.sp;
#endif
	return f;
}

static bool is_stack_overflow(int sig, const struct fault *f)
{
	return sig == SIGSEGV && f->has_address && f->sp && f->address + BELOW > f->sp &&
		f->address < f->sp + ABOVE;
}

static void add_number(struct text *t, const char *words, uintptr_t n)
{
	text_add(t, words);
	text_hex(t, n);
}

static void print_heading(size_t row, const struct fault *f)
{
	struct text t = {.buf = witness.line, .cap = sizeof(witness.line)};

	text_add(&t, "\n" IW_WITNESS_HEADING);
	if (is_stack_overflow(signals[row].number, f)) {
		add_number(&t, "stack-overflow on address ", f->address);
	} else {
		text_add(&t, signals[row].name);
		if (signals[row].has_address && f->has_address)
			add_number(&t, " on unknown address ", f->address);
	}
	add_number(&t, " (pc ", f->pc);
	add_number(&t, " sp ", f->sp);
	text_add(&t, ")\n");
	if (f->is_read || f->is_write) {
		text_add(&t, "The signal is caused by a ");
		text_add(&t, f->is_write ? "WRITE" : "READ");
		text_add(&t, " memory access.\n");
	}
	text_write(&t);
}

/* -- the stack ---------------------------------------------------------------------- */

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *unused)
{
	uintptr_t pc = witness.unwinder.pc(context);

	(void)unused;
	/* Before it are the handler's own. */
	if (witness.count == 0 && pc != witness.struck)
		return _URC_NO_REASON;
	/* Callers are where they called, not where that returns to. */
	if (witness.count > 0 && pc > 0)
		pc--;
	witness.frames[witness.count++] = pc;
	return witness.count == FRAMES_MAX ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/* Who called what is no code: no unwinder knows, but the call has just been made. */
static void take_caller(const struct fault *f)
{
	uintptr_t caller;

	if (frame_is_known(f->pc) || !f->sp)
		return;
	caller = *(const volatile uintptr_t *)f->sp;
	if (frame_is_known(caller))
		witness.frames[witness.count++] = caller - 1;
}

static void walk(const struct fault *f)
{
	witness.struck = f->pc;
	witness.unwinder.walk(take_frame, NULL);
	if (witness.count == 0)
		witness.frames[witness.count++] = f->pc;
}

static bool knows_all(void)
{
	for (size_t i = 0; i < witness.count; i++)
		if (!frame_is_known(witness.frames[i]))
			return false;
	return true;
}

static void print_stack(void)
{
	while (witness.printed < witness.count) {
		size_t i = witness.printed++;

		frame_print(i, witness.frames[i]);
	}
}

/* -- the death ---------------------------------------------------------------------- */

/* Its action is the default by now: SA_RESETHAND. */
static void die(void)
{
	syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), witness.signal);
}

static void testify(int sig, const siginfo_t *info, const ucontext_t *context)
{
	struct fault fault = fault_of(info, context);
	size_t row = 0;

	while (signals[row].number != sig)
		row++;
	print_heading(row, &fault);
	walk(&fault);
	if (!knows_all()) /* parts were loaded while it ran */
		frame_modules_find();
	if (witness.count == 1)
		take_caller(&fault);
	print_stack();
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int self = (int)syscall(SYS_gettid), nobody = 0;

	/* A child's death is its parent's business. */
	if ((int)syscall(SYS_getpid) != witness.pid) {
		witness.signal = sig;
	} else if (atomic_compare_exchange_strong(&witness.thread, &nobody, self)) {
		witness.signal = sig;
		testify(sig, info, context);
	} else if (nobody == self) {
		print_stack();
	} else {
		for (;;)
			syscall(SYS_pause); /* the other thread ends us all */
	}
	die();
}

/* -- the start ---------------------------------------------------------------------- */

static void take_signals(void)
{
	static struct sigaction action, old;
	static stack_t stack;
	int (*real)(int, const struct sigaction *, struct sigaction *);

	*(void **)&real = dlsym(RTLD_NEXT, "sigaction");
	stack.ss_sp = witness.stack;
	stack.ss_size = sizeof(witness.stack);
	if (!real || syscall(SYS_sigaltstack, &stack, NULL) != 0)
		return;
	action.sa_sigaction = on_signal;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER;
	for (size_t i = 0; i < SIGNALS; i++)
		if (real(signals[i].number, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			real(signals[i].number, &action, NULL);
}

int witness_main(
	int (*program_main)(int, char **, char **), int argc, char **argv, char **envp)
{
	unsetenv("LD_PRELOAD");
	unsetenv(IW_WITNESS_ENV);
	witness.pid = (int)syscall(SYS_getpid);
	if (unwinder_find(&witness.unwinder)) {
		frame_modules_find();
		take_signals();
	}
	return program_main(argc, argv, envp);
}
