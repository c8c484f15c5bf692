/*
 * Rows of the tables staged_pr, staged_change, staged_target, staged_tree and tree_work:
 * which pull requests are staged, what they changed, and what was run with them in the
 * tree. One row for each head of a pull request: another version of it starts anew.
 * Synchronous; thread: that of the connection.
 */
#ifndef ADAPTERS_STAGED_DB_H
#define ADAPTERS_STAGED_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/staged_change.h"
#include "adapters/staged_reach.h"
#include "base/db.h"

/* The adapter's snapshot is this one from now on: the pull requests that are staged are
 * current, others are not any more. Commits that bring none have no row. */
int staged_db_open(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, const struct staged_changes *changes,
	struct iw_err *err);

/* What replays are called where engines are. */
#define STAGED_REPLAY "replay"

/* What ran on a build: credited to those that are in the build's tree. */
struct staged_work {
	int64_t build_id, target_id;
	const char *engine; /* STAGED_REPLAY: units under a flavour that judges, which is
			     * not added to the totals */
	int64_t executions, core_ms;
};
int staged_db_add(struct iw_dbc *dbc, const struct staged_work *work, struct iw_err *err);

/* A target is near what the pull request changed, as its corpus was; lines: of the pull
 * request's own so many are reached, -1: nobody has looked. Without a row of the pull
 * request nothing happens. */
int staged_db_put_target(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staged_pr *pr, const char *target, bool is_near, int64_t lines,
	struct iw_err *err);

/* The same for all that is staged: what of their lines the target's corpus reaches. */
int staged_db_put_reach(struct iw_dbc *dbc, int64_t adapter_id,
	const struct staging_snapshot *snapshot, const char *target,
	const struct staged_reach *reach, struct iw_err *err);

/* Strings are borrowed; they come from strangers. */
struct staged_row {
	int64_t adapter_id;
	const char *adapter;
	int64_t pr;
	const char *head;     /* its newest commit; empty: nobody says */
	const char *head_ref; /* or NULL */
	const char *title;
	const char *url, *repo; /* or NULL */
	const char *merge;	/* its commit on the staging branch, the last time */
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

/* Of one of them: by path; by name of target; by target, flavour and engine. */
struct staged_change_row {
	const char *path, *functions; /* JSON array */
	int64_t added, removed, functions_left_out;
};
typedef void (*staged_change_cb)(void *ctx, const struct staged_change_row *row);
int staged_db_changes(struct iw_dbc *dbc, const struct staged_row *pr,
	staged_change_cb each, void *ctx, struct iw_err *err);

/* All of them together. */
struct staged_change_sum {
	int64_t files, added, removed, functions;
};
int staged_db_sum(struct iw_dbc *dbc, const struct staged_row *pr,
	struct staged_change_sum *sum, struct iw_err *err);

struct staged_target_row {
	int64_t id;
	const char *target;
	bool is_near;
	int64_t lines; /* -1: nobody has looked */
};
typedef void (*staged_target_cb)(void *ctx, const struct staged_target_row *row);
int staged_db_targets(struct iw_dbc *dbc, const struct staged_row *pr,
	staged_target_cb each, void *ctx, struct iw_err *err);

struct staged_work_row {
	const char *target, *flavour, *engine;
	int64_t core_ms, executions;
};
typedef void (*staged_work_cb)(void *ctx, const struct staged_work_row *row);
int staged_db_work(struct iw_dbc *dbc, const struct staged_row *pr, staged_work_cb each,
	void *ctx, struct iw_err *err);

#endif
