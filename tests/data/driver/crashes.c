/* Every third unit crashes, in the way that $KIND says. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *kind = "";
static volatile int zero;
static void (*volatile nowhere)(void);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *volatile kept;

__attribute__((noinline)) static void null(void)
{
	*(volatile int *)(uintptr_t)zero = 1;
}

__attribute__((noinline)) static int recurse(volatile char *from)
{
	volatile char room[512];

	room[0] = from ? from[0] : 0;
	return recurse(room) + room[0];
}

__attribute__((noinline)) static void corrupt_allocator(void)
{
	char *volatile first = malloc(64);

	/* What it gave back is written to, and lent out again. */
	kept = malloc(64);
	free(first);
	free(kept);
	memset(kept, 'A', 16);
	kept = malloc(64);
	kept = malloc(64);
}

__attribute__((noinline)) static void overflow(void)
{
	kept = malloc(8);
	kept[8 + zero] = 1;
	free(kept);
}

__attribute__((noinline)) static void use_freed(void)
{
	kept = malloc(8);
	free(kept);
	kept[zero] = 1;
}

static void *crash_there(void *arg)
{
	null();
	return arg;
}

__attribute__((noinline)) static void crash_in_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, crash_there, NULL);
	pthread_join(thread, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	kind = getenv("KIND") ? getenv("KIND") : "";
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (strcmp(kind, "lock") == 0)
		pthread_mutex_lock(&lock);
	if (size > 0 && data[0] % 3 == 0) {
		if (strcmp(kind, "null") == 0 || strcmp(kind, "lock") == 0)
			null();
		else if (strcmp(kind, "abort") == 0)
			abort();
		else if (strcmp(kind, "assert") == 0)
			assert(zero == 1);
		else if (strcmp(kind, "trap") == 0)
			__builtin_trap();
		else if (strcmp(kind, "recursion") == 0)
			recurse(NULL);
		else if (strcmp(kind, "nowhere") == 0)
			nowhere();
		else if (strcmp(kind, "division") == 0)
			zero = 5 / zero;
		else if (strcmp(kind, "copy") == 0)
			memcpy((void *)(uintptr_t)(8 + zero), &nowhere, 400 + (size_t)zero);
		else if (strcmp(kind, "memory") == 0) {
			kept = malloc(1 << 20);
			memset(kept, 1, 1 << 20);
			null();
		} else if (strcmp(kind, "allocator") == 0)
			corrupt_allocator();
		else if (strcmp(kind, "overflow") == 0)
			overflow();
		else if (strcmp(kind, "freed") == 0)
			use_freed();
		else if (strcmp(kind, "thread") == 0)
			crash_in_thread();
	}
	if (strcmp(kind, "lock") == 0)
		pthread_mutex_unlock(&lock);
	zero = 0;
	return 0;
}
