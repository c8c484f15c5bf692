#include "sanitizers/flavour.h"

#include <string.h>

#include "base/banned.h"

/* Names and lines for reports at a tenth of -g's size, and stacks that are whole. */
#define COMMON                                                                           \
	"-O1", "-gline-tables-only", "-fno-omit-frame-pointer",                          \
		"-fno-optimize-sibling-calls",                                           \
		"-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"

static const char *const no_flags[] = {NULL};
static const char *const plain_cflags[] = {COMMON, NULL};
static const char *const libfuzzer_cflags[] = {COMMON, "-fsanitize=fuzzer-no-link", NULL};

/* -fno-sanitize-recover: undefined behaviour ends the unit, or only its first report of
 * a process would be whole. Function and vptr need what C and foreign libraries do not
 * give, and an unsigned overflow is none. A pointer that leaves its object ends nothing:
 * the unit would end one step before the access, of which ASan says whether it reads or
 * writes, how far outside, and whose memory that is. OSS-Fuzz leaves that check out, too. */
static const char *const asan_cflags[] = {COMMON, "-fsanitize=fuzzer-no-link",
	"-fsanitize=address,undefined", "-fno-sanitize=pointer-overflow",
	"-fno-sanitize-recover=undefined", NULL};
static const char *const asan_ldflags[] = {"-fsanitize=address,undefined", NULL};

static const char *const msan_cflags[] = {COMMON, "-fsanitize=fuzzer-no-link",
	"-fsanitize=memory", "-fsanitize-memory-track-origins", NULL};
static const char *const msan_ldflags[] = {"-fsanitize=memory", NULL};

static const char *const tsan_cflags[] = {
	COMMON, "-fsanitize=fuzzer-no-link", "-fsanitize=thread", NULL};
static const char *const tsan_ldflags[] = {"-fsanitize=thread", NULL};

/* Runtimes that read a variable of their own. BARE: whatever links libFuzzer links
 * UBSan's runtime too, which then reports the signals. */
enum runtime { ASAN = 1, LSAN = 2, UBSAN = 4, MSAN = 8, TSAN = 16, BARE = 32 };
/* Those that take the process's signals and its malloc. */
#define OWNERS (ASAN | MSAN | TSAN | BARE)

#define FUZZ (1 << SAN_USE_FUZZ)
#define REPLAY (1 << SAN_USE_REPLAY)
#define REPRODUCE (1 << SAN_USE_REPRODUCE)
#define ALWAYS (FUZZ | REPLAY | REPRODUCE)

/*
 * What everybody gets wrong once, decided here for every runtime and use. There are no
 * other options but the symbolizer's path, suppressions, and what an adapter adds.
 */
static const struct {
	const char *option;
	int runtimes, uses;
} options[] = {
	/* The first report ends the process: UBSan and TSan would go on, and what comes
	 * after the first is its consequence, or is lost with the process. */
	{"halt_on_error=1", OWNERS | UBSAN, ALWAYS},
	/* With a status of ours, not by abort(): a core is slow to write and full of the
	 * input, and the status says which runtime it was. */
	{"abort_on_error=0", OWNERS, ALWAYS},
	{"exitcode=86", ASAN, ALWAYS},
	{"exitcode=87", MSAN, ALWAYS},
	{"exit_code=87", MSAN, ALWAYS}, /* clang 14 asks for both */
	{"exitcode=88", TSAN, ALWAYS},
	{"exitcode=89", BARE, ALWAYS},
	/* Names in reports: a cluster is made of them. Who has no symbolizer, or wants
	 * none, says symbolize=0 behind it. */
	{"symbolize=1", OWNERS | UBSAN, ALWAYS},
	{"print_summary=1", OWNERS, ALWAYS},
	{"print_stacktrace=1", UBSAN | BARE, ALWAYS}, /* UBSan prints a line else */
	{"report_error_type=1", UBSAN, ALWAYS},
	/* A failed malloc is told to the target, as the system would; a target that has no
	 * answer to that has a bug. One allocation is bounded by the engine's malloc limit. */
	{"allocator_may_return_null=1", OWNERS, ALWAYS},
	/* No rss limit here, neither hard nor soft: a runtime's watcher looks ten times a
	 * second and ends the process without saying who wanted the memory. The engine's
	 * limit has a stack, the keeper's holds for all processes of the job. */

	/* abort() and traps are reported with a stack by the sanitizer itself: libFuzzer
	 * keeps its hands off a signal that has a handler, and the driver has none. */
	{"handle_segv=1:handle_sigbus=1:handle_sigfpe=1:handle_sigill=1", OWNERS, ALWAYS},
	{"handle_abort=1:handle_sigtrap=1", OWNERS, ALWAYS},
	{"allow_user_segv_handler=0", OWNERS, ALWAYS},

	/* Leaks: not while fuzzing, where the engine would look after every unit that
	 * allocates more than it frees; by the driver after each unit; by libFuzzer when one
	 * is reproduced. */
	{"detect_leaks=0", ASAN, FUZZ},
	{"detect_leaks=1", ASAN, REPLAY | REPRODUCE},
	{"leak_check_at_exit=0", ASAN, REPLAY},
	{"max_leaks=8:report_objects=0", LSAN, ALWAYS},
	/* Fake stacks cost a fifth of the speed: replays find what fuzzing leaves. */
	{"detect_stack_use_after_return=0", ASAN, FUZZ},
	{"detect_stack_use_after_return=1", ASAN, REPLAY | REPRODUCE},
	{"strict_memcmp=0:detect_odr_violation=1", ASAN, ALWAYS},

	{"poison_in_dtor=1", MSAN, ALWAYS},

	/* The driver forks with threads about. */
	{"die_after_fork=0", TSAN, ALWAYS},
	/* Without history one access of a race has no stack. */
	{"history_size=4:second_deadlock_stack=1", TSAN, ALWAYS},
	{"report_signal_unsafe=0:report_thread_leaks=0", TSAN, ALWAYS},
};

static const struct san_env asan_env[] = {
	{.name = "ASAN_OPTIONS", .runtime = ASAN},
	{.name = "UBSAN_OPTIONS", .runtime = UBSAN},
	{.name = "LSAN_OPTIONS", .runtime = LSAN},
	{.name = NULL},
};
static const struct san_env msan_env[] = {
	{.name = "MSAN_OPTIONS", .runtime = MSAN},
	{.name = NULL},
};
static const struct san_env tsan_env[] = {
	{.name = "TSAN_OPTIONS", .runtime = TSAN},
	{.name = NULL},
};
static const struct san_env libfuzzer_env[] = {
	{.name = "UBSAN_OPTIONS", .runtime = BARE},
	{.name = NULL},
};
static const struct san_env no_env[] = {{.name = NULL}};

/* The wrapper adds the instrumentation, and its persistent driver for -fsanitize=fuzzer.
 * Nothing is judged on these builds, so they are made for speed. */
static const char *const aflpp_cflags[] = {
	"-O2", "-gline-tables-only", "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION", NULL};
#define AFLPP_BUILD_ENV "AFL_QUIET=1", "AFL_DONT_OPTIMIZE=1"
static const char *const aflpp_build_env[] = {AFLPP_BUILD_ENV, NULL};
static const char *const cmplog_build_env[] = {
	AFLPP_BUILD_ENV, "AFL_LLVM_CMPLOG=1", NULL};

/* The counters lie in a file that is mapped, found through a bias that the runtime sets:
 * what ran is counted whatever ended the process. */
static const char *const coverage_cflags[] = {COMMON, "-fprofile-instr-generate",
	"-fcoverage-mapping", "-mllvm", "-runtime-counter-relocation",
	"-Wno-unused-command-line-argument", NULL};

/* Factors of memory and time: what the documentation of each runtime promises. Time: ASan
 * twice the plain build's, MSan with origins six times at most, TSan ten times. */
static const struct san_flavour flavours[] = {
	{
		.name = "libfuzzer+asan+ubsan",
		.engine = "libfuzzer",
		.sanitizers = "address,undefined",
		.cflags = asan_cflags,
		.ldflags = asan_ldflags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = asan_env,
		.is_judge = true,
		.memory_factor = 2,
		.time_factor = 1,
		.rank = 0,
	},
	{
		.name = "libfuzzer+msan",
		.engine = "libfuzzer",
		.sanitizers = "memory",
		.cflags = msan_cflags,
		.ldflags = msan_ldflags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = msan_env,
		.no_aslr = true,
		.is_judge = true,
		.memory_factor = 4,
		.time_factor = 3,
		.rank = 1,
	},
	{
		.name = "libfuzzer+tsan",
		.engine = "libfuzzer",
		.sanitizers = "thread",
		.cflags = tsan_cflags,
		.ldflags = tsan_ldflags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = tsan_env,
		.is_deaf = true,
		.no_aslr = true,
		.is_judge = true,
		.memory_factor = 8,
		.time_factor = 5,
		.rank = 2,
	},
	{
		.name = "libfuzzer",
		.engine = "libfuzzer",
		.sanitizers = "",
		.cflags = libfuzzer_cflags,
		.ldflags = no_flags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = libfuzzer_env,
		.memory_factor = 1,
		.time_factor = 1,
		.rank = 3,
	},
	{
		.name = "plain",
		.sanitizers = "",
		.cflags = plain_cflags,
		.ldflags = no_flags,
		.fuzzing_engine = "",
		.env = no_env,
		.memory_factor = 1,
		.time_factor = 1,
		.rank = 4,
	},
	{
		.name = "coverage",
		.sanitizers = "",
		.cflags = coverage_cflags,
		.ldflags = no_flags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = libfuzzer_env,
		.counts_lines = true,
		.memory_factor = 1,
		.time_factor = 2,
		.rank = 5,
	},
	{
		.name = "aflpp",
		.engine = "aflpp",
		.needs_aflpp = true,
		.build_env = aflpp_build_env,
		.sanitizers = "",
		.cflags = aflpp_cflags,
		.ldflags = no_flags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = no_env,
		.memory_factor = 1,
		.time_factor = 1,
		.rank = 6,
	},
	{
		.name = "aflpp+cmplog",
		.engine = "aflpp",
		.needs_aflpp = true,
		.build_env = cmplog_build_env,
		.companion_of = "aflpp",
		.sanitizers = "",
		.cflags = aflpp_cflags,
		.ldflags = no_flags,
		.fuzzing_engine = "-fsanitize=fuzzer",
		.env = no_env,
		.memory_factor = 1,
		.time_factor = 1,
		.rank = 7,
	},
};

const struct san_flavour *san_flavours(size_t *count)
{
	*count = IW_COUNT(flavours);
	return flavours;
}

const struct san_flavour *san_flavour_find(const char *name)
{
	for (size_t i = 0; i < IW_COUNT(flavours); i++)
		if (!strcmp(flavours[i].name, name))
			return &flavours[i];
	return NULL;
}

bool san_flavour_can_judge(const struct san_flavour *flavour)
{
	return flavour->engine && strcmp(flavour->engine, "libfuzzer") == 0;
}

void san_flavour_options(const struct san_env *env, enum san_use use,
	const char *symbolizer, const char *extra, struct iw_buf *out)
{
	bool is_first = true;
	size_t i;

	for (i = 0; i < IW_COUNT(options); i++) {
		if (!(options[i].runtimes & env->runtime) ||
			!(options[i].uses & 1 << use))
			continue;
		iw_buf_addf(out, "%s%s", is_first ? "" : ":", options[i].option);
		is_first = false;
	}
	/* The path is quoted: runtimes split options at colons and spaces. */
	if (symbolizer)
		iw_buf_addf(out, ":external_symbolizer_path='%s'", symbolizer);
	/* Of one option given twice runtimes believe the last. */
	if (extra && *extra)
		iw_buf_addf(out, ":%s", extra);
}

void san_flavour_only(const struct san_flavour *flavour, enum san_use use,
	enum san_use other, struct iw_buf *out)
{
	const struct san_env *env;
	size_t i;

	for (env = flavour->env; env->name; env++)
		for (i = 0; i < IW_COUNT(options); i++)
			if ((options[i].runtimes & env->runtime) &&
				(options[i].uses & 1 << use) &&
				!(options[i].uses & 1 << other))
				iw_buf_addf(out, "%s%s", out->len ? " " : "",
					options[i].option);
}

void san_flavour_flags(const char *const *flags, struct iw_buf *out)
{
	for (; *flags; flags++) {
		if (out->len)
			iw_buf_adds(out, " ");
		iw_buf_adds(out, *flags);
	}
}

/* -- what goes together ------------------------------------------------------------- */

static const struct {
	const char *a, *b, *why;
} clashes[] = {
	{"address", "memory",
		"AddressSanitizer and MemorySanitizer each want all of the shadow"},
	{"address", "thread",
		"AddressSanitizer and ThreadSanitizer each want all of the shadow"},
	{"memory", "thread",
		"MemorySanitizer and ThreadSanitizer each want all of the shadow"},
};

/* Whether a list like "address,undefined" names it. */
static bool names(const char *list, const char *sanitizer)
{
	size_t n = strlen(sanitizer), len;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len == n && strncmp(list, sanitizer, n) == 0)
			return true;
	}
	return false;
}

const char *san_sanitizers_clash(const char *list)
{
	size_t i;

	for (i = 0; i < IW_COUNT(clashes); i++)
		if (names(list, clashes[i].a) && names(list, clashes[i].b))
			return clashes[i].why;
	return NULL;
}

/* What gcc has not; all of these a clang has. */
static const struct {
	const char *part, *why;
} only_clang[] = {
	{"memory", "gcc has no MemorySanitizer; install the package clang"},
	{"fuzzer",
		"gcc has no libFuzzer and none of its coverage; install the package "
		"clang"},
};

const char *san_flavour_needs_clang(const struct san_flavour *f)
{
	size_t i;

	/* AFL++'s wrapper brings its own. */
	if (f->needs_aflpp)
		return NULL;
	for (i = 0; i < IW_COUNT(only_clang); i++)
		if (names(f->sanitizers, only_clang[i].part) ||
			strstr(f->fuzzing_engine, only_clang[i].part))
			return only_clang[i].why;
	return NULL;
}
