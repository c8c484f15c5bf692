/*
 * Where a program died that says nothing itself and cannot be watched from within: a static
 * one, or a thread that has overflowed its own stack. One run under gdb, in the sandbox of
 * every other run, bounded in time and memory. gdb reads no files of anybody's home and
 * loads nothing from the network; what the program prints does not reach it.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_DEBUGGER_H
#define TRIAGE_DEBUGGER_H

#include <stddef.h>

#include "base/build.h"
#include "triage/world.h"

/* The path of gdb, where the sandbox sees it; NULL: there is none. */
const char *triage_debugger_find(void);

struct triage_debugger_spec {
	const struct iw_build *build;	    /* borrowed until done */
	const struct triage_target *target; /* likewise; a program with args */
	const void *input;		    /* copied at the start */
	size_t len;
};

struct triage_debugger;
typedef void (*triage_debugger_cb)(struct triage_debugger *op, void *ctx);

/* done fires exactly once, later. A failure is no answer: there is no report then. */
struct triage_debugger *triage_debugger_start(const struct triage_world *world,
	const struct triage_debugger_spec *spec, triage_debugger_cb done, void *ctx);
void triage_debugger_stop(struct triage_debugger *op);
/* After done: a report that can stand behind what the program printed; NULL: none. The
 * caller frees. */
char *triage_debugger_take(struct triage_debugger *op);
void triage_debugger_free(struct triage_debugger *op);

#endif
