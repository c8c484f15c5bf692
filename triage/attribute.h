/*
 * Blame: answers the questions of bisect.h with real builds and real runs, remembers each
 * answer by tree, and so goes on where it was stopped.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_ATTRIBUTE_H
#define TRIAGE_ATTRIBUTE_H

#include <stddef.h>
#include <stdint.h>

#include "triage/bisect.h"
#include "triage/signature.h"
#include "triage/world.h"

struct triage_attribute_spec {
	int64_t bug_id;
	const struct triage_target *target;	  /* borrowed until done */
	const char *flavour;			  /* of the builds; borrowed until done */
	const struct triage_signature *signature; /* likewise */
	const void *input;			  /* likewise */
	size_t len;
	const void
		*original; /* what it was made smaller from, likewise; NULL: not known */
	size_t original_len;
	unsigned hits, runs; /* of the input on the snapshot */
	/* Which merge mended it, as the bisection's. */
	bool is_mend;
	size_t shown;
	size_t after; /* or which one brought it back, likewise */
	/* Where its report says it fails, or NULL: a fault of the target's own files is not
	 * looked for in trees that have them only because they were carried there. */
	const char *fault_file; /* copied by nobody: until start returns */
};

struct triage_attribute;
/* err: it could not be decided now (stopped, disk full); ask again after a restart. */
typedef void (*triage_attribute_cb)(
	struct triage_attribute *op, const struct iw_err *err, void *ctx);

/* done fires exactly once, later. */
struct triage_attribute *triage_attribute_start(const struct triage_world *world,
	const struct triage_attribute_spec *spec, triage_attribute_cb done, void *ctx);
void triage_attribute_stop(struct triage_attribute *op);
/* After done without err; borrowed until free. */
const struct triage_attribution *triage_attribute_result(
	const struct triage_attribute *op);
/* The proof as JSON text: triage_bisect_json(), and "base_fuzzed_s" where the base was
 * fuzzed from the input. The caller frees. */
char *triage_attribute_proof(const struct triage_attribute *op);
/* CPU time of its jobs that is not in the bug's row yet. */
int64_t triage_attribute_cpu_us(const struct triage_attribute *op);
void triage_attribute_free(struct triage_attribute *op);

#endif
