/*
 * Writes the issue of a bug into the outbox: the same file again when anything about the
 * bug changed, never a second one. Thread: the loop; the text is made on the database
 * thread from what is committed.
 */
#ifndef TRIAGE_PUBLISH_H
#define TRIAGE_PUBLISH_H

#include "triage/world.h"

typedef void (*triage_published_cb)(void *ctx, const struct iw_err *err);
/* done fires exactly once, later. target is that of the bug. */
void triage_publish(const struct triage_world *world, int64_t bug_id,
	const struct triage_target *target, triage_published_cb done, void *ctx);

#endif
