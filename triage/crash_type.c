#include "triage/crash_type.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* With an equal stack every pair of a table below may be one bug (similarity is
 * multiplied with the stacks', and 0.6 is enough); the smaller the number,
 * the more of the callers must agree. */
#define OTHER_ACCESS 0.95 /* READ and WRITE: a copy loop may die on either */
#define NO_ACCESS 0.95	  /* one report does not say */
#define INDEX 1		  /* one of two kinds of BOUNDS is an index; it has no access */

/* Prefixes of lower-case kinds; the first that fits wins. */
static const struct {
	const char *prefix;
	enum triage_family family;
} families[] = {
	{"heap-buffer-overflow", TRIAGE_FAMILY_BOUNDS},
	{"heap-buffer-underflow", TRIAGE_FAMILY_BOUNDS},
	{"stack-buffer-", TRIAGE_FAMILY_BOUNDS},
	{"global-buffer-", TRIAGE_FAMILY_BOUNDS},
	{"dynamic-stack-buffer-", TRIAGE_FAMILY_BOUNDS},
	{"container-overflow", TRIAGE_FAMILY_BOUNDS},
	{"intra-object-overflow", TRIAGE_FAMILY_BOUNDS},
	{"index-out-of-bounds", TRIAGE_FAMILY_BOUNDS},
	{"object-size", TRIAGE_FAMILY_BOUNDS},
	{"pointer-overflow", TRIAGE_FAMILY_BOUNDS},
	{"negative-size-param", TRIAGE_FAMILY_BOUNDS},
	{"use-after-poison", TRIAGE_FAMILY_LIFETIME},
	{"heap-use-after-free", TRIAGE_FAMILY_LIFETIME},
	{"stack-use-after-", TRIAGE_FAMILY_LIFETIME},
	{"heap-double-free", TRIAGE_FAMILY_LIFETIME},
	{"double-free", TRIAGE_FAMILY_LIFETIME},
	{"attempting double-free", TRIAGE_FAMILY_LIFETIME},
	{"bad-free", TRIAGE_FAMILY_LIFETIME},
	{"invalid-free", TRIAGE_FAMILY_LIFETIME},
	{"unknown", TRIAGE_FAMILY_WILD},
	{"segv", TRIAGE_FAMILY_WILD},
	{"null-dereference", TRIAGE_FAMILY_WILD},
	{"invalid-null-argument", TRIAGE_FAMILY_WILD},
	{"invalid memory address", TRIAGE_FAMILY_WILD},
	{"wild-", TRIAGE_FAMILY_WILD},
	{"bus", TRIAGE_FAMILY_WILD},
	{"misaligned-address", TRIAGE_FAMILY_WILD},
	{"use-of-uninitialized-value", TRIAGE_FAMILY_UNINIT},
	{"assert", TRIAGE_FAMILY_ABORT},
	{"check failure", TRIAGE_FAMILY_ABORT},
	{"dcheck failure", TRIAGE_FAMILY_ABORT},
	{"security dcheck failure", TRIAGE_FAMILY_ABORT},
	{"fatal error", TRIAGE_FAMILY_ABORT},
	{"fatal-signal", TRIAGE_FAMILY_ABORT},
	{"abrt", TRIAGE_FAMILY_ABORT},
	{"uncaught exception", TRIAGE_FAMILY_ABORT},
	{"uncaught-exception", TRIAGE_FAMILY_ABORT},
	{"ill", TRIAGE_FAMILY_ABORT},
	{"trap", TRIAGE_FAMILY_ABORT},
	{"unreachable code", TRIAGE_FAMILY_ABORT},
	{"security check failure", TRIAGE_FAMILY_ABORT},
	{"divide-by-zero", TRIAGE_FAMILY_DIVIDE},
	{"floating-point-exception", TRIAGE_FAMILY_DIVIDE},
	{"integer divide by zero", TRIAGE_FAMILY_DIVIDE},
	{"out-of-memory", TRIAGE_FAMILY_MEMORY},
	{"allocation-size-too-big", TRIAGE_FAMILY_MEMORY},
	{"calloc-overflow", TRIAGE_FAMILY_MEMORY},
	{"rss-limit-exceeded", TRIAGE_FAMILY_MEMORY},
	{"direct-leak", TRIAGE_FAMILY_LEAK},
	{"indirect-leak", TRIAGE_FAMILY_LEAK},
	{"leak", TRIAGE_FAMILY_LEAK},
	{"timeout", TRIAGE_FAMILY_HANG},
	{"hang", TRIAGE_FAMILY_HANG},
	{"data race", TRIAGE_FAMILY_RACE},
	{"data-race", TRIAGE_FAMILY_RACE},
	{"stack-overflow", TRIAGE_FAMILY_RECURSION},
	{"stack overflow", TRIAGE_FAMILY_RECURSION},
};

/* Kinds of two families, or two kinds of one. An overflow that leaves its page is a SEGV;
 * one that reaches a freed chunk is a use after free; under MSan it is a value that
 * nobody wrote. What takes ever more memory runs out of that or of time, whichever the
 * flavour has less of. */
static const struct {
	enum triage_family a, b;
	double similarity;
} relations[] = {
	{TRIAGE_FAMILY_BOUNDS, TRIAGE_FAMILY_BOUNDS, 0.85},
	{TRIAGE_FAMILY_BOUNDS, TRIAGE_FAMILY_WILD, 0.85},
	{TRIAGE_FAMILY_BOUNDS, TRIAGE_FAMILY_LIFETIME, 0.8},
	{TRIAGE_FAMILY_BOUNDS, TRIAGE_FAMILY_UNINIT, 0.75},
	{TRIAGE_FAMILY_LIFETIME, TRIAGE_FAMILY_LIFETIME, 0.8},
	{TRIAGE_FAMILY_LIFETIME, TRIAGE_FAMILY_WILD, 0.8},
	{TRIAGE_FAMILY_LIFETIME, TRIAGE_FAMILY_UNINIT, 0.75},
	{TRIAGE_FAMILY_WILD, TRIAGE_FAMILY_WILD, 0.9},
	{TRIAGE_FAMILY_WILD, TRIAGE_FAMILY_UNINIT, 0.7},
	{TRIAGE_FAMILY_ABORT, TRIAGE_FAMILY_ABORT, 0.9},
	{TRIAGE_FAMILY_DIVIDE, TRIAGE_FAMILY_DIVIDE, 0.95},
	{TRIAGE_FAMILY_MEMORY, TRIAGE_FAMILY_MEMORY, 0.9},
	{TRIAGE_FAMILY_LEAK, TRIAGE_FAMILY_LEAK, 0.95},
	{TRIAGE_FAMILY_HANG, TRIAGE_FAMILY_HANG, 1},
	{TRIAGE_FAMILY_HANG, TRIAGE_FAMILY_MEMORY, 0.7},
	{TRIAGE_FAMILY_RACE, TRIAGE_FAMILY_RACE, 1},
	{TRIAGE_FAMILY_RECURSION, TRIAGE_FAMILY_RECURSION, 1},
};

/* Cuts "READ 4" or "WRITE {*}" off the end of kind. */
static void cut_access(struct triage_crash_type *type, const char *word, char access)
{
	char *at = strstr(type->kind, word);
	size_t len = strlen(word);

	if (!at || at == type->kind || at[-1] != ' ' || (at[len] && at[len] != ' '))
		return;
	type->access = access;
	if (at[len])
		snprintf(type->size, sizeof type->size, "%.11s", at + len + 1);
	at[-1] = '\0';
}

void triage_crash_type_parse(struct triage_crash_type *type, const char *text)
{
	size_t i, n = 0;

	*type = (struct triage_crash_type){0};
	for (; *text && n + 1 < sizeof type->kind; text++)
		type->kind[n++] = *text == '\n' || *text == '\t'
			? ' '
			: (char)tolower((unsigned char)*text);
	while (n > 0 && type->kind[n - 1] == ' ')
		type->kind[--n] = '\0';
	cut_access(type, "read", 'R');
	cut_access(type, "write", 'W');
	for (i = 0; i < IW_COUNT(families); i++) {
		const char *prefix = families[i].prefix;

		if (strncmp(type->kind, prefix, strlen(prefix)) == 0) {
			type->family = families[i].family;
			return;
		}
	}
}

static double related(enum triage_family a, enum triage_family b)
{
	size_t i;

	for (i = 0; i < IW_COUNT(relations); i++)
		if ((relations[i].a == a && relations[i].b == b) ||
			(relations[i].a == b && relations[i].b == a))
			return relations[i].similarity;
	return 0;
}

/* An index is checked where the array's type is known: the function that goes too far does
 * so with an array of its own, and not with what a caller gave it. */
static bool is_index(const struct triage_crash_type *type)
{
	return strncmp(type->kind, "index-out-of-bounds", 19) == 0;
}

static double same_or_related(
	const struct triage_crash_type *a, const struct triage_crash_type *b)
{
	if (strcmp(a->kind, b->kind) == 0)
		return 1;
	if (a->family == TRIAGE_FAMILY_BOUNDS && b->family == TRIAGE_FAMILY_BOUNDS &&
		(is_index(a) || is_index(b)))
		return INDEX;
	return related(a->family, b->family);
}

double triage_crash_type_similarity(
	const struct triage_crash_type *a, const struct triage_crash_type *b)
{
	double similarity = same_or_related(a, b);

	if (a->access && b->access && a->access != b->access)
		return similarity * OTHER_ACCESS;
	if (a->access != b->access)
		return similarity * NO_ACCESS;
	return similarity;
}

bool triage_crash_type_equal(
	const struct triage_crash_type *a, const struct triage_crash_type *b)
{
	return strcmp(a->kind, b->kind) == 0 && a->access == b->access &&
		strcmp(a->size, b->size) == 0;
}

bool triage_crash_type_is_alloc(const struct triage_crash_type *type)
{
	return type->family == TRIAGE_FAMILY_LEAK || type->family == TRIAGE_FAMILY_MEMORY;
}
