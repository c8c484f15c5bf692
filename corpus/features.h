/*
 * What a corpus covers: the set of features of one target on its reference build, and the
 * form in which one unit's features are kept in table measure.
 *
 * In memory the set is a bitmap: a target with 700,000 counters needs 700 kB, and adding
 * a unit of 10,000 features takes some 20 microseconds.
 *
 * Thread: one at a time.
 */
#ifndef CORPUS_FEATURES_H
#define CORPUS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct corpus_features;

struct corpus_features *corpus_features_new(void);
void corpus_features_free(struct corpus_features *set);
/* How many of them were not in the set before. */
size_t corpus_features_add(
	struct corpus_features *set, const uint32_t *features, size_t count);
bool corpus_features_has(const struct corpus_features *set, uint32_t feature);
/* How many there are in all. */
size_t corpus_features_total(const struct corpus_features *set);

/* Packs features for the database; has the memory that compressing needs, so keep it for
 * a batch. */
struct corpus_feature_packer;
struct corpus_feature_packer *corpus_feature_packer_new(void);
void corpus_feature_packer_free(struct corpus_feature_packer *packer);
/* encoded is what engine_features_encode() made; the blob is appended to out. */
void corpus_features_pack(struct corpus_feature_packer *packer, const void *encoded,
	size_t len, struct iw_buf *out);
/* The blob of a unit with `count` features as numbers[count]. IW_EINVAL when damaged. */
int corpus_features_unpack(struct corpus_feature_packer *packer, const void *blob,
	size_t len, uint32_t count, uint32_t *numbers, struct iw_err *err);

#endif
