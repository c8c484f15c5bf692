/* Signals: each runtime has a handler of its own for them, and a debugger sees them first. */
#include "mill.h"

#include <sys/mman.h>
#include <unistd.h>

/* asan,ubsan@clang,msan,tsan  null-dereference read address crash
 * memcheck  null-dereference read 1 address +null-dereference crash
 * gdb       segv security crash */
FAILURE(null_read)
{
	volatile char *p = (volatile char *)(uintptr_t)(zero + 8);

	sink = *p; /* CRASH */
}

/* asan,ubsan@clang,msan,tsan  null-dereference write address crash
 * gdb       segv security crash */
FAILURE(null_write)
{
	volatile int *p = (volatile int *)(uintptr_t)(zero + 8);

	*p = 1; /* CRASH */
}

/* asan,ubsan@clang,msan,tsan  segv read address security crash
 * gdb       segv security crash */
FAILURE(wild_read)
{
	volatile char *p = (volatile char *)(uintptr_t)(0x414141410000 + zero);

	sink = *p; /* CRASH */
}

/* asan,ubsan@clang,msan,tsan  segv write address security crash
 * gdb       segv security crash */
FAILURE(wild_write)
{
	volatile int *p = (volatile int *)(uintptr_t)(0x414141410000 + zero);

	*p = 1; /* CRASH */
}

/* asan,ubsan@clang  segv write address security crash */
FAILURE(constant_write)
{
	char *volatile p = (char *)(uintptr_t)"constant";

	p[0] = 'k'; /* CRASH */
}

/* asan,tsan  null-dereference read address crash~ */
FAILURE(null_call)
{
	void (*volatile call)(void) = (void (*)(void))(uintptr_t)zero;

	call();
}

/* asan,ubsan@clang,msan,tsan  bus read crash
 * gdb       bus crash */
FAILURE(beyond_the_file)
{
	FILE *empty = tmpfile();
	volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(empty), 0);

	sink = *p; /* CRASH */
}

/* asan,msan,tsan  fpe address crash
 * gdb       fpe crash */
FAILURE(divided_by_zero)
{
	volatile int x = one / zero; /* CRASH */

	sink = (char)x;
}

/* asan,ubsan@clang,msan,tsan  ill address crash
 * gdb       ill crash */
FAILURE(illegal_instruction)
{
	__asm__ volatile("ud2"); /* CRASH */
}

/* asan,ubsan@clang  trap address crash
 * gdb       trap crash */
FAILURE(break_point)
{
	__asm__ volatile("int3\n\tnop"); /* CRASH */
}

/* asan,ubsan@clang,msan,tsan  abrt address crash
 * gdb       abrt crash */
FAILURE(gave_up)
{
	abort(); /* CRASH */
}

/* asan,ubsan@clang,msan  stack-overflow address crash
 * tsan      stack-overflow address crash~ */
FAILURE(endless_recursion)
{ /* CRASH */
	volatile char b[4096]; /* CRASH */

	b[0] = (char)one; /* CRASH */
	endless_recursion(); /* CRASH */
	sink = b[0];
}
