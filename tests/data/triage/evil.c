/*
 * One honest fault and five deeds, told apart by the input: "doo" overflows, the others
 * fork without an end, ignore every signal that can be, fill the disk, print a gigabyte,
 * or delete the input and whatever else lies where it does (ORIGINAL is the file that the
 * user named).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile char *volatile kept;
static char block[1 << 20];

__attribute__((noinline)) static void overflow_here(size_t n)
{
	kept = malloc(n);
	kept[n] = 1;
	free((void *)kept);
}

static void fork_on(void)
{
	for (;;)
		if (fork() < 0)
			usleep(1000);
}

static void ignore_term(void)
{
	for (int i = 1; i < 32; i++)
		if (i != SIGSEGV && i != SIGABRT)
			signal(i, SIG_IGN);
	for (volatile int i = 0;; i++)
		;
}

static void fill_disk(void)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof name, "fill-%d", i);
		int fd = open(name, O_WRONLY | O_CREAT, 0644);
		for (int n = 0; n < 256; n++)
			if (write(fd, block, sizeof block) < 0)
				return;
		close(fd);
	}
}

static void print_much(void)
{
	memset(block, 'x', sizeof block);
	for (int i = 0; i < 1024; i++)
		if (write(2, block, sizeof block) < 0)
			return;
	abort();
}

static void delete_inputs(void)
{
	DIR *dir = opendir(".");
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		unlink(entry->d_name);
	unlink(ORIGINAL);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || memcmp(data, "do", 2) != 0)
		return 0;
	switch (data[2]) {
	case 'o':
		overflow_here(size);
		break;
	case 'F':
		fork_on();
		break;
	case 'T':
		ignore_term();
		break;
	case 'D':
		fill_disk();
		break;
	case 'P':
		print_much();
		break;
	case 'U':
		delete_inputs();
		break;
	}
	return 0;
}
