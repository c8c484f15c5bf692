/*
 * What the command of a build printed: kept compressed beside the build, for good and for
 * failed ones. Blocks. Thread: any.
 */
#ifndef ADAPTERS_BUILD_LOG_H
#define ADAPTERS_BUILD_LOG_H

#include <stddef.h>

#include "base/build.h"
#include "base/err.h"

/* Bytes that are kept of one: the newest. */
#define BUILD_LOG_MAX ((size_t)4 << 20)

/* builds/<closure>.log.zst, which zstdcat shows. The caller frees. */
char *build_log_path(const char *builds_dir, const char *closure);
int build_log_keep(const char *path, const char *text, size_t len, struct iw_err *err);
/* *text gets a NUL behind; the caller frees. IW_ENOENT: nothing was kept, or it left. */
int build_log_read(const char *path, char **text, size_t *len, struct iw_err *err);

/* The first line that a compiler, linker or make calls an error; the last line of the log
 * when there is none. */
void build_log_first_error(const char *log, char *error, size_t size);
/* Where its last count lines begin; borrowed from log. */
const char *build_log_tail(const char *log, size_t len, int count);

/* The first error of a failed build, with the file's place in the source. The caller frees. */
char *build_error_words(const struct iw_build *build);

#endif
