/* The processes of the job, as /proc shows them. */
#ifndef IW_KEEPER_PROCESS_H
#define IW_KEEPER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Start time of this process in ticks since boot, field 22 of its stat; 0 unknown. */
unsigned long long process_own_start(void);

/* Children of a process, of all its threads. Returns how many were stored, at most max.
 */
size_t process_children(pid_t pid, pid_t *children, size_t max);

/* What runs below a process, itself excluded. Returns how many were stored, at most max.
 */
size_t process_tree(pid_t pid, pid_t *tree, size_t max);

/* Resident memory in MiB of these processes. */
long long process_rss_mb(const pid_t *processes, size_t count);

/* CPU time in ticks of these processes, with that of children they have waited for.
 * Changes whenever one of them has worked or ended. *is_busy: one of them runs, or would
 * if it had a core or its disk answered. */
unsigned long long process_all_ticks(const pid_t *processes, size_t count, bool *is_busy);

/*
 * The process that a graceful stop is meant for. `command` is bwrap, `inner` the child
 * it names in its status file: with a pid namespace of its own that is bwrap again, as
 * init, and the engine is its first child. 0: there is none yet.
 */
pid_t process_engine(pid_t command, pid_t inner);

#endif
