/*
 * What the files of `ironworks diff` share. Not for others.
 *
 *	diff.c	       words, the order of things
 *	diff_prepare.c a state folder of its own, the source in it, the change found there
 *	diff_farm.c    what a farm knows already: corpora, and which targets come near
 *	diff_build.c   what is known from one build of each side
 *	diff_side.c    one side of the comparison is built and fuzzed
 *	diff_report.c  what the change adds
 */
#ifndef IW_CLI_DIFF_ROOM_H
#define IW_CLI_DIFF_ROOM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "adapters/change.h"
#include "base/err.h"
#include "state.h"

/* Borrowed from argv, but for the ends of the range. */
struct diff_wish {
	const char *adapter; /* NULL: the only one of the farm's state */
	char *from, *to;     /* owned */
	int64_t pr, budget_ms, cores;
	const char *target; /* NULL: those near the change */
	const char *keep;   /* NULL: a temporary folder */
	const char *state;  /* of the farm; NULL: the user's, where there is one */
	bool json;
};

/* A target that was fuzzed. */
struct diff_target {
	char *name;
	bool is_on[2]; /* sides */
	int64_t executions[2];
};

enum diff_side { DIFF_BASE, DIFF_CHANGE };

struct diff {
	struct diff_wish wish;
	char *adapter_arg; /* "PATH_OR_NAME[:param=value,…]" */
	struct adapter *adapter;
	struct iw_state farm; /* read only; dir NULL: there is none */
	char *dir;	      /* the change's own state; NULL: not made yet */
	bool stays;
	struct change change;
	char **far; /* targets that are not fuzzed, NULL-terminated; NULL: all are */
	size_t far_count, seeds;
	struct diff_target *targets;
	size_t target_count, target_cap;
	int judging; /* crashes of the change that nobody has judged in time */
	bool was_stopped;
};

/* diff_prepare.c: everything up to the first build. */
int diff_prepare(struct diff *d, struct iw_err *err);

/* diff_farm.c */
int diff_farm_open(struct diff *d, struct iw_err *err);
/* The adapter that the farm has, when it has one alone. The caller frees. */
int diff_farm_adapter(struct diff *d, char **arg, struct iw_err *err);
/* Which targets are far, and corpora of the others, which enter own. */
int diff_farm_take(struct diff *d, struct iw_git_repo *repo, struct iw_state *own,
	struct iw_err *err);

extern const char *const diff_side_names[];

/* diff_build.c: IW_EJOB when the change does not build, IW_EINVAL when neither side has the
 * target that is wanted. */
int diff_build_first(struct diff *d, struct iw_err *err);
/* IW_EJOB when it does not build; 1: nobody knows. */
int diff_check_built(struct diff *d, enum diff_side side, struct iw_err *err);

/* diff_side.c: what was found is in the state. IW_EJOB when it does not build. */
int diff_run_side(struct diff *d, enum diff_side side, struct iw_err *err);

/* diff_report.c: prints it; *adds: bugs that the change adds. */
int diff_report(struct diff *d, int *adds, struct iw_err *err);

#endif
