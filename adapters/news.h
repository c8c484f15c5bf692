/*
 * Has the branch of an open project moved, and to what? A git source is asked where its
 * branch is, which brings nothing; only a head that nobody knows is fetched and read.
 * What a command made is looked at where it lies.
 *
 *	LOOKING --> known head: done
 *	     \--> FETCHING --> READING --> done, with a snapshot
 *
 * Thread: the loop, which never waits: git works in a job and on the repository's thread.
 */
#ifndef ADAPTERS_NEWS_H
#define ADAPTERS_NEWS_H

#include "adapters/project.h"
#include "adapters/source.h"

/* One look; the caller's, lives until done, which fires exactly once and later. */
struct project_news;
typedef void (*project_news_cb)(struct project_news *news, const struct iw_err *err);

struct project_news {
	struct project *project;
	const char
		*refused; /* besides the project's own snapshot: no news; may be empty */
	project_news_cb done;
	void *ctx;
	/* NULL: nothing new. The caller frees. */
	struct staging_snapshot *snapshot;
	/* below: private */
	struct source_req source;
	struct iw_git_req git;
	char head[IW_GIT_HEX];
	struct iw_err err;
	struct iw_timer *later;
	bool is_stopped;
};

void project_news_look(struct project_news *news);
/* Ends it early; done comes as always, with IW_ECANCELED where that came in time. */
void project_news_stop(struct project_news *news);

#endif
