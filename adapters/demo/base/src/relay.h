#ifndef RELAY_H
#define RELAY_H

#include <pthread.h>

#include "cursor.h"

enum {
	RELAY_ITEMS_MAX = 24,
	RELAY_WORKERS = 2,
};

struct relay_item {
	unsigned int kind;
	uint32_t id;
	unsigned int size;
};

/* Items come in from two peers at once; each has a worker that files them here. */
struct relay_pool {
	pthread_mutex_t lock;

	struct relay_item seen[2 * RELAY_ITEMS_MAX];
	size_t seen_count;

	unsigned int repeated;

	uint64_t bytes;
};

/* One byte names the peer of an item. Starts the workers and waits for their end. */
bool relay_run(struct relay_pool *pool, struct cur_reader *in);

#endif
