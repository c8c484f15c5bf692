/*
 * Rows of the tables adapter and target: every statement on them is here.
 * Synchronous; thread: that of the connection. Ids are database rows.
 */
#ifndef ADAPTERS_PROJECT_DB_H
#define ADAPTERS_PROJECT_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"

/*
 * The row of an adapter, made when it is new. IW_EINVAL when the state holds this adapter
 * with other parameters: its corpus and bugs would belong to another history.
 */
int project_db_adapter(struct iw_dbc *dbc, const char *name, const char *dir,
	const char *parameters, int64_t *id, struct iw_err *err);
/* IW_ENOENT when there is none. */
int project_db_adapter_id(
	struct iw_dbc *dbc, const char *name, int64_t *id, struct iw_err *err);
/* The folder an adapter was loaded from; the caller frees. */
int project_db_adapter_dir(
	struct iw_dbc *dbc, const char *name, char **dir, struct iw_err *err);
/* What the command line takes for it: its folder, and its parameters behind a colon. The
 * caller frees. */
int project_db_adapter_arg(
	struct iw_dbc *dbc, const char *name, char **arg, struct iw_err *err);
/* is_main: of a main branch, where all that counts as staged is merged. */
int project_db_set_snapshot(struct iw_dbc *dbc, int64_t adapter_id, const char *commit,
	bool is_main, struct iw_err *err);
/* The last snapshot whose fuzzing began; empty: none. */
int project_db_worked(struct iw_dbc *dbc, int64_t adapter_id, char commit[static 41],
	struct iw_err *err);
int project_db_set_worked(
	struct iw_dbc *dbc, int64_t adapter_id, const char *commit, struct iw_err *err);

/* All targets of an adapter are offline from now on, those that have not been before. */
int project_db_set_offline(struct iw_dbc *dbc, int64_t adapter_id, struct iw_err *err);
/* The row of a target, made when it is new; it is not offline. */
int project_db_target(struct iw_dbc *dbc, int64_t adapter_id, const char *name,
	int64_t *id, struct iw_err *err);

struct project_target_totals {
	int64_t executions;
	int64_t core_ms;
	int64_t found_ms;    /* last new feature; 0 never */
	int64_t failures;    /* engines that ended without having worked */
	int64_t failed_ms;   /* when the last of them did; 0 never */
	const char *failure; /* and how, NULL never; borrowed */
};

/* Without the words of the failure. */
int project_db_totals(struct iw_dbc *dbc, int64_t target_id,
	struct project_target_totals *totals, struct iw_err *err);
/* Adds to the totals; found_ms replaces when it is not 0, the last failure when there is
 * one. */
int project_db_add_totals(struct iw_dbc *dbc, int64_t target_id,
	const struct project_target_totals *more, struct iw_err *err);

/* A target is named "ADAPTER/TARGET"; "ADAPTER" alone means all that are known of it. Ids
 * in the order of names. IW_ENOENT: there is none. Stops when each returns non-zero, and
 * returns that. */
typedef int (*project_db_id_cb)(void *ctx, int64_t id);
int project_db_find(struct iw_dbc *dbc, const char *name, project_db_id_cb each,
	void *ctx, struct iw_err *err);

/* No engine may start on it any more; why may be NULL. Again: another reason. IW_EINVAL:
 * why is not a line of text. */
int project_db_hold(
	struct iw_dbc *dbc, int64_t target_id, const char *why, struct iw_err *err);
int project_db_resume(struct iw_dbc *dbc, int64_t target_id, struct iw_err *err);
/* Those that are held, ascending. */
int project_db_held(
	struct iw_dbc *dbc, project_db_id_cb each, void *ctx, struct iw_err *err);

/* What one engine did on a target. */
struct project_engine_totals {
	int64_t target_id;  /* when it is read */
	const char *engine; /* borrowed */
	int64_t executions, core_ms;
	int64_t received; /* units that another engine found, given to it */
	int64_t kept;	  /* of those: new to it, too */
};
int project_db_add_engine(struct iw_dbc *dbc, int64_t target_id,
	const struct project_engine_totals *more, struct iw_err *err);
typedef int (*project_db_engine_cb)(void *ctx, const struct project_engine_totals *row);
/* By name; target_id 0: of all targets, one after the other. Stops when each returns
 * non-zero, and returns that. */
int project_db_engines(struct iw_dbc *dbc, int64_t target_id, project_db_engine_cb each,
	void *ctx, struct iw_err *err);

/* One line of what the farm has done. */
struct project_target_row {
	int64_t id;
	const char *adapter, *name; /* borrowed */
	struct project_target_totals totals;
	int64_t units, crashes, bugs;
	int64_t open_bugs;    /* of those: neither flaky nor decided about by hand */
	int64_t bug_core_ms;  /* CPU time of triage's jobs for its bugs */
	int64_t burned_ms;    /* of its engines, lost to crashes that are known */
	int64_t held_ms;      /* since when no engine may start on it; 0: one may */
	const char *held_why; /* or NULL; borrowed */
	int64_t offline_ms;   /* its adapter has it no more since then; 0: it has */
};
typedef int (*project_db_target_cb)(void *ctx, const struct project_target_row *row);
/* By adapter and name; id 0: all. Stops when each returns non-zero, and returns that. */
int project_db_targets(struct iw_dbc *dbc, int64_t id, project_db_target_cb each,
	void *ctx, struct iw_err *err);

/* The newest good reference build that the target was measured on; -1: none. */
int project_db_reference(
	struct iw_dbc *dbc, int64_t target_id, int64_t *build_id, struct iw_err *err);

#endif
