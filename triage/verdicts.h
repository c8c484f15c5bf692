/*
 * The answers that a bisection finds when it starts, and those it gets: what it asks again
 * is run again, and the sum of all runs of a tree is stored.
 * Thread: the loop; take also that of the database.
 */
#ifndef TRIAGE_VERDICTS_H
#define TRIAGE_VERDICTS_H

#include "base/git.h"
#include "triage/bisect.h"
#include "triage/verdict_db.h"

struct triage_verdicts {
	struct triage_verdict *first; /* below: private */
};

/* verdict_db_cb with a struct triage_verdicts: takes what is stored. */
void triage_verdicts_take(void *verdicts, const struct verdict_row *row);
/* What is known of a tree; NULL: nothing. */
const struct triage_answer *triage_verdicts_give(
	const struct triage_verdicts *verdicts, const char *tree);
/* Adds an answer; row becomes what to store. */
void triage_verdicts_add(struct triage_verdicts *verdicts, const char *tree,
	const struct triage_answer *answer, unsigned others, struct verdict_row *row);
/* Another input: of the answers that are here only the bad ones say anything of it. */
void triage_verdicts_keep_bad(struct triage_verdicts *verdicts);
void triage_verdicts_fini(struct triage_verdicts *verdicts);

#endif
