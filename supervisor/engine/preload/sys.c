#include "engine/preload/sys.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/banned.h"

uint64_t sys_now(void)
{
	static struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void *sys_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * The interceptors of TSan hold a handler back until the target next enters the
 * runtime, which a target that hangs in a loop never does. The libc behind us in lookup
 * order has the function itself.
 */
void sys_handle(int sig, void (*handler)(int))
{
	static struct sigaction sa;
	int (*real)(int, const struct sigaction *, struct sigaction *);

	*(void **)&real = dlsym(RTLD_NEXT, "sigaction");
	sa.sa_handler = handler;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	if (real)
		real(sig, &sa, NULL);
}

void text_add(struct text *t, const char *s)
{
	while (*s && t->len + 1 < t->cap)
		t->buf[t->len++] = *s++;
	t->buf[t->len] = '\0';
}

void text_num(struct text *t, uint64_t n)
{
	static char digits[24];
	size_t i = sizeof(digits) - 1;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_add(t, digits + i);
}

void text_hex(struct text *t, uint64_t n)
{
	static char digits[2 * sizeof(n) + 1];
	size_t i = sizeof(digits) - 1;

	do {
		digits[--i] = "0123456789abcdef"[n % 16];
		n /= 16;
	} while (n);
	text_add(t, "0x");
	text_add(t, digits + i);
}

void text_write(const struct text *t)
{
	size_t at = 0;

	while (at < t->len) {
		ssize_t n = sys_write(STDERR_FILENO, t->buf + at, t->len - at);

		if (n <= 0)
			return;
		at += (size_t)n;
	}
}
