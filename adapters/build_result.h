/*
 * What the job of a build left: a build, one that failed, or nothing that can be known.
 * Blocks. Thread: any.
 */
#ifndef ADAPTERS_BUILD_RESULT_H
#define ADAPTERS_BUILD_RESULT_H

#include "adapters/adapter.h"
#include "base/build.h"
#include "base/job.h"

struct build_result {
	struct iw_job *job;
	const struct iw_exit *exit;
	const struct adapter *adapter;
	const char *builds_dir;
};

/* Moves what was built to build->dir and the log to build->log, and sets what is known of
 * it. An error (disk full, stopped, sandbox broken) is not the tree's fault. */
int build_result_take(
	const struct build_result *result, struct iw_build *build, struct iw_err *err);

#endif
