/* The heap in C: past its ends, after it was freed, freed wrongly, and asked for too much. */
#include "mill.h"

#include <malloc.h>
#include <pthread.h>

/* asan      heap-buffer-overflow write 4 address security crash alloc
 * memcheck  heap-buffer-overflow write 4 address security crash alloc
 * hwasan    tag-mismatch write 4 address security crash alloc */
FAILURE(heap_write_past_end)
{
	int *volatile p = malloc(4 * sizeof *p); /* ALLOC */

	p[3 + one] = 1; /* CRASH */
	free(p);
}

/* asan      heap-buffer-overflow read 1 address security crash alloc
 * memcheck  heap-buffer-overflow read 1 address security crash alloc
 * hwasan    tag-mismatch read 1 address security crash alloc */
FAILURE(heap_read_before_start)
{
	char *volatile p = malloc(16); /* ALLOC */

	sink = p[-one]; /* CRASH */
	free(p);
}

/* asan      heap-buffer-overflow write 40 address security crash alloc
 * hwasan    tag-mismatch write 40 address security crash alloc */
FAILURE(heap_copy_past_end)
{
	static char from[64];
	char *volatile p = malloc(39 + zero); /* ALLOC */

	memcpy(p, from, 39 + one); /* CRASH */
	free(p);
}

/* asan      heap-buffer-overflow write 24 address security crash alloc */
FAILURE(heap_clear_past_end)
{
	char *volatile p = malloc(16); /* ALLOC */

	memset(p, 0, 23 + one); /* CRASH */
	free(p);
}

/* asan      heap-buffer-overflow read 9 address security crash alloc
 * memcheck  heap-buffer-overflow read 1 address security crash alloc */
FAILURE(heap_string_without_end)
{
	char *volatile p = malloc(8); /* ALLOC */

	memset(p, 'a', 8);
	sink = (char)strlen(p); /* CRASH */
	free(p);
}

/* asan      heap-buffer-overflow read 8 address security crash alloc */
FAILURE(heap_read_across_end)
{
	char *volatile p = malloc(12); /* ALLOC */
	volatile int64_t *wide = (volatile int64_t *)(p + 8);

	sink = (char)*wide; /* CRASH */
	free(p);
}

/* asan      heap-use-after-free read 1 address security crash free alloc
 * memcheck  heap-use-after-free read 1 address security crash free alloc
 * hwasan    tag-mismatch read 1 address security crash free alloc */
FAILURE(freed_read)
{
	char *volatile p = malloc(8); /* ALLOC */

	free(p); /* FREE */
	sink = *p; /* CRASH */
}

/* asan      heap-use-after-free write 8 address security crash free alloc
 * memcheck  heap-use-after-free write 8 address security crash free alloc
 * hwasan    tag-mismatch write 8 address security crash free alloc */
FAILURE(freed_write)
{
	int64_t *volatile p = calloc(4, sizeof *p); /* ALLOC */

	free(p); /* FREE */
	p[one] = 7; /* CRASH */
}

/* asan      heap-use-after-free read 1 address security crash free alloc
 * memcheck  heap-use-after-free read 1 address security crash free alloc */
FAILURE(freed_by_growing)
{
	char *volatile p = malloc(8); /* ALLOC */

	kept = realloc(p, 4096); /* FREE */
	sink = *p; /* CRASH */
}

/* asan      heap-use-after-free read 1 address security crash free alloc thread
 * hwasan    tag-mismatch read 1 address security crash */
HELPER void *let_go(void *p)
{
	free(p); /* FREE */
	return NULL;
}

FAILURE(freed_by_thread)
{
	char *volatile p = malloc(8); /* ALLOC */
	pthread_t thread;

	pthread_create(&thread, NULL, let_go, p); /* THREAD */
	pthread_join(thread, NULL);
	sink = *p; /* CRASH */
}

/* asan      heap-buffer-overflow write 1 address security crash alloc thread
 * memcheck  heap-buffer-overflow write 1 address security crash alloc */
HELPER void *write_past(void *p)
{
	((volatile char *)p)[8] = 1; /* CRASH */
	return NULL;
}

FAILURE(heap_write_by_thread)
{
	char *volatile p = malloc(8); /* ALLOC */
	pthread_t thread;

	pthread_create(&thread, NULL, write_past, p); /* THREAD */
	pthread_join(thread, NULL);
	free(p);
}

/* asan      double-free address security crash free alloc
 * memcheck  double-free address security crash free alloc
 * libc      heap-corruption security "free(): double free detected in tcache 2"
 * gdb       heap-corruption security +abrt crash */
FAILURE(freed_twice)
{
	void *volatile p = malloc(8); /* ALLOC */

	free(p); /* FREE */
	free(p); /* CRASH */
}

/* asan      bad-free address security crash alloc
 * memcheck  bad-free address security +direct-leak crash alloc
 * libc      heap-corruption security "free(): invalid pointer"
 * gdb       heap-corruption security +abrt crash */
FAILURE(freed_in_the_middle)
{
	char *volatile p = malloc(8); /* ALLOC */

	free(p + one); /* CRASH */
}

/* asan      bad-free address security crash place
 * memcheck  bad-free address security crash
 * libc      heap-corruption security "free(): invalid pointer" */
FAILURE(freed_on_the_stack)
{ /* PLACE */
	char local[64] = {0};
	char *volatile p = local + 8;

	free(p); /* CRASH */
}

/* asan      bad-free address security crash */
FAILURE(freed_global)
{
	static int global;
	void *volatile p = &global;

	free(p); /* CRASH */
}

/* asan      param-overlap security "memcpy-param-overlap" crash place place */
FAILURE(copied_onto_itself)
{ /* PLACE */
	char b[16] = "abcdef";

	memcpy(b, b + 1, 4 + one); /* CRASH */
	sink = b[0];
}

/* memcheck  param-overlap security crash */
FAILURE(prefix_copied_onto_itself)
{
	char *volatile b = calloc(1, 64);
	volatile size_t n = 32;

	memset(b, 'a', n);
	strncpy(b + 1, b, n); /* CRASH */
	free(b);
}

/* asan      param-overlap security "strcpy-param-overlap" crash place place */
FAILURE(string_copied_onto_itself)
{ /* PLACE */
	char b[16] = "abcdef";
	char *volatile to = b + 1;

	strcpy(to, b); /* CRASH */
	sink = b[0];
}

/* asan      negative-size-param security crash place */
FAILURE(moved_by_a_negative_size)
{ /* PLACE */
	char b[16] = "abcdef";

	memmove(b, b + 1, (size_t)minus_one); /* CRASH */
	sink = b[0];
}

/* memcheck  negative-size-param security crash */
FAILURE(asked_for_a_negative_size)
{
	kept = malloc((size_t)minus_one); /* CRASH */
}

/* asan      allocation-size-too-big size 18446744073709547520 crash
 * tsan      allocation-size-too-big size 18446744073709547520 crash
 * msan      allocation-size-too-big size 18446744073709547520 crash
 * lsan      allocation-size-too-big size 18446744073709547520 crash
 * hwasan    allocation-size-too-big size 18446744073709547520 crash */
FAILURE(asked_for_too_much)
{
	kept = malloc((size_t)-4096 + (size_t)zero); /* CRASH */
}

/* asan      calloc-overflow crash
 * tsan      calloc-overflow crash
 * msan      calloc-overflow crash
 * lsan      calloc-overflow crash
 * hwasan    calloc-overflow crash */
FAILURE(asked_for_too_many)
{
	kept = calloc((size_t)minus_one, 2); /* CRASH */
}

/* asan      bad-param "reallocarray" crash */
FAILURE(grown_by_too_many)
{
	kept = reallocarray(malloc(4), (size_t)minus_one, 2); /* CRASH */
}

/* asan      bad-param "pvalloc" crash
 * tsan      bad-param "pvalloc" crash
 * msan      bad-param "pvalloc" crash */
FAILURE(pages_overflow)
{
	kept = pvalloc((size_t)minus_one); /* CRASH */
}

/* asan      bad-param "invalid allocation alignment: 48" crash
 * tsan      bad-param "invalid allocation alignment: 48" crash
 * msan      bad-param "invalid allocation alignment: 48" crash */
FAILURE(aligned_oddly)
{
	kept = memalign(47 + (size_t)one, 64); /* CRASH */
}

/* asan      bad-param "aligned_alloc" crash
 * tsan      bad-param "aligned_alloc" crash */
FAILURE(aligned_to_no_multiple)
{
	kept = aligned_alloc(64, 31 + (size_t)one); /* CRASH */
}

/* asan      bad-param "posix_memalign" crash
 * tsan      bad-param "posix_memalign" crash */
FAILURE(aligned_below_a_pointer)
{
	void *p = NULL;

	sink = (char)posix_memalign(&p, 3, 31 + (size_t)one); /* CRASH */
	kept = p;
}

/* asan      bad-param address "malloc_usable_size" crash alloc */
FAILURE(measured_what_is_not_there)
{
	char *volatile p = malloc(8); /* ALLOC */

	sink = (char)malloc_usable_size(p + one); /* CRASH */
}

