/*
 * Line coverage in lcov's format, as llvm-cov writes it: which lines of which files were
 * reached.
 *
 * The text is foreign: the coverage build and the profiles that it was made from are the
 * work of code under attack. Lines of no known form are passed over (the tool's warnings
 * stand among them); numbers that are none, or a file that never ends, are errors.
 *
 * Thread: any. Results live in an arena of their own.
 */
#ifndef SANITIZERS_LCOV_H
#define SANITIZERS_LCOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define SAN_LCOV_MAX ((size_t)256 << 20) /* bytes of text */

struct san_lcov_line {
	uint32_t line; /* counted from 1 */
	bool is_reached;
};

struct san_lcov_file {
	const char *path; /* below the source's root: "src/tx.c", never ".." */
	const struct san_lcov_line *lines; /* that can be executed; ascending */
	size_t count, reached;
};

struct san_lcov {
	const struct san_lcov_file *files; /* by path, each once */
	size_t count;
	/* below: private */
	struct iw_arena *arena;
};

/* root: where the source seemed to lie when it was compiled ("/src"); relative paths lie
 * below it, too. Files elsewhere (headers of the system) are left out. A file that is
 * told of twice is reached where one says so. IW_EINVAL names the line. */
int san_lcov_parse(const char *text, size_t len, const char *root, struct san_lcov *out,
	struct iw_err *err);
void san_lcov_fini(struct san_lcov *lcov);

/* NULL when nothing of the file can be executed. */
const struct san_lcov_file *san_lcov_find(const struct san_lcov *lcov, const char *path);
/* The index of the first line at or behind this one; file->count when there is none. */
size_t san_lcov_from(const struct san_lcov_file *file, uint32_t line);

#endif
