/*
 * The happy path: libgcc unwinds from the handler through the signal's frame; from the
 * frame that was struck outwards, program counters within the executable make the key,
 * until the first of our own. A recursion's repeated frames count once, and one that
 * fills the stack is named by a call of its cycle.
 *
 * Unwinding takes ten times as long as most units. So what it found is kept: where on the
 * stack the return addresses were, and which. The next crash at the same instruction,
 * equally deep, with the same words there, has the same callers.
 *
 * The failures: a jump to nowhere has no frame to unwind from, but the word on top of the
 * stack is where the call came from. A stack that was overwritten may end the unwinding
 * early, which makes another key, or crash it, which the handler passes on.
 */
#include "engine/preload/shield.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "engine/preload/unwinder.h"
#include "engine/shield_format.h"
#include "base/banned.h"

#define FRAMES_MAX 32
/* The function that fails and two callers: other ways to the same place stay one key
 * mostly, and an assertion's own handler does not make all assertions one. */
#define KEY_FRAMES 3
#define ALLOCATOR_MAX 8
#define SEEN_FRAMES 12
#define SEEN_MAX 16
/* So far from the stack's end a push or a frame may strike. */
#define OVERFLOW_REACH ((uintptr_t)64 << 10)

/* A frame's program counter, and where it was on the stack; 0: in no word of it. */
struct frame {
	uintptr_t pc, slot;
};

struct trace {
	uintptr_t struck;
	bool is_report; /* it begins behind our own function, wherever that is */
	bool has_begun;
	struct frame frames[FRAMES_MAX];
	int count;
};

/* A crash that was unwound. */
struct seen {
	int sig;
	uintptr_t pc, stack;
	uint64_t key;
	bool in_allocator;
	struct frame frames[SEEN_FRAMES];
	int count;
};

static struct range executable, own;
static uintptr_t executable_base;
static struct range allocator[ALLOCATOR_MAX];
static size_t allocator_count;
static struct seen seen[SEEN_MAX];
static size_t seen_count;
static struct unwinder unwinder;

/* The executable is the first that the loader names. */
static int take_module(struct dl_phdr_info *info, size_t size, void *is_first)
{
	struct range code = range_of_code(info);

	(void)size;
	if (*(bool *)is_first) {
		executable = code;
		executable_base = info->dlpi_addr;
		*(bool *)is_first = false;
	}
	if (range_has(&code, (uintptr_t)&take_module))
		own = code;
	return 0;
}

/* Every way into libc's allocator leads through a function that it exports. */
static void find_allocator(void)
{
	static const char *const names[ALLOCATOR_MAX] = {"malloc", "free", "calloc",
		"realloc", "memalign", "aligned_alloc", "posix_memalign", "valloc"};

	for (size_t i = 0; i < ALLOCATOR_MAX; i++) {
		void *at = dlsym(RTLD_NEXT, names[i]);
		const ElfW(Sym) *symbol = NULL;
		Dl_info info;

		if (!at || !dladdr1(at, &info, (void **)&symbol, RTLD_DL_SYMENT) ||
			!symbol)
			continue;
		allocator[allocator_count++] =
			(struct range){(uintptr_t)at, (uintptr_t)at + symbol->st_size};
	}
}

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *arg)
{
	struct trace *t = arg;
	uintptr_t pc = unwinder.pc(context);
	struct frame *frame;

	/* Before it begins they are the handler's own, or ours. */
	if (!t->has_begun && (t->is_report ? range_has(&own, pc) : pc != t->struck))
		return _URC_NO_REASON;
	if ((t->has_begun && range_has(&own, pc)) || t->count == FRAMES_MAX)
		return _URC_END_OF_STACK;
	frame = &t->frames[t->count++];
	*frame = (struct frame){.pc = pc};
#if defined(__x86_64__)
	/* The caller's stack begins behind the address to which the call returns. */
	if (t->has_begun)
		frame->slot = unwinder.cfa(context) - sizeof(uintptr_t);
#endif
	t->has_begun = true;
	return _URC_NO_REASON;
}

bool place_prepare(void)
{
	static bool is_first;

	is_first = true;
	dl_iterate_phdr(take_module, &is_first);
	find_allocator();
	return unwinder_find(&unwinder);
}

uintptr_t place_stack(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.sp;
#else
	(void)context;
	return 0;
#endif
}

/* Who called nowhere. */
static uintptr_t context_caller(const ucontext_t *context)
{
#if defined(__x86_64__)
	return *(const uintptr_t *)place_stack(context);
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.regs[30];
#else
	(void)context;
	return 0;
#endif
}

/* The frames from the one that was struck on. */
static void find_frames(const ucontext_t *context, struct trace *t)
{
	t->struck = unwinder_struck(context);
	unwinder.walk(take_frame, t);
	if (t->count > 1)
		return;
	t->frames[0] = (struct frame){.pc = t->struck};
	t->frames[1] = (struct frame){.pc = context_caller(context)};
	t->count = 2;
}

/* Offsets of the frames within the executable. */
static int take_offsets(const struct trace *t, uintptr_t *offsets, bool *in_allocator)
{
	int taken = 0;

	for (int i = 0; i < t->count; i++) {
		uintptr_t at = t->frames[i].pc;

		for (size_t k = 0; k < allocator_count && taken == 0; k++)
			*in_allocator |= range_has(&allocator[k], at);
		if (range_has(&executable, at))
			offsets[taken++] = at - executable_base;
	}
	return taken;
}

/* A stack that overflows does so anywhere in the recursion; of the calls that it consists
 * of one names it. 0: there is none. */
static uintptr_t find_recursion(const uintptr_t *offsets, int count)
{
	uintptr_t lowest = 0;

	for (int i = 0; i < count; i++)
		for (int k = i + 1; k < count; k++)
			if (offsets[i] == offsets[k] && (!lowest || offsets[i] < lowest))
				lowest = offsets[i];
	return lowest;
}

static bool is_overflow(const siginfo_t *info, const ucontext_t *context)
{
	uintptr_t at = (uintptr_t)info->si_addr, stack = place_stack(context);

	return info->si_signo == SIGSEGV && info->si_code > 0 &&
		at + OVERFLOW_REACH >= stack && at < stack + OVERFLOW_REACH;
}

static uint64_t key_of(const uintptr_t *offsets, int count, int sig)
{
	uint64_t key = iw_shield_hash(0, &sig, sizeof(sig));

	for (int i = 0, taken = 0; i < count && taken < KEY_FRAMES; i++) {
		if (i > 0 && offsets[i] == offsets[i - 1])
			continue;
		key = iw_shield_hash(key, &offsets[i], sizeof(offsets[i]));
		taken++;
	}
	return count > 0 ? key : 0;
}

static bool is_same(const struct seen *s, int sig, uintptr_t pc, uintptr_t stack)
{
	if (s->sig != sig || s->pc != pc || s->stack != stack)
		return false;
	for (int i = 0; i < s->count; i++)
		if (*(const uintptr_t *)s->frames[i].slot != s->frames[i].pc)
			return false;
	return true;
}

static const struct seen *find_seen(int sig, uintptr_t pc, uintptr_t stack)
{
	for (size_t i = 0; i < SEEN_MAX && seen[i].count; i++)
		if (is_same(&seen[i], sig, pc, stack))
			return &seen[i];
	return NULL;
}

static void remember(const struct trace *t, struct seen *s)
{
	for (int i = 1; i < t->count; i++) {
		if (!t->frames[i].slot || i > SEEN_FRAMES)
			return;
		s->frames[s->count++] = t->frames[i];
	}
	if (s->count > 0)
		seen[seen_count++ % SEEN_MAX] = *s;
}

uint64_t place_key(const siginfo_t *info, const ucontext_t *context, bool *in_allocator)
{
	const struct seen *known =
		find_seen(info->si_signo, unwinder_struck(context), place_stack(context));
	struct seen s = {.sig = info->si_signo,
		.pc = unwinder_struck(context),
		.stack = place_stack(context)};
	uintptr_t offsets[FRAMES_MAX], recursion = 0;
	struct trace trace = {0};
	int count;

	if (known) {
		*in_allocator = known->in_allocator;
		return known->key;
	}
	find_frames(context, &trace);
	count = take_offsets(&trace, offsets, &s.in_allocator);
	if (is_overflow(info, context))
		recursion = find_recursion(offsets, count);
	*in_allocator = s.in_allocator;
	if (recursion)
		return key_of(&recursion, 1, s.sig);
	s.key = key_of(offsets, count, s.sig);
	remember(&trace, &s);
	return s.key;
}

/* No signal has this number. */
#define REPORT 0

uint64_t place_report_key(uintptr_t pc, uintptr_t stack)
{
	const struct seen *known = find_seen(REPORT, pc, stack);
	struct seen s = {.sig = REPORT, .pc = pc, .stack = stack};
	uintptr_t offsets[FRAMES_MAX];
	struct trace trace = {.is_report = true};
	int count;

	if (known)
		return known->key;
	/* The runtime's own frames lie in the executable, too; the last of them says what
	 * kind of access it was. */
	unwinder.walk(take_frame, &trace);
	count = take_offsets(&trace, offsets, &s.in_allocator);
	s.key = key_of(offsets, count, s.sig);
	remember(&trace, &s);
	return s.key;
}
