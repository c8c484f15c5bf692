/*
 * One input, run in fresh processes on one build: does it fail, how often, and what does
 * the report say? Where that is asked for, with what engines do otherwise.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_REPRODUCE_H
#define TRIAGE_REPRODUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/severity.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

struct triage_reproduce_spec {
	const struct iw_build *build;	    /* borrowed until done */
	const struct triage_target *target; /* likewise */
	const void *input;		    /* likewise */
	size_t len;
	unsigned runs;	    /* at most */
	unsigned stop_hits; /* enough after so many hits; 0: make all runs */
	/* Instead of both: on until triage_rate_wants_more() says no, and runs were made at
	 * least unless they are too dear. */
	bool is_for_rate;
	/* No further run begins when they are spent (triage_rate_is_spent); 0: whatever they
	 * cost. For a rate it is that of rates. */
	int64_t price_ms;
	/* What was there before and counts for these two. */
	unsigned had_hits, had_runs;
	int64_t had_ms;
	/* Each run costs its timeout, and its stack is sampled while it lives. */
	bool is_hang;
	/* As an engine does it: with the runtime options of fuzzing, and so often in each
	 * process (0: once). */
	bool as_engine;
	unsigned repeat;
	enum iw_purpose purpose;
	struct triage_subject subject; /* for whom it is done */
	/* Only failures like this one are hits; NULL: every failure is, and must then be
	 * like the first. */
	const struct triage_signature *same;
};

struct triage_reproduce_result {
	unsigned runs, hits;
	unsigned others;		   /* failures that are something else */
	struct triage_signature other;	   /* of the first of those */
	int64_t cpu_us;			   /* of all runs */
	int64_t ms;			   /* that they held a slot */
	struct triage_signature signature; /* of the first hit; hangs: of all hits */
	struct triage_severity severity;   /* likewise */
	char *report;			   /* text of the first hit; NULL without one */
	size_t report_len;
};

struct triage_reproduce;
/* err is set when the runs could not be made (sandbox, disk, stopped): no answer then. */
typedef void (*triage_reproduce_cb)(
	struct triage_reproduce *op, const struct iw_err *err, void *ctx);

/* Copies spec; done fires exactly once, later. */
struct triage_reproduce *triage_reproduce_start(const struct triage_world *world,
	const struct triage_reproduce_spec *spec, triage_reproduce_cb done, void *ctx);
void triage_reproduce_stop(struct triage_reproduce *op);
/* After done; borrowed until free. */
struct triage_reproduce_result *triage_reproduce_result(struct triage_reproduce *op);
void triage_reproduce_free(struct triage_reproduce *op);

/* The text of a naming that is done, and at its end why names are missing if any are for
 * such a reason. Frees the naming; the caller owns the text. */
char *triage_named_report(struct san_naming *naming, size_t *len);

/* What a report says, as a signature; false when it says nothing. sig is initialised;
 * severity may be NULL. How the
 * process ended (NULL: not known) tells which of several reports can be its own. */
bool triage_read_report(const char *text, size_t len, const struct iw_exit *exit,
	struct triage_signature *sig, struct triage_severity *severity);

#endif
