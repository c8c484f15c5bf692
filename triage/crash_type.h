/*
 * Crash types in ClusterFuzz's words, and which of them one cause can show as: under
 * another sanitizer, with another heap layout, or a byte further.
 *
 * Pure. Thread: any.
 */
#ifndef TRIAGE_CRASH_TYPE_H
#define TRIAGE_CRASH_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum triage_family {
	TRIAGE_FAMILY_NONE,	/* like nothing but the same kind */
	TRIAGE_FAMILY_BOUNDS,	/* past the end of an object */
	TRIAGE_FAMILY_LIFETIME, /* after the end of an object's life */
	TRIAGE_FAMILY_WILD,	/* the hardware said no */
	TRIAGE_FAMILY_UNINIT,	/* a value that nobody wrote */
	TRIAGE_FAMILY_ABORT,	/* the program stopped itself */
	TRIAGE_FAMILY_DIVIDE,
	TRIAGE_FAMILY_MEMORY, /* too much of it */
	TRIAGE_FAMILY_LEAK,
	TRIAGE_FAMILY_HANG,
	TRIAGE_FAMILY_RACE,
	TRIAGE_FAMILY_RECURSION,
};

struct triage_crash_type {
	enum triage_family family;
	char access;   /* 'R', 'W' or 0 */
	char kind[64]; /* lower case, without access and size */
	char size[12]; /* as written, "" when none */
};

/* Never fails: what is not known is a family of its own. Newline or space before READ. */
void triage_crash_type_parse(struct triage_crash_type *type, const char *text);
/* 1: the same kind; 0: never one cause. Symmetric. */
double triage_crash_type_similarity(
	const struct triage_crash_type *a, const struct triage_crash_type *b);
/* The same to access and size. */
bool triage_crash_type_equal(
	const struct triage_crash_type *a, const struct triage_crash_type *b);
/* The stack is that of an allocation: its innermost function is nobody's fault. */
bool triage_crash_type_is_alloc(const struct triage_crash_type *type);

#endif
