/*
 * The outline of a source file: where its functions begin, told from its text alone, so
 * that it is known without building anything. As git does for its hunks: what begins in
 * the first column and is followed by arguments is taken for a function's name, which
 * holds for C, C++, Go, Rust and Python as people indent them. What it takes for one and
 * is none (a macro's use) is a place with a name, too.
 *
 * Texts and names are foreign. Pure. Thread: any.
 */
#ifndef ADAPTERS_OUTLINE_H
#define ADAPTERS_OUTLINE_H

#include <stddef.h>
#include <stdint.h>

struct outline_function {
	uint32_t line; /* counted from 1; until the next one begins */
	char *name;
};

struct outline {
	struct outline_function *functions; /* by line */
	size_t count, cap;
};

void outline_read(const char *text, size_t len, struct outline *out);
void outline_fini(struct outline *outline);
/* The index of the function that the line is in; SIZE_MAX: it is before the first. */
size_t outline_find(const struct outline *outline, uint32_t line);

#endif
