/*
 * Makes a reproducer small: the candidates of shrink.h, run by drivers that stay
 * (engine/session.h) on the build that judges the bug, until nothing gets smaller or the
 * time is up.
 *
 * It uses up to `width` slots: the first takes all candidates, each further one its share
 * from when it has got a core, so a farm that is busy with other things is not waited for.
 *
 * The result is what a driver confirmed; the caller confirms it once more in fresh
 * processes and keeps the old input if that fails. Thread: the loop.
 */
#ifndef TRIAGE_MINIMIZE_H
#define TRIAGE_MINIMIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

struct triage_minimize;
/* err: the driver could not work; the best so far stands all the same. */
typedef void (*triage_minimize_cb)(
	struct triage_minimize *op, const struct iw_err *err, void *ctx);

struct triage_minimize_spec {
	const struct iw_build *build;		  /* borrowed until done */
	const struct triage_target *target;	  /* likewise */
	const struct triage_signature *signature; /* likewise */
	const void *input;			  /* copied */
	size_t len;
	unsigned hits, runs; /* how often it reproduces */
	unsigned width;	     /* slots at most; 0: one */
	size_t candidates;   /* at most; 0: as many as such a bug is worth */
	size_t chances;	     /* shrink.h; not for hangs and flaky ones */
	int64_t budget_ms;   /* wall time */
	struct triage_subject subject;
	/* The best has got smaller; may be NULL. */
	void (*gained)(struct triage_minimize *op, void *ctx);
	void *ctx; /* of gained */
};

/* done fires exactly once, later. */
struct triage_minimize *triage_minimize_start(const struct triage_world *world,
	const struct triage_minimize_spec *spec, triage_minimize_cb done, void *ctx);
void triage_minimize_stop(struct triage_minimize *op);
/* Borrowed until the next gain or free. */
const uint8_t *triage_minimize_best(const struct triage_minimize *op, size_t *len);
/* So far. */
size_t triage_minimize_candidates(const struct triage_minimize *op);
/* After done. */
int64_t triage_minimize_cpu_us(const struct triage_minimize *op);
void triage_minimize_free(struct triage_minimize *op);

#endif
