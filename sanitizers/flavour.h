/*
 * Flavours: the build variants of a target, as one table: how to compile and link, which
 * sanitizers look, and with which runtime options it runs in each use.
 *
 * Rows are constant and live for ever. Thread: any.
 */
#ifndef SANITIZERS_FLAVOUR_H
#define SANITIZERS_FLAVOUR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "sanitizers/report.h"

enum san_use {
	SAN_USE_FUZZ,	   /* the engine runs; leaks are the replay's business */
	SAN_USE_REPLAY,	   /* the driver runs many units in one process */
	SAN_USE_REPRODUCE, /* `target input`, for a report to read */
	SAN_USES
};

/* Exit statuses that our options ask for, so that an exit tells who ended the process.
 * libFuzzer's are its defaults, and hold in every flavour for what the engine finds. */
enum san_exit {
	SAN_EXIT_ASAN = 86, /* also UBSan and leaks in an ASan build */
	SAN_EXIT_MSAN = 87,
	SAN_EXIT_TSAN = 88,
	SAN_EXIT_UBSAN = 89, /* also a signal in a build without sanitizers */
	SAN_EXIT_TIMEOUT = 70,
	SAN_EXIT_OOM = 71,
	SAN_EXIT_LIBFUZZER = 77, /* deadly signal, exit, overwritten input, leak */
};

struct san_env {
	const char *name; /* "ASAN_OPTIONS" */
	int runtime;	  /* whose options: flavour.c has them in one table */
};

struct san_flavour {
	const char *name; /* "libfuzzer+asan+ubsan" */
	/* The engine that its builds are for, by the name in engine.h; NULL: the
	 * project's own programs and tests. Only libFuzzer's are measured and judged on.
	 */
	const char *engine;
	/* Compiled by AFL++'s wrapper instead of the toolchain's clang, with these. */
	bool needs_aflpp;
	const char *const *build_env; /* "NAME=value"; NULL-terminated */
	/* No engine runs on it alone: it helps the one on this flavour. Or NULL. */
	const char *companion_of;
	const char *sanitizers;	   /* "address,undefined"; "" none */
	const char *const *cflags; /* for C and C++; NULL-terminated */
	const char *const *ldflags;
	const char *fuzzing_engine; /* LIB_FUZZING_ENGINE; "" none */
	const struct san_env *env;  /* a row without name ends it */
	/* Counts lines instead of looking for failures: compiled from where the source
	 * is mapped to, past the compiler cache, and when there is nothing better to do.
	 */
	bool counts_lines;
	bool no_aslr;  /* the sanitizer may fail to map its shadow under ASLR */
	bool is_judge; /* every new unit is replayed under it */
	/* A timer's signal waits for the next system call (TSan), so an endless loop is
	 * ended by nobody but the keeper, without a report. */
	bool is_deaf;
	/* How much memory the runtime adds: a target's limit is multiplied, so that only
	 * the target's own appetite passes it. */
	int memory_factor;
	/* How much slower than the ASan build, for which a target's timeout is meant: it is
	 * multiplied too, so that a hang is one on every flavour or on none. */
	int time_factor;
	int rank; /* of several reports of one bug the lowest rank names it */
};

/* Whether the driver can run units on its builds and triage can judge there. */
bool san_flavour_can_judge(const struct san_flavour *flavour);

/* Every flavour, in rank order; *count is set. */
const struct san_flavour *san_flavours(size_t *count);

/* NULL when no flavour has this name. */
const struct san_flavour *san_flavour_find(const char *name);

/* One environment variable's value for a use: our options, symbolizer (may be NULL) and
 * extra (the adapter's own "a=1:b=2", may be NULL; it wins). Appends to out. */
void san_flavour_options(const struct san_env *env, enum san_use use,
	const char *symbolizer, const char *extra, struct iw_buf *out);

/* The options that a flavour's runtimes have in one use and not in another, "a=1 b=2".
 * Appends to out. */
void san_flavour_only(const struct san_flavour *flavour, enum san_use use,
	enum san_use other, struct iw_buf *out);

/* Why these sanitizers ("address,thread") cannot be in one build, in a sentence; NULL:
 * they can. */
const char *san_sanitizers_clash(const char *list);
/* Why gcc cannot build it, likewise. */
const char *san_flavour_needs_clang(const struct san_flavour *flavour);

/* The flags in one string, for CFLAGS and LDFLAGS of build scripts. */
void san_flavour_flags(const char *const *flags, struct iw_buf *out);

#endif
