/*
 * The staging branch: what is staged, in the order in which it was staged.
 *
 * Each staged pull request is one first-parent commit of the branch, whose message says
 * which. A first-parent commit that brings none (somebody pushed to the branch) is an
 * entry too, with number 0 and its title: bisection must be able to blame it. For the
 * same reason one that was taken out again stays an entry, and is not staged any more.
 *
 * A project without a staging branch is followed on its main branch: what counts as
 * staged is what came last, STAGING_RECENT commits of it, and the base is the commit
 * before those.
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

/* Of a main branch; a bisection of so many costs seven builds. */
#define STAGING_RECENT 64
#define STAGING_NOT SIZE_MAX

struct staged_pr {
	int64_t number;	   /* 0: no pull request */
	const char *repo;  /* "owner/repo" where the message says whose number it is */
	const char *title; /* never NULL, at most 500 bytes */
	const char *url;   /* http(s), or NULL */
	char head[IW_GIT_HEX];	/* of the pull request: from the message, or the second
				 * parent; empty when neither is there */
	const char *head_ref;	/* its branch, or NULL */
	int64_t promoted_at_ms; /* from the message, or the commit's time */
	char merge[IW_GIT_HEX]; /* the commit on the staging branch */
	char tree[IW_GIT_HEX];	/* of that commit */
	char second_parent[IW_GIT_HEX]; /* what was really merged; empty: no merge */
	size_t reverts;			/* 1 + the entry that it took out; 0: none */
	/* The entry by which the same pull request is in the snapshot: this one, or one
	 * that brought another version or brought it back. STAGING_NOT: it was taken out,
	 * or it is no pull request. */
	size_t staged_as;
	bool was_reverted; /* a later entry took it out, whatever came after that */
};

struct staging_snapshot {
	char commit[IW_GIT_HEX];
	char tree[IW_GIT_HEX];
	/* What it is staged on: the merge base of base branch and staging, or of a main
	 * branch the commit before the recent ones. */
	char base_commit[IW_GIT_HEX];
	char base_tree[IW_GIT_HEX];
	const struct staged_pr *prs; /* oldest first */
	size_t count;
	bool is_main; /* there is no staging branch: all of it is merged already */
	/* below: private */
	struct iw_arena *arena;
};

/* Reads branch against base; NULL: the branch is the main one. */
int staging_read(struct iw_git_repo *repo, const char *branch, const char *base,
	struct staging_snapshot **out, struct iw_err *err);
void staging_free(struct staging_snapshot *snapshot);
void staging_freep(struct staging_snapshot **snapshot);

/* The entry whose commit on the staging branch this is; NULL when there is none. */
const struct staged_pr *staging_find(
	const struct staging_snapshot *snapshot, const char *merge);
/* Where a pull request's last entry stands, counted from 1; 0: there is none. */
size_t staging_find_pr(const struct staging_snapshot *snapshot, int64_t number);
/* The tree that an entry was put on; empty when it was put on nothing. */
int staging_tree_before(struct iw_git_repo *repo, const struct staging_snapshot *snapshot,
	size_t entry, char tree[static IW_GIT_HEX], struct iw_err *err);
/* Whether the entry is the one by which a pull request is in the snapshot. */
bool staging_is_staged(const struct staging_snapshot *snapshot, size_t entry);

/*
 * What one commit message says; strings live in the arena. is_merge: its commit has two
 * parents. True: it brings a pull request. False: none, only the title is set.
 * promoted_at_ms is -1 and head empty when the message is silent.
 */
bool staging_message_parse(
	struct iw_arena *arena, const char *message, bool is_merge, struct staged_pr *pr);

#endif
