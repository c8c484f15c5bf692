/*
 * One request from its first byte to its answer. A route fills in the answer; who wants
 * the database does it on the reader's thread or on the farm's writer while the
 * connection rests.
 *
 * Thread: the loop, but for what a route does in its read or change.
 */
#ifndef IW_WEB_REQUEST_H
#define IW_WEB_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <sys/types.h>

#include "answers.h"
#include "base/buf.h"
#include "base/db.h"
#include "web/web.h"

#define WEB_BODY_MAX ((size_t)64 << 10)
/* Inputs in base64: one of the largest, or many. */
#define WEB_CRASHES_MAX ((size_t)12 << 20)

struct web_request {
	struct web *web;
	struct web_side *side;
	struct MHD_Connection *connection;
	const struct web_route *route;
	const char *method;
	char *path;
	enum web_role role;
	int64_t token_id; /* 0: it came by the socket, or without one */
	uid_t peer;	  /* of the socket: whose process asks */
	int64_t id;	  /* the number in its path; 0: none */
	struct iw_buf body;
	size_t body_max;
	json_t *wanted; /* the body, an object; or NULL */
	/* the answer */
	unsigned status; /* of HTTP; 0: 200 */
	json_t *json;	 /* or else: */
	char *text;
	size_t len;
	const char *type;	       /* of text */
	const char *filename;	       /* to be saved as; or NULL */
	int retry_s;		       /* Retry-After; 0: none */
	bool is_last;		       /* its connection ends with it */
	struct MHD_Response *response; /* instead of all that */
	struct iw_err err;
	/* below: private */
	bool is_ready, is_too_large;
	struct iw_queue_item item;
	struct iw_db_req change;
};

/* For struct web_listener_ops; ctx is a struct web_side. */
enum MHD_Result web_request_handle(void *side, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *data,
	size_t *size, void **request);
void web_request_completed(void *side, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why);

/* Fails the request: {"error": sentence} with this status. */
int web_fail(struct web_request *r, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The body into r->wanted: for a change, where it is large; on any thread. */
int web_parse_body(struct web_request *r);

/* A parameter of the query, or NULL. */
const char *web_param(const struct web_request *r, const char *name);
/* The same as a number between min and max; fallback when it is not there. Fails the
 * request when it is something else. */
int web_param_int(struct web_request *r, const char *name, int64_t min, int64_t max,
	int64_t fallback, int64_t *value);

/* The reader's part of a request: called on its thread, then on the loop. */
void web_request_read(struct web_request *r, struct iw_dbc *dbc);
void web_request_read_done(struct web_request *r);

#endif
