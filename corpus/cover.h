/*
 * The distilled corpus of a target: its units with their features out of the database,
 * and the few of them that cover all. Loading needs a connection, distilling only time,
 * so they are two steps for two threads.
 *
 * Memory: four bytes per feature per unit (zstd's 2,762 units: 33 MB).
 * Thread: one at a time.
 */
#ifndef CORPUS_COVER_H
#define CORPUS_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "corpus/distil.h"
#include "corpus/unit_db.h"

struct corpus_cover {
	struct corpus_unit *units; /* good ones that passed on the build */
	size_t count;
	uint64_t bytes;			    /* of their contents */
	bool *chosen;			    /* by unit, after corpus_cover_distil() */
	struct corpus_distil_result result; /* likewise */
	/* below: private */
	struct corpus_distil_unit *candidates;
	size_t cap;
	uint32_t *features;
	size_t feature_count, feature_cap;
};

void corpus_cover_init(struct corpus_cover *cover);
/* A unit that was just measured; its features as engine_features() gives them. */
void corpus_cover_add(struct corpus_cover *cover, const struct corpus_unit *unit,
	const void *encoded, size_t len, uint32_t count);
/* Adds those of the database that are not in yet. Blocks. ids, ascending, says which
 * units count; NULL: all of the target. */
int corpus_cover_load(struct corpus_cover *cover, struct iw_dbc *dbc, int64_t build_id,
	int64_t target_id, const int64_t *ids, size_t id_count, struct iw_err *err);
/* For a pool thread when the corpus is large. Frees the features. */
void corpus_cover_distil(struct corpus_cover *cover);
void corpus_cover_fini(struct corpus_cover *cover);

#endif
