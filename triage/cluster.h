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

#endif
