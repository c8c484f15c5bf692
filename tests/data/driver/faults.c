/*
 * A target whose units choose how they end: the first byte names a fault, anything else
 * goes through a small parser that gives features.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int shared;
static volatile unsigned int sink;
static void *volatile kept;

static void *race(void *arg)
{
	shared += *(int *)arg;
	return NULL;
}

static void data_race(void)
{
	int one = 1;
	pthread_t a, b;

	pthread_create(&a, NULL, race, &one);
	pthread_create(&b, NULL, race, &one);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

static void use_uninitialised(void)
{
	int *p = malloc(sizeof(*p));

	if (*p == 42)
		sink++;
	free(p);
}

static void overflow(size_t size)
{
	char *p = malloc(size);

	sink = ((volatile unsigned char *)p)[size];
	free(p);
}

static void grow(void)
{
	for (int i = 0; i < 4096; i++) {
		char *p = malloc(1 << 20);

		memset(p, i, 1 << 20);
		kept = p;
		usleep(500);
	}
}

/* Hangs where no handler can interrupt it. */
static void be_deaf(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
}

static void talk(void)
{
	for (int i = 0; i < 40000; i++)
		fprintf(stderr, "line %d of a target that talks too much\n", i);
}

static void fault(uint8_t kind, uint8_t *data, size_t size)
{
	switch (kind) {
	case 'A':
		abort();
	case 'H':
		overflow(size);
		break;
	case 'X':
		exit(3);
	case 'Y':
		_exit(4);
	case 'T':
		for (;;)
			sink++;
	case 'B':
		kept = malloc((size_t)210 << 20);
		free(kept);
		break;
	case 'G':
		grow();
		break;
	case 'K':
		raise(SIGKILL);
		break;
	case 'L':
		kept = malloc(77);
		kept = NULL;
		break;
	case 'U':
		use_uninitialised();
		break;
	case 'D':
		data_race();
		break;
	case 'O':
		talk();
		abort();
	case 'S':
		printf("a word on stdout\n");
		fflush(stdout);
		break;
	case 'V':
		sink = data[size];
		break;
	case 'W':
		data[0] = 'w';
		break;
	case 'P':
		usleep(300000);
		break;
	case 'Q':
		be_deaf();
		break;
	case 'E':
		if (getenv("LD_PRELOAD") || getenv("IRONWORKS_DRIVER"))
			abort();
		break;
	}
}

static int parse(const uint8_t *data, size_t size)
{
	int depth = 0;
	int words = 0;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '(')
			depth++;
		else if (data[i] == ')' && depth > 0)
			depth--;
		else if (data[i] >= 'a' && data[i] <= 'z')
			words += data[i] == 'q' ? 2 : 1;
		else if (data[i] == 0)
			break;
	}
	if (depth > 2 && words > 3)
		sink = (unsigned int)depth;
	return depth == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] >= 'A' && data[0] <= 'Z')
		fault(data[0], (uint8_t *)data, size);
	return parse(data, size) ? 0 : -1;
}
