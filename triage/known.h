/*
 * The bugs in memory: which one is a crash a sighting of? Those that were merged into
 * another stay here with their own signatures and speak for it. Thread: the loop.
 */
#ifndef TRIAGE_KNOWN_H
#define TRIAGE_KNOWN_H

#include "triage/cluster.h"
#include "triage/room.h"

struct triage_known {
	struct triage *triage;
	struct triage_bug *bugs, **end; /* oldest first */
	struct triage_clusters *clusters;
	const struct triage_target **targets;
	size_t target_count, target_cap;
};

void triage_known_init(struct triage_known *known, struct triage *t);
void triage_known_fini(struct triage_known *known);

/* All that are in the database. Blocks. */
int triage_known_load(struct triage_known *known, struct iw_dbc *dbc, struct iw_err *err);
/* The bugs of a target can be worked on from now on. target outlives known. */
void triage_known_announce(
	struct triage_known *known, const struct triage_target *target);

/* One from the database, but for what it was merged into. NULL: its row is damaged. */
struct triage_bug *triage_known_add_row(
	struct triage_known *known, const struct bug_row *row, struct iw_err *err);
/* Takes the signature. */
struct triage_bug *triage_known_add(struct triage_known *known, int64_t id,
	int64_t adapter_id, int64_t target_id, struct triage_signature *sig);
/* It is called otherwise from now on. Takes the signature. */
void triage_known_rename(
	struct triage_known *known, struct triage_bug *bug, struct triage_signature *sig);
void triage_known_remove(struct triage_known *known, struct triage_bug *bug);
/* NULL: there is none. */
struct triage_bug *triage_known_find(const struct triage_known *known, int64_t id);

/* What a crash may be: owner and other are struct triage_bug; what was merged is one. */
struct triage_nearest triage_known_match(const struct triage_known *known,
	const struct triage_target *target, const struct triage_signature *sig);

#endif
