#include "web/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "web/route.h"

#include "base/banned.h"

#define STREAMS_MAX 64
/* A reader this far behind is sent away, in bytes; it will ask again. */
#define BEHIND_MAX ((size_t)4 << 20)
/* What the transport may take at once. */
#define PIECE 16384
#define TARGETS_EVERY 2

struct stream {
	struct stream *next;
	struct web_events *events;
	struct web_side *side;
	struct MHD_Connection *connection;
	struct iw_buf pending;
	size_t sent;
	bool is_resting, is_ending;
};

struct web_events {
	struct web *web;
	struct stream *streams;
	int count;
	unsigned ticks;
	/* a visit to the reader's thread */
	struct iw_queue_item round;
	bool is_reading;
	json_t *targets, *bugs; /* what it brought */
	int64_t changed_ms;	/* of the newest bug that was told */
	struct iw_err err;
};

struct web_events *web_events_new(struct web *web)
{
	struct web_events *e = iw_calloc(1, sizeof *e);

	e->web = web;
	e->changed_ms = iw_time_wall_ms();
	return e;
}

void web_events_free(struct web_events *e)
{
	if (!e)
		return;
	json_decref(e->targets);
	json_decref(e->bugs);
	free(e);
}

/* -- one stream --------------------------------------------------------------------- */

static ssize_t on_wanted(void *ctx, uint64_t position, char *to, size_t max)
{
	struct stream *s = ctx;
	size_t left = s->pending.len - s->sent;

	(void)position;
	if (left == 0 && s->is_ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left == 0) {
		s->is_resting = true;
		MHD_suspend_connection(s->connection);
		return 0;
	}
	if (left > max)
		left = max;
	memcpy(to, s->pending.data + s->sent, left);
	s->sent += left;
	if (s->sent == s->pending.len) {
		iw_buf_clear(&s->pending);
		s->sent = 0;
	}
	return (ssize_t)left;
}

static void on_gone(void *ctx)
{
	struct stream *s = ctx;
	struct stream **at = &s->events->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->events->count--;
	iw_buf_fini(&s->pending);
	free(s);
}

static void wake(struct stream *s)
{
	if (!s->is_resting)
		return;
	s->is_resting = false;
	MHD_resume_connection(s->connection);
}

/* `data` is JSON and so has no line break. */
static void tell(struct stream *s, const char *name, const char *data)
{
	if (s->pending.len - s->sent > BEHIND_MAX)
		s->is_ending = true;
	if (!s->is_ending)
		iw_buf_addf(&s->pending, "event: %s\ndata: %s\n\n", name, data);
	wake(s);
}

/* Streams may be gone after this. */
static void pump(struct web_events *e)
{
	if (e->web->tcp.listener)
		web_listener_pump(e->web->tcp.listener);
	if (e->web->socket.listener)
		web_listener_pump(e->web->socket.listener);
}

static void tell_all(struct web_events *e, const char *name, json_t *data)
{
	_auto_free_ char *text = json_dumps(data, JSON_COMPACT);
	struct stream *s;

	json_decref(data);
	for (s = e->streams; text && s; s = s->next)
		tell(s, name, text);
}

/* A reader that comes late knows at once what the others know. */
static void greet(struct stream *s)
{
	json_t *farm = web_farm_json(s->events->web);
	_auto_free_ char *text = farm ? json_dumps(farm, JSON_COMPACT) : NULL;

	iw_buf_adds(&s->pending, "retry: 2000\n\n");
	if (text)
		tell(s, "farm", text);
	json_decref(farm);
	s->events->ticks = 0;
}

int web_answer_events(struct web_request *r)
{
	struct web_events *e = r->web->events;
	struct stream *s;

	if (e->count == STREAMS_MAX) {
		r->retry_s = 10;
		return web_fail(r, 503, "%d pages are open already", STREAMS_MAX);
	}
	s = iw_calloc(1, sizeof *s);
	s->events = e;
	s->side = r->side;
	s->connection = r->connection;
	r->response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, PIECE, on_wanted, s, on_gone);
	if (!r->response) {
		free(s);
		return web_fail(r, 500, "no memory");
	}
	r->type = "text/event-stream";
	s->next = e->streams;
	e->streams = s;
	e->count++;
	greet(s);
	return 0;
}

void web_events_close(struct web_events *e)
{
	struct stream *s;

	for (s = e->streams; s; s = s->next) {
		s->is_ending = true;
		wake(s);
	}
	pump(e);
}

/* -- what it tells ------------------------------------------------------------------ */

bool web_events_is_round(const struct web_events *e, const struct iw_queue_item *item)
{
	return item == &e->round;
}

void web_events_read(struct web_events *e, struct iw_dbc *dbc)
{
	struct answer_scope scope = {.dbc = dbc, .state = e->web->world.state};

	e->err = (struct iw_err){0};
	e->targets = answer_targets(&scope, 0, &e->err);
	e->bugs = answer_changed_bugs(&scope, &e->changed_ms, &e->err);
}

void web_events_read_done(struct web_events *e)
{
	json_t *targets = iw_steal(&e->targets), *bugs = iw_steal(&e->bugs);

	e->is_reading = false;
	if (e->err.code)
		iw_warn("the page misses an update", S("error", e->err.msg));
	if (targets) {
		web_targets_live(e->web, targets);
		tell_all(e, "targets", targets);
	}
	if (bugs && json_array_size(bugs) > 0)
		tell_all(e, "bugs", json_pack("{so}", "ids", bugs));
	else
		json_decref(bugs);
	pump(e);
}

void web_events_tick(struct web_events *e)
{
	if (!e->streams)
		return;
	tell_all(e, "farm", web_farm_json(e->web));
	if (e->ticks++ % TARGETS_EVERY == 0 && !e->is_reading && !e->web->is_closing) {
		e->is_reading = true;
		web_read(e->web, &e->round);
	}
	pump(e);
}

void web_events_message(struct web_events *e, const char *text)
{
	if (!e->streams)
		return;
	tell_all(e, "message",
		json_pack(
			"{sI ss}", "at_ms", (json_int_t)iw_time_wall_ms(), "text", text));
	pump(e);
}
