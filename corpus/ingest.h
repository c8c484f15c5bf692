/*
 * From an engine's corpus directory into the store: a scan on the pool, then one
 * transaction on the writer thread, then the scan remembers the names.
 */
#ifndef CORPUS_INGEST_H
#define CORPUS_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "base/loop.h"
#include "corpus/pack.h"
#include "corpus/scan.h"

/* One scan and its storing. The caller's, lives until done; the scan may not be used
 * meanwhile. Thread: the loop. */
struct corpus_ingest;
typedef void (*corpus_ingest_done_cb)(struct corpus_ingest *ingest);

struct corpus_ingest {
	/* filled by the caller */
	struct iw_loop *loop;
	struct iw_db *db;
	struct corpus_packs *packs;
	struct corpus_scan *scan;
	int64_t target_id;
	const char *origin;
	bool is_final;
	corpus_ingest_done_cb done;
	void *ctx;
	/* the answer; found is fini'd by the caller after done */
	struct corpus_found found; /* units with ids, is_stored, is_added */
	size_t added;		   /* new to the target */
	struct iw_err err;	   /* code 0: fine */
	/* below: private */
	struct iw_work work;
	struct iw_db_req req;
};

void corpus_ingest_start(struct corpus_ingest *ingest);

/* What a folder held; ids is an array for the caller to free. */
struct corpus_swept {
	int64_t *ids; /* of all its units, whether new or not; one may come twice */
	size_t count;
	size_t added; /* new to the target */
	size_t refused;
};

/* Everything that a scan finds, at once. Takes the scan. Blocks. */
int corpus_ingest_scan_sync(struct iw_dbc *dbc, struct corpus_packs *packs,
	int64_t target_id, const char *origin, struct corpus_scan *scan,
	struct corpus_swept *swept, struct iw_err *err);

/* Everything in a folder at once, as a final scan: a dead job's corpus at start-up, an
 * import. Blocks. */
int corpus_ingest_dir_sync(struct iw_dbc *dbc, struct corpus_packs *packs,
	int64_t target_id, const char *origin, const char *dir,
	struct corpus_swept *swept, struct iw_err *err);

#endif
