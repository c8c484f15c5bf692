/*
 * The disk budget: builds leave when they take more, the one that was not used for
 * longest first. What an open bug or a crash that waits is judged on stays, and so does
 * what somebody uses. Nothing that was found is ever touched: units and crashes do not
 * count.
 *
 * A build that left is made again when it is asked for.
 *
 * Builds that nobody fuzzes (the trees of a bisection) ask for room first. Where there is
 * none, and what is lent to others of their kind would not do, they are refused; and when
 * something else may leave, later on, those who were refused are told.
 *
 * Thread: the loop; folders are measured and removed on the pool.
 */
#ifndef ADAPTERS_BUDGET_H
#define ADAPTERS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"
#include "base/loop.h"

/* The compiler cache's part of it is 1 in so many; it bounds itself. */
#define BUDGET_CACHE_PART 4
/* What is taken where nobody says otherwise: of the whole disk 1 in so many. */
#define BUDGET_DISK_PART 4

enum budget_use {
	BUDGET_FREE,
	BUDGET_LENT, /* it will be given back soon */
	BUDGET_USED,
};

struct budget_config {
	struct iw_loop *loop;
	struct iw_db *db;
	const char *builds_dir; /* copied */
	int64_t bytes;		/* 0: no bound; builds are only measured */
	void *ctx;
	/* Whether somebody in this process works on it. */
	enum budget_use (*use)(void *ctx, const char *closure);
	/* It leaves now. */
	void (*forget)(void *ctx, const char *closure);
	/* For the person who watches. */
	void (*say)(void *ctx, const char *text);
	/* There is room for somebody who was refused. NULL: nobody asks. */
	void (*has_room)(void *ctx);
	/* No round is under way any more. */
	void (*rested)(void *ctx);
};

/* Room for one build that is about to be made. The asker's; zero-initialise. */
struct budget_room {
	int64_t bytes; /* as far as one can know */
	/* err NULL: it is there and kept. IW_EBUDGET: there is none. Once, and later. */
	void (*done)(struct budget_room *room, const struct iw_err *err);
	void *ctx;
	/* below: private */
	struct budget_room *next;
	bool is_kept, is_refused;
};

struct budget;

/* The budget for a state folder on this disk, in bytes, when nobody has said one; 0: no
 * bound, for nobody knows how large the disk is. */
int64_t budget_default(const char *state_dir);

struct budget *budget_new(const struct budget_config *config);
/* From now on everything that will be used is in use: nothing leaves before that. */
void budget_begin(struct budget *budget);
/* Nothing leaves any more, and who waits for room or asks for it is told IW_ECANCELED. */
void budget_end(struct budget *budget);
/* Looks what there is and makes room; soon again when a round is under way. */
void budget_look(struct budget *budget);
/* Now and then: what is in use changes without a word. */
void budget_tick(struct budget *budget);

/* True: there is room, kept until budget_room_end(). False: done says. */
bool budget_room_ask(struct budget *budget, struct budget_room *room);
/* It is not needed any more, or the build counts for itself now; done, if it is still to
 * come, does not. */
void budget_room_end(struct budget *budget, struct budget_room *room);
/* Something that was lent is free. */
void budget_returned(struct budget *budget);

/* Only then it may be freed. */
bool budget_rests(const struct budget *budget);
void budget_free(struct budget *budget);

#endif
