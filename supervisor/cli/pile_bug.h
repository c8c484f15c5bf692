/*
 * The life of one bug of a pile.
 *
 *	WAITING --> RUNNING --> MINIMIZING --> CHECKING --> DONE
 *	              |  ^          |  nothing smaller ------^
 *	              |  +-- does not fail: the next file
 *	              +--> GONE, MERGED
 *
 * Thread: the loop.
 */
#ifndef IW_CLI_PILE_BUG_H
#define IW_CLI_PILE_BUG_H

#include "cli/pile.h"

/* seen is copied; NULL: nobody knows. */
struct pile_bug *pile_bug_new(struct pile *pile, const struct triage_signature *seen);
void pile_bug_add(struct pile_bug *bug, size_t file);
/* Begins its work; pile_bug_ended() is called when it has come to an end, later. */
void pile_bug_start(struct pile_bug *bug);
void pile_bug_stop(struct pile_bug *bug);
void pile_bug_free(struct pile_bug *bug);

/* The pile's: a bug's state is final, or it was stopped. */
void pile_bug_ended(struct pile_bug *bug);
/* The pile's: the bug that a signature is most alike to, but this one; NULL: none. */
struct pile_bug *pile_find(struct pile *pile, const struct triage_signature *signature,
	struct pile_bug *except);
/* The pile's: one more, which it owns. Returns it. */
struct pile_bug *pile_add_bug(struct pile *pile, struct pile_bug *bug);
/* The pile's: a file died; result is borrowed. */
void pile_take_death(
	struct pile *pile, size_t file, const struct engine_unit_result *result);
/* The pile's: something has come to an end. */
void pile_go_on(struct pile *pile);
/* What a bug was merged into, and so on; itself when it was not. NULL: NULL. */
struct pile_bug *pile_bug_survivor(struct pile_bug *bug);
/* The pile's: what looks like that is the bug's. */
void pile_know(struct pile *pile, const struct triage_signature *signature,
	struct pile_bug *bug);

#endif
