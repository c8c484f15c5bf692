/*
 * What the programs of the mill have in common: each file is one, and its argument names the
 * failure that it is to die of. As a fuzz target it takes the name from its input.
 */
#ifndef MILL_H
#define MILL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct failure {
	const char *name;
	void (*run)(void);
};

static struct failure failures[64];
static int failure_count;

/* A function of a failure that has a frame of its own. */
#define HELPER __attribute__((noinline)) static

/* Defines a failure, which is then known by its name; there is no list to forget it in. */
#define FAILURE(what)                                                                    \
	static void what(void);                                                          \
	__attribute__((constructor)) static void add_##what(void)                        \
	{                                                                                \
		failures[failure_count].name = #what;                                    \
		failures[failure_count++].run = what;                                    \
	}                                                                                \
	HELPER void what(void)

/* Values that no compiler knows, and a place that makes them used. */
static volatile int zero, one = 1, minus_one = -1, largest = 0x7fffffff;
static volatile char sink;
static void *volatile kept;

/* Not all of them are of use to every file. */
__attribute__((unused)) static void use(void)
{
	sink = (char)(zero + one + minus_one + largest + (kept != NULL));
}

static int fail_by_name(const char *name)
{
	for (int i = 0; i < failure_count; i++)
		if (strcmp(failures[i].name, name) == 0) {
			failures[i].run();
			return 0;
		}
	return 1;
}

#ifdef MILL_FUZZED
#ifdef __cplusplus
extern "C"
#endif
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t *fuzz_input;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char name[64] = "";

	fuzz_input = data;
	memcpy(name, data, len < sizeof name ? len : sizeof name - 1);
	fail_by_name(name);
	return 0;
}
#else
int main(int argc, char **argv)
{
	return argc < 2 || fail_by_name(argv[1]);
}
#endif

#endif
