/*
 * Checkouts: the files of one tree, for each build that wants them.
 *
 * A recipe may build inside its source (zstd's does), so every build gets a copy of its
 * own; but git is asked once for all builds of a tree that are under way together: their
 * flavours. The last of them gets the checkout itself, so one build alone costs no copy.
 * Nothing stays behind that would have to be bounded.
 *
 * Thread: the loop; git works on its own thread, copies are made on the pool.
 */
#ifndef ADAPTERS_CHECKOUT_H
#define ADAPTERS_CHECKOUT_H

#include "base/err.h"
#include "base/git.h"
#include "base/loop.h"

struct checkouts;

/* The caller's, lives until done, which fires exactly once and later. */
struct checkout_req {
	const char *tree;
	const char *to; /* must not be there yet; on the file system of dir, best */
	/* err is NULL when the files are there. */
	void (*done)(struct checkout_req *req, const struct iw_err *err);
	void *ctx;
	/* below: private */
	struct checkout_req *next;
};

/* dir is for it alone: what an earlier process left in it is removed. */
int checkouts_new(struct checkouts **out, struct iw_loop *loop, const char *dir,
	struct iw_err *err);
void checkouts_set_git(struct checkouts *checkouts, struct iw_git *git);
void checkouts_ask(struct checkouts *checkouts, struct checkout_req *req);
/* How many trees git was asked for. */
int checkouts_count(const struct checkouts *checkouts);
/* No request may be under way. */
void checkouts_free(struct checkouts *checkouts);

#endif
