/*
 * What is known of the places of one build. Thread: one at a time.
 */
#ifndef SANITIZERS_SYMBOL_CACHE_H
#define SANITIZERS_SYMBOL_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "sanitizers/symbol.h"

/* Zero-initialise it. */
struct san_symbol_cache {
	size_t bytes; /* that it takes, nearly */
	/* below: private */
	struct san_symbol_entry *entries;
	size_t count, cap;
};

/* Takes symbol, which may be NULL: the place is remembered without one. False when it was
 * there already; then symbol is freed. */
bool san_symbol_cache_add(struct san_symbol_cache *cache, const struct san_place *place,
	struct san_symbol *symbol);
/* NULL: not there, or without one. */
const struct san_symbol *san_symbol_cache_find(
	const struct san_symbol_cache *cache, const struct san_place *place);
/* Empty again. */
void san_symbol_cache_fini(struct san_symbol_cache *cache);

#endif
