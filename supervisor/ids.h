/* A set of row ids. Zero-initialised is empty. Thread: one at a time. */
#ifndef IW_IDS_H
#define IW_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iw_ids {
	int64_t *items; /* ascending */
	size_t count, cap;
};

void iw_ids_add(struct iw_ids *ids, int64_t id);
bool iw_ids_have(const struct iw_ids *ids, int64_t id);
void iw_ids_fini(struct iw_ids *ids);

#endif
