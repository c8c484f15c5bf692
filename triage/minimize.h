/*
 * Makes a reproducer small: the candidates of shrink.h, run by the driver many to a
 * process on the build that judges the bug, until nothing gets smaller or the time is up.
 *
 * The result is what the driver confirmed; the caller confirms it once more in fresh
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

struct triage_minimize_spec {
	const struct iw_build *build;		  /* borrowed until done */
	const struct triage_target *target;	  /* likewise */
	const struct triage_signature *signature; /* likewise */
	const void *input;			  /* copied */
	size_t len;
	unsigned hits, runs; /* how often it reproduces */
	int64_t budget_ms;   /* wall time */
	struct triage_subject subject;
};

struct triage_minimize;
/* err: the driver could not work; the best so far stands all the same. */
typedef void (*triage_minimize_cb)(
	struct triage_minimize *op, const struct iw_err *err, void *ctx);

/* done fires exactly once, later. */
struct triage_minimize *triage_minimize_start(const struct triage_world *world,
	const struct triage_minimize_spec *spec, triage_minimize_cb done, void *ctx);
void triage_minimize_stop(struct triage_minimize *op);
/* After done; borrowed until free. */
const uint8_t *triage_minimize_best(const struct triage_minimize *op, size_t *len);
size_t triage_minimize_candidates(const struct triage_minimize *op);
int64_t triage_minimize_cpu_us(const struct triage_minimize *op);
void triage_minimize_free(struct triage_minimize *op);

#endif
