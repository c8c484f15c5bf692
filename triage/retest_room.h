/*
 * A bug that is run on a newer snapshot, for the files that it is made of: retesting.c asks for
 * builds and runs, retest_store.c writes down what came of them. Thread: the loop;
 * triage_retest_store(): the database's.
 */
#ifndef TRIAGE_RETEST_ROOM_H
#define TRIAGE_RETEST_ROOM_H

#include "triage/mender.h"
#include "triage/reproduce.h"
#include "triage/retest.h"
#include "triage/room.h"

#define TRIAGE_TWINS_MAX 8

struct triage_retest {
	struct triage *triage;
	const struct triage_world *world;
	struct triage_bug *bug;
	const struct staging_snapshot *snapshot;
	struct bug_row row;
	char *input;
	size_t len;
	struct triage_retest_plan plan;

	struct iw_db_req db_req;
	struct iw_build_req build_req;
	const struct iw_build *build;
	struct triage_reproduce *run;
	struct triage_reach_run *reach_run;
	struct triage_mender *mender; /* which pull request it was, where it is fixed */
	char *blame;		      /* who brought it: the row's proof */
	char *mend;		      /* who mended it the last time, likewise */
	char *fault_file;	      /* of one that is fixed */
	enum triage_reach reach;
	unsigned runs, hits, others; /* runs: all of them */
	int64_t ms;		     /* slot time of runs */
	int64_t cpu_us;
	bool shows_elsewise;
	const char *obstacle;
	/* What failed instead, and whether that is this bug by other names. */
	struct triage_signature today; /* with its former names */
	bool was_asked, is_renamed;
	char *report; /* by today's names */
	size_t report_len;
	int64_t twins[TRIAGE_TWINS_MAX]; /* bugs that were made of today's names */
	size_t twin_count;
	bool is_fixed; /* its new state */
	bool is_gone;  /* it is fixed, and was not before */
	bool is_back;  /* it is regressed now */
	bool is_stopped;
};

/* bug_db_cb: what is needed of the bug's row, whose strings belong to the list. */
int triage_retest_take_row(void *ctx, const struct bug_row *row);
/* One sentence, and the state that it would be in, as far as is known now. */
char *triage_retest_told(const struct triage_retest *r);
const char *triage_retest_state_now(const struct triage_retest *r);
/* The answer, and what it means for the bug: within one transaction. ctx is the retest. */
int triage_retest_store(struct iw_dbc *dbc, void *ctx, struct iw_err *err);

#endif
