/* What an earlier run left unfinished of a target: crashes without a verdict, bugs
 * without an issue. */
#ifndef TRIAGE_UNFINISHED_H
#define TRIAGE_UNFINISHED_H

#include "triage/room.h"

struct triage_unfinished {
	const struct triage_target *target; /* in */
	struct triage_case *cases;
	size_t case_count, case_cap;
	int64_t *bugs;
	size_t bug_count, bug_cap;
};

/* Fills cases and bugs; the caller frees both arrays, also after an error. */
int triage_unfinished_find(
	struct iw_dbc *dbc, struct triage_unfinished *unfinished, struct iw_err *err);

#endif
