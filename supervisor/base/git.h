/*
 * Git: one repository of our own, read through libgit2.
 *
 * The functions on a struct iw_git_repo are plain and synchronous: tests and offline
 * commands call them directly, the supervisor sends them to the repository's own thread
 * with iw_git_submit(). Errors end with libgit2's own words, copied before the function
 * returns, because libgit2 keeps them per thread.
 *
 * Objects are named by 40 lower-case hex digits. Merges and reverts are made in memory
 * and only their trees and blobs are written, so no branch, index or work tree ever
 * changes. Contents, names and messages come from whoever wrote the commits: nothing here
 * trusts them, and messages may hold any bytes but NUL.
 *
 * Thread: a repo belongs to one thread at a time. Everything may block on the disk.
 */
#ifndef IW_BASE_GIT_H
#define IW_BASE_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/queue.h"

#define IW_GIT_HEX 41 /* with the NUL */

struct iw_git_repo;

/* Opens exactly path: a bare repository, a work tree or its .git. */
int iw_git_open(struct iw_git_repo **out, const char *path, struct iw_err *err);
void iw_git_close(struct iw_git_repo *repo);
void iw_git_closep(struct iw_git_repo **repo);

/*
 * The commit that name means: 40 digits, a branch here, a branch of origin, or any other
 * revision that git understands (a tag, a full reference, "HEAD~2"), in this order.
 * IW_ENOENT when there is none.
 */
int iw_git_resolve(struct iw_git_repo *repo, const char *name,
	char commit[static IW_GIT_HEX], struct iw_err *err);

struct iw_git_commit {
	char id[IW_GIT_HEX];
	char tree[IW_GIT_HEX];
	int64_t time_ms; /* when it was committed */
	char *title;	 /* the first line of the message */
	char *message;	 /* its first 64 KiB */
	char (*parents)[IW_GIT_HEX];
	size_t parent_count;
};

/* commit is an id, as everywhere below. */
int iw_git_commit_read(struct iw_git_repo *repo, const char *commit,
	struct iw_git_commit *out, struct iw_err *err);
void iw_git_commit_fini(struct iw_git_commit *commit);

/* The tree of a commit. */
int iw_git_tree(struct iw_git_repo *repo, const char *commit,
	char tree[static IW_GIT_HEX], struct iw_err *err);

struct iw_git_log {
	struct iw_git_commit *commits; /* oldest first */
	size_t count;
};

/*
 * The commits of tip's first-parent line, tip included, that base does not contain; base
 * NULL: all of the line. At most 100,000 commits, IW_EINVAL above.
 */
int iw_git_log_read(struct iw_git_repo *repo, const char *base, const char *tip,
	struct iw_git_log *out, struct iw_err *err);
/* The newest of the line, at most max and one at least. A line whose commits are not all
 * here (a shallow copy) ends where they do. */
int iw_git_log_recent(struct iw_git_repo *repo, const char *tip, size_t max,
	struct iw_git_log *out, struct iw_err *err);
void iw_git_log_fini(struct iw_git_log *log);

/* The best common ancestor; IW_ENOENT when the two have none. */
int iw_git_merge_base(struct iw_git_repo *repo, const char *a, const char *b,
	char base[static IW_GIT_HEX], struct iw_err *err);

/* The tree of a merge of both commits. 1: they conflict, and tree is empty. */
int iw_git_merge_tree(struct iw_git_repo *repo, const char *commit, const char *other,
	char tree[static IW_GIT_HEX], struct iw_err *err);

/* The tree of tip with what `commit` changed against its first parent (mainline 1 of a
 * merge) taken out again. 1: later commits conflict with that, and tree is empty. */
int iw_git_revert_tree(struct iw_git_repo *repo, const char *tip, const char *commit,
	char tree[static IW_GIT_HEX], struct iw_err *err);

/* The tree of tip with what `commit` changed against its first parent made there, too. 1: it
 * conflicts, and tree is empty. */
int iw_git_pick_tree(struct iw_git_repo *repo, const char *tip, const char *commit,
	char tree[static IW_GIT_HEX], struct iw_err *err);

/* The tree with files of another tree in their places: each path that `from` has as a file;
 * others stay as they are. */
int iw_git_carry_tree(struct iw_git_repo *repo, const char *tree, const char *from,
	const char *const *paths, size_t count, char out[static IW_GIT_HEX],
	struct iw_err *err);

/*
 * A commit that no reference names, so that the result of one merge or revert can enter
 * the next: two merges taken out, three put on a base. Author and time are fixed: the
 * same tree, parents and message give the same commit. message NULL: one of ours.
 */
int iw_git_commit_make(struct iw_git_repo *repo, const char *tree,
	const char *const *parents, size_t parent_count, const char *message,
	char commit[static IW_GIT_HEX], struct iw_err *err);

/*
 * Writes the files of a tree below dir, which is made and must be empty: contents as they
 * are stored (no filters, no line-end conversion), executable bits, links. Submodules
 * become empty folders. A link that leads out of dir becomes a plain file that holds its
 * target's text, as git itself does where links do not exist. IW_EINVAL for a tree that
 * names ".git", "." or "..", or is absurdly large or deep. What was written stays behind
 * on failure.
 */
int iw_git_export(
	struct iw_git_repo *repo, const char *tree, const char *dir, struct iw_err *err);

/* A file of a tree as it is stored, with a NUL behind it; the caller frees. 1: there is no
 * such file, or it has more than max bytes. */
int iw_git_file_read(struct iw_git_repo *repo, const char *tree, const char *path,
	size_t max, char **data, size_t *len, struct iw_err *err);

/* Lines of the new side, counted from 1. count 0: lines were only removed after line. The
 * same for the old side, whose lines these took the place of. */
struct iw_git_range {
	uint32_t line, count;
	uint32_t old_line, old_count;
};

enum iw_git_status { IW_GIT_ADDED, IW_GIT_DELETED, IW_GIT_MODIFIED };

struct iw_git_change {
	char *path;	/* of the new side; of the old one when deleted */
	char *old_path; /* another one when it was renamed */
	enum iw_git_status status;
	bool is_binary;		     /* and has no ranges */
	struct iw_git_range *ranges; /* ascending */
	size_t range_count;
};

struct iw_git_diff {
	struct iw_git_change *changes; /* by path */
	size_t count;
};

/* What changed from one tree to another; a renamed file is modified. */
int iw_git_diff_read(struct iw_git_repo *repo, const char *old_tree, const char *new_tree,
	struct iw_git_diff *out, struct iw_err *err);
void iw_git_diff_fini(struct iw_git_diff *diff);

/*
 * The queue: a thread of the repository's own that runs requests in order. A request is
 * the caller's and lives until done, which fires exactly once on the loop, always later.
 */
struct iw_git;
struct iw_git_req;
/* Returns 0, a positive outcome, or negative with err filled. */
typedef int (*iw_git_run_cb)(struct iw_git_repo *repo, void *ctx, struct iw_err *err);
typedef void (*iw_git_done_cb)(struct iw_git_req *req);

struct iw_git_req {
	iw_git_run_cb run; /* on the git thread */
	void *ctx;
	iw_git_done_cb done; /* on the loop */
	int rc;		     /* what run returned */
	struct iw_err err;   /* when rc is negative */
	/* below: private */
	struct iw_queue_item item;
};

/* Starts the thread; takes repo, also when it fails. Thread: the loop, for all three. */
int iw_git_start(struct iw_git **out, struct iw_loop *loop, struct iw_git_repo *repo,
	struct iw_err *err);
void iw_git_submit(struct iw_git *git, struct iw_git_req *req);
/* Requests submitted before are still run; stopped fires after their done callbacks. */
void iw_git_stop(struct iw_git *git, void (*stopped)(void *ctx), void *ctx);

#endif
