/*
 * What llvm-symbolizer is asked, and what it answers: one line of JSON for each place, the
 * form that LLVM 14 to 19 share and in which no name can look like the end of an answer.
 *
 * An answer was made of the debug information of code under test, by a program that read
 * it: it is hostile. What is too long, too much or not what was asked for is refused.
 * Thread: any.
 */
#ifndef SANITIZERS_SYMBOL_H
#define SANITIZERS_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SAN_ANSWER_MAX ((size_t)256 << 10) /* bytes of one line */
#define SAN_SYMBOL_CALLS 256		   /* frames at one address */
#define SAN_MODULE_MAX 4096

/* An address in a file. */
struct san_place {
	const char *module; /* a path; not NUL-terminated */
	size_t module_len;
	uint64_t offset;
};

/* One function at an address; the first is the innermost, what it was inlined into comes
 * behind it. */
struct san_call {
	const char *function; /* demangled; NULL unknown */
	const char *file;     /* NULL unknown */
	int line, column;     /* 0 unknown */
};

/* All of it in one piece of memory. No call: nothing is known of the place. */
struct san_symbol {
	size_t bytes; /* what it takes */
	size_t count;
	struct san_call calls[];
};

/* Whether a path can be asked for: one line, with nothing that quotes would have to
 * protect. */
bool san_place_can_ask(const struct san_place *place);
/* Appends the question's line. */
void san_place_ask(const struct san_place *place, struct iw_buf *out);

/* The answer of len bytes at line (no line feed) to this question; free() it. NULL with
 * IW_EINVAL when it is none. */
struct san_symbol *san_symbol_read(
	const struct san_place *place, const char *line, size_t len, struct iw_err *err);

#endif
