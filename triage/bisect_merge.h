/*
 * Private to the bisection: what its merges are called. Most are pull requests; a commit
 * that somebody pushed to the branch is called by its id.
 */
#ifndef TRIAGE_BISECT_MERGE_H
#define TRIAGE_BISECT_MERGE_H

#include <jansson.h>
#include <stddef.h>

#include "triage/bisect.h"

struct bisect_merge {
	int pr;	       /* 0: none */
	char *name;    /* "PR #7", "commit 1a2b3c4d5e6f" */
	char *commit;  /* of one without a pull request, where it is known */
	char *subject; /* likewise: valid UTF-8, one line */
};

/* Those of the snapshot, in the order they were staged. */
struct bisect_merge *bisect_merges_new(const struct triage_bisect_spec *spec);
void bisect_merges_free(struct bisect_merge *merges, size_t count);
/* Of one that belongs to no pull request: "commit 1a2b3c4d5e6f, which belongs to no pull
 * request: subject"; NULL of another. The caller frees. */
char *bisect_merge_words(const struct bisect_merge *merge);
/* Adds it to those at fault: to prs by its number, to commits where it has none. */
void bisect_merge_add(const struct bisect_merge *merge, json_t *prs, json_t *commits);

#endif
