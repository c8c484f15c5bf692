/* Values that nobody set. Where one was made is its origin. */
#include "mill.h"

#include <unistd.h>

/* msan      use-of-uninitialized-value security crash origin
 * memcheck  use-of-uninitialized-value security crash origin */
FAILURE(branch_on_local)
{ /* ORIGIN */
	volatile int x[2]; /* ORIGIN */

	if (x[one]) /* CRASH */
		sink = 1;
}

/* msan      use-of-uninitialized-value security crash origin
 * memcheck  use-of-uninitialized-value security crash origin */
FAILURE(branch_on_heap)
{
	volatile int *p = malloc(sizeof *p); /* ORIGIN */

	if (*p) /* CRASH */
		sink = 1;
	free((void *)(uintptr_t)p);
}

/* msan      use-of-uninitialized-value security crash origin */
FAILURE(branch_on_freed)
{
	volatile int *p = calloc(1, sizeof *p);

	free((void *)(uintptr_t)p); /* ORIGIN */
	if (*p) /* CRASH */
		sink = 1;
}

/* msan      use-of-uninitialized-value security crash origin origin
 * memcheck  use-of-uninitialized-value security crash origin */
HELPER void store(int *to, const int *from)
{
	*to = *from; /* ORIGIN */
}

FAILURE(branch_on_copy)
{
	int *volatile p = malloc(sizeof *p); /* ORIGIN */
	int copy;

	store(&copy, p);
	if (copy) /* CRASH */
		sink = 1;
	free(p);
}

/* msan      use-of-uninitialized-value security crash origin
 * memcheck  use-of-uninitialized-value address security crash~ alloc origin */
FAILURE(written_out)
{
	char *volatile p = malloc(16); /* ALLOC ORIGIN */

	p[0] = 1;
	sink = (char)write(STDOUT_FILENO, p, 16); /* CRASH */
	free(p);
}

/* msan      use-of-uninitialized-value security crash origin */
FAILURE(compared)
{
	char *volatile p = malloc(16); /* ORIGIN */
	static const char other[16];

	sink = (char)memcmp(p, other, 16); /* CRASH */
	free(p);
}

/* msan      use-of-uninitialized-value security crash origin
 * memcheck  use-of-uninitialized-value size 8 security crash origin */
FAILURE(index_from_heap)
{
	static char table[256];
	volatile unsigned char *p = malloc(4); /* ORIGIN */

	sink = table[p[2]]; /* CRASH */
	free((void *)(uintptr_t)p);
}

/* msan      use-of-uninitialized-value security crash origin
 * memcheck  use-of-uninitialized-value security crash origin */
HELPER int half_set(int *to)
{
	if (zero)
		*to = 1;
	return zero;
}

FAILURE(branch_on_unset_result)
{ /* ORIGIN */
	int result; /* ORIGIN */

	half_set(&result);
	if (result > one) /* CRASH */
		sink = 1;
}

/* msan      use-of-uninitialized-value security crash origin */
FAILURE(measured_unset)
{
	volatile int *p = malloc(8); /* ORIGIN */

	sink = (char)strnlen((const char *)(uintptr_t)p, 8); /* CRASH */
	free((void *)(uintptr_t)p);
}
