/*
 * A change that nobody has reviewed yet: what it is compared with, and which lines it
 * touches.
 *
 * It is named by two commits or by the number of a pull request, whose head is where the
 * source keeps it (refs/pull/N/head), else what was promoted to the staging branch. Either
 * way the base is the merge base, as for git and for forges: what the other side did
 * meanwhile is none of the change's doing.
 *
 * Thread: that of the repository.
 */
#ifndef ADAPTERS_CHANGE_H
#define ADAPTERS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/err.h"
#include "base/git.h"

/* One of both. */
struct change_wish {
	int64_t pr;	       /* 0: none */
	const char *from, *to; /* branches, tags or commits */
};

struct change {
	int64_t pr; /* 0: commits were named */
	char base[IW_GIT_HEX], base_tree[IW_GIT_HEX];
	char head[IW_GIT_HEX], tree[IW_GIT_HEX];
	/* from is no ancestor of to. */
	bool is_apart;
	/*
	 * The change as one commit on its base, which a farm takes for a snapshot with one
	 * entry staged: a bisection between both has nothing to build but the base. No
	 * reference names it.
	 */
	char merge[IW_GIT_HEX];
	struct iw_git_diff diff; /* from base to head */
};

/* IW_ENOENT: there is no such commit or pull request, with a sentence that says where was
 * looked. IW_EINVAL: there is nothing to compare. */
int change_find(struct iw_git_repo *repo, const struct adapter_source *source,
	const struct change_wish *wish, struct change *out, struct iw_err *err);
void change_fini(struct change *change);

/* Lines that the new side has and the old one does not, and likewise. */
void change_count(const struct change *change, int64_t *added, int64_t *removed);

#endif
