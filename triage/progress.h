/*
 * How far a blame has got, for whoever asks meanwhile: before a step that may take long the
 * proof so far is stored as the bug's, with "now": {"doing", "what"} beside what the
 * bisection says. The final proof takes its place.
 *
 * Nobody waits for it, and what could not be stored is only logged.
 * Thread: the loop.
 */
#ifndef TRIAGE_PROGRESS_H
#define TRIAGE_PROGRESS_H

#include <stdint.h>

#include "base/db.h"
#include "triage/bisect.h"

/* doing: "builds" or "runs" the tree of the question, or "fuzzes" (question is NULL then). */
void triage_progress_tell(struct iw_db *db, int64_t bug_id, const struct triage_bisect *b,
	const struct triage_question *question, const char *doing);

#endif
