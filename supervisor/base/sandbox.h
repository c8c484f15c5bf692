/*
 * The sandbox: bubblewrap's command line around a job's own.
 *
 * A job sees /usr with its usual links, what it was given to read, its work/ to write, a
 * private /tmp, /dev/shm (256 MiB of memory each) and /proc; no network, no other
 * process, an empty environment, no capabilities, no new privileges, and not the system
 * calls of seccomp.h. Where /proc cannot be mounted (a container that masks it) the
 * host's is bound read-only instead. The sandbox is never silently left out.
 */
#ifndef IW_BASE_SANDBOX_H
#define IW_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum iw_sandbox_kind {
	IW_SANDBOX_OFF,	       /* the operator said --no-sandbox; shown everywhere */
	IW_SANDBOX_BWRAP,      /* with a /proc of its own */
	IW_SANDBOX_BWRAP_PROC, /* with the host's /proc, read-only */
};

struct iw_sandbox {
	enum iw_sandbox_kind kind;
	char bwrap[256]; /* path of the program; empty when OFF */
};

/* Tries, in a fraction of a second, what works here. IW_ESANDBOX with what failed and how
 * to mend it. Blocks. */
int iw_sandbox_probe(struct iw_sandbox *sandbox, struct iw_err *err);

/* One job's walls; paths are absolute host paths. */
struct iw_sandbox_spec {
	const char *work;
	const char *const *reads;
	const char *const *writes;
	int status_fd; /* where bubblewrap reports, or -1 */
	int filter_fd; /* where it reads the system call filter, or -1 */
	int processes; /* and threads, at most; 0: no limit */
};

typedef void (*iw_sandbox_arg_cb)(void *ctx, const char *arg);
/* Calls add for each word that goes before the job's own command. Nothing when OFF. */
void iw_sandbox_args(const struct iw_sandbox *sandbox, const struct iw_sandbox_spec *spec,
	iw_sandbox_arg_cb add, void *ctx);

const char *iw_sandbox_name(const struct iw_sandbox *sandbox);

#endif
