/* What the files of base/git share. Not for others. */
#ifndef IW_BASE_GIT_REPO_H
#define IW_BASE_GIT_REPO_H

#include <git2.h>

#include "base/git.h"

struct iw_git_repo {
	git_repository *git;
	char *path;
};

/* Fills err with the words and libgit2's own, from the code that it just returned. */
int iw_git_fail(struct iw_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* IW_EINVAL when id is no 40 lower-case hex digits: ours or the user's, never a guess. */
int iw_git_oid(git_oid *oid, const char *id, struct iw_err *err);

int iw_git_lookup_tree(
	struct iw_git_repo *repo, const char *id, git_tree **out, struct iw_err *err);

/* libgit2's destructors in the shape that _auto_() wants. */
#define IW_GIT_FREEP(type)                                                               \
	static inline __attribute__((unused)) void type##_freep(type **p)                \
	{                                                                                \
		type##_free(*p);                                                         \
	}
IW_GIT_FREEP(git_object)
IW_GIT_FREEP(git_reference)
IW_GIT_FREEP(git_commit)
IW_GIT_FREEP(git_tree)
IW_GIT_FREEP(git_tree_entry)
IW_GIT_FREEP(git_blob)
IW_GIT_FREEP(git_index)
IW_GIT_FREEP(git_diff)
IW_GIT_FREEP(git_patch)
IW_GIT_FREEP(git_revwalk)
IW_GIT_FREEP(git_signature)

#endif
