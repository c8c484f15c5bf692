/*
 * Which of many signatures is this one alike to? The answer is that of comparing it with
 * each of them, at the price of comparing it with a few: two signatures cannot be one bug
 * unless they share one of some keys, such as their innermost function, and only those
 * that share one are compared.
 *
 * Thread: one at a time.
 */
#ifndef TRIAGE_CLUSTER_H
#define TRIAGE_CLUSTER_H

#include <stdbool.h>

#include "triage/signature.h"

struct triage_clusters;

struct triage_clusters *triage_clusters_new(void);
void triage_clusters_free(struct triage_clusters *clusters);

/* Copies what it needs of the signature. owner is whatever stands for its cluster. */
void triage_clusters_add(struct triage_clusters *clusters,
	const struct triage_signature *sig, void *owner);
/* Forgets all of an owner's. */
void triage_clusters_remove(struct triage_clusters *clusters, const void *owner);

/* Each one that is the same bug by triage_signature_similarity(), as they were added. */
typedef void (*triage_clusters_cb)(void *ctx, void *owner, double similarity);
void triage_clusters_find(struct triage_clusters *clusters,
	const struct triage_signature *sig, triage_clusters_cb each, void *ctx);

/* Of all that are the same bug the most alike, and of those of another bug the most alike;
 * of equal ones the oldest. Zero-initialise it. */
struct triage_nearest {
	void *owner; /* NULL: there is none */
	double similarity;
	void *other; /* likewise */
	double other_similarity;
	/* below: private */
	const void *bug;
};
/* One more; bug is what the owner is a part of. */
void triage_nearest_take(
	struct triage_nearest *nearest, void *owner, const void *bug, double similarity);
/* Whether a crash like that makes one bug of both: a signature between two others may be just
 * alike enough to each, and one such crash must not glue two bugs together. */
bool triage_nearest_joins(const struct triage_nearest *nearest);

#endif
