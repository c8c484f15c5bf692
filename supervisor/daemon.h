/*
 * One process of Ironworks, wired: state, loop, jobs, slots, toolchain, farm. The only
 * file besides cli/local.c that knows all rooms. Thread: the main thread.
 */
#ifndef IW_DAEMON_H
#define IW_DAEMON_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "door.h"
#include "farm.h"

struct iw_daemon_config {
	const char *state_dir; /* NULL: the default */
	/* "PATH_OR_NAME[:param=value,…]", NULL-terminated; NULL: config_dir says. */
	const char *const *adapters;
	const char *config_dir; /* NULL: the default */
	int cores;		/* 0: as config_dir says, or all */
	int64_t fuzz_ms;	/* 0: until stopped */
	int64_t drain_ms;
	int64_t cover_ms;    /* 0: no look at lines at the end */
	int64_t follow_ms;   /* adapters whose own configuration says nothing; 0: not */
	int64_t disk_budget; /* as of config.h; 0: as config_dir says, or the default */
	bool no_sandbox;
	/* Always on: SIGTERM ends this process only, engines go on for the next one. */
	bool is_service;
	const struct farm_side *side; /* of its one adapter; or NULL */
	const struct iw_door *door;   /* how others look in; NULL: nobody does */
	struct iw_door_config door_config;
};

struct iw_daemon_events {
	void *ctx;
	void (*say)(void *ctx, const char *text);
	/* Once a second while the farm lives. */
	void (*look)(void *ctx, const struct farm_view *view);
	/* The last look. */
	void (*closing)(void *ctx, const struct farm_view *view);
};

struct iw_daemon_result {
	int new_bugs;
	int back_bugs;	  /* that were fixed */
	bool has_begun;	  /* it fuzzed */
	bool was_stopped; /* somebody asked for it */
	char *state_dir;  /* the caller frees */
};

/*
 * Runs a farm in the foreground until its time is up or a signal came: SIGINT and SIGTERM
 * drain, and the second one ends it at once; SIGUSR1 ends it now, but engines in peace. A
 * result is there even when it fails. IW_DAEMON_STOP and IW_DAEMON_DRAIN are what
 * 'ironworks stop' sends.
 *
 * A service reads its configuration, adapters and sources again at SIGHUP: as in a
 * restart one farm leaves and the next adopts its engines, in the same process. What
 * cannot be read or built is refused with a sentence, and the old configuration stays.
 * Where it follows branches it does the same by itself when a newer snapshot is built,
 * and goes back where that cannot be fuzzed.
 */
#define IW_DAEMON_STOP SIGUSR1
#define IW_DAEMON_DRAIN SIGINT
int iw_daemon_run(const struct iw_daemon_config *config,
	const struct iw_daemon_events *events, struct iw_daemon_result *result,
	struct iw_err *err);

#endif
