/*
 * Artifacts: crash inputs, reproducers and reports, named by their SHA-256, under
 * artifacts/ab/cdef…. Synced before put returns, so a row may point to them at once.
 * Blocks: for the database thread and pool threads. Thread: any.
 */
#ifndef TRIAGE_ARTIFACT_H
#define TRIAGE_ARTIFACT_H

#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"

/* An input larger than this is no reproducer anybody can use. */
#define TRIAGE_ARTIFACT_MAX ((size_t)64 << 20)

/* Stores data under its hash; there already is fine. */
int triage_artifact_put(const char *dir, const void *data, size_t len,
	struct iw_sha256 *hash, struct iw_err *err);
/* For many at once, which are on the disk only after the second call: nobody may refer to
 * one before. */
int triage_artifact_put_one_of_many(const char *dir, const void *data, size_t len,
	struct iw_sha256 *hash, struct iw_err *err);
int triage_artifact_sync_many(const char *dir, struct iw_err *err);
/* Reads and verifies. *data gets a NUL behind its length; the caller frees. */
int triage_artifact_get(const char *dir, const struct iw_sha256 *hash, char **data,
	size_t *len, struct iw_err *err);
/* The caller frees. */
char *triage_artifact_path(const char *dir, const struct iw_sha256 *hash);

#endif
