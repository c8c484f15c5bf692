/*
 * Suppressions: what a runtime leaves out of its reports, one file per runtime, and the
 * ignorelist, which clang reads: what is not instrumented at all.
 *
 * UBSan has no file: its runtime leaves out only what does not end the process, and here
 * everything does. MSan has none by itself. Both take the ignorelist.
 */
#ifndef SANITIZERS_SUPPRESS_H
#define SANITIZERS_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sanitizers/toolchain.h"

#define SAN_IGNORELIST "ignorelist"

/* "asan", "lsan", "tsan"; the last is NULL. */
extern const char *const san_suppress_runtimes[];

/* What every project leaves out, for this runtime; "" nothing. */
const char *san_suppress_shared(const char *runtime);

/* Checks the text of a file called name: a runtime's, or the ignorelist. IW_EINVAL names
 * file and line, and says what is wrong. Pure. */
int san_suppress_check(const char *name, const char *path, const char *text, size_t len,
	struct iw_err *err);

/* The same by the runtime or the compiler itself, in a program of a few lines. A runtime
 * that is not here has no opinion. Blocks for a second. */
int san_suppress_load(const struct san_toolchain *tools, const char *name,
	const char *path, struct iw_err *err);

#endif
