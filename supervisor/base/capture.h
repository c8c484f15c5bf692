/*
 * A short program run to its end, its output captured: for probing tools at start, never
 * for jobs. argv only, no shell. Blocks. Thread: any.
 */
#ifndef IW_BASE_CAPTURE_H
#define IW_BASE_CAPTURE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Runs argv[0] (looked up in PATH) with stdin empty and stdout and stderr into out, at
 * most 64 KiB of it; killed after timeout_ms. Returns the exit code, 128 + n for signal
 * n, or IW_ETOOL when it cannot be started, IW_EJOB when time ran out.
 */
int iw_capture(
	const char *const *argv, int timeout_ms, struct iw_buf *out, struct iw_err *err);

#endif
