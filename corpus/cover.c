#include "corpus/cover.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "corpus/features.h"
#include "engine/result.h"

#include "base/banned.h"

#define HUGE ((size_t)2 << 20)

void corpus_cover_init(struct corpus_cover *cover)
{
	*cover = (struct corpus_cover){0};
}

/* Features take by far the most memory, all of it is used at once, and ordinary pages
 * would cost more time than what is then done with them. */
static void grow_features(struct corpus_cover *c, size_t wanted)
{
	size_t old = c->feature_cap * sizeof *c->features;
	size_t size = (wanted * sizeof *c->features + HUGE - 1) / HUGE * HUGE;
	void *map = c->features ? mremap(c->features, old, size, MREMAP_MAYMOVE)
				: mmap(NULL, size, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		abort(); /* as iw_malloc() does */
	madvise(map, size, MADV_HUGEPAGE);
	c->features = map;
	c->feature_cap = size / sizeof *c->features;
}

static void free_features(struct corpus_cover *c)
{
	if (c->features)
		munmap(c->features, c->feature_cap * sizeof *c->features);
	c->features = NULL;
	c->feature_count = c->feature_cap = 0;
}

/* A new unit and where its features go; they are not filled yet. */
static uint32_t *new_unit(
	struct corpus_cover *c, const struct corpus_unit *unit, uint32_t count)
{
	uint32_t *numbers;

	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 1024;
		c->units = iw_reallocarray(c->units, c->cap, sizeof *c->units);
		c->candidates =
			iw_reallocarray(c->candidates, c->cap, sizeof *c->candidates);
	}
	if (!c->features || c->feature_count + count > c->feature_cap)
		grow_features(c, 2 * (c->feature_count + count) + 1);
	numbers = c->features + c->feature_count;
	c->units[c->count] = *unit;
	c->candidates[c->count] = (struct corpus_distil_unit){
		.feature_count = count, .size = unit->size, .sha = unit->sha};
	c->count++;
	c->feature_count += count;
	c->bytes += unit->size;
	return numbers;
}

void corpus_cover_add(struct corpus_cover *cover, const struct corpus_unit *unit,
	const void *encoded, size_t len, uint32_t count)
{
	bool is_good = engine_features_decode(
		encoded, len, count, 0, new_unit(cover, unit, count));

	assert(is_good); /* checked when they came in */
	(void)is_good;
}

struct loading {
	struct corpus_cover *cover;
	struct corpus_feature_packer *packer;
	const int64_t *ids; /* wanted, or NULL */
	size_t id_count, id_at;
	int64_t *known; /* in the cover already */
	size_t known_count, known_at;
};

/* Whether an ascending list holds id, for questions that ascend, too. */
static bool is_in(const int64_t *list, size_t count, size_t *at, int64_t id)
{
	while (*at < count && list[*at] < id)
		(*at)++;
	return *at < count && list[*at] == id;
}

static int load_unit(void *ctx, const struct corpus_unit *unit,
	const struct corpus_measure_row *row, struct iw_err *err)
{
	struct loading *l = ctx;

	if (l->ids && !is_in(l->ids, l->id_count, &l->id_at, unit->id))
		return 0;
	if (is_in(l->known, l->known_count, &l->known_at, unit->id))
		return 0;
	return corpus_features_unpack(l->packer, row->features, row->features_len,
		row->feature_count, new_unit(l->cover, unit, row->feature_count), err);
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int corpus_cover_load(struct corpus_cover *cover, struct iw_dbc *dbc, int64_t build_id,
	int64_t target_id, const int64_t *ids, size_t id_count, struct iw_err *err)
{
	struct loading l = {.cover = cover,
		.packer = corpus_feature_packer_new(),
		.ids = ids,
		.id_count = id_count,
		.known = iw_calloc(cover->count + 1, sizeof *l.known),
		.known_count = cover->count};
	size_t i;
	int rc;

	for (i = 0; i < cover->count; i++)
		l.known[i] = cover->units[i].id;
	qsort(l.known, l.known_count, sizeof *l.known, compare_ids);
	rc = corpus_measures_each(dbc, build_id, target_id, load_unit, &l, err);
	corpus_feature_packer_free(l.packer);
	free(l.known);
	if (rc < 0) {
		corpus_cover_fini(cover);
		return iw_err_wrap(err, "loading features");
	}
	return 0;
}

void corpus_cover_distil(struct corpus_cover *cover)
{
	uint32_t *features = cover->features;
	size_t i;

	/* Only now the array moves no more. */
	for (i = 0; i < cover->count; i++) {
		cover->candidates[i].features = features;
		features += cover->candidates[i].feature_count;
	}
	free(cover->chosen);
	cover->chosen = iw_calloc(cover->count + 1, sizeof *cover->chosen);
	cover->result = corpus_distil(cover->candidates, cover->count, cover->chosen);
	free_features(cover);
	free(iw_steal(&cover->candidates));
	cover->cap = 0;
}

void corpus_cover_fini(struct corpus_cover *cover)
{
	free(cover->units);
	free(cover->chosen);
	free(cover->candidates);
	free_features(cover);
	*cover = (struct corpus_cover){0};
}
