/*
 * Crashes and bugs whose turn failed for a reason that may pass (disk full, no process to
 * be had): they wait for another, the longer the more often it failed. Bugs whose builds
 * have no room in the disk budget wait until there is some, and their rows say why.
 * Thread: the loop.
 */
#ifndef TRIAGE_AGAIN_H
#define TRIAGE_AGAIN_H

#include "triage/room.h"

/* Zero-initialise. */
struct triage_again {
	struct triage_case *cases;
	struct triage_again_bug *bugs;
};

/* Copies the case. */
void triage_again_case(struct triage_again *again, const struct triage_case *c);
void triage_again_bug(struct triage_again *again, struct triage_bug *bug);
/* why: for people. */
void triage_again_room(
	struct triage_again *again, struct triage_bug *bug, const char *why);
void triage_again_has_room(struct triage_again *again);

/* Takes out one whose time has come; NULL: none. The caller frees a case. */
struct triage_case *triage_again_due_case(struct triage_again *again);
struct triage_bug *triage_again_due_bug(struct triage_again *again);

/* Those that a farm which ends should wait for: what failed often, or waits for room, is
 * the next start's. */
int triage_again_cases(const struct triage_again *again);
int triage_again_bugs(const struct triage_again *again);

void triage_again_fini(struct triage_again *again);

#endif
