/*
 * HTTP on a unix socket and on loopback: the door that a daemon is given.
 * Thread: the loop.
 */
#ifndef IW_WEB_WEB_H
#define IW_WEB_WEB_H

#include <jansson.h>

#include "base/db.h"
#include "base/queue.h"
#include "door.h"
#include "web/listener.h"

extern const struct iw_door web_door;

/* What one may do, each what those before may. */
enum web_role { WEB_ROLE_NONE, WEB_ROLE_READ, WEB_ROLE_TRIAGE, WEB_ROLE_ADMIN };
const char *web_role_name(enum web_role role);

struct web_guard;

/* One of the two ways in. */
struct web_side {
	struct web *web;
	bool is_socket; /* guarded by its file's mode: whoever comes that way is admin */
	struct web_listener *listener;
};

struct web {
	struct iw_door_world world;
	struct web_side tcp, socket;
	struct iw_queue *reader;
	struct iw_dbc *dbc; /* the reader's, on its thread */
	char *socket_path, *address_path;
	int under_way; /* requests whose connection rests */
	bool is_closing;
	struct web_events *events;
	struct web_guard *guard;
	const struct farm_view *view; /* of this moment; NULL between two farms */
};

/* What the farm does now, or NULL between two farms. */
const struct farm_view *web_view(struct web *web);
/* A request's read waits for the reader. */
void web_read(struct web *web, struct iw_queue_item *item);

/* As GET /api/v1/farm answers it, without the role. */
json_t *web_farm_json(struct web *web);
/* Adds what the farm knows to the rows of GET /api/v1/targets. */
void web_targets_live(struct web *web, json_t *targets);

#endif
