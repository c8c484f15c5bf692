/*
 * The toolchain: the newest clang that can build a libFuzzer target with AddressSanitizer
 * here, and the symbolizer that belongs to it. Found by trying, not by version. Where there
 * is none a gcc can build what needs no clang: `plain`.
 */
#ifndef SANITIZERS_TOOLCHAIN_H
#define SANITIZERS_TOOLCHAIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "sanitizers/flavour.h"

struct san_toolchain {
	char *cc;	  /* absolute paths */
	char *cxx;	  /* NULL when there is only a C compiler */
	char *symbolizer; /* NULL when missing: reports then have no names */
	/* What makes reports of the coverage build's profiles; NULL when missing. */
	char *cov, *profdata;
	bool is_gcc;
	int major;     /* 19 */
	char *version; /* the first line of --version */
	/* AFL++'s wrappers, of whatever clang it was made for; NULL where it is missing.
	 */
	char *afl_cc, *afl_cxx;
	char *afl_fuzz;
	char *afl_id; /* likewise, and of the clang behind it */
	char *id; /* "clang-19.1.7-<hash>": changes when the compiler or its runtime does
		   */
};

/* Looks for $CC (when it is a clang), clang-19 … clang-14 and clang in $PATH. Blocks for
 * some seconds at most: start-up and jobs only. IW_ETOOL says which package to install.
 */
int san_toolchain_find(struct san_toolchain *tools, struct iw_err *err);
/* Only the newest llvm-symbolizer in $PATH, at once; NULL: there is none. The caller
 * frees. */
char *san_toolchain_symbolizer(void);
/* Why this flavour cannot be built with it, in a sentence, or NULL: it can. */
const char *san_toolchain_lacks(
	const struct san_toolchain *tools, const struct san_flavour *flavour);
/* The same, but a gcc will do. */
int san_toolchain_find_any(struct san_toolchain *tools, struct iw_err *err);
/* A flavour's flags in the words of its compiler. Appends to out. */
void san_toolchain_flags(const struct san_toolchain *tools,
	const struct san_flavour *flavour, const char *const *flags, struct iw_buf *out);
void san_toolchain_fini(struct san_toolchain *tools);

#endif
