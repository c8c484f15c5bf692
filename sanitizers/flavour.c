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
 * give, and an unsigned overflow is none. */
static const char *const asan_cflags[] = {COMMON, "-fsanitize=fuzzer-no-link",
	"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", NULL};
static const char *const asan_ldflags[] = {"-fsanitize=address,undefined", NULL};

static const char *const msan_cflags[] = {COMMON, "-fsanitize=fuzzer-no-link",
	"-fsanitize=memory", "-fsanitize-memory-track-origins", NULL};
static const char *const msan_ldflags[] = {"-fsanitize=memory", NULL};

static const char *const tsan_cflags[] = {
	COMMON, "-fsanitize=fuzzer-no-link", "-fsanitize=thread", NULL};
static const char *const tsan_ldflags[] = {"-fsanitize=thread", NULL};

/* Every runtime: names in reports, abort() and traps reported with a stack by the
 * sanitizer itself (libFuzzer keeps its hands off a signal that has a handler, and the
 * driver has none), a failed malloc told to the target as the system would. */
#define EVERY                                                                            \
	"symbolize=1:handle_segv=1:handle_sigbus=1:handle_sigfpe=1:handle_sigill=1:"     \
	"handle_abort=1:handle_sigtrap=1:allow_user_segv_handler=0:"                     \
	"allocator_may_return_null=1:print_summary=1"

/* Leaks: not while fuzzing, where the engine would look after every unit that allocates
 * more than it frees; by the driver after each unit; by libFuzzer when one is reproduced.
 * Fake stacks cost a fifth of the speed: replays find what fuzzing leaves. */
#define ASAN EVERY ":exitcode=86:abort_on_error=0:strict_memcmp=0:detect_odr_violation=1"

static const struct san_env asan_env[] = {
	{"ASAN_OPTIONS",
		{[SAN_USE_FUZZ] = ASAN ":detect_leaks=0:detect_stack_use_after_return=0",
			[SAN_USE_REPLAY] = ASAN ":detect_leaks=1:leak_check_at_exit=0:"
						"detect_stack_use_after_return=1",
			[SAN_USE_REPRODUCE] = ASAN ":detect_leaks=1:"
						   "detect_stack_use_after_return=1"}},
#define UBSAN "print_stacktrace=1:halt_on_error=1:report_error_type=1:symbolize=1"
	{"UBSAN_OPTIONS", {UBSAN, UBSAN, UBSAN}},
#define LSAN "max_leaks=8:report_objects=0"
	{"LSAN_OPTIONS", {LSAN, LSAN, LSAN}},
	{NULL, {NULL}},
};

#define MSAN EVERY ":exitcode=87:exit_code=87:halt_on_error=1:poison_in_dtor=1"
static const struct san_env msan_env[] = {
	{"MSAN_OPTIONS", {MSAN, MSAN, MSAN}},
	{NULL, {NULL}},
};

/* A driver forks with threads about; history: without it one access of a race has no
 * stack. */
#define TSAN                                                                             \
	EVERY ":exitcode=88:halt_on_error=1:die_after_fork=0:second_deadlock_stack=1:"   \
	      "history_size=4:report_signal_unsafe=0:report_thread_leaks=0"
static const struct san_env tsan_env[] = {
	{"TSAN_OPTIONS", {TSAN, TSAN, TSAN}},
	{NULL, {NULL}},
};

static const struct san_env no_env[] = {{NULL, {NULL}}};

/* Whatever links libFuzzer links UBSan's runtime too, which then reports the signals. */
#define LIBFUZZER EVERY ":exitcode=89:print_stacktrace=1:halt_on_error=1"
static const struct san_env libfuzzer_env[] = {
	{"UBSAN_OPTIONS", {LIBFUZZER, LIBFUZZER, LIBFUZZER}},
	{NULL, {NULL}},
};

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

bool san_flavour_wants_names(const struct san_flavour *flavour, enum san_use use)
{
	const struct san_env *env;

	for (env = flavour->env; env->name; env++)
		if (strstr(env->value[use], "suppressions="))
			return true;
	return false;
}

void san_flavour_options(const struct san_env *env, enum san_use use,
	const char *symbolizer, const char *extra, struct iw_buf *out)
{
	iw_buf_adds(out, env->value[use]);
	/* The path is quoted: runtimes split options at colons and spaces. */
	if (symbolizer)
		iw_buf_addf(out, ":external_symbolizer_path='%s'", symbolizer);
	/* Of one option given twice runtimes believe the last. */
	if (extra && *extra)
		iw_buf_addf(out, ":%s", extra);
}

void san_flavour_flags(const char *const *flags, struct iw_buf *out)
{
	for (; *flags; flags++) {
		if (out->len)
			iw_buf_adds(out, " ");
		iw_buf_adds(out, *flags);
	}
}
