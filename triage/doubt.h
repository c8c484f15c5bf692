/*
 * Are merges really at fault that one input says are? It may just take a way to the bug that
 * one of them opened.
 *
 * Of several merges each set with one left out is put on the base and searched for another
 * input with the same bug. An input found counts only when the snapshot shows the bug with
 * it, too.
 *
 * Of a change as a whole the base itself is searched. Where the change moved the way to the
 * bug, no input shows it on both sides; so there what is found counts as it is.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_DOUBT_H
#define TRIAGE_DOUBT_H

#include <stddef.h>
#include <stdint.h>

#include "triage/bisect.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

#define TRIAGE_DOUBT_S 10 /* of the engine, for each set of several */

struct triage_doubt_spec {
	const struct triage_target *target;	  /* borrowed until done */
	const char *flavour;			  /* likewise */
	const struct triage_signature *signature; /* likewise */
	const void *input;			  /* likewise */
	size_t len;
	const void *original; /* what it was made smaller from, likewise; or NULL */
	size_t original_len;
	int64_t seconds;		  /* of the engine, for each tree */
	size_t merges[TRIAGE_BISECT_SET]; /* ascending, at least two, or: */
	size_t count;
	const char *base; /* the tree that is searched, likewise; NULL: those sets */
	struct triage_subject subject;
};

/* What shows the bug on fewer merges. */
struct triage_doubt_result {
	const char *input; /* NULL: none was found. Borrowed until free */
	size_t len;
	unsigned hits, runs; /* of input on the snapshot, or on the base */
	size_t left_out; /* the merge that it does not need; 0: the base was searched */
	int64_t cpu_us;	 /* of all jobs, also when nothing was found */
	int64_t base_ms; /* that the base was fuzzed, likewise */
};

struct triage_doubt;
typedef void (*triage_doubt_cb)(
	struct triage_doubt *doubt, const struct iw_err *err, void *ctx);

/* Copies spec; done fires exactly once, later. */
struct triage_doubt *triage_doubt_start(const struct triage_world *world,
	const struct triage_doubt_spec *spec, triage_doubt_cb done, void *ctx);
void triage_doubt_stop(struct triage_doubt *doubt);
const struct triage_doubt_result *triage_doubt_result(const struct triage_doubt *doubt);
void triage_doubt_free(struct triage_doubt *doubt);

#endif
