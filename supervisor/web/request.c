/*
 * The happy path: libmicrohttpd brings the head, then the body; begin() finds the route
 * and the role, and starts its first step. A step for another thread lets the connection
 * rest; when it is done the connection is resumed, and libmicrohttpd asks again for an
 * answer, which by then is there.
 */
#include "web/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "web/guard.h"
#include "web/route.h"

#include "base/banned.h"

/* Scripts and styles are files of ours, nothing comes from or goes to anywhere else, and
 * nobody frames the page. */
#define CONTENT_POLICY                                                                   \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "  \
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; "                    \
	"frame-ancestors 'none'"

const char *web_role_name(enum web_role role)
{
	static const char *const names[] = {"none", "read", "triage", "admin"};

	return names[role];
}

int web_fail(struct web_request *r, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_decref(r->json);
	free(iw_steal(&r->text));
	r->status = status;
	r->json = json_pack("{ss%}", "error", text, strlen(text));
	/* Bytes that are no text. */
	if (!r->json)
		r->json = json_pack("{ss}", "error", "the request is not UTF-8");
	return -1;
}

const char *web_param(const struct web_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

int web_param_int(struct web_request *r, const char *name, int64_t min, int64_t max,
	int64_t fallback, int64_t *value)
{
	const char *text = web_param(r, name);
	char *end;

	*value = fallback;
	if (!text)
		return 0;
	*value = strtoll(text, &end, 10);
	if (end == text || *end || *value < min || *value > max)
		return web_fail(r, 400, "%s must be a number from %lld to %lld", name,
			(long long)min, (long long)max);
	return 0;
}

/* -- the answer --------------------------------------------------------------------- */

static struct MHD_Response *make_response(struct web_request *r)
{
	if (r->response)
		return r->response;
	if (r->json) {
		r->text = json_dumps(r->json, JSON_COMPACT);
		r->len = r->text ? strlen(r->text) : 0;
		r->type = "application/json";
	}
	if (!r->text)
		r->text = iw_strdup("");
	return MHD_create_response_from_buffer(
		r->len, iw_steal(&r->text), MHD_RESPMEM_MUST_FREE);
}

static void add_headers(const struct web_request *r, struct MHD_Response *response)
{
	static const char *const always[][2] = {
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", CONTENT_POLICY},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
	};
	char number[16];
	size_t i;

	for (i = 0; i < IW_COUNT(always); i++)
		MHD_add_response_header(response, always[i][0], always[i][1]);
	if (r->type)
		MHD_add_response_header(response, "Content-Type", r->type);
	if (r->filename) {
		_auto_free_ char *disposition =
			iw_fmt("attachment; filename=\"%s\"", r->filename);

		MHD_add_response_header(response, "Content-Disposition", disposition);
	}
	if (r->status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
	if (r->retry_s) {
		snprintf(number, sizeof number, "%d", r->retry_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	if (r->is_last)
		MHD_add_response_header(response, "Connection", "close");
}

static enum MHD_Result respond(struct web_request *r)
{
	struct MHD_Response *response = make_response(r);
	enum MHD_Result rc;

	if (!response)
		return MHD_NO;
	add_headers(r, response);
	rc = MHD_queue_response(r->connection, r->status ? r->status : 200, response);
	MHD_destroy_response(response);
	r->response = NULL;
	return rc;
}

/* -- its steps ---------------------------------------------------------------------- */

static unsigned status_of(int code)
{
	switch (code) {
	case IW_EINVAL:
		return 400;
	case IW_ENOENT:
		return 404;
	case IW_EEXIST:
	case IW_EBUSY:
		return 409;
	default:
		return 500;
	}
}

/* Steps that failed in the database have not failed the request yet. */
static void fail_by_error(struct web_request *r)
{
	unsigned status = status_of(r->err.code);

	if (r->status >= 400)
		return;
	if (status == 500)
		iw_error("a request failed", S("path", r->path), S("error", r->err.msg));
	web_fail(r, status, "%s", r->err.msg);
}

static void rest(struct web_request *r)
{
	r->web->under_way++;
	MHD_suspend_connection(r->connection);
}

static void resume(struct web_request *r)
{
	r->is_ready = true;
	r->web->under_way--;
	MHD_resume_connection(r->connection);
	web_listener_pump(r->side->listener);
}

static void finish(struct web_request *r, int rc)
{
	if (rc == 0 && r->route->answer)
		rc = r->route->answer(r);
	if (rc < 0)
		fail_by_error(r);
}

void web_request_read(struct web_request *r, struct iw_dbc *dbc)
{
	struct answer_scope scope = {
		.dbc = dbc,
		.state = r->web->world.state,
		.sees_private = r->role >= WEB_ROLE_READ,
	};

	if (r->route->read(r, &scope) < 0)
		fail_by_error(r);
}

void web_request_read_done(struct web_request *r)
{
	finish(r, r->status >= 400 ? -1 : 0);
	resume(r);
}

static int run_change(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct web_request *r = ctx;
	int rc = r->route->change(r, dbc);

	/* Its error rolls back what it did. */
	if (rc < 0 && !r->err.code)
		iw_err_set(&r->err, IW_EINVAL, "refused");
	return rc < 0 ? iw_err_copy(err, &r->err) : 0;
}

static void on_changed(struct iw_db_req *req)
{
	struct web_request *r = req->ctx;

	if (req->err.code && !r->err.code)
		r->err = req->err;
	finish(r, req->err.code ? -1 : 0);
	resume(r);
}

static int begin_change(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);
	struct iw_db *db = farm ? farm_db(farm) : NULL;

	if (!db) {
		r->retry_s = 2;
		return web_fail(r, 503, "the farm is just being opened; try again");
	}
	r->change = (struct iw_db_req){.run = run_change, .ctx = r, .done = on_changed};
	rest(r);
	iw_db_submit(db, &r->change);
	return 0;
}

/* Whether the answer is there already. */
static bool run(struct web_request *r)
{
	const struct web_route *route = r->route;

	if (route->check && route->check(r) < 0)
		return true;
	if (route->change)
		return begin_change(r) < 0;
	if (!route->read) {
		finish(r, 0);
		return true;
	}
	rest(r);
	web_read(r->web, &r->item);
	return false;
}

/* -- who asks, and for what
 * --------------------------------------------------------------
 */

/* A page of somebody else's must not reach us under his own name. */
static bool is_our_host(const struct web_request *r)
{
	static const char *const ours[] = {"localhost", "127.0.0.1", "[::1]"};
	const char *host = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	size_t i, len;

	if (r->side->is_socket)
		return true;
	for (i = 0; host && i < IW_COUNT(ours); i++) {
		len = strlen(ours[i]);
		if (strncasecmp(host, ours[i], len) == 0 &&
			(host[len] == '\0' || host[len] == ':'))
			return true;
	}
	return false;
}

static int find_route(struct web_request *r)
{
	const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
	bool is_method;

	r->route = web_route_find(method, r->path, &r->id, &is_method);
	if (!r->route && !is_method)
		return web_fail(r, 404, "there is nothing at this path");
	if (!r->route)
		return web_fail(r, 405, "this path does not take %s", r->method);
	return web_guard_allow(r->web->guard, r);
}

int web_parse_body(struct web_request *r)
{
	json_error_t why;

	if (!r->body.len)
		return 0;
	r->wanted = json_loadb(r->body.data, r->body.len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(r->wanted))
		return web_fail(r, 400, "the body is no JSON object");
	return 0;
}

static int read_body(struct web_request *r)
{
	if (r->is_too_large)
		return web_fail(r, 413, "the body is larger than %zu bytes", r->body_max);
	return r->route->body_max ? 0 : web_parse_body(r);
}

/* Nobody fills our memory who may not send so much. */
static size_t body_max_of(const struct web_request *r)
{
	const struct web_route *route;
	bool is_method;
	int64_t id;

	route = web_route_find(r->method, r->path, &id, &is_method);
	if (!route || !route->body_max || web_guard_role(r->web->guard, r) < route->role)
		return WEB_BODY_MAX;
	return route->body_max;
}

/* Whether the answer is there already. */
static bool begin(struct web_request *r)
{
	if (r->web->is_closing) {
		web_fail(r, 503, "the farm is ending");
		return true;
	}
	if (!is_our_host(r)) {
		web_fail(r, 403, "ask for localhost, 127.0.0.1 or [::1]");
		return true;
	}
	if (web_guard_admit(r->web->guard, r) < 0 || find_route(r) < 0 ||
		read_body(r) < 0)
		return true;
	return run(r);
}

static void add_body(struct web_request *r, const char *data, size_t len)
{
	if (r->body.len + len > r->body_max)
		r->is_too_large = true;
	else
		iw_buf_add(&r->body, data, len);
}

enum MHD_Result web_request_handle(void *ctx, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *data,
	size_t *size, void **request)
{
	struct web_side *side = ctx;
	struct web_request *r = *request;

	(void)version;
	if (!r) {
		r = iw_calloc(1, sizeof *r);
		r->web = side->web;
		r->side = side;
		r->connection = connection;
		r->method = method;
		r->path = iw_strdup(url);
		r->body_max = body_max_of(r);
		*request = r;
		return MHD_YES;
	}
	if (*size) {
		add_body(r, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!r->is_ready && !begin(r))
		return MHD_YES;
	return respond(r);
}

void web_request_completed(void *ctx, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why)
{
	struct web_request *r = *request;

	(void)ctx;
	(void)connection;
	(void)why;
	if (!r)
		return;
	if (r->response)
		MHD_destroy_response(r->response);
	json_decref(r->json);
	json_decref(r->wanted);
	free(r->text);
	free(r->path);
	iw_buf_fini(&r->body);
	free(r);
	*request = NULL;
}
