/*
 * The stream of what happens, as server-sent events: the farm each second, targets every
 * other one, bugs that changed, sentences as they are said. Nothing in it is private.
 *
 * Source: the WHATWG HTML standard, "Server-sent events". Thread: the loop, but for
 * web_events_read().
 */
#ifndef IW_WEB_EVENTS_H
#define IW_WEB_EVENTS_H

#include <stdbool.h>

#include "base/db.h"
#include "base/queue.h"

struct web;
struct web_events;

struct web_events *web_events_new(struct web *web);
/* No stream may be open. */
void web_events_free(struct web_events *events);
/* Ends every stream. */
void web_events_close(struct web_events *events);

void web_events_tick(struct web_events *events);
void web_events_message(struct web_events *events, const char *text);

/* Its own visits to the reader's thread. */
bool web_events_is_round(
	const struct web_events *events, const struct iw_queue_item *item);
void web_events_read(struct web_events *events, struct iw_dbc *dbc);
void web_events_read_done(struct web_events *events);

#endif
