#include "corpus/features.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "engine/result.h"

#include "base/banned.h"

/* A unit's deltas are mostly one byte and repeat; more effort saves next to nothing. */
#define LEVEL 1
#define COMPRESS_MIN 32
#define DELTA_MAX 5 /* bytes of one number */

/* The first byte of a blob. */
enum codec { CODEC_PLAIN, CODEC_ZSTD };

struct corpus_features {
	uint64_t *words;
	size_t word_count;
	size_t total;
};

struct corpus_features *corpus_features_new(void)
{
	return iw_calloc(1, sizeof(struct corpus_features));
}

void corpus_features_free(struct corpus_features *set)
{
	if (!set)
		return;
	free(set->words);
	free(set);
}

static void make_room(struct corpus_features *set, uint32_t feature)
{
	size_t need = (size_t)feature / 64 + 1;

	if (need <= set->word_count)
		return;
	if (need < 2 * set->word_count)
		need = 2 * set->word_count;
	set->words = iw_reallocarray(set->words, need, sizeof *set->words);
	memset(set->words + set->word_count, 0,
		(need - set->word_count) * sizeof *set->words);
	set->word_count = need;
}

size_t corpus_features_add(
	struct corpus_features *set, const uint32_t *features, size_t count)
{
	size_t i, added = 0;

	for (i = 0; i < count; i++) {
		uint64_t bit = (uint64_t)1 << features[i] % 64;

		make_room(set, features[i]);
		added += !(set->words[features[i] / 64] & bit);
		set->words[features[i] / 64] |= bit;
	}
	set->total += added;
	return added;
}

bool corpus_features_has(const struct corpus_features *set, uint32_t feature)
{
	return feature / 64 < set->word_count &&
		(set->words[feature / 64] >> feature % 64 & 1);
}

size_t corpus_features_total(const struct corpus_features *set)
{
	return set->total;
}

struct corpus_feature_packer {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
	struct iw_buf scratch;
};

struct corpus_feature_packer *corpus_feature_packer_new(void)
{
	struct corpus_feature_packer *packer = iw_calloc(1, sizeof *packer);

	packer->compress = ZSTD_createCCtx();
	packer->decompress = ZSTD_createDCtx();
	if (!packer->compress || !packer->decompress)
		abort();
	return packer;
}

void corpus_feature_packer_free(struct corpus_feature_packer *packer)
{
	if (!packer)
		return;
	ZSTD_freeCCtx(packer->compress);
	ZSTD_freeDCtx(packer->decompress);
	iw_buf_fini(&packer->scratch);
	free(packer);
}

static char *scratch(struct corpus_feature_packer *packer, size_t len)
{
	if (packer->scratch.cap < len) {
		free(packer->scratch.data);
		packer->scratch.data = iw_malloc(len);
		packer->scratch.cap = len;
	}
	return packer->scratch.data;
}

void corpus_features_pack(struct corpus_feature_packer *packer, const void *encoded,
	size_t len, struct iw_buf *out)
{
	size_t bound = ZSTD_compressBound(len), n = len;
	uint8_t codec = CODEC_PLAIN;
	char *packed = scratch(packer, bound);

	if (len >= COMPRESS_MIN) {
		n = ZSTD_compressCCtx(
			packer->compress, packed, bound, encoded, len, LEVEL);
		if (!ZSTD_isError(n) && n < len)
			codec = CODEC_ZSTD;
	}
	iw_buf_add(out, &codec, 1);
	if (codec == CODEC_ZSTD)
		iw_buf_add(out, packed, n);
	else
		iw_buf_add(out, encoded, len);
}

int corpus_features_unpack(struct corpus_feature_packer *packer, const void *blob,
	size_t len, uint32_t count, uint32_t *numbers, struct iw_err *err)
{
	const uint8_t *encoded = blob;
	size_t bound = (size_t)count * DELTA_MAX;

	if (len == 0 || (encoded[0] != CODEC_PLAIN && encoded[0] != CODEC_ZSTD))
		return iw_err_set(err, IW_EINVAL, "stored features are damaged");
	len--;
	if (*encoded++ == CODEC_ZSTD) {
		char *plain = scratch(packer, bound + 1);

		len = ZSTD_decompressDCtx(packer->decompress, plain, bound, encoded, len);
		if (ZSTD_isError(len))
			return iw_err_set(err, IW_EINVAL,
				"stored features are damaged: %s",
				ZSTD_getErrorName(len));
		encoded = (const uint8_t *)plain;
	}
	if (!engine_features_decode(encoded, len, count, 0, numbers))
		return iw_err_set(err, IW_EINVAL, "stored features are damaged");
	return 0;
}
