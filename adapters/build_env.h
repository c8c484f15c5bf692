/*
 * What a build gets to see, and the closure id, which depends on all of it. Pure.
 */
#ifndef ADAPTERS_BUILD_ENV_H
#define ADAPTERS_BUILD_ENV_H

#include "adapters/adapter.h"
#include "base/hash.h"
#include "base/job.h"
#include "sanitizers/flavour.h"
#include "sanitizers/toolchain.h"

struct build_env {
	const struct adapter *adapter;
	const struct san_toolchain *tools;
	const struct san_flavour *flavour;
	const char *src;       /* the job's copy of the source */
	const char *cache_dir; /* NULL: compile everything anew */
	int64_t cache_bytes;   /* how large that may grow; 0: ccache's own default */
	int make_jobs;
};

/* Adds OSS-Fuzz's variables, since build scripts know them; adapters/GUIDE.md explains.
 */
void build_env_add(const struct build_env *env, struct iw_job *job);

/* Whether there is a compiler cache on this machine. */
bool build_env_can_cache(void);

/* recipe: of adapter_recipe_hash(). Of env only adapter, tools and flavour count. */
void build_env_closure(const struct build_env *env, const char *recipe, const char *tree,
	char closure[static IW_SHA256_HEX]);

#endif
