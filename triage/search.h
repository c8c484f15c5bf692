/*
 * Does a tree have a bug that one input does not show there? The input may take a way to
 * the bug that the tree lacks: libFuzzer runs on the tree's build, from the input and the
 * target's distilled corpus, and what it finds is judged by its signature.
 *
 * Finding nothing proves nothing; finding something does. Thread: the loop.
 */
#ifndef TRIAGE_SEARCH_H
#define TRIAGE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

struct triage_search_spec {
	const struct iw_build *build;		  /* borrowed until done */
	const struct triage_target *target;	  /* likewise */
	const struct triage_signature *signature; /* likewise */
	const void *input;			  /* likewise */
	size_t len;
	const void *other; /* one more to begin with, likewise; or NULL */
	size_t other_len;
	/* Without the corpus: a unit of it that goes the same way as the input would be kept
	 * in its stead, and what is special about the input be lost. */
	bool is_alone;
	int64_t seconds; /* of the engine, wall time on one core */
	struct triage_subject subject;
};

struct triage_search;
/* err: the engine could not run (stopped, sandbox, disk). */
typedef void (*triage_search_cb)(
	struct triage_search *search, const struct iw_err *err, void *ctx);

/* Copies spec; done fires exactly once, later. */
struct triage_search *triage_search_start(const struct triage_world *world,
	const struct triage_search_spec *spec, triage_search_cb done, void *ctx);
void triage_search_stop(struct triage_search *search);
/* After done: another input that shows the bug on the tree, NULL when none was found.
 * Borrowed until free. */
const char *triage_search_found(const struct triage_search *search, size_t *len);
/* Of the engine's time, at most what it was given. */
int64_t triage_search_spent_ms(const struct triage_search *search);
/* CPU time of its jobs. */
int64_t triage_search_cpu_us(const struct triage_search *search);
void triage_search_free(struct triage_search *search);

#endif
