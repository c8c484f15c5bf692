/*
 * Rows of the table staged_pr: which pull requests were staged, and what was fuzzed with
 * them in the tree. One row for each head of a pull request: another version of it starts
 * anew. Synchronous; thread: that of the connection.
 */
#ifndef ADAPTERS_STAGED_DB_H
#define ADAPTERS_STAGED_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/staging.h"
#include "base/db.h"

/* The adapter's snapshot is this one from now on: its pull requests are current, others
 * are not any more. Commits that are no promotion have no row. */
int staged_db_open(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, struct iw_err *err);
/* An engine ran on this build: credited to those that are in the build's tree. */
int staged_db_add(struct iw_dbc *dbc, int64_t build_id, int64_t executions,
	int64_t core_ms, struct iw_err *err);

/* Strings are borrowed; they come from strangers. */
struct staged_row {
	int64_t adapter_id;
	const char *adapter;
	int64_t pr;
	const char *head;     /* its newest commit; empty: nobody says */
	const char *head_ref; /* or NULL */
	const char *merge;    /* its commit on the staging branch, the last time */
	int64_t promoted_ms;
	int64_t position; /* on the branch, 1: the oldest */
	bool is_current;  /* in the newest snapshot */
	int64_t since_ms; /* first seen in a snapshot */
	int64_t core_ms, executions;
	/* Of its lines, when a corpus was last looked at: adapters/coverage_db.h. */
	int64_t lines, lines_reached; /* -1: never */
	const char *gaps; /* JSON array of those that are not reached, or NULL */
	int64_t covered_ms;
};
typedef int (*staged_db_cb)(void *ctx, const struct staged_row *row);
/* The newest staged first. Stops when each returns non-zero, and returns that. */
int staged_db_list(struct iw_dbc *dbc, staged_db_cb each, void *ctx, struct iw_err *err);

#endif
