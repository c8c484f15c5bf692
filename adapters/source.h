/*
 * Where a project's repository comes from, at work: bringing it here, and asking where
 * its branch is. Each is a job with network, unboxed like all of an adapter's source
 * command.
 *
 * Thread: the loop.
 */
#ifndef ADAPTERS_SOURCE_H
#define ADAPTERS_SOURCE_H

#include "adapters/adapter.h"
#include "base/git.h"
#include "base/job.h"

/* One job; the caller's, lives until done, which fires exactly once and later. */
struct source_req;
/* err: what failed, with git's last words. */
typedef void (*source_done_cb)(struct source_req *req, const struct iw_err *err);

struct source_req {
	struct iw_jobs *jobs;
	const struct adapter *adapter;
	const char *repo_dir; /* <state>/sources/<name> */
	source_done_cb done;
	void *ctx;
	/* Of source_look(). */
	char head[IW_GIT_HEX];
	/* below: private */
	struct iw_job *job;
	struct iw_err err;
};

/* Brings it: a first time, or what is new at a git source. An error: nothing was started,
 * and done does not come. */
int source_fetch(struct source_req *req, struct iw_err *err);
/* Asks a git source for the commit of the adapter's branch, and brings nothing. IW_ENOENT
 * in done: it has no such branch. */
int source_look(struct source_req *req, struct iw_err *err);
/* Ends the job, if there is one; done comes as always. */
void source_stop(struct source_req *req);

/* The commit of the branch in what `git ls-remote` printed, found in the order in which
 * iw_git_resolve() looks; false: it is not there. Pure. */
bool source_head_find(
	const char *listing, const char *branch, char head[static IW_GIT_HEX]);

#endif
