/* Memory that is not the heap: globals, stacks, and what a program poisoned itself. */
#include "mill.h"

#if defined __SANITIZE_ADDRESS__ || defined MILL_ASAN
#include <sanitizer/asan_interface.h>
#endif

static int table[4];
static char name[10] = "0123456789";

/* asan      global-buffer-overflow read 4 address security crash */
FAILURE(global_read_past_end)
{
	volatile int *p = table;

	sink = (char)p[3 + one]; /* CRASH */
}

/* asan      global-buffer-overflow write 12 address security crash */
FAILURE(global_copy_past_end)
{
	memcpy(name, "twelve bytes", 11 + (size_t)one); /* CRASH */
	sink = name[0];
}

/* asan      global-buffer-overflow read 11 address security crash */
FAILURE(global_string_without_end)
{
	kept = strdup(name); /* CRASH */
}

/* asan      stack-buffer-overflow write 1 address security crash place */
FAILURE(stack_write_past_end)
{ /* PLACE */
	volatile char b[8];

	b[7 + one] = 1; /* CRASH */
	sink = b[0];
}

/* asan      stack-buffer-underflow read 4 address security crash place */
FAILURE(stack_read_before_start)
{ /* PLACE */
	volatile int b[8] = {0};
	volatile int *p = b;

	sink = (char)p[-one]; /* CRASH */
}

/* asan      stack-buffer-overflow write 9 address security crash place */
FAILURE(stack_clear_past_end)
{ /* PLACE */
	char b[8];

	memset(b, one, 8 + (size_t)one); /* CRASH */
	sink = b[0];
}

/* asan      stack-buffer-overflow write 11 address security crash place */
FAILURE(stack_print_past_end)
{ /* PLACE */
	char b[8];

	sprintf(b, "%d", largest); /* CRASH */
	sink = b[0];
}

/* asan      stack-buffer-overflow read 9 address security crash place */
FAILURE(stack_compare_past_end)
{ /* PLACE */
	char b[8] = "1234567";
	static const char other[16] = "1234567";

	sink = (char)memcmp(b, other, 8 + (size_t)one); /* CRASH */
}

/* asan      dynamic-stack-buffer-overflow write 1 address security crash */
FAILURE(stack_of_run_time_size)
{
	volatile char b[8 + zero];

	b[8 + zero] = 1; /* CRASH */
	sink = b[0];
}

/* asan      stack-use-after-scope write 4 address security crash place */
FAILURE(stack_after_scope)
{ /* PLACE */
	volatile int *volatile p;

	{
		volatile int inner = 1;

		p = &inner;
	}
	*p = 2; /* CRASH */
}

/* asan      stack-use-after-return read 4 address security crash place */
HELPER volatile int *give_local(void)
{ /* PLACE */
	volatile int local = one;
	volatile int *volatile p = &local;

	return p;
}

FAILURE(stack_after_return)
{
	volatile int *p = give_local();

	sink = (char)*p; /* CRASH */
}

#ifdef ASAN_POISON_MEMORY_REGION
/* asan      use-after-poison read 1 address security crash */
FAILURE(poisoned_by_hand)
{
	static volatile char pool[64];

	ASAN_POISON_MEMORY_REGION(pool + 16, 16);
	sink = pool[16 + one]; /* CRASH */
}
#endif

/* asan      invalid-pointer-pair address security crash alloc alloc */
FAILURE(compared_strangers)
{
	char *volatile a = malloc(8); /* ALLOC */
	char *volatile b = malloc(8); /* ALLOC */

	sink = a < b; /* CRASH */
}
