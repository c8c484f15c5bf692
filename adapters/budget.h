/*
 * The disk budget: builds leave when they take more, the one that was not used for
 * longest first. What an open bug or a crash that waits is judged on stays, and so does
 * what somebody uses. Nothing that was found is ever touched: units and crashes do not
 * count.
 *
 * A build that left is made again when it is asked for.
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

struct budget_config {
	struct iw_loop *loop;
	struct iw_db *db;
	const char *builds_dir; /* copied */
	int64_t bytes;		/* 0: no bound; builds are only measured */
	void *ctx;
	/* Somebody in this process works on it. */
	bool (*uses)(void *ctx, const char *closure);
	/* It leaves now. */
	void (*forget)(void *ctx, const char *closure);
	/* For the person who watches. */
	void (*say)(void *ctx, const char *text);
	/* No round is under way any more. */
	void (*rested)(void *ctx);
};

struct budget;

/* The budget for a state folder on this disk, in bytes, when nobody has said one; 0: no
 * bound, for nobody knows how large the disk is. */
int64_t budget_default(const char *state_dir);

struct budget *budget_new(const struct budget_config *config);
/* Looks what there is and makes room; soon again when a round is under way. */
void budget_look(struct budget *budget);
/* Only then it may be freed. */
bool budget_rests(const struct budget *budget);
void budget_free(struct budget *budget);

#endif
