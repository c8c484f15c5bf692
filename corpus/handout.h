/*
 * Hands an engine its corpus: the distilled units of a target, written as files named by
 * SHA-1, as libFuzzer names them. Blocks: for a pool thread; opens its own read-only
 * connection.
 */
#ifndef CORPUS_HANDOUT_H
#define CORPUS_HANDOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "corpus/pack.h"

struct corpus_handout {
	const char *db_path;
	struct corpus_packs *packs;
	int64_t build_id; /* the reference build */
	int64_t target_id;
	const char *dir; /* made when missing */
	/* results */
	size_t units, files;
	uint64_t bytes;
};

int corpus_handout(struct corpus_handout *handout, struct iw_err *err);

#endif
