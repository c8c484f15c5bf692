/*
 * An input that fails nowhere as a reproduction runs it: does it fail as the engine that
 * found it runs it, and what is the difference?
 *
 * Two things differ there: the runtime options of fuzzing, and that one process runs many
 * units, so that what one leaves behind meets the next. Both together are tried first,
 * with the input again and again in one process; where that fails, the options alone.
 * Everything else is the same as in a reproduction: build, sandbox, limits, address space,
 * a work folder of its own.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_ENVIRONMENT_H
#define TRIAGE_ENVIRONMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

/* So often in one process. */
#define TRIAGE_ENVIRONMENT_REPEAT 64

struct triage_environment_spec {
	const struct iw_build
		*build; /* of the flavour of the find; borrowed until done */
	const struct triage_target *target; /* likewise */
	const void *input;		    /* likewise */
	size_t len;
	struct triage_subject subject;
};

struct triage_environment_result {
	const char *why; /* it fails there: a sentence that says how; NULL: it does not */
	const struct triage_signature *signature; /* with why */
	unsigned runs, hits;			  /* processes */
	int64_t cpu_us;
};

struct triage_environment;
/* err is set when the runs could not be made. */
typedef void (*triage_environment_cb)(
	struct triage_environment *op, const struct iw_err *err, void *ctx);

/* Copies spec; done fires exactly once, later. */
struct triage_environment *triage_environment_start(const struct triage_world *world,
	const struct triage_environment_spec *spec, triage_environment_cb done,
	void *ctx);
void triage_environment_stop(struct triage_environment *op);
/* After done; borrowed until free. */
const struct triage_environment_result *triage_environment_result(
	const struct triage_environment *op);
void triage_environment_free(struct triage_environment *op);

#endif
