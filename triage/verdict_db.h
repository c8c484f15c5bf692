/*
 * Rows of table verdict: answers of bisections, by bug, input and tree.
 *
 * An answer serves other bugs, too, where they have the same input, flavour and target: a
 * tree on which no run failed in any way is good for each of them, and what is true of a
 * bug that was merged into another is true of that one.
 *
 * Synchronous; thread: that of the connection.
 */
#ifndef TRIAGE_VERDICT_DB_H
#define TRIAGE_VERDICT_DB_H

#include <stdint.h>

#include "base/db.h"
#include "base/hash.h"

struct verdict_row {
	const char *tree;   /* borrowed */
	const char *answer; /* bad, good, untestable; borrowed */
	int64_t runs, hits, others;
};

/* Replaces what is known of the tree. */
int verdict_db_put(struct iw_dbc *dbc, int64_t bug_id, const struct iw_sha256 *input,
	const struct verdict_row *row, struct iw_err *err);
typedef void (*verdict_db_cb)(void *ctx, const struct verdict_row *row);
/* What is known for the bug with this input; its own answers last. */
int verdict_db_list(struct iw_dbc *dbc, int64_t bug_id, const struct iw_sha256 *input,
	verdict_db_cb each, void *ctx, struct iw_err *err);

#endif
