/* A fuzz target: what libFuzzer itself says of an input that ends it. */
#define MILL_FUZZED
#include "mill.h"

#include <unistd.h>

/* libfuzzer  timeout crash */
FAILURE(too_long)
{ /* CRASH */
	for (;;) /* CRASH */
		sink++; /* CRASH */
}

/* libfuzzer  out-of-memory live live~ */
FAILURE(too_much_in_all)
{
	/* Told are 19 parts in 20 of all that is there: this, and what is the engine's own. */
	for (int i = 0; i < 330; i++) {
		char *p = malloc(1 << 20); /* LIVE */

		memset(p, one, 1 << 20);
		kept = p;
	}
	for (;;)
		usleep(10000);
}

/* libfuzzer  out-of-memory size 419430400 crash */
FAILURE(too_much_at_once)
{
	kept = malloc(400u << 20); /* CRASH */
}

/* libfuzzer  deadly-signal crash */
FAILURE(gave_up)
{
	abort(); /* CRASH */
}

/* libfuzzer  unexpected-exit crash */
FAILURE(left)
{
	exit(1); /* CRASH */
}

/* libfuzzer  overwrites-const-input crash~ */
FAILURE(wrote_to_its_input)
{
	((uint8_t *)(uintptr_t)fuzz_input)[0] = 'x';
}

/* libfuzzer  direct-leak size 24 alloc */
FAILURE(lost)
{
	kept = malloc(24); /* ALLOC */
	kept = NULL;
}

/* libfuzzer  heap-buffer-overflow write 1 address security crash alloc */
FAILURE(heap_write_past_end)
{
	char *volatile p = malloc(8); /* ALLOC */

	p[7 + one] = 1; /* CRASH */
	free(p);
}
