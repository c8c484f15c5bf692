/* Programs that the C library, or they themselves, put an end to. */
#include "mill.h"

#include <assert.h>
#include <setjmp.h>
#include <sys/select.h>
#include <unistd.h>

/* libc      assert security "zero == 1 && \"never\""
 * asan,ubsan@clang,msan,tsan  assert security +abrt crash
 * gdb       assert security +abrt crash */
FAILURE(asserted)
{
	assert(zero == 1 && "never"); /* CRASH */
}

/* The form in which Bitcoin Core's own Assert() prints. */
__attribute__((noinline, noreturn)) static void assertion_fail(
	const char *file, int line, const char *function, const char *what)
{
	fprintf(stderr, "%s:%d %s: Assertion `%s' failed.\n", file, line, function, what);
	abort();
}

#define ASSERT_OWN(x) ((x) ? (void)0 : assertion_fail(__FILE__, __LINE__, __func__, #x))

/* libc      assert security "zero == 2"
 * asan,ubsan@clang,msan,tsan  assert security +abrt crash
 * gdb       assert security +abrt crash */
FAILURE(asserted_by_its_own_macro)
{
	ASSERT_OWN(zero == 2); /* CRASH */
}

/* libc      stack-smashing security */
FAILURE(stack_smashed)
{
	char b[16];
	volatile char *p = b;

	for (int i = 0; i < 64 * one; i++)
		p[i] = 'a';
	sink = b[0];
}

/* libc      fortify-failure security */
FAILURE(copied_past_a_known_size)
{
	char b[8];
	volatile size_t n = 16;

	memcpy(b, "sixteen bytes ..", n);
	sink = b[0];
}

/* libc      fortify-failure security */
FAILURE(printed_past_a_known_size)
{
	char b[4];

	sprintf(b, "%d", largest);
	sink = b[0];
}

/* libc      fortify-failure security */
FAILURE(descriptor_beyond_the_set)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(FD_SETSIZE + 8 * one, &set);
	sink = (char)FD_ISSET(0, &set);
}

/* libc      fortify-failure security */
FAILURE(counted_by_its_own_format)
{
	static char format[16] = "%d%n\n";
	int n = 0;

	printf(format, one, &n);
	sink = (char)n;
}

static jmp_buf outer;

/* libc@gcc  fortify-failure security */
HELPER void remember(void)
{
	volatile char frame[256];

	frame[0] = 1;
	if (setjmp(outer))
		sink = frame[0];
}

HELPER void jump_up(void)
{
	longjmp(outer, 1);
}

FAILURE(jumped_to_a_gone_frame)
{
	remember();
	jump_up();
}

/* Blocks that the compiler knows nothing of. */
static size_t *volatile block[2];

/* libc      heap-corruption security "munmap_chunk(): invalid pointer" */
FAILURE(freed_beyond_any_heap)
{
	static size_t fake[512] = {0, 0x20002};

	block[0] = fake + 2;
	free(block[0]);
}

/* libc      heap-corruption security "free(): invalid size" */
FAILURE(freed_with_a_broken_size)
{
	block[0] = malloc(64);
	block[0][-1] = 0xfff9;
	free(block[0]);
}

/* libc      heap-corruption security "realloc(): invalid pointer" */
FAILURE(grown_in_the_middle)
{
	block[0] = malloc(64);
	kept = realloc(block[0] + 1, 128);
}

/* libc      heap-corruption security "malloc(): corrupted top size" */
FAILURE(wrote_over_the_top)
{
	block[0] = malloc(24);
	block[0][3] = SIZE_MAX / 2;
	kept = malloc(100000);
}

/* libc      heap-corruption security "double free or corruption (!prev)" */
FAILURE(large_block_freed_twice)
{
	block[0] = malloc(0x500);
	kept = malloc(0x500);
	free(block[0]);
	free(block[0]);
}

/* libc      heap-corruption security "corrupted size vs. prev_size" */
FAILURE(wrote_over_a_size)
{
	block[0] = malloc(0x500);
	block[1] = malloc(0x500);
	kept = malloc(0x500);
	free(block[0]);
	/* The second believes that what lies before it is free and of another size. */
	block[1][-2] = 0x400;
	free(block[1]);
}

/* libc      heap-corruption security "free(): corrupted unsorted chunks" */
FAILURE(wrote_over_a_link)
{
	block[0] = malloc(0x500);
	kept = malloc(0x20);
	block[1] = malloc(0x600);
	kept = malloc(0x20);
	free(block[0]);
	/* The list of what is free must lead back to where it began. */
	block[0][0] = (size_t)(uintptr_t)&block[0][8];
	block[0][1] = (size_t)(uintptr_t)&block[0][8];
	free(block[1]);
}
