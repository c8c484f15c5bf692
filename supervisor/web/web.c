#include "web/web.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/time.h"
#include "web/events.h"
#include "web/guard.h"
#include "web/request.h"

#include "base/banned.h"

/* -- the reader ---------------------------------------------------------------------- */

#define REQUEST_OF(item_)                                                                \
	((struct web_request *)((char *)(item_)-offsetof(struct web_request, item)))

void web_read(struct web *web, struct iw_queue_item *item)
{
	iw_queue_submit(web->reader, item);
}

static void run_read(void *ctx, struct iw_queue_item *item)
{
	struct web *web = ctx;

	if (web_events_is_round(web->events, item))
		web_events_read(web->events, web->dbc);
	else
		web_request_read(REQUEST_OF(item), web->dbc);
}

static void read_done(void *ctx, struct iw_queue_item *item)
{
	struct web *web = ctx;

	if (web_events_is_round(web->events, item))
		web_events_read_done(web->events);
	else
		web_request_read_done(REQUEST_OF(item));
}

/* -- opening and closing ------------------------------------------------------------- */

static void free_web(struct web *web)
{
	web_guard_free(web->guard);
	web_events_free(web->events);
	iw_dbc_close(web->dbc);
	free(web->socket_path);
	free(web->address_path);
	free(web);
}

/* The last of it: nothing is under way and nothing comes. */
static void on_reader_ended(void *ctx)
{
	struct web *web = ctx;

	web_listener_close(web->socket.listener);
	web_listener_close(web->tcp.listener);
	free_web(web);
}

static int open_reader(struct web *web, struct iw_err *err)
{
	struct iw_queue_ops ops = {
		.ctx = web,
		.name = "page",
		.run = run_read,
		.done = read_done,
		.ended = on_reader_ended,
	};
	int rc = iw_dbc_open(&web->dbc, web->world.state->db, IW_DB_READ, iw_schema_steps,
		iw_schema_step_count, err);

	if (rc == 0)
		rc = web_guard_load(web->guard, web->dbc, err);
	if (rc < 0)
		iw_dbc_close(iw_steal(&web->dbc));
	return rc < 0 ? rc : iw_queue_start(&web->reader, web->world.loop, &ops, err);
}

static int listen_on(struct web *web, struct web_side *side, int fd, struct iw_err *err)
{
	struct web_listener_ops ops = {
		.ctx = side,
		.handle = web_request_handle,
		.completed = web_request_completed,
	};

	return web_listener_open(&side->listener, web->world.loop, fd, &ops, err);
}

static int open_socket(struct web *web, struct iw_err *err)
{
	int fd, rc;

	web->socket = (struct web_side){.web = web, .is_socket = true};
	web->socket_path = iw_path_join(web->world.state->dir, "socket");
	rc = web_bind_path(web->socket_path, &fd, err);
	return rc < 0 ? rc : listen_on(web, &web->socket, fd, err);
}

static int open_tcp(
	struct web *web, const struct iw_door_config *config, struct iw_err *err)
{
	_auto_free_ char *address = NULL, *line = NULL;
	int fd, rc;

	web->tcp = (struct web_side){.web = web};
	web->address_path = iw_path_join(web->world.state->dir, "http");
	unlink(web->address_path);
	if (!config->address)
		return 0;
	rc = web_bind_loopback(config->address, &fd, err);
	if (rc == IW_EBUSY && config->may_be_taken) {
		line = iw_fmt("there is no page: %s", err->msg);
		web->world.say(web->world.ctx, line);
		*err = (struct iw_err){0};
		return 0;
	}
	if (rc == 0)
		rc = listen_on(web, &web->tcp, fd, err);
	if (rc < 0)
		return rc;
	address = web_listener_address(web->tcp.listener);
	line = iw_fmt("the farm is at http://%s/", address);
	web->world.say(web->world.ctx, line);
	return iw_file_write(web->address_path, line + strlen("the farm is at "),
		strlen(line) - strlen("the farm is at "), 0600, err);
}

static void close_web(void *door)
{
	struct web *web = door;

	web->is_closing = true;
	unlink(web->socket_path);
	unlink(web->address_path);
	web_events_close(web->events);
	iw_queue_stop(web->reader);
}

static int open_web(void **door, const struct iw_door_world *world,
	const struct iw_door_config *config, struct iw_err *err)
{
	struct web *web = iw_calloc(1, sizeof *web);
	int rc;

	web->world = *world;
	web->events = web_events_new(web);
	web->guard = web_guard_new();
	rc = open_reader(web, err);
	if (rc < 0) {
		/* A queue that could not start ends by itself. */
		if (!web->dbc)
			free_web(web);
		return rc;
	}
	rc = open_socket(web, err);
	if (rc == 0)
		rc = open_tcp(web, config, err);
	if (rc < 0) {
		close_web(web);
		return iw_err_wrap(err, "opening the farm's page");
	}
	*door = web;
	return 0;
}

/* -- what the daemon tells ---------------------------------------------------------- */

static void said(void *door, const char *text)
{
	struct web *web = door;

	web_events_message(web->events, text);
}

static void look(void *door, const struct farm_view *view)
{
	struct web *web = door;

	web->view = view;
	web_events_tick(web->events);
	web->view = NULL;
}

const struct farm_view *web_view(struct web *web)
{
	struct farm *farm = web->world.farm(web->world.ctx);

	return web->view ? web->view : farm ? farm_look(farm) : NULL;
}

const struct iw_door web_door = {
	.open = open_web, .said = said, .look = look, .close = close_web};
