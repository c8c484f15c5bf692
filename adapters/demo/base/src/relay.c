#include "relay.h"

#include <string.h>

struct relay_queue {
	struct relay_pool *pool;
	struct relay_item items[RELAY_ITEMS_MAX];
	size_t count;
};

static bool relay_is_seen(const struct relay_pool *pool, const struct relay_item *item)
{
	for (size_t i = 0; i < pool->seen_count; i++) {
		if (pool->seen[i].id == item->id && pool->seen[i].kind == item->kind)
			return true;
	}
	return false;
}

/* The caller holds the lock. */
static void relay_file(struct relay_pool *pool, const struct relay_item *item)
{
	if (relay_is_seen(pool, item)) {
		pool->repeated++;
		return;
	}
	pool->seen[pool->seen_count++] = *item;
	pool->bytes += item->size;
}

static void *relay_work(void *data)
{
	struct relay_queue *queue = data;
	struct relay_pool *pool = queue->pool;

	for (size_t i = 0; i < queue->count; i++) {
		const struct relay_item *item = &queue->items[i];

		pthread_mutex_lock(&pool->lock);
		relay_file(pool, item);
		pthread_mutex_unlock(&pool->lock);
	}
	return NULL;
}

static bool relay_read_queues(struct relay_queue *queues, struct cur_reader *in)
{
	while (cur_left(in) > 0) {
		struct relay_queue *queue = &queues[cur_u8(in) % RELAY_WORKERS];
		struct relay_item item = { 0 };

		item.kind = cur_u16(in);
		item.id = cur_u32(in);
		item.size = cur_u8(in);
		if (in->failed || queue->count == RELAY_ITEMS_MAX)
			return false;
		queue->items[queue->count++] = item;
	}
	return true;
}

static bool relay_start_workers(struct relay_queue *queues)
{
	pthread_t threads[RELAY_WORKERS];
	int started = 0;

	while (started < RELAY_WORKERS) {
		if (pthread_create(&threads[started], NULL, relay_work,
				   &queues[started]) != 0)
			break;
		started++;
	}
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return started == RELAY_WORKERS;
}

bool relay_run(struct relay_pool *pool, struct cur_reader *in)
{
	struct relay_queue queues[RELAY_WORKERS];
	bool done;

	memset(pool, 0, sizeof(*pool));
	memset(queues, 0, sizeof(queues));
	for (int i = 0; i < RELAY_WORKERS; i++)
		queues[i].pool = pool;
	if (!relay_read_queues(queues, in))
		return false;

	pthread_mutex_init(&pool->lock, NULL);
	done = relay_start_workers(queues);
	pthread_mutex_destroy(&pool->lock);
	return done;
}
