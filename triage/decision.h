/*
 * A person decides about a bug: the row, the event and a paragraph at the head of its
 * issue, all at once.
 *
 *	wontfix, expected   kept and counted, but its issue is not rewritten any more
 *	close               done: the same, until it shows on another snapshot
 *	mute                the issue is not rewritten, nothing else is said
 *	reopen              none of these holds any more
 *
 * The farm goes on with it in any case. Synchronous; thread: that of the connection.
 */
#ifndef TRIAGE_DECISION_H
#define TRIAGE_DECISION_H

#include <stdbool.h>

#include "triage/bug_db.h"
#include "triage/decision_db.h"

/* Whether that is one of the five words. */
bool triage_decision_is(const char *verb);

/* Within a transaction. IW_ENOENT, IW_EINVAL: with a sentence for who decides. */
int triage_decide(struct iw_dbc *dbc, const char *outbox_dir, const char *verb,
	const struct decision *decision, struct iw_err *err);

/* Its issue stays as it is whatever is seen of it. */
bool triage_decision_is_quiet(const struct bug_row *row);
/* What stands below the title of its issue: what was decided, and of which bug it is a
 * part; empty where there is nothing. The caller frees. */
char *triage_decision_text(const struct bug_row *row);
/* text with that paragraph instead of the one that it had. The caller frees. */
char *triage_decision_put(const char *text, const char *paragraph);
/* Puts it into the issue of a bug that has one: it was merged, or taken apart again. */
int triage_decision_rewrite(
	struct iw_dbc *dbc, const char *outbox_dir, int64_t bug_id, struct iw_err *err);

#endif
