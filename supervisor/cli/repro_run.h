/*
 * A bug's or a crash's input on one build or on several, here and now: where they come
 * from, a state folder or another host, is for others. Thread: the main thread.
 */
#ifndef IW_CLI_REPRO_RUN_H
#define IW_CLI_REPRO_RUN_H

#include "cli/cli.h"
#include "subject.h"

#define REPRO_BUILDS_MAX 8

struct repro_wish {
	struct cli_common common;
	const char *what; /* as it was said */
	int64_t bug, crash;
	int64_t runs;
	const char *host, *token_file;
	const char *commit;
	bool all; /* every flavour that can judge */
	bool gdb, rr;
};

/* The number of the bug that a failure is known as; 0: none. */
typedef int64_t (*repro_known_cb)(void *ctx, const struct triage_signature *sig);

struct repro_job {
	const struct subject *subject; /* with its input */
	const char *input_path;
	struct iw_build builds[REPRO_BUILDS_MAX]; /* with their dirs, borrowed */
	size_t build_count;
	const char *host;     /* NULL: here */
	bool is_cached;	      /* the host was not asked */
	repro_known_cb known; /* NULL: nobody can tell */
	void *known_ctx;
};

/* Says on stdout what came of it. *is_hit: it reproduced somewhere. */
int repro_run(const struct repro_wish *wish, const struct repro_job *job, bool *is_hit,
	struct iw_err *err);
/* Becomes the tool that was wished for, on the very command and environment. Returns only
 * when that fails. */
int repro_debug(
	const struct repro_wish *wish, const struct repro_job *job, struct iw_err *err);
/* The same for a command that somebody else made: adapters/target_command.h. env's values
 * belong to the environment afterwards. */
int repro_become(bool is_rr, char **command, char **env, struct iw_err *err);

#endif
