/*
 * A project at work: an adapter with its repository, its snapshot and its builder.
 *
 * Opening fetches the source when it is not there yet (the adapter's own command, or
 * git), opens the repository on its own thread and reads the staging branch.
 *
 * With a wish it opens another snapshot than the newest.
 *
 *	FETCHING --> READING --> ready (done called with rc 0)
 *	    \____________\-----> failed (done called with the error)
 *
 * Thread: the loop.
 */
#ifndef ADAPTERS_PROJECT_H
#define ADAPTERS_PROJECT_H

#include <stdbool.h>

#include "adapters/adapter.h"
#include "adapters/builder.h"
#include "adapters/staged_change.h"
#include "base/build.h"
#include "base/db.h"
#include "base/git.h"
#include "base/job.h"
#include "sanitizers/toolchain.h"

/* What a project works with; everything is borrowed and lives longer. */
struct project_world {
	struct iw_loop *loop;
	struct iw_jobs *jobs;
	struct iw_db *db;
	const struct san_toolchain *tools;
	const char *sources_dir, *builds_dir, *cache_dir;
	int64_t cache_bytes; /* as for the builder, like what follows */
	int make_jobs;
	struct budget *budget;
};

/* Which snapshot is opened. Zero: the newest that the source has. */
struct project_wish {
	/* This one, from the copy that is here; the branch's where the copy does not have
	 * it. NULL or empty: none. Copied. */
	const char *commit;
	/* The last one that was fuzzed, likewise: what is newer is looked for later. */
	bool is_steady;
};

struct project;
/* err is NULL when the project is ready. */
typedef void (*project_ready_cb)(
	struct project *project, const struct iw_err *err, void *ctx);

/*
 * Takes adapter. Makes its row and loads its builds through dbc before it returns
 * (blocks); what follows is asynchronous and ends in done, exactly once.
 */
int project_open(struct project **out, const struct project_world *world,
	struct adapter *adapter, const struct project_wish *wish, struct iw_dbc *dbc,
	project_ready_cb done, void *ctx, struct iw_err *err);
/* After done only, with no request under way; closed may be NULL. */
void project_close(struct project *project, void (*closed)(void *ctx), void *ctx);

/* All borrowed. */
const struct adapter *project_adapter(const struct project *project);
int64_t project_id(const struct project *project);
const struct staging_snapshot *project_snapshot(const struct project *project);
/* Of its staged pull requests. */
const struct staged_changes *project_changes(const struct project *project);
/* It was opened on a snapshot that was wished for: one before it has been fuzzed. */
bool project_is_known(const struct project *project);
/* Nobody has looked for a newer one than the snapshot. */
bool project_may_be_old(const struct project *project);
/* What is odd about its branches, in one sentence; NULL: nothing. */
const char *project_misfit(const struct project *project);
const struct project_world *project_world_of(const struct project *project);
const char *project_repo_dir(const struct project *project);
struct iw_git *project_git(const struct project *project);
struct iw_builder project_builder(const struct project *project);
struct builder *project_builds(const struct project *project);
void project_build_counts(const struct project *project, int *made, int *cached);

#endif
