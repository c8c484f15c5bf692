/* The command of the job: forked, limited, executed. */
#ifndef IW_KEEPER_COMMAND_H
#define IW_KEEPER_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/keeper/spec.h"

/* Descriptors that the command gets; -1 where it gets none. */
struct command_fds {
	int in;
	int out;
	int err;
	int bwrap;
	int seccomp;
};

/*
 * Starts the command and waits until it is executed. False with a sentence when it was
 * not; the child, if there was one, has been reaped.
 */
bool command_start(const struct spec *spec, const struct command_fds *fds, pid_t *pid,
	struct fault *fault);

#endif
