/* The job as the supervisor ordered it, see base/keeper_format.h. */
#ifndef IW_KEEPER_SPEC_H
#define IW_KEEPER_SPEC_H

#include <limits.h>
#include <stdbool.h>

/* A sentence about what went wrong. Functions that fill it return false. */
struct fault {
	char text[512];
};

__attribute__((format(printf, 2, 3))) bool fault_set(
	struct fault *f, const char *format, ...);

#define SPEC_UNSET LLONG_MIN

/* Strings point into the spec's text, which is never freed. */
struct spec {
	char **argv;
	char **envp;
	const char *cwd;
	const char *stdout_name;	      /* NULL: into the log */
	const char *stdin_fifo, *stdout_fifo; /* NULL: none */
	const char *seccomp;		      /* NULL: none */
	long long timeout_ms;
	long long grace_ms;
	long long stall_ms;
	long long log_limit;
	long long rss_limit_mb;
	long long process_limit;
	long long disk_limit_mb;
	long long cpu;	/* -1: any */
	long long nice; /* or SPEC_UNSET, like the limits */
	long long rlimit_core;
	long long rlimit_fsize;
	long long rlimit_nofile;
	long long rlimit_nproc;
	long long rlimit_stack;
	long long no_aslr;
	long long sandboxed;
};

bool spec_load(struct spec *spec, int dir, struct fault *fault);

#endif
