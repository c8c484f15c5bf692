/* What an earlier run left unfinished of a target: crashes without a verdict, bugs
 * without an issue, and bugs that were not tested on the snapshot that it has now; also
 * some crashes that did not reproduce on older builds. */
#ifndef TRIAGE_UNFINISHED_H
#define TRIAGE_UNFINISHED_H

#include "triage/room.h"

enum triage_unfinished_what {
	TRIAGE_UNFINISHED_PURSUIT,
	TRIAGE_UNFINISHED_RETEST, /* which a pursuit may follow */
	TRIAGE_UNFINISHED_ISSUE,  /* it does not show here: there is nothing to pursue */
};

struct triage_unfinished_bug {
	int64_t id;
	enum triage_unfinished_what what;
	bool is_settled;   /* attributed, and written down */
	int64_t tested_ms; /* 0: never */
};

struct triage_unfinished {
	const struct triage_target *target; /* in */
	struct triage_case *cases;
	size_t case_count, case_cap; /* retries last */
	size_t fresh_count;	     /* of them: the first, which may be new to it */
	struct triage_unfinished_bug *bugs; /* retests: the oldest answer first */
	size_t bug_count, bug_cap;
};

/* What is to be done about a bug where its target's snapshot has this tree; false:
 * nothing. Pure. */
bool triage_unfinished_look(
	const struct bug_row *row, const char *tree, struct triage_unfinished_bug *bug);

/* Fills cases and bugs; the caller frees both arrays, also after an error. */
int triage_unfinished_find(
	struct iw_dbc *dbc, struct triage_unfinished *unfinished, struct iw_err *err);

#endif
