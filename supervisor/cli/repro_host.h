/*
 * A bug of a farm on another host, made to run here: its recipe, its input and its build
 * are fetched by content into $XDG_CACHE_HOME/ironworks, and from then on it works without
 * the host, too.
 *
 *	hosts/<hash>/bug-3.json    what the host said, per host
 *	inputs/<sha256>
 *	builds/<closure>/…         checked file by file whenever they are used
 *
 * Blocks. Thread: the main thread.
 */
#ifndef IW_CLI_REPRO_HOST_H
#define IW_CLI_REPRO_HOST_H

#include "cli/repro_run.h"

/* Fills subject and job. The caller frees what repro_host_fini() frees. *is_unreachable:
 * the host does not answer, and nothing is cached. */
struct repro_host {
	struct subject subject;
	struct repro_job job;
	/* below: private */
	const struct repro_wish *wish;
	char *token, *cache, *input_path;
	char *dirs[REPRO_BUILDS_MAX];
	json_t *recipe;
	bool is_online;
};

int repro_host_fetch(struct repro_host *host, const struct repro_wish *wish,
	bool *is_unreachable, struct iw_err *err);
void repro_host_fini(struct repro_host *host);

#endif
