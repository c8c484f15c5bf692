/*
 * How a target of a build is run: its program, the environment that its flavour wants,
 * and the driver's spec for it. Thread: any.
 */
#ifndef ADAPTERS_TARGET_RUN_H
#define ADAPTERS_TARGET_RUN_H

#include <stdbool.h>

#include "adapters/adapter.h"
#include "base/build.h"
#include "base/job.h"
#include "engine/driver.h"
#include "sanitizers/flavour.h"

/* The path of a target's program in a build; NULL when the build has none, or a link that
 * leads out of it. The caller frees. */
char *target_binary(const struct iw_build *build, const struct adapter_target *target);

/* Whether a program in the folder of a build is a target that adapter.json does not list but
 * lets be discovered; it is named like the program. */
bool target_is_discovered(
	const struct adapter *adapter, const char *build_dir, const char *program);

/* Whether it is a program that says nothing when it dies of a signal, and heeds the witness
 * that can (engine/program.h). Looks at the program. */
bool target_is_silent(const struct iw_build *build, const struct adapter_target *target);

/* The target's memory limit under the build's flavour, in MiB of resident memory. One
 * allocation is held to adapter_target.rss_limit_mb itself: no runtime adds to that. */
int64_t target_rss_limit_mb(
	const struct iw_build *build, const struct adapter_target *target);
/* What one unit may take under the build's flavour, in seconds. */
int64_t target_timeout_s(
	const struct iw_build *build, const struct adapter_target *target);

/* Adds the runtime options of the build's flavour. Its reports have no names but module
 * and offset, which are found afterwards (sanitizers/symbolizer.h), unless the flavour's
 * runtimes need them while they run: then they use symbolizer, a path or NULL. */
void target_add_env(struct iw_job *job, const struct iw_build *build, enum san_use use,
	const char *symbolizer);

/* How a fresh process of the target is run. Only libFuzzer can be told to look for leaks;
 * a program's runtime is, by the use in which it does not. */
enum san_use target_use(const struct adapter_target *target);

/* The same, with names while it runs, for what is no report. */
void target_add_env_named(struct iw_job *job, const struct iw_build *build,
	enum san_use use, const char *symbolizer);

/* A driver spec with the strings it points to. Zero-initialise. */
struct target_driver {
	struct engine_driver_spec spec;
	/* below: private */
	char *binary, *what;
	char **env;
	const char *reads[2];
};

/*
 * Fills spec for judging and measuring units of target on build: features on the
 * reference flavour only, limits as the adapter says. IW_ENOENT when the build does not
 * have the target. driver is the path of ironworks-driver.so; symbolizer as above.
 */
int target_driver_init(struct target_driver *out, const struct iw_build *build,
	const struct adapter_target *target, enum iw_purpose purpose, const char *driver,
	const char *symbolizer, struct iw_err *err);
/* What its jobs are for, for people who watch. Takes the string. */
void target_driver_set_what(struct target_driver *driver, char *what);
/* For a runtime whose variable is set; of an option given twice it believes the last. */
void target_driver_add_option(
	struct target_driver *driver, const char *variable, const char *option);
void target_driver_fini(struct target_driver *driver);

#endif
