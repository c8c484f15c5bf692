/*
 * Slots: one per core, and who runs on them.
 *
 * A slot carries at most one job that must end soon (reproduce, build, measure, …), given
 * to the one whose patience ends first (triage has least), and under it at most one
 * engine, niced far below: the engine takes what the other leaves and is not stopped,
 * because stopping costs more (an engine re-reads its corpus at every start) than sharing
 * does. Beside these two it carries at most one urgent job, which waits for neither: what
 * has to be done by some time must not wait for somebody's build.
 *
 * What is only good to know (coverage) has no claim on a core: one such job of the whole
 * farm at a time, begun while no other job waits (or after a minute), takes what even
 * engines leave.
 *
 * Implements the gate of base/job.h. Thread: the loop.
 */
#ifndef IW_SLOTS_H
#define IW_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/job.h"

struct iw_slots;

/* How much more an engine yields than the rest; a tenth of the weight of nice 0. */
#define IW_SLOTS_FUZZ_NICE 10

/* `cores` of the cores that this process may use; 0 means all. */
struct iw_slots *iw_slots_new(int cores);
void iw_slots_free(struct iw_slots *slots);

int iw_slots_count(const struct iw_slots *slots);
/* How many more engines fit now. */
int iw_slots_fuzz_room(const struct iw_slots *slots);
/* Jobs that wait for a front place or have one. */
int iw_slots_busy(const struct iw_slots *slots);
int iw_slots_waiting(const struct iw_slots *slots);
/* The core of slot i. */
int iw_slots_core(const struct iw_slots *slots, int i);
/* CPU time of the jobs of a purpose that have ended, milliseconds. */
int64_t iw_slots_core_ms(const struct iw_slots *slots, enum iw_purpose purpose);
/* How long places of slots were taken by jobs that have ended, milliseconds. */
int64_t iw_slots_busy_ms(const struct iw_slots *slots);
/* The engine's job on slot i, or the other one's, the urgent one first; NULL when there is
 * none. */
struct iw_job *iw_slots_job(const struct iw_slots *slots, int i, bool engine);

/* The job without a core of its own, or NULL. */
struct iw_job *iw_slots_last(const struct iw_slots *slots);

/* Stops every job that waits or runs but engines. */
void iw_slots_stop_front(struct iw_slots *slots);
/* Stops every job that waits or runs. */
void iw_slots_stop_all(struct iw_slots *slots);

struct iw_job_gate iw_slots_gate(struct iw_slots *slots);

#endif
