/*
 * Many files through one program, each once: which of them fail? The first pass of
 * `ironworks triage`. As many batches at a time as there are slots, small ones, so that at
 * the end none waits for another; a file that takes its whole batch down is told apart.
 *
 * Thread: the loop.
 */
#ifndef IW_CLI_SIFT_H
#define IW_CLI_SIFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/files.h"
#include "cli/plain.h"
#include "engine/driver.h"

struct cli_sift_events {
	void *ctx;
	/* What became of a file; result is borrowed, its report has no names. NULL: it
	 * cannot be run together with others, so it must be run alone. */
	void (*unit)(void *ctx, size_t file, const struct engine_unit_result *result);
	/* Once, later, when nothing runs any more. err: stopped, or our own failure. */
	void (*done)(void *ctx, const struct iw_err *err);
};

struct cli_sift;

/* todo are indices of files, in the order in which they are to be run; copied. The rest
 * is borrowed until done. */
struct cli_sift *cli_sift_start(const struct cli_plain *plain,
	const struct cli_files *files, const size_t *todo, size_t count,
	const struct cli_sift_events *events);
void cli_sift_stop(struct cli_sift *sift);
/* Files that have run, those that run included. */
size_t cli_sift_progress(const struct cli_sift *sift);
/* After done, also inside it. */
void cli_sift_free(struct cli_sift *sift);

#endif
