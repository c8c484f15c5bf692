/*
 * What the hostile targets share. Each does its deed once, when an engine has run it for a
 * while, so that it gets past the first looks at a target. A deed that worked crashes in
 * deed_succeeded(), which the test must not find among the bugs.
 */
#ifndef DEED_H
#define DEED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places.h" /* CANARY, PORT, VICTIM: written by the test */

__attribute__((noinline)) static void deed_succeeded(const char *what)
{
	fprintf(stderr, "the deed succeeded: %s\n", what);
	abort();
}

static void deed(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int calls;

	(void)data;
	(void)size;
	if (++calls == 3000)
		deed();
	return 0;
}

#endif
