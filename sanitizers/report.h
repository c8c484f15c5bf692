/*
 * Reports: what sanitizers, fuzz engines, libc and language runtimes print when a program
 * fails, as data. One text may hold several failures, and several failures may belong to
 * one death (an assertion's message, then "deadly signal"); san_report_primary() says
 * which one identifies the crash.
 *
 * The text is hostile: it may hold NULs, lines of 100 MB, a million reports. Time is
 * linear in its length, and reading it takes at most SAN_READ_MAX bytes beside it: each
 * line counts with its first SAN_LINE_MAX bytes, a stack with its first and last frames
 * (at most 256), a text with its first and last failures (64 in all). What was left out is
 * counted. However much a text holds, each failure that is kept has room for some of its
 * frames.
 *
 * Everything returned lives in the arena and nothing points into the text. Strings hold
 * no control characters, but are otherwise foreign: use base/text.h before showing them.
 * A report is what a text says. Whoever wrote the text may have forged it; README.md says
 * what that can do and what it cannot.
 * Thread: any.
 */
#ifndef SANITIZERS_REPORT_H
#define SANITIZERS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define SAN_LINE_MAX 4096
#define SAN_READ_MAX ((size_t)1 << 20)
#define SAN_STACK_FRAMES 256
#define SAN_REPORTS 64
#define SAN_UNREAD 32

/* Who wrote the report. */
enum san_dialect {
	SAN_BY_NONE,
	SAN_BY_ASAN,
	SAN_BY_HWASAN,
	SAN_BY_MSAN,
	SAN_BY_TSAN,
	SAN_BY_LSAN,
	SAN_BY_UBSAN,
	SAN_BY_LIBFUZZER,
	SAN_BY_AFLPP,
	SAN_BY_DRIVER, /* ironworks-driver */
	SAN_BY_LIBC,   /* assert(), glibc's own aborts, the loader */
	SAN_BY_CXX,    /* terminate() */
	SAN_BY_LOG,    /* glog, Chromium and GLib messages */
	SAN_BY_GO,
	SAN_BY_RUST,
	SAN_BY_DEBUGGER,
	SAN_BY_SYSTEMSAN,
	SAN_BY_VALGRIND,
	SAN_BY_SHELL,
};

/* The order is free; names, ranks and security are rows of report_kind.c. */
enum san_kind {
	SAN_NOTHING,
	/* memory */
	SAN_HEAP_BUFFER_OVERFLOW,
	SAN_STACK_BUFFER_OVERFLOW,
	SAN_STACK_BUFFER_UNDERFLOW,
	SAN_GLOBAL_BUFFER_OVERFLOW,
	SAN_DYNAMIC_STACK_BUFFER_OVERFLOW,
	SAN_CONTAINER_OVERFLOW,
	SAN_INTRA_OBJECT_OVERFLOW,
	SAN_HEAP_USE_AFTER_FREE,
	SAN_STACK_USE_AFTER_RETURN,
	SAN_STACK_USE_AFTER_SCOPE,
	SAN_USE_AFTER_POISON,
	SAN_DOUBLE_FREE,
	SAN_INVALID_FREE,
	SAN_ALLOC_DEALLOC_MISMATCH,
	SAN_NEW_DELETE_TYPE_MISMATCH,
	SAN_PARAM_OVERLAP,
	SAN_NEGATIVE_SIZE_PARAM,
	SAN_BAD_PARAM, /* calloc-overflow, invalid alignment and their like */
	SAN_ODR_VIOLATION,
	SAN_INVALID_POINTER_PAIR,
	SAN_TAG_MISMATCH,
	SAN_TAIL_OVERWRITTEN,
	SAN_UNKNOWN_CRASH,
	SAN_OTHER_ERROR, /* a sanitizer's error that we have no row for */
	SAN_UNINITIALIZED,
	SAN_HEAP_CORRUPTION, /* found by glibc's allocator */
	SAN_STACK_SMASHING,
	SAN_FORTIFY,
	/* signals */
	SAN_SEGV,
	SAN_NULL_DEREFERENCE,
	SAN_BUS,
	SAN_FPE,
	SAN_ILL,
	SAN_TRAP,
	SAN_ABRT,
	SAN_STACK_OVERFLOW,
	SAN_DEADLY_SIGNAL,
	/* threads */
	SAN_DATA_RACE,
	SAN_LOCK_ORDER,
	SAN_THREAD_LEAK,
	SAN_MUTEX_MISUSE,
	SAN_SIGNAL_UNSAFE,
	/* leaks */
	SAN_DIRECT_LEAK,
	SAN_INDIRECT_LEAK,
	/* undefined behaviour */
	SAN_INTEGER_OVERFLOW,
	SAN_UNSIGNED_OVERFLOW,
	SAN_UNDEFINED_SHIFT,
	SAN_DIVIDE_BY_ZERO,
	SAN_INDEX_OUT_OF_BOUNDS,
	SAN_MISALIGNED,
	SAN_OBJECT_SIZE,
	SAN_BAD_CAST,
	SAN_IMPLICIT_CONVERSION,
	SAN_POINTER_OVERFLOW,
	SAN_INVALID_BOOL,
	SAN_INVALID_ENUM,
	SAN_NO_RETURN,
	SAN_INVALID_NULL_ARGUMENT,
	SAN_INVALID_NULL_RETURN,
	SAN_INVALID_BUILTIN,
	SAN_VLA_BOUND,
	SAN_FLOAT_CAST,
	SAN_FUNCTION_TYPE,
	SAN_ASSUMPTION,
	SAN_UNREACHABLE,
	SAN_OTHER_UNDEFINED,
	/* limits and exits */
	SAN_TIMEOUT,
	SAN_OUT_OF_MEMORY,
	SAN_CALLOC_OVERFLOW,
	SAN_ALLOCATION_TOO_BIG,
	SAN_UNEXPECTED_EXIT,
	SAN_OVERWRITES_INPUT,
	/* the program's own verdict */
	SAN_ASSERT,
	SAN_CHECK,
	SAN_DCHECK,
	SAN_SECURITY_CHECK,
	SAN_SECURITY_DCHECK,
	SAN_FATAL_ERROR,
	SAN_FATAL_EXIT, /* it said why it gives up, and ended */
	SAN_UNCAUGHT_EXCEPTION,
	/* Go */
	SAN_GO_INDEX,
	SAN_GO_SLICE,
	SAN_GO_DIVIDE,
	SAN_GO_NIL,
	SAN_GO_MAKESLICE,
	SAN_GO_STACK,
	/* the rest */
	SAN_COMMAND_INJECTION,
	SAN_FILE_OPEN,
	SAN_DNS,
	SAN_MISSING_LIBRARY,
	SAN_RUNTIME_CHECK, /* a sanitizer's own */
	SAN_BARE_STACK,	   /* frames that nothing says the reason of */
	SAN_KINDS
};

enum san_access {
	SAN_ACCESS_NONE,
	SAN_ACCESS_READ,
	SAN_ACCESS_WRITE,
};

enum san_stack_role {
	SAN_STACK_CRASH, /* of a race: the access that was caught */
	SAN_STACK_ALLOC, /* where the memory came from; of a leak the only one */
	SAN_STACK_FREE,
	SAN_STACK_OTHER_ACCESS, /* of a race: the earlier access */
	SAN_STACK_THREAD,	/* where a thread was created */
	SAN_STACK_ORIGIN,	/* MSan: where the value was made or stored */
	SAN_STACK_PLACE,	/* the stack frame or mutex an address lies in */
	SAN_STACK_LIVE,		/* out-of-memory: what is allocated; timeout: a sample */
	SAN_STACK_OTHER,
};

struct san_frame {
	int index;	      /* as printed; -1 when the dialect has none */
	uint64_t pc;	      /* 0 unknown */
	const char *function; /* as people call it; NULL unknown */
	const char *mangled;  /* as printed, where that was not it; else NULL */
	const char *file;     /* NULL unknown */
	int line;	      /* 0 unknown */
	int column;
	const char *module; /* NULL unknown */
	uint64_t offset;    /* in module */
	bool is_go;	    /* names are packages and methods, not C++ */
	bool is_inlined;    /* into the next frame */
};

struct san_stack {
	enum san_stack_role role;
	struct san_frame *frames; /* innermost first */
	size_t count;
	size_t dropped; /* frames left out between frames[gap - 1] and frames[gap] */
	size_t gap;	/* count when none was, or the last were */
};

struct san_report {
	enum san_dialect dialect;
	enum san_kind kind;
	const char *crash_type; /* ClusterFuzz's name: "Heap-buffer-overflow\nREAD 4" */
	enum san_access access;
	uint64_t size; /* of the access or the allocation; 0 unknown */
	bool has_address;
	uint64_t address;
	const char *address_text; /* as printed; NULL without address */
	const char *heading;	  /* the line that it begins with */
	const char *message;	  /* the sentence after the dialect's prefix; may be "" */
	const char *title; /* a line that identifies the crash before its frames: an
			      assertion, "Bad-cast to …"; NULL for most kinds */
	const char *file;  /* where the message says it happened; NULL unknown */
	int line, column;
	const char *function; /* of an assertion, as it calls it; NULL unknown */
	const char *summary;  /* "SUMMARY: …" without that word; NULL none */
	bool is_security;
	struct san_stack *stacks; /* in the text's order */
	size_t stack_count;
	size_t stacks_dropped; /* that were left out */
	/* The report of the signal that this failure ended in, whose stacks it shares
	 * when it printed none itself; NULL when it stands alone. */
	const struct san_report *death;
	size_t begin, end; /* bytes of the text, end exclusive */
};

/* All failures of a text, in its order; *count is 0 when there is none. Fails only with
 * IW_EINVAL when len bytes at text cannot be a text (NULL with a length). */
int san_report_parse(struct iw_arena *arena, const char *text, size_t len,
	struct san_report **reports, size_t *count, struct iw_err *err);

/* A line that looks like the heading of a failure and that no rule read. */
struct san_unread {
	const char *line;
	size_t begin, end; /* bytes of the text */
};

struct san_reading {
	struct san_report *reports; /* in the text's order */
	size_t count;
	size_t dropped;		   /* failures in the middle that were left out */
	struct san_unread *unread; /* the first SAN_UNREAD of them */
	size_t unread_count;
	size_t unread_dropped; /* more of them */
};

/* The same, and what was not understood. Frames that stand alone are a report here, of
 * the kind SAN_BARE_STACK. */
int san_report_read(struct iw_arena *arena, const char *text, size_t len,
	struct san_reading *reading, struct iw_err *err);

/* The report that identifies the crash: a cause before the signal it ended in, a
 * sanitizer's error before a bare signal; of several equals the last, but the first
 * undefined behaviour and the first leak. NULL when count is 0. */
const struct san_report *san_report_primary(
	const struct san_report *reports, size_t count);

/* The same, for the text of a process that ran with a flavour's options and ended with this
 * exit status: only who ends a process with it can have written the report, and of those
 * the last, whatever else the program printed before. Any other status says nothing. */
const struct san_report *san_report_of_exit(
	const struct san_report *reports, size_t count, int status);

/* Too long or too much: what a bigger limit would let pass. */
bool san_kind_is_limit(enum san_kind kind);

/* The first stack with this role, or NULL. */
const struct san_stack *san_report_stack(
	const struct san_report *report, enum san_stack_role role);

/* Stable words for storage and JSON: "heap-buffer-overflow", "asan", "crash". */
const char *san_kind_name(enum san_kind kind);
const char *san_dialect_name(enum san_dialect dialect);
const char *san_stack_role_name(enum san_stack_role role);

#endif
