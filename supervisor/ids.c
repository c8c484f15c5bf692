#include "ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

/* Of the first that is not below id. */
static size_t place_of(const struct iw_ids *ids, int64_t id)
{
	size_t from = 0, to = ids->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ids->items[middle] < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool iw_ids_have(const struct iw_ids *ids, int64_t id)
{
	size_t at = place_of(ids, id);

	return at < ids->count && ids->items[at] == id;
}

void iw_ids_add(struct iw_ids *ids, int64_t id)
{
	size_t at = place_of(ids, id);

	if (at < ids->count && ids->items[at] == id)
		return;
	iw_grow(ids->items, ids->count, ids->cap);
	memmove(ids->items + at + 1, ids->items + at,
		(ids->count - at) * sizeof *ids->items);
	ids->items[at] = id;
	ids->count++;
}

void iw_ids_fini(struct iw_ids *ids)
{
	free(ids->items);
	*ids = (struct iw_ids){0};
}
