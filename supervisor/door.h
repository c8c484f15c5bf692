/*
 * What a daemon shows to the outside: HTTP, declared here because rooms on the daemon's
 * layer do not know each other, and wired by whoever starts it (cli/serve.c).
 *
 * Thread: the loop.
 */
#ifndef IW_DOOR_H
#define IW_DOOR_H

#include <stdbool.h>

#include "base/loop.h"
#include "farm.h"
#include "state.h"

/* What stands behind the door; lives longer. */
struct iw_door_world {
	struct iw_loop *loop;
	const struct iw_state *state; /* its paths; the database is the farm's */
	bool has_sandbox;
	void *ctx;
	/* NULL between two farms. */
	struct farm *(*farm)(void *ctx);
	/* For the person who watches. */
	void (*say)(void *ctx, const char *text);
	/* As 'ironworks stop' does, soon. */
	void (*stop)(void *ctx, bool is_drain);
};

/* Where `ironworks serve` listens when nobody says otherwise. */
#define IW_DOOR_ADDRESS "127.0.0.1:8420"

struct iw_door_config {
	/* "127.0.0.1:0": on loopback besides the state folder's socket; NULL: not. */
	const char *address;
	/* By another process: then that is said, and the farm goes on without. */
	bool may_be_taken;
};

struct iw_door {
	/* After the state was opened. An error ends the daemon. */
	int (*open)(void **door, const struct iw_door_world *world,
		const struct iw_door_config *config, struct iw_err *err);
	/* A sentence that the farm said. */
	void (*said)(void *door, const char *text);
	/* Once a second. */
	void (*look)(void *door, const struct farm_view *view);
	/* Answers what is under way and nothing more; the door is gone when the loop has
	 * no handle of its left. */
	void (*close)(void *door);
};

#endif
