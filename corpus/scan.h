/*
 * Looking for new units in an engine's corpus directory while the engine writes to it.
 *
 * A scan looks for files it has not seen, checks that they are whole, hashes and
 * compresses them. Their names are remembered only once they are stored, so what could
 * not be stored (disk full) is found again. libFuzzer names a file by the SHA-1 of its
 * content: such a file that does not hash to its name is still being written and is left
 * for the next scan. Other names say nothing, so those files must be a second old. A
 * final scan takes everything as it is.
 *
 * One scan holds at most CORPUS_SCAN_BYTES of content and CORPUS_SCAN_FILES files and
 * says when there is more. Sub-folders are not entered. Links and pipes are refused: a
 * job can put them there.
 */
#ifndef CORPUS_SCAN_H
#define CORPUS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "corpus/unit_db.h"

#define CORPUS_SCAN_BYTES ((size_t)8 << 20)
#define CORPUS_SCAN_FILES 4096
#define CORPUS_SCAN_SETTLE_MS 1000

/* A directory and the names that were taken from it. Thread: one at a time. */
struct corpus_scan;
struct corpus_scan *corpus_scan_new(const char *dir);
/* The same for a folder somewhere below a job's work/, which may have become a link. */
struct corpus_scan *corpus_scan_new_below(const char *root, const char *below);
void corpus_scan_free(struct corpus_scan *scan);
/* Asked once about each new file, on the thread that scans: false leaves it out. */
typedef bool (*corpus_scan_wants_cb)(void *ctx, const char *name);
void corpus_scan_filter(struct corpus_scan *scan, corpus_scan_wants_cb wants, void *ctx);
/* Large scans read with so many threads; default 1. */
void corpus_scan_threads(struct corpus_scan *scan, int threads);
/* From now on it looks here, and remembers the names: a restarted engine's folder. */
void corpus_scan_move(struct corpus_scan *scan, const char *dir);

/* What one scan found; zero-initialise. */
struct corpus_found {
	struct corpus_new_unit *units;
	size_t count;
	size_t unfinished; /* files that were left for later */
	size_t refused;	   /* too large, a link, unreadable: never taken */
	bool has_more;	   /* a bound was reached: scan again at once */
	/* below: private */
	struct iw_buf *records; /* one for each thread */
	size_t record_bufs;
	struct corpus_scan_key *keys;
};
void corpus_found_fini(struct corpus_found *found);

/* Blocks: for a pool thread. */
int corpus_scan_run(struct corpus_scan *scan, bool is_final, struct corpus_found *found,
	struct iw_err *err);
/* The units were stored: their names are seen. */
void corpus_scan_commit(struct corpus_scan *scan, const struct corpus_found *found);

#endif
