/*
 * One llvm-symbolizer that stays: a sandboxed job that sees one build and /usr, writes
 * nothing, and is asked and answers line by line.
 *
 * It dies when it wants to (debug information is hostile), when it is stopped, and by
 * itself when this process is gone, since its stdin ends then. Thread: the loop.
 */
#ifndef SANITIZERS_SYMBOL_CHILD_H
#define SANITIZERS_SYMBOL_CHILD_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/job.h"

struct san_child;

struct san_child_events {
	void *ctx;
	/* One answer, without its line feed; borrowed. */
	void (*line)(void *ctx, const char *line, size_t len);
	/* It has ended; why is a few words. Exactly once, later; the child is freed
	 * behind it. */
	void (*gone)(void *ctx, const char *why);
};

/* program is llvm-symbolizer's path, dir the build that it may read. */
int san_child_start(struct san_child **out, struct iw_jobs *jobs, const char *program,
	const char *dir, const struct san_child_events *events, struct iw_err *err);
/* Writes lines; never waits. */
void san_child_ask(struct san_child *child, const struct iw_buf *lines);
/* Again: kills. gone comes as always, lines no more. why is what gone is told, unless
 * there was a reason before; or NULL. */
void san_child_stop(struct san_child *child, const char *why);

#endif
