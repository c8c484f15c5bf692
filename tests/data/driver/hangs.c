/* 'm': malloc and free for ever, below two functions. 's': nearly always asleep. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define APART __attribute__((noinline))

static void *volatile kept;

static APART void take(size_t n)
{
	kept = malloc(n);
	free(kept);
}

static APART void grow(void)
{
	for (size_t n = 1;; n = n % 4096 + 1)
		take(n);
}

static APART void doze(void)
{
	for (;;)
		sleep(1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'm')
		grow();
	if (size > 0 && data[0] == 's')
		doze();
	return 0;
}
