/*
 * Which flavour a program is that somebody else built: its symbols tell which runtime is
 * linked into it. Blocks: reads the program's tables of names. Thread: any.
 */
#ifndef SANITIZERS_BINARY_H
#define SANITIZERS_BINARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "sanitizers/flavour.h"

/* The whole program, to be read; munmap() it. IW_EINVAL: path is none. */
int san_binary_map(const char *path, void **data, size_t *size, struct iw_err *err);

/* SHA-256 of the whole program: any other build has another. */
int san_binary_hash(const char *path, char hex[static IW_SHA256_HEX], struct iw_err *err);

/* *flavour: whose runtime options fit; a program without a sanitizer (or a stripped one
 * that hides it) is "libfuzzer". IW_EINVAL: path is no 64-bit program. */
int san_binary_flavour(
	const char *path, const struct san_flavour **flavour, struct iw_err *err);

/* Whether glibc's loader starts it: it heeds LD_PRELOAD, and what we preload runs there.
 * false also when path is no program. */
bool san_binary_takes_preload(const char *path);

/* Its entry point, before anything has moved it. IW_EINVAL: path is no 64-bit program. */
int san_binary_entry(const char *path, uint64_t *entry, struct iw_err *err);

/* Whether libFuzzer's runtime is linked into it, told by a message that no stripping
 * removes. IW_EINVAL as above. */
int san_binary_has_libfuzzer(const char *path, bool *has, struct iw_err *err);

#endif
