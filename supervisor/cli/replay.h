/*
 * Running files through a target, each once, many in one process: the work of `ironworks
 * corpus replay`. Blocks; runs a loop of its own. Thread: the main thread.
 */
#ifndef IW_CLI_REPLAY_H
#define IW_CLI_REPLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cli_replay_spec {
	const char *binary; /* absolute */
	char *const *paths; /* files, and folders with files in them */
	int path_count;
	int jobs;
	int64_t timeout_ms; /* of one file */
	int64_t rss_limit_mb;
	bool no_sandbox;
	/* Now and then, for people who wait; or NULL. */
	void (*progress)(size_t done, size_t units, size_t died);
};

struct cli_replay_answer {
	const char *flavour; /* whose sanitizers looked */
	size_t units, passed, died, not_run;
	bool is_fallback; /* libFuzzer ran them, not the driver: no times, no leaks */
	int64_t cpu_us;	  /* of the target's processes */
	json_t *deaths;	  /* by path; the caller frees */
};

/* A file that died has {"path", "kind", "headline", "again"}: the headline of its report,
 * "" when it left none; again: whether one that died like it dies alone, too, null where
 * nobody has tried. Stopped by SIGINT or SIGTERM it fails with IW_ECANCELED. */
int cli_replay(const struct cli_replay_spec *spec, struct cli_replay_answer *answer,
	struct iw_err *err);

#endif
