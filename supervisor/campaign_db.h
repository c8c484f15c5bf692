/*
 * Rows of the tables campaign and campaign_target: every statement on them is here. A
 * campaign is some targets with a budget of core time, and what came of it.
 *
 *	active --> done     its budget is used
 *	      \--> stopped  by hand
 *
 * Engines know whose they are, so that what one took is added once, in the transaction
 * that adds it to its target, also when that is later than the campaign's end.
 * Synchronous; thread: that of the connection.
 */
#ifndef IW_CAMPAIGN_DB_H
#define IW_CAMPAIGN_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"

/* Characters. */
#define CAMPAIGN_NAME_MAX 80
/* A thousand cores for a year and more. */
#define CAMPAIGN_BUDGET_MAX_MS (INT64_C(10000000) * 3600000)

struct campaign_spec {
	const char *name;
	/* "ADAPTER/TARGET", or "ADAPTER" for all that are known of it now. */
	const char *const *targets;
	size_t target_count;
	int64_t budget_ms; /* core time */
};

/* It is active from now on. IW_EINVAL: a bad name or budget, no targets; IW_ENOENT: no
 * such target; IW_EEXIST: there is one of this name. */
int campaign_db_start(struct iw_dbc *dbc, const struct campaign_spec *spec, int64_t *id,
	struct iw_err *err);

/* By its name or its number. IW_ENOENT: there is none. */
int campaign_db_find(
	struct iw_dbc *dbc, const char *name, int64_t *id, struct iw_err *err);

/* One of its engines has ended. */
int campaign_db_add(struct iw_dbc *dbc, int64_t id, int64_t executions, int64_t core_ms,
	struct iw_err *err);
/* A target showed new features: for the active campaigns that have it. */
int campaign_db_add_features(
	struct iw_dbc *dbc, int64_t target_id, int64_t features, struct iw_err *err);

/* Ends it, state "done" or "stopped", and records what came of it. IW_ENOENT: there is
 * none; IW_EINVAL: it has ended already. */
int campaign_db_end(
	struct iw_dbc *dbc, int64_t id, const char *state, struct iw_err *err);

struct campaign_row {
	int64_t id;
	const char *name, *state; /* borrowed */
	int64_t budget_ms, core_ms;
	int64_t executions, features;
	int64_t crashes, bugs;	    /* -1 until it ends */
	int64_t began_ms, ended_ms; /* 0: it has not */
};
typedef int (*campaign_db_cb)(void *ctx, const struct campaign_row *row);

/* Which ones; zero-initialised means all. */
struct campaign_filter {
	int64_t id;	   /* 0: any */
	const char *state; /* NULL: any */
};
/* Newest first. Stops when each returns non-zero, and returns that. */
int campaign_db_list(struct iw_dbc *dbc, const struct campaign_filter *filter,
	campaign_db_cb each, void *ctx, struct iw_err *err);

typedef int (*campaign_db_target_cb)(
	void *ctx, int64_t target_id, const char *adapter, const char *target);
/* Its targets by name; likewise. */
int campaign_db_targets(struct iw_dbc *dbc, int64_t id, campaign_db_target_cb each,
	void *ctx, struct iw_err *err);

#endif
