/*
 * What the driver and its reader agree on: names, files, records, limits.
 *
 * The driver is `ironworks-driver.so`, preloaded into a libFuzzer-built target. It runs
 * every unit of a batch in one process and writes one record per unit. This header is
 * the whole contract; the preload and the code that reads its results both include it
 * and nothing else of each other.
 *
 * How to start it:
 *
 *   LD_PRELOAD=…/ironworks-driver.so IRONWORKS_DRIVER=DIR TARGET -runs=0
 *
 * DIR must exist and be writable; the reader should hand over an absolute path. Set
 * both variables for the target alone (bwrap: --setenv), not for the programs before it.
 * `-runs=0` matters only if the driver could not come in at all (a static binary ignores
 * LD_PRELOAD): libFuzzer then ends at once and DIR/result does not exist. TARGET gets
 * its argv unchanged in LLVMFuzzerInitialize.
 *
 * Both variables are gone from the environment before the target's own code runs, so
 * symbolizers and other children of the target do not inherit them.
 *
 * Sanitizer options that the caller must set itself:
 *   - detect_leaks=1 for leaks=1 (the driver ends without the check at exit, so
 *     detect_leaks=1 does no harm with leaks=0);
 *   - halt_on_error=1 for UBSan, unless the build does not recover anyway.
 * TSAN_OPTIONS get halt_on_error=1 in front from the driver, for a race that does not
 * stop the process could be blamed on no unit. die_after_fork is not needed: a TSan
 * target is never forked, see "spawn".
 *
 * All integers are little endian; the structs below have no padding and are written as
 * they are.
 *
 * The target can scribble over everything the driver writes. A reader treats the result
 * as foreign input: check magic, lengths, order, and that every number is in range.
 */
#ifndef IW_ENGINE_DRIVER_FORMAT_H
#define IW_ENGINE_DRIVER_FORMAT_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats are little endian");

/* The control directory. Unset: the driver does nothing at all. */
#define IW_DRIVER_ENV "IRONWORKS_DRIVER"

/* Private to the driver: descriptor of the shared state of a spawned generation. */
#define IW_DRIVER_ENV_CHILD "IRONWORKS_DRIVER_CHILD"

/*
 * Files in the control directory.
 *
 *   spec            in: NUL-terminated strings `key=value`; may be missing or empty
 *   batch           in: the units
 *   result          out: header and records, appended as units complete
 *   death-N.txt     out: what unit N wrote to stdout and stderr, if it died; at most
 *                   IW_DRIVER_DEATH_MAX bytes, the head and the tail kept
 *   death-init.txt  out: the same for a spawned target that died before its first
 *                   unit; one that is forked initialises with the driver's own stderr
 *   output          private: what the running unit has written so far
 */
#define IW_DRIVER_SPEC "spec"
#define IW_DRIVER_BATCH "batch"
#define IW_DRIVER_RESULT "result"
#define IW_DRIVER_OUTPUT "output"
#define IW_DRIVER_DEATH "death-%u.txt"
#define IW_DRIVER_DEATH_INIT "death-init.txt"

/*
 * Keys of the spec. Every value is a decimal number; a key that is unknown, repeated or
 * out of range makes the spec malformed.
 *
 *   features         1 (default): record features; 0: only judge. With 0 the target
 *                    needs no counters
 *   timeout_ms       0 (default): none. A unit that runs longer is a death of kind
 *                    timeout. The child reports its own stack; if it cannot, it is
 *                    killed IW_DRIVER_KILL_MS later
 *   cpu_ms           0 (default): none. The same for CPU time, which does not pass while
 *                    others have the core
 *   rss_limit_mb     0 (default): none. Sampled every IW_DRIVER_POLL_MS. A unit during
 *                    which the limit is passed is run once more, as the first of a
 *                    fresh process, before it is called oom: memory adds up over units
 *                    that are innocent
 *   malloc_limit_mb  0 (default): none. One allocation of that size or more is a death
 *                    of kind oom. Needs the sanitizer's malloc hooks, see
 *                    IW_DRIVER_HAS_HOOKS
 *   leaks            1: a leak check after every unit whose mallocs and frees differ in
 *                    number, or after every unit where hooks are missing; 0 (default)
 *   max_deaths       0 (default): no limit. After so many deaths the rest is skipped
 *   repeat           1 (default): how often each unit is run; each run has a record.
 *                    A unit run once more for rss_limit_mb begins at run 0 again
 *   first            0 (default): the first unit to run, to resume a batch
 *   spawn            1: start a new process for every generation instead of forking.
 *                    The driver chooses that itself under TSan, and when the target has
 *                    started threads during initialisation (a fork would lose them);
 *                    then the header says IW_DRIVER_SPAWNS. Giving it next time saves
 *                    one start of the target
 *   serve            1: the process runs many batches, one per byte that it reads on its
 *                    stdin: each is in `batch` then, bounds are read anew from `spec`, `result` begins anew, and a byte on
 *                    its stdout says that it is whole. The batch that is there at the start
 *                    must be well formed and is not run. It ends with its stdin. The
 *                    target has no stdin, and its stdout is its stderr
 */
#define IW_DRIVER_SPEC_MAX 4096u

/*
 * The batch: this header, then `units` times a uint32_t length and that many bytes,
 * with no padding. The file ends with the last unit; anything else is malformed.
 */
#define IW_DRIVER_BATCH_MAGIC "IWBATCH" /* eight bytes with its NUL */
#define IW_DRIVER_VERSION 1u
#define IW_DRIVER_UNITS_MAX (1u << 24)
#define IW_DRIVER_UNIT_SIZE_MAX (1u << 28)

struct iw_driver_batch_header {
	char magic[8];
	uint32_t version;
	uint32_t units;
};

/*
 * The result: this header, then records. Every complete record counts, whatever became
 * of the driver. A result that lacks the final IW_DRIVER_END belongs to a driver that
 * was killed; a batch can then be resumed with first=.
 */
#define IW_DRIVER_RESULT_MAGIC "IWRESLT"

/*
 * Flags of the result header. HAS_HOOKS means that the malloc hooks were tried and do
 * work; they are tried only for leaks and malloc_limit_mb. OTHER_COUNTERS means that
 * shared libraries have counters, too: those are not in the features, and libFuzzer
 * would number the executable's differently.
 */
#define IW_DRIVER_HAS_LSAN 0x01u
#define IW_DRIVER_HAS_HOOKS 0x02u
#define IW_DRIVER_HAS_STACKS 0x04u
#define IW_DRIVER_SPAWNS 0x08u
#define IW_DRIVER_OTHER_COUNTERS 0x10u

struct iw_driver_result_header {
	char magic[8];
	uint32_t version;
	uint32_t units;
	uint64_t counters; /* of the executable; features are below 8 * counters */
	uint32_t flags;
	uint32_t reserved;
};

enum iw_driver_kind {
	/* The unit ran to its end. Payload: features. */
	IW_DRIVER_MEASURED = 1,

	/* Deaths. `status` is the raw wait status; death-<index>.txt holds the output. */
	IW_DRIVER_DIED = 2, /* a signal, or a sanitizer stopped the process */
	IW_DRIVER_TIMEOUT = 3,
	IW_DRIVER_OOM = 4,
	IW_DRIVER_LEAK = 5,
	IW_DRIVER_EXIT = 6, /* the target called exit() or _exit() */

	/* Units index … index + count - 1 were not run; `status` says why, see below. */
	IW_DRIVER_SKIPPED = 7,

	/* The driver cannot serve this target: use -merge_inner=2. Payload: why. */
	IW_DRIVER_UNFIT = 8,

	/* Spec or batch malformed, or the disk is full. Payload: why. */
	IW_DRIVER_FAILED = 9,

	/* The last record of a complete result. */
	IW_DRIVER_END = 10,
};

/* `status` of a skipped record. */
#define IW_DRIVER_SKIPPED_MAX_DEATHS 1u
#define IW_DRIVER_SKIPPED_STOPPED 2u /* SIGTERM */

/* Flags of a measured record. */
#define IW_DRIVER_REJECTED 0x01u /* the target returned non-zero (-1: do not keep) */
#define IW_DRIVER_WROTE 0x02u	 /* it wrote to stdout or stderr */

/*
 * A record: this header, then `bytes` of payload. Records of units come in the order of
 * the batch; with repeat=N each measured unit has N of them, `run` counting from 0. A
 * death may come behind measured records of the same unit: in a later run, or when a
 * thread that the unit left behind ended the process. The death counts.
 *
 * Features are ascending numbers, each written as the difference to the one before (the
 * first: to 0) in LEB128, seven bits a byte, the lowest first, at most five bytes.
 * A feature is 8 * counter + bucket; buckets 0 … 7 stand for the counts 1, 2, 3, 4-7,
 * 8-15, 16-31, 32-127, 128-255. These are libFuzzer's numbers in `FT` lines, without
 * those at or above 8 * counters (stack depth, extra counters), which are not stable.
 */
struct iw_driver_record {
	uint8_t kind;
	uint8_t flags;
	uint16_t run;
	uint32_t index;
	uint32_t microseconds; /* wall time; of a death, as seen by the parent */
	uint32_t status;
	uint32_t count; /* features, or skipped units */
	uint32_t bytes;
};

_Static_assert(sizeof(struct iw_driver_batch_header) == 16, "part of the format");
_Static_assert(sizeof(struct iw_driver_result_header) == 32, "part of the format");
_Static_assert(sizeof(struct iw_driver_record) == 24, "part of the format");

#define IW_DRIVER_COUNTERS_MAX (1ull << 28)
#define IW_DRIVER_TEXT_MAX 512u /* payload of UNFIT and FAILED */
#define IW_DRIVER_DEATH_MAX (256u << 10)

/* How the driver itself ends. Anything else: the target died while initialising. */
#define IW_DRIVER_EXIT_DONE 0	   /* whatever happened to the units */
#define IW_DRIVER_EXIT_STOPPED 110 /* SIGTERM: the running unit was completed */
#define IW_DRIVER_EXIT_UNFIT 111
#define IW_DRIVER_EXIT_BAD_INPUT 112
#define IW_DRIVER_EXIT_IO 113

/* What a death's raw status shows when the child's own handlers ended it. */
#define IW_DRIVER_CHILD_TIMEOUT 70
#define IW_DRIVER_CHILD_OOM 71
#define IW_DRIVER_CHILD_LEAK 72
#define IW_DRIVER_CHILD_OVERWRITE 77 /* the target wrote to its const input: died */

#define IW_DRIVER_POLL_MS 50	  /* how often the parent looks at memory and time */
#define IW_DRIVER_KILL_MS 2000	  /* for the child's handler to begin its report */
#define IW_DRIVER_REPORT_MS 30000 /* for a report that has begun (symbolizing) */

/*
 * Samples: a target that hangs prints the stack of its main thread several times while it
 * lives. The driver object does that, and nothing else, when it is preloaded with
 *
 *	IRONWORKS_SAMPLE="<milliseconds a unit may take>"
 *
 * in the environment. When a unit has taken half of that, IW_SAMPLES stacks are printed to
 * stderr; the engine's alarm waits for them. Each stands between a line of IW_SAMPLE_HEADING
 * and one of IW_SAMPLE_END, both with its number, and ends with the unit's own function.
 */
#define IW_SAMPLE_ENV "IRONWORKS_SAMPLE"
#define IW_SAMPLE_HEADING "ironworks-driver: sample "
#define IW_SAMPLE_END "ironworks-driver: end of sample "
#define IW_SAMPLES 16

/*
 * A witness: a program without a sanitizer that dies of a signal says where. The object does
 * that, and nothing else, when it is preloaded with IRONWORKS_WITNESS in the environment.
 * Where the program leaves such a signal alone, the handler prints to stderr a line of
 * IW_WITNESS_HEADING, what AddressSanitizer would say of that signal, and the stack without
 * names; then the process dies of it as it would have.
 */
#define IW_WITNESS_ENV "IRONWORKS_WITNESS"
#define IW_WITNESS_HEADING "ironworks-driver: killed by "

#endif
