/*
 * A judge at work, for the files that it is made of: judge.c asks for builds and runs,
 * judge_store.c writes down what came of them. Thread: the loop; triage_judge_store(): the
 * database's.
 */
#ifndef TRIAGE_JUDGE_ROOM_H
#define TRIAGE_JUDGE_ROOM_H

#include "triage/environment.h"
#include "triage/reproduce.h"
#include "triage/room.h"

struct triage_judge {
	struct triage *triage;
	struct triage_case *c;
	const struct triage_world *world;
	const struct san_flavour *order[8];
	size_t order_count, at;
	bool is_last_chance; /* the flavour of the find, long */

	char *input;
	size_t len;
	struct iw_db_req db_req;
	struct iw_build_req build_req;
	const struct iw_build *build;
	struct triage_reproduce *run;
	struct triage_reproduce *rate;		/* of a new bug: after run's hit */
	struct triage_environment *environment; /* when nothing else helped */
	unsigned runs, hits;
	unsigned own_runs, other_runs; /* without a hit: on the find's flavour; others */
	int64_t ms, own_ms;	       /* slot time of runs, and of own_runs */
	int64_t cpu_us;		       /* of all runs on all flavours */
	struct iw_timer *retry;

	struct triage_bug *bug; /* the verdict, merged or not; NULL: unreproducible */
	bool is_new;
	bool is_back; /* it was fixed, and this crash shows it again */
	struct bug_row row;
	bool is_stopped;
};

/* What the first run that failed has shown; NULL: none did. */
const struct triage_reproduce_result *triage_judge_hit(const struct triage_judge *j);
/* Strangers can send it, and it ends the program. */
bool triage_judge_is_remote(const struct triage_judge *j);
/* The verdict, and what it means for the bug: within one transaction. ctx is the judge. */
int triage_judge_store(struct iw_dbc *dbc, void *ctx, struct iw_err *err);

#endif
