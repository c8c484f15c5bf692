/*
 * The packs: append-only files units/NNNN.pack that hold the contents of units.
 *
 * A record is a header (magic, sizes, SHA-256 of the content) and the content, compressed
 * with zstd where that helps. Reading verifies the hash. Rows of table unit point at
 * records, and are committed only after corpus_packs_sync(): a row never points at
 * anything that a crash could take away. What stands behind the last row is the tail of
 * an append that was cut off; opening for write removes it.
 *
 * Thread: any may encode and read; one at a time appends and syncs (the database's
 * writer).
 */
#ifndef CORPUS_PACK_H
#define CORPUS_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

#define CORPUS_UNIT_MAX ((size_t)64 << 20) /* a larger file is no unit */
#define CORPUS_PACK_MAX ((int64_t)256 << 20)

/* Where a record stands. */
struct corpus_place {
	int64_t pack, offset;
	int64_t stored; /* bytes of the whole record */
};

/* Makes records; has the memory that compressing needs, so keep it for a batch.
 * Thread: one at a time. */
struct corpus_encoder;
struct corpus_encoder *corpus_encoder_new(void);
void corpus_encoder_free(struct corpus_encoder *encoder);
/* Appends the record of one unit to out. */
void corpus_encode(struct corpus_encoder *encoder, const void *data, size_t len,
	const struct iw_sha256 *sha, struct iw_buf *out);

struct corpus_packs;

/* Opens the folder for reading, made when missing. */
int corpus_packs_open(struct corpus_packs **out, const char *dir, struct iw_err *err);
void corpus_packs_close(struct corpus_packs *packs);

/* Before the first append: `end` is behind the last record that a row points at (pack -1:
 * there is none). Removes the tail behind it. */
int corpus_packs_begin(
	struct corpus_packs *packs, const struct corpus_place *end, struct iw_err *err);
/* Appends one record made by corpus_encode(). After a failure (IW_ENOSPC) the pack is as
 * it was. */
int corpus_packs_append(struct corpus_packs *packs, const void *record, size_t len,
	struct corpus_place *place, struct iw_err *err);
/* Everything appended is on disk. */
int corpus_packs_sync(struct corpus_packs *packs, struct iw_err *err);

/* The content of a unit, *data to be freed by the caller, with a NUL behind its length.
 * IW_EINVAL when the record is damaged or holds another unit. */
int corpus_packs_read(struct corpus_packs *packs, const struct corpus_place *place,
	const struct iw_sha256 *sha, char **data, size_t *len, struct iw_err *err);

#endif
