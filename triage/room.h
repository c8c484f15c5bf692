/*
 * What the files of triage share among themselves: the bugs in memory, and the hand-over
 * between judging and pursuing. Not for other rooms. Thread: the loop.
 */
#ifndef TRIAGE_ROOM_H
#define TRIAGE_ROOM_H

#include "triage/bug_db.h"
#include "triage/signature.h"
#include "triage/triage.h"

struct triage_bug {
	struct triage_bug *next;
	struct triage *triage;
	int64_t id; /* -1 while its row is being written */
	int64_t adapter_id, target_id;
	struct triage_signature signature;
	const struct triage_target *target; /* NULL until announced */
	struct triage_bug *merged_into;	    /* NULL: it stands for itself */
	bool is_dirty;			    /* the issue is older than the sightings */
	bool has_issue;			    /* attributed and published once */
	bool is_fixed;			    /* its state */
	bool wants_retest;		    /* nobody knows whether the snapshot has it */
	bool is_settled;		    /* in the database when it was announced */
	unsigned tries;			    /* pursuits that failed, in a row */
};

/* A crash that waits for its verdict. */
struct triage_case {
	struct triage_case *next;
	struct triage *triage;
	int64_t crash_id;
	const struct triage_target *target;
	char flavour[40];
	char kind[16];
	struct iw_sha256 input;
	bool is_retry;	       /* it did not reproduce on older builds */
	unsigned tries;	       /* judgements that failed */
	int64_t not_before_ms; /* after one that failed */
};

/* The bug that a crash is a sighting of, perhaps one that was merged into another by now;
 * NULL: nobody knows it. */
struct triage_bug *triage_match(struct triage *t, const struct triage_target *target,
	const struct triage_signature *sig);
/* A bug in memory, without a row yet. Copies the signature. */
struct triage_bug *triage_bug_new(struct triage *t, const struct triage_target *target,
	const struct triage_signature *sig);
/* Its row could not be written. */
void triage_bug_forget(struct triage *t, struct triage_bug *bug);
/* What it is by now: itself, or what it was merged into. */
struct triage_bug *triage_bug_survivor(struct triage_bug *bug);
/* A crash was stored as a sighting of a known bug: does it speak for a second one? */
void triage_bug_sighted(struct triage *t, struct triage_bug *bug,
	const struct triage_case *c, const struct triage_signature *sig);

const struct triage_world *triage_world_of(const struct triage *t);
const struct triage_events *triage_events_of(const struct triage *t);
/* It was fixed, and shows again. */
void triage_tell_back(const struct triage *t, int64_t bug_id);

/* judge.c: takes the case; triage_case_done() when it has a verdict or gave up. */
struct triage_judge;
struct triage_judge *triage_judge_start(struct triage_case *c);
void triage_judge_stop(struct triage_judge *j);
/* Back from judge.c: frees the case. bug is one to pursue, or NULL. */
void triage_judge_done(struct triage *t, struct triage_judge *j, struct triage_bug *bug);
/* Before that: it has no verdict, for a reason that may pass. Copies the case. */
void triage_judge_again(struct triage *t, const struct triage_case *c);

/* pursue.c: minimizes, attributes and publishes what is not done yet. */
struct triage_pursuit;
struct triage_pursuit *triage_pursue_start(struct triage *t, struct triage_bug *bug);
void triage_pursue_stop(struct triage_pursuit *p);
/* Back from pursue.c. */
void triage_pursue_done(struct triage *t, struct triage_pursuit *p);
/* Before that: it is not settled, for a reason that may pass. */
void triage_pursue_again(
	struct triage *t, struct triage_bug *bug, const struct iw_err *err);

/* retest.c: does it still show on the snapshot of its target? */
struct triage_retest;
struct triage_retest *triage_retest_start(struct triage *t, struct triage_bug *bug);
void triage_retest_stop(struct triage_retest *r);
/* Back from retest.c: bug has its answer; NULL: not now. */
void triage_retest_done(
	struct triage *t, struct triage_retest *r, struct triage_bug *bug, bool shows);

/* merging.c: the bugs in memory, and one more of them to pursue. */
struct triage_known *triage_known_of(struct triage *t);
void triage_pursue_new(struct triage *t, struct triage_bug *bug);

/* Around the time in which a crash is stored, but not queued yet. */
void triage_hint_begin(struct triage *t);
void triage_hint_end(struct triage *t);
bool triage_is_stopping(const struct triage *t);

/* Around each request whose callback needs triage. */
void triage_request_begin(struct triage *t);
void triage_request_end(struct triage *t);

#endif
