/*
 * What an adapter's sanitizers leave out: its folder `suppressions`, with a file for each
 * runtime (asan, lsan, tsan) and `ignorelist`, which clang reads.
 *
 * The runtimes' files, ours first, are put into the folder of each build when it is asked
 * for, so a change of one is used at once and builds nothing. The ignorelist decides what
 * is compiled, so it is part of a closure. Blocks: small files.
 */
#ifndef ADAPTERS_SUPPRESSIONS_H
#define ADAPTERS_SUPPRESSIONS_H

#include "adapters/adapter.h"

/* Every file there: IW_EINVAL with file, line and what is wrong. */
int suppressions_check(const char *adapter_dir, struct iw_err *err);
/* Calls each with name and path of every file there, until one returns non-zero. */
int suppressions_each(const char *adapter_dir,
	int (*each)(void *ctx, const char *name, const char *path), void *ctx,
	struct iw_err *err);

/* The path of the ignorelist, which the caller frees, with the SHA-256 of what it says;
 * NULL: there is none. */
char *suppressions_ignorelist(
	const struct adapter *adapter, char hash[static IW_SHA256_HEX]);

/* Into a build's folder, where they differ from what is there. */
int suppressions_put(
	const struct adapter *adapter, const char *build_dir, struct iw_err *err);
/* The file for the runtime that reads this variable ("ASAN_OPTIONS"), in a build's
 * folder; NULL: there is none. The caller frees. */
char *suppressions_in(const char *build_dir, const char *variable);

#endif
