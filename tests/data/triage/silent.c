/*
 * A program without a sanitizer, which says nothing when it dies: the byte behind "die"
 * is how. It reads a file, or its standard input.
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static unsigned char input[1 << 16];

/* The compiler may assume nothing. */
static volatile long zero;
static void *volatile nowhere;

NOINLINE static void write_null(void)
{
	*(volatile int *)nowhere = 3;
}

NOINLINE static int read_wild(void)
{
	return *(volatile int *)(0x4141414100 + zero);
}

/* No processor says where: no address has such bits. */
NOINLINE static int read_impossible(void)
{
	return *(volatile int *)(0x4141414141414141 + zero);
}

NOINLINE static void check_even(long n)
{
	assert(n % 2 == 0);
}

NOINLINE static void give_up(void)
{
	abort();
}

NOINLINE static void call_nowhere(void)
{
	void (*f)(void);

	*(void **)&f = nowhere;
	f();
	zero++;
}

NOINLINE static long divide(long n)
{
	return n / zero;
}

NOINLINE static void free_twice(void)
{
	void *volatile p = malloc(8);

	free(p);
	free(p);
}

NOINLINE static int ping(volatile char *p, int n);

NOINLINE static int pong(volatile char *p, int n)
{
	volatile char room[64] = {(char)n};

	return ping(room, n + 1) + room[1] + p[0];
}

NOINLINE static int ping(volatile char *p, int n)
{
	volatile char room[96] = {(char)n};

	return n < 0 ? 0 : pong(room, n + 1) + room[1] + p[0];
}

static void *overflow_of_a_thread(void *unused)
{
	volatile char room = 1;

	ping(&room, 1);
	return unused;
}

static void on_signal(int sig)
{
	_exit(sig == SIGSEGV ? 3 : 4);
}

static int die(unsigned char how)
{
	volatile char room = 1;
	pthread_t thread;

	switch (how) {
	case 'w':
		write_null();
		break;
	case 'r':
		return read_wild();
	case 'i':
		return read_impossible();
	case 'a':
		check_even(zero + 1);
		break;
	case 'A':
		give_up();
		break;
	case 'c':
		call_nowhere();
		break;
	case 'd':
		return (int)divide(7);
	case 'f':
		free_twice();
		break;
	case 'o':
		return ping(&room, 1);
	case 't': /* nobody is left who could say it */
		pthread_create(&thread, NULL, overflow_of_a_thread, NULL);
		pthread_join(thread, NULL);
		break;
	case 'h': /* it handles that itself */
		signal(SIGSEGV, on_signal);
		write_null();
		break;
	case 'p': /* so does a parent */
		if (fork() == 0)
			write_null();
		wait(NULL);
		break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	FILE *file = argc > 1 ? fopen(argv[argc - 1], "rb") : stdin;
	size_t size = file ? fread(input, 1, sizeof input, file) : 0;

	if (size < 4 || memcmp(input, "die", 3) != 0)
		return 1;
	/* So that a smaller input is not all the same. */
	if (size > 8 && input[8] == 'x')
		write_null();
	return die(input[3]);
}
