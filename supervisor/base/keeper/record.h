/* The two records the keeper leaves, and what bwrap tells. */
#ifndef IW_KEEPER_RECORD_H
#define IW_KEEPER_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/keeper/spec.h"

struct ending {
	int status; /* raw; -1: never started */
	const char *reason;
	bool is_forced;
	int bwrap_exit; /* -1: bwrap did not say */
	struct rusage usage;
	uint64_t wall_ms;
	uint64_t log_bytes;
	uint64_t stdout_bytes;
	uint64_t lost_bytes;
	const char *error; /* NULL: none */
};

/* Atomic and on disk when they return true. */
bool record_keeper(int dir, struct fault *fault);
bool record_exit(int dir, const struct ending *ending, struct fault *fault);

/* A number that bwrap has written to its status file, -1 if it has not. */
int record_bwrap(int dir, const char *key);

#endif
