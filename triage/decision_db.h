/*
 * What people decided about bugs, in the columns of table bug that the machine leaves
 * alone: every statement on those is here. Synchronous; thread: that of the connection.
 */
#ifndef TRIAGE_DECISION_DB_H
#define TRIAGE_DECISION_DB_H

#include <stdint.h>

#include "base/db.h"

#define DECISION_WHY_MAX 200

/* by: a token's name or a local user's; why: one line, or NULL. */
struct decision {
	int64_t bug_id;
	const char *by, *why;
};

/* IW_EINVAL: it is too long, or no line. NULL is fine. */
int decision_db_check_why(const char *why, struct iw_err *err);
/* what: wontfix, expected, closed. An earlier one is replaced. Each of these writes an
 * event, too. IW_ENOENT: there is no such bug. */
int decision_db_set(struct iw_dbc *dbc, const struct decision *decision, const char *what,
	struct iw_err *err);
int decision_db_mute(
	struct iw_dbc *dbc, const struct decision *decision, struct iw_err *err);
/* Undoes all of that. IW_EINVAL: there is nothing to undo. */
int decision_db_reopen(
	struct iw_dbc *dbc, const struct decision *decision, struct iw_err *err);

/* The bug shows on the snapshot that is fuzzed now: it is reopened where a human closed it
 * on another one. */
int decision_db_seen(struct iw_dbc *dbc, int64_t bug_id, struct iw_err *err);

#endif
