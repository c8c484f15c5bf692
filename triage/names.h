/*
 * Names of functions and messages as small numbers: what counts as the same has the same
 * number. Owns copies of what it has seen. Thread: one at a time.
 */
#ifndef TRIAGE_NAMES_H
#define TRIAGE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct triage_names;

struct triage_names *triage_names_new(void);
void triage_names_free(struct triage_names *names);

/* The length of a function's name without what compilers add to its clones. */
size_t triage_name_len(const char *name);
/* Two names of one function, as far as that goes. */
bool triage_name_same(const char *a, const char *b);
/* A function, from 1 on; a compiler's clones of it ("f.part.0", "f.cold") are it. */
uint32_t triage_names_function(struct triage_names *names, const char *name);
/* What a program said; sizes, indexes, line numbers and addresses differ from run to run and
 * do not count. 0 for NULL. */
uint32_t triage_names_message(struct triage_names *names, const char *message);

#endif
