/* What parent and child of the driver share. */
#ifndef IW_PRELOAD_DRIVER_H
#define IW_PRELOAD_DRIVER_H

#include <stdatomic.h>
#include <stdint.h>

#include "engine/driver_format.h"
#include "engine/preload/input.h"
#include "engine/preload/target.h"

/* Where a generation stands. Only the child moves it. */
enum phase {
	PHASE_INIT, /* not yet at a unit */
	PHASE_BETWEEN,
	PHASE_UNIT,	 /* the target has control */
	PHASE_REPORTING, /* somebody prints a report; it will end in a death */
	PHASE_DONE,	 /* all units run, or told to stop: index is the next */
	PHASE_FAILED,	 /* the driver itself cannot go on */
};

/* Why the running unit is about to die. The first to know writes it. */
enum cause {
	CAUSE_NONE,
	CAUSE_TIMEOUT,
	CAUSE_OOM_RSS, /* by the parent */
	CAUSE_OOM_MALLOC,
	CAUSE_LEAK,
	CAUSE_EXIT,	 /* exit() was called */
	CAUSE_OVERWRITE, /* of the unit's bytes, which are const */
	CAUSE_SANITIZER, /* its runtime is ending the process */
};

/*
 * Lives in a page that parent and child both see, which the target can scribble over:
 * the parent checks what it reads.
 */
struct state {
	_Atomic uint32_t phase;
	_Atomic uint32_t index;
	_Atomic uint32_t cause;
	_Atomic uint32_t stop;	      /* no further unit, please */
	_Atomic uint32_t limit_seen;  /* the RSS in MiB that passed the limit */
	_Atomic uint64_t started_ns;  /* of the unit; 0 outside units */
	_Atomic uint64_t result_size; /* up to the last complete record */
};

struct driver {
	int dir;
	int result;
	int output;
	int state_fd;
	int start_dir; /* the working directory we were started in */
	int parent;    /* pid of the driver's parent process */
	bool is_child; /* this process is a spawned one */
	bool spawns;   /* this one's children are */
	bool hooks_work;
	struct options options;
	struct batch batch;
	struct target target;
	struct state *state;
	uint8_t *record; /* room for the largest record */
};

/* The one driver of this process; signal handlers and hooks need to find it. */
extern struct driver driver;

/* Writes the header of the result, unless that has been done. */
void result_begin(void);

/*
 * Appends a record: its payload is taken from `payload`, or if that is NULL already lies
 * behind the header in driver.record. False: the disk is full, or the like.
 */
bool record_write(struct iw_driver_record *r, const void *payload);

/*
 * Installs what only has to be there once per process image: the malloc hooks, if an
 * option needs them and they prove to work, the death callback, the exit handler.
 */
void child_prepare(void);

/* Calls LLVMFuzzerInitialize, if there is one. */
void child_initialize(int argc, char **argv);

/* Runs units from state->index on. Ends the process; what became of it is in state. */
__attribute__((noreturn)) void child_run(void);

#endif
