/*
 * Rows of the table crash: every statement on it is here. Synchronous; thread: that of
 * the connection.
 */
#ifndef TRIAGE_CRASH_DB_H
#define TRIAGE_CRASH_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/hash.h"

struct triage_crash_row {
	int64_t id;
	int64_t target_id, build_id;
	int64_t bug_id; /* -1: none */
	char adapter[48], target[48], flavour[40];
	char kind[16], state[20];
	char type[64];
	char why[256];	 /* of a state that needs a reason; "": none */
	int64_t retries; /* on newer builds, since it did not reproduce */
	struct iw_sha256 input;
	int64_t size;
	int64_t runs, hits;
	int64_t found_ms;
};

/* 0: a new row, its id in *id; 1: this input on this build was known, *id is that row. */
int crash_db_add(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	const char *kind, const struct iw_sha256 *input, int64_t size,
	const struct iw_sha256 *report, int64_t *id, struct iw_err *err);

/* What triage found out; bug_id < 0: none. */
struct crash_verdict {
	const char *state; /* judged, unreproducible, environment */
	int64_t runs, hits;
	const char *type, *frames; /* NULL when unreproducible */
	const char *why;	   /* of those two; or NULL */
	int64_t bug_id;		   /* may be merged by now: the row gets the survivor */
	int64_t tried_build;	   /* row of its target's reference build */
};
/* One that a person gave to a bug stays with it. */
int crash_db_judge(struct iw_dbc *dbc, int64_t id, const struct crash_verdict *verdict,
	struct iw_err *err);
/* It was run once more, on newer builds, and did not fail there either. */
int crash_db_retried(
	struct iw_dbc *dbc, int64_t id, int64_t tried_build, struct iw_err *err);

typedef int (*crash_db_cb)(void *ctx, const struct triage_crash_row *row);

/* What to list; zero-initialised means everything, newest first. */
struct crash_filter {
	const char *state; /* or NULL */
	int64_t id;	   /* 0: any */
	int64_t bug_id;	   /* 0: any */
	int64_t before;	   /* only ids below; 0: any */
	int64_t limit;	   /* 0: 1,000 */
};
/* Stops when each returns non-zero, and returns that. */
int crash_db_list(struct iw_dbc *dbc, const struct crash_filter *filter, crash_db_cb each,
	void *ctx, struct iw_err *err);
/* Crashes that tell the same: of one bug (or none yet), build, kind and state. */
struct crash_group {
	struct triage_crash_row newest;
	int64_t count, first_ms, last_ms;
};
typedef int (*crash_db_group_cb)(void *ctx, const struct crash_group *group);
/* The newest thousand; likewise. */
int crash_db_groups(
	struct iw_dbc *dbc, crash_db_group_cb each, void *ctx, struct iw_err *err);
/* How many of a target wait for a verdict. */
int crash_db_waiting(
	struct iw_dbc *dbc, int64_t target_id, int64_t *count, struct iw_err *err);
/* Those of a target that wait for a verdict, newest first. */
int crash_db_unjudged(struct iw_dbc *dbc, int64_t target_id, crash_db_cb each, void *ctx,
	struct iw_err *err);
/* Those of a target that did not reproduce on builds older than this one and were tried
 * again fewer than CRASH_RETRIES times: at most CRASH_RETRIED_AT_ONCE, newest first. */
#define CRASH_RETRIES 3
#define CRASH_RETRIED_AT_ONCE 8
int crash_db_unreproduced(struct iw_dbc *dbc, int64_t target_id, int64_t build_id,
	crash_db_cb each, void *ctx, struct iw_err *err);

/* Whether a crash of this bug was judged on builds as new as this reference build. */
int crash_db_shows(struct iw_dbc *dbc, int64_t bug_id, int64_t build_id, bool *shows,
	struct iw_err *err);

/* One line of "also seen": target × flavour. */
struct crash_sighting {
	char target[48], flavour[40];
	int64_t count, first_ms;
};
int crash_db_sightings(struct iw_dbc *dbc, int64_t bug_id, struct crash_sighting *out,
	size_t max, size_t *count, struct iw_err *err);

#endif
