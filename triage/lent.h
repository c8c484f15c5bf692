/*
 * A build that a decision has lent, to run something on it: of a tree that nobody fuzzes,
 * so that it waits for room in the disk budget and may leave once it was let go. One at a
 * time: asking for the next lets the last one go. Thread: the loop.
 */
#ifndef TRIAGE_LENT_H
#define TRIAGE_LENT_H

#include "adapters/project.h"
#include "base/build.h"

struct triage_lent;
/* lent->build is NULL and err set when there was no answer (stopped, disk full, no room). */
typedef void (*triage_lent_cb)(struct triage_lent *lent, const struct iw_err *err);

struct triage_lent {
	const struct project *project;
	const char *flavour;
	void *ctx;
	const struct iw_build *build;
	bool is_made; /* for this question, not found */
	/* below: private */
	struct iw_build_req req;
	bool is_asked;
	triage_lent_cb done;
};

/* done fires exactly once, later. */
void triage_lent_ask(struct triage_lent *lent, const char *tree, triage_lent_cb done);
/* What is being built for it is ended; done comes as always. */
void triage_lent_stop(struct triage_lent *lent);
void triage_lent_let_go(struct triage_lent *lent);

#endif
