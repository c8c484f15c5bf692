/*
 * The staging branch: what is staged, in the order in which it was staged.
 *
 * Each staged pull request is one first-parent commit of the branch, a merge whose
 * message says which. A first-parent commit that is no promotion (somebody pushed to the
 * branch) is an entry too, with number 0 and its title: bisection must be able to blame
 * it.
 *
 * Messages are foreign text: everything here is bounded, but nothing is escaped.
 * Thread: that of the repository; the results belong to whoever holds them.
 */
#ifndef ADAPTERS_STAGING_H
#define ADAPTERS_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/git.h"
#include "base/mem.h"

struct staged_pr {
	int64_t number;		/* 0: no promotion */
	const char *title;	/* never NULL, at most 500 bytes */
	const char *url;	/* http(s), or NULL */
	char head[IW_GIT_HEX];	/* of the pull request: from the message, or the second
				 * parent; empty when neither is there */
	const char *head_ref;	/* or NULL */
	int64_t promoted_at_ms; /* from the message, or the commit's time */
	char merge[IW_GIT_HEX]; /* the commit on the staging branch */
	char tree[IW_GIT_HEX];	/* of that commit */
	char second_parent[IW_GIT_HEX]; /* what was really merged; empty: no merge */
};

struct staging_snapshot {
	char commit[IW_GIT_HEX];
	char tree[IW_GIT_HEX];
	char base_commit[IW_GIT_HEX]; /* merge base of base branch and staging; */
	char base_tree[IW_GIT_HEX];   /* both empty when there is no base branch */
	const struct staged_pr *prs;  /* oldest first */
	size_t count;
	/* below: private */
	struct iw_arena *arena;
};

/* Reads branch against base, which may be NULL: then nothing is staged. */
int staging_read(struct iw_git_repo *repo, const char *branch, const char *base,
	struct staging_snapshot **out, struct iw_err *err);
void staging_free(struct staging_snapshot *snapshot);
void staging_freep(struct staging_snapshot **snapshot);

/* The entry whose commit on the staging branch this is; NULL when there is none. */
const struct staged_pr *staging_find(
	const struct staging_snapshot *snapshot, const char *merge);

/*
 * What one commit message says; strings live in the arena. True: a promotion. False:
 * none, only the title is set. promoted_at_ms is -1 and head empty when the message is
 * silent.
 */
bool staging_message_parse(
	struct iw_arena *arena, const char *message, struct staged_pr *pr);

#endif
