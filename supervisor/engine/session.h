/*
 * A driver that stays: batch after batch in one process of the target, for those who know
 * the next batch only when they have seen the last (minimizing). Its start is paid once,
 * and it holds one job's slot until it is closed.
 *
 *	s = engine_session_new(jobs, spec);
 *	engine_session_run(s, units, done, ctx);	again and again, one at a time
 *	engine_session_close(s, closed, ctx);
 *
 * A target that the driver cannot serve is measured as engine_driver does it, one job for
 * each batch; a process that dies between two batches is started anew with the next.
 *
 * Thread: the loop; the load callback runs on a pool thread.
 */
#ifndef IW_ENGINE_SESSION_H
#define IW_ENGINE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/driver.h"

struct engine_session;

/* Like engine_driver_done_cb. The results live until the next run or close. */
typedef void (*engine_session_done_cb)(
	struct engine_session *session, const struct iw_err *err, void *ctx);
typedef void (*engine_session_closed_cb)(void *ctx);

/* Starts nothing. spec is copied; its collect must be NULL. */
struct engine_session *engine_session_new(
	struct iw_jobs *jobs, const struct engine_driver_spec *spec);
/* done fires exactly once, later. units is copied, its ctx must live until done. */
void engine_session_run(struct engine_session *session, const struct engine_units *units,
	engine_session_done_cb done, void *ctx);
/* How much CPU time one unit may take from the next batch on; 0: no bound. */
void engine_session_set_cpu(struct engine_session *session, int64_t ms);
/* Ends what runs early: done comes as always, with IW_ECANCELED. */
void engine_session_stop(struct engine_session *session);
const struct engine_results *engine_session_results(const struct engine_session *session);
/* CPU time of its jobs that have ended, microseconds. */
int64_t engine_session_cpu_us(const struct engine_session *session);
/* Not while a batch runs. Ends the process; closed fires once, later, or never where it is
 * NULL, and inside it the session can be asked for its CPU time for the last time. */
void engine_session_close(
	struct engine_session *session, engine_session_closed_cb closed, void *ctx);

#endif
