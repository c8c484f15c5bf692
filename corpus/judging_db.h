/*
 * Table judging: which builds judge the units of a target, and how far each has come.
 *
 * A build that has seen all but the newest units is asked for what waits without a look
 * at every unit: those added before seen_ms have run on it. Who stores measures moves
 * that on, who adds units moves it back where the clock did.
 *
 * Plain synchronous functions, meant to run inside the caller's transaction. Thread: the
 * connection's.
 */
#ifndef CORPUS_JUDGING_DB_H
#define CORPUS_JUDGING_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"

/* One flavour of a target. */
struct corpus_judge {
	const char *flavour;
	int64_t build_id;  /* -1: there is no build, every unit waits */
	int64_t within_ms; /* how long a unit may wait; 0: as long as it takes */
	int64_t since_ms;  /* when that build began to judge; found by opening */
};

/* These judge the target from now on, and no others. A build that is another one than
 * before begins to judge now: until then no unit waited for it. Sets since_ms. */
int corpus_judging_open(struct iw_dbc *dbc, int64_t target_id,
	struct corpus_judge *judges, size_t count, int64_t now_ms, struct iw_err *err);

/* Good units that have not run on a flavour's build. */
struct corpus_waiting {
	int64_t units;
	int64_t oldest_ms; /* wall clock since when the first of them waits; 0: none does
			    */
	int64_t late;	   /* of them: longer than they may */
};

/* All zero when the flavour does not judge the target. */
int corpus_judging_look(struct iw_dbc *dbc, int64_t target_id, const char *flavour,
	int64_t now_ms, struct corpus_waiting *waiting, struct iw_err *err);

/* The newest build that judges the target: one of the snapshot that is fuzzed; 0: there is
 * none. */
int corpus_judging_build(
	struct iw_dbc *dbc, int64_t target_id, int64_t *build_id, struct iw_err *err);

/* Units have run on the build. */
int corpus_judging_advance(
	struct iw_dbc *dbc, int64_t target_id, int64_t build_id, struct iw_err *err);

/* Every flavour that judges the target within some time, by name. A non-zero return ends
 * the walk and is returned. */
typedef int (*corpus_judge_cb)(void *ctx, const struct corpus_judge *judge,
	const struct corpus_waiting *waiting);
int corpus_judging_each(struct iw_dbc *dbc, int64_t target_id, int64_t now_ms,
	corpus_judge_cb cb, void *ctx, struct iw_err *err);

#endif
