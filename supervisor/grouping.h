/*
 * A person says that two bugs are one, or that one is two (triage/merge_db.h): the same for
 * the command line and for HTTP. Synchronous, within the caller's transaction; thread:
 * that of the connection.
 */
#ifndef IW_GROUPING_H
#define IW_GROUPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"

#define GROUPING_CRASHES_MAX 1000

struct grouping {
	const char *verb;	/* merge, unmerge, split */
	int64_t bug_id;		/* merge: the one that stays */
	int64_t other_id;	/* merge: the one that becomes a part of it */
	const int64_t *crashes; /* split: of bug_id, which become another */
	size_t crash_count;
	const char *by, *why;	/* why: one line, or NULL */
	const char *outbox_dir; /* where issues are */
};

bool grouping_is(const char *verb);
/* *shown: the bug to look at now. IW_EINVAL, IW_ENOENT: with a sentence for that person. */
int grouping_do(struct iw_dbc *dbc, const struct grouping *grouping, int64_t *shown,
	struct iw_err *err);

#endif
