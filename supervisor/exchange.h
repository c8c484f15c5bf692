/*
 * Giving units to an engine that runs, through its inbox folder in the job's work/.
 *
 * libFuzzer's two traps decide how: a file older than the last time it read its folder is
 * never read, so each is written outside, gets the time of now and is renamed in; and one
 * that comes in the same second as a reading is missed until the folder's own time moves
 * on, so the folder is touched again more than a second later.
 *
 * The folder belongs to the target by now: no link in its path is followed.
 */
#ifndef IW_EXCHANGE_H
#define IW_EXCHANGE_H

#include "farm_room.h"

/* One running engine's inbox. Embedded in its slice. Thread: the loop. */
struct farm_inbox {
	/* filled by the caller, borrowed; dir is below work, spare a path beside it that
	 * the job cannot write, on the same file system */
	struct iw_loop *loop;
	struct corpus_packs *packs;
	const char *work, *dir;
	char *spare;		 /* freed by fini */
	void (*idle)(void *ctx); /* what was under way has ended */
	void *ctx;
	int64_t given; /* units that reached the folder */
	/* below: private */
	bool is_busy;
	struct farm_gift *gifts;
	size_t count, cap;
	struct iw_work job;
	struct farm_gift *giving; /* the pool thread's, with the counts behind */
	size_t giving_count, giving_done;
	struct iw_err err;
	int64_t touch_at_ms; /* 0: no need */
};

/* Adds a unit, for the next tick. */
void farm_inbox_put(struct farm_inbox *inbox, const struct farm_gift *gift);
/* Once a second while the engine runs, or at once. */
void farm_inbox_tick(struct farm_inbox *inbox);
bool farm_inbox_is_busy(const struct farm_inbox *inbox);
/* Only when it is not busy. */
void farm_inbox_fini(struct farm_inbox *inbox);

#endif
