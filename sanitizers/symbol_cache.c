#include "sanitizers/symbol_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

struct san_symbol_entry {
	char *module; /* NULL: free */
	size_t module_len;
	uint64_t offset;
	struct san_symbol *symbol;
};

/* FNV-1a; a report cannot know how many others there are, and a full table only costs
 * time. */
static uint64_t hash_of(const struct san_place *place)
{
	uint64_t h = 14695981039346656037u;
	size_t i;

	for (i = 0; i < place->module_len; i++)
		h = (h ^ (unsigned char)place->module[i]) * 1099511628211u;
	for (i = 0; i < sizeof place->offset; i++)
		h = (h ^ (place->offset >> (8 * i) & 0xff)) * 1099511628211u;
	return h;
}

/* Its entry, or the free one where it belongs. The table is never full. */
static struct san_symbol_entry *entry_of(
	const struct san_symbol_cache *cache, const struct san_place *place)
{
	size_t i = hash_of(place) & (cache->cap - 1);

	for (;; i = (i + 1) & (cache->cap - 1)) {
		struct san_symbol_entry *e = &cache->entries[i];

		if (!e->module ||
			(e->offset == place->offset &&
				e->module_len == place->module_len &&
				memcmp(e->module, place->module, e->module_len) == 0))
			return e;
	}
}

static void grow(struct san_symbol_cache *cache)
{
	struct san_symbol_cache old = *cache;
	size_t i;

	cache->cap = old.cap ? 2 * old.cap : 64;
	cache->entries = iw_calloc(cache->cap, sizeof *cache->entries);
	cache->bytes += (cache->cap - old.cap) * sizeof *cache->entries;
	for (i = 0; i < old.cap; i++) {
		const struct san_symbol_entry *e = &old.entries[i];
		struct san_place place = {e->module, e->module_len, e->offset};

		if (e->module)
			*entry_of(cache, &place) = *e;
	}
	free(old.entries);
}

bool san_symbol_cache_add(struct san_symbol_cache *cache, const struct san_place *place,
	struct san_symbol *symbol)
{
	struct san_symbol_entry *e;

	if (4 * (cache->count + 1) > 3 * cache->cap)
		grow(cache);
	e = entry_of(cache, place);
	if (e->module) {
		free(symbol);
		return false;
	}
	*e = (struct san_symbol_entry){
		.module = iw_strndup(place->module, place->module_len),
		.module_len = place->module_len,
		.offset = place->offset,
		.symbol = symbol,
	};
	cache->count++;
	cache->bytes += place->module_len + 1 + (symbol ? symbol->bytes : 0);
	return true;
}

const struct san_symbol *san_symbol_cache_find(
	const struct san_symbol_cache *cache, const struct san_place *place)
{
	return cache->cap ? entry_of(cache, place)->symbol : NULL;
}

void san_symbol_cache_fini(struct san_symbol_cache *cache)
{
	size_t i;

	for (i = 0; i < cache->cap; i++) {
		free(cache->entries[i].module);
		free(cache->entries[i].symbol);
	}
	free(cache->entries);
	*cache = (struct san_symbol_cache){0};
}
