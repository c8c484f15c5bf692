/*
 * An order: one commit of a project in some flavours, for a person who waits. A flavour
 * that does not build stops itself alone.
 *
 * Thread: the loop.
 */
#ifndef ADAPTERS_ORDER_H
#define ADAPTERS_ORDER_H

#include <jansson.h>

#include "adapters/project.h"

/* Borrowed until order_start() returns. */
struct order_spec {
	struct project *project;
	const char *commit; /* a branch, tag, commit or tree; NULL: the snapshot */
	const char *const *flavours; /* NULL: all that the adapter declares */
	size_t flavour_count;
};

struct order;

struct order_events {
	void *ctx;
	/* A flavour has its answer; part is as in order_json(), borrowed. Or NULL. */
	void (*told)(void *ctx, const json_t *part);
	/* All have, or the order failed: order_error(). Exactly once, and later. */
	void (*done)(void *ctx, struct order *order);
};

/* IW_EINVAL: a flavour that does not exist or that the adapter does not declare. */
int order_start(struct order **out, const struct order_spec *spec,
	const struct order_events *events, struct iw_err *err);
/* What is being built for it alone is ended; done comes as always. */
void order_stop(struct order *order);
/* NULL: none. There is no such commit, for example. */
const struct iw_err *order_error(const struct order *order);

/*
 * {"adapter", "commit", "tree", "done", "builds": [{"flavour", "state", …}], "note"}. The
 * note says what of adapter.json does not fit the source, or is null. A state is
 * "waiting"; "cached", "built" or "failed" with "closure", "dir", "log", "core_ms" and
 * "bytes"; "impossible" where this machine cannot make the flavour; "unknown" when there
 * was no answer. "error" says why it is not there. A new reference.
 */
json_t *order_json(const struct order *order);
/* After done. */
void order_free(struct order *order);

#endif
