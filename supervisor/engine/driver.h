/*
 * The client of the driver: runs many units in one process of a libFuzzer-built target
 * and tells for each what became of it.
 *
 * One engine_driver is one batch in one sandboxed job. Callers that have more cores start
 * several, each with its share of the units. A target that the driver cannot serve is
 * measured through libFuzzer's own -merge_inner=2 instead (merge_inner.h), without times
 * and leaks; the results say so. A program that is none runs each unit in a process of
 * its own (apart.h): nothing but the interface is then the driver's.
 *
 * Thread: the loop; the load callback runs on a pool thread.
 */
#ifndef IW_ENGINE_DRIVER_H
#define IW_ENGINE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/job.h"
#include "engine/result.h"

/* How to run the target. Everything is copied. Zero means default. */
struct engine_driver_spec {
	const char *binary; /* absolute; the job may read it */
	const char *driver; /* absolute path of ironworks-driver.so */
	/* Of a program that is no libFuzzer target, how it takes an input: program.h.
	 * Likewise NULL-terminated, or NULL. */
	const char *const *args;
	bool is_silent; /* of such a program: it says nothing when it dies of a signal */
	/* NAME=VALUE for the target (sanitizer options); NULL-terminated, or NULL. */
	const char *const *env;
	/* More host paths it may read: the folder of its build. Likewise. */
	const char *const *reads;
	const char *about; /* JSON for the job's folder, or NULL */
	const char *what;  /* for people who watch, or NULL */
	enum iw_purpose purpose;
	int64_t timeout_ms; /* of one unit; 0: none */
	int64_t cpu_ms;	    /* likewise, CPU time */
	int64_t rss_limit_mb;
	int64_t disk_limit_mb; /* 0: the jobs' default */
	int64_t malloc_limit_mb;
	uint32_t max_deaths; /* the units after so many are not run; 0: no limit */
	bool wants_features; /* false: only judge, which works without counters too */
	bool leaks;	     /* check after each unit; the env must say detect_leaks=1 */
	bool no_aslr;
	bool is_urgent; /* its job goes before others */
	bool serves;	/* batch after batch: engine/session.h sets it */
	/* On a pool thread, when the job has ended and before its folder goes: what the
	 * target wrote into its work/, which is foreign. libFuzzer does not step in where
	 * the driver cannot, for nobody would collect. Or NULL. */
	void (*collect)(void *ctx, const char *work);
	void *collect_ctx;
};

/* The units of one batch. load hands out unit i; the data is borrowed until the next
 * call. A failure ends the batch with that error. */
struct engine_units {
	size_t count;
	int (*load)(
		void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err);
	void *ctx;
};

struct engine_driver;

/* Fires exactly once, later. err is NULL when the job came to its end; otherwise the
 * results hold what was measured before. */
typedef void (*engine_driver_done_cb)(
	struct engine_driver *driver, const struct iw_err *err, void *ctx);

struct engine_driver *engine_driver_new(
	struct iw_jobs *jobs, const struct engine_driver_spec *spec);
/* units is copied, its ctx must live until done. */
void engine_driver_start(struct engine_driver *driver, const struct engine_units *units,
	engine_driver_done_cb done, void *ctx);
/* Ends early; done comes as always, with IW_ECANCELED. */
void engine_driver_stop(struct engine_driver *driver);
/* Its job has no core yet. */
bool engine_driver_is_waiting(const struct engine_driver *driver);
/* How many units have been run by now, where no features are wanted; 0 otherwise. Looks
 * at a file. */
size_t engine_driver_progress(const struct engine_driver *driver);
/* Only after done; results live until the free. In the order of the batch. */
const struct engine_results *engine_driver_results(const struct engine_driver *driver);
/* CPU time of the jobs, microseconds. */
int64_t engine_driver_cpu_us(const struct engine_driver *driver);
/* Before start or after done, also inside done. */
void engine_driver_free(struct engine_driver *driver);

#endif
