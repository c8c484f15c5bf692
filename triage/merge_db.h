/*
 * Two bugs that are one, and one that is two. Each step is explicit, has an event in the
 * lives of both bugs, and can be undone.
 *
 *	merge    from becomes a part of into: it keeps its row, its sightings are into's
 *	unmerge  the same bug stands alone again, with every sighting that is its own, also
 *	         those that came in the meantime
 *	split    crashes that are another bug get one of their own; merging that one into
 *	         the first undoes it
 *
 * A bug keeps its number and its issue whatever happens to it. crash.bug_id is always the
 * bug that counts, never one that is merged; crash.own_bug_id remembers the part. So lists
 * and counts of sightings need to know nothing of merges.
 *
 * Each belongs into one transaction, which is rolled back when it fails. Afterwards a
 * running triage is told with triage_reload().
 */
#ifndef TRIAGE_MERGE_DB_H
#define TRIAGE_MERGE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "triage/bug_db.h"

/* The bug that id is by now: itself, or what it was merged into. IW_ENOENT. */
int bug_db_survivor(
	struct iw_dbc *dbc, int64_t id, int64_t *survivor, struct iw_err *err);

/*
 * A person says that two bugs are one. IW_ENOENT: no such bug; IW_EINVAL: the same bug twice, two
 * adapters, or one of them is a part of another bug already (the sentence says of which).
 */
int bug_db_merge(struct iw_dbc *dbc, int64_t into, int64_t from,
	const struct bug_word *word, struct iw_err *err);
/* The last merge of `id` into another bug is undone, and the two are not merged again but
 * by a person. IW_EINVAL: it is not merged. */
int bug_db_unmerge(
	struct iw_dbc *dbc, int64_t id, const struct bug_word *word, struct iw_err *err);
/*
 * A person says that these crashes are another bug than the one they were judged to be.
 * *id is the new bug: named by the first of them, state new, so that it is minimized and
 * attributed like any other. They stay there when they are judged again. IW_EINVAL: they
 * have no bug, not the same one, or are all that it has; IW_ENOENT: no such crash. Each
 * crash is named once.
 */
int bug_db_split(struct iw_dbc *dbc, const int64_t *crashes, size_t count,
	const struct bug_word *word, int64_t *id, struct iw_err *err);

/*
 * A crash speaks for both bugs. Merges them when that renames nothing that people know: the
 * one with an issue survives, of two without the older. Two with issues, or two that a
 * person told apart, only get a remark, once. 1: only that; *survivor is set when merged.
 */
int bug_db_join(struct iw_dbc *dbc, int64_t a, int64_t b, int64_t crash_id,
	int64_t *survivor, struct iw_err *err);

/* They are one by another name; why says which. The older survives whatever issues there
 * are, since the younger was never another bug. Two that a person told apart stay apart. */
int bug_db_join_renamed(
	struct iw_dbc *dbc, int64_t a, int64_t b, const char *why, struct iw_err *err);

#endif
