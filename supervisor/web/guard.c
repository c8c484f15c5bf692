#include "web/guard.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "token.h"
#include "web/patience.h"
#include "web/route.h"

#include "base/banned.h"

#define SCHEME "Bearer "
/* The database is told of a token's use so often. */
#define USED_EVERY_MS ((int64_t)10 * 60 * 1000)

struct known {
	int64_t id;
	enum web_role role;
	struct iw_sha256 hash;
	int64_t used_ms; /* as far as the database was told */
	bool is_revoked;
};

struct web_guard {
	struct known *known;
	size_t count, cap;
	struct web_patience wrong;
	struct web_patience low; /* of a role that is not enough: for the log only */
};

struct web_guard *web_guard_new(void)
{
	return iw_calloc(1, sizeof(struct web_guard));
}

void web_guard_free(struct web_guard *g)
{
	if (!g)
		return;
	free(g->known);
	free(g);
}

/* -- what is known ------------------------------------------------------------------- */

static enum web_role role_of(const char *name)
{
	enum web_role role = WEB_ROLE_ADMIN;

	while (role > WEB_ROLE_NONE && strcmp(web_role_name(role), name) != 0)
		role--;
	return role;
}

void web_guard_add(
	struct web_guard *g, int64_t id, const char *role, const struct iw_sha256 *hash)
{
	iw_grow(g->known, g->count, g->cap);
	g->known[g->count++] =
		(struct known){.id = id, .role = role_of(role), .hash = *hash};
}

static struct known *by_id(struct web_guard *g, int64_t id)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		if (g->known[i].id == id)
			return &g->known[i];
	return NULL;
}

void web_guard_revoke(struct web_guard *g, int64_t id)
{
	struct known *known = by_id(g, id);

	if (known)
		known->is_revoked = true;
}

static int take(void *ctx, const struct token_row *row)
{
	struct web_guard *g = ctx;

	web_guard_add(g, row->id, row->role, &row->hash);
	g->known[g->count - 1].used_ms = row->last_used_ms;
	g->known[g->count - 1].is_revoked = row->revoked_ms >= 0;
	return 0;
}

int web_guard_load(struct web_guard *g, struct iw_dbc *dbc, struct iw_err *err)
{
	return token_db_list(dbc, 0, take, g, err);
}

/* How long a comparison takes tells of the hash how much of it was right, and that helps
 * nobody: who wants a token with a given beginning of its hash has to try them, and knows
 * of the token no more than before. */
static struct known *by_text(struct web_guard *g, const char *text)
{
	struct iw_sha256 hash = token_hash(text);
	size_t i;

	for (i = 0; i < g->count; i++)
		if (iw_sha256_equal(&g->known[i].hash, &hash))
			return &g->known[i];
	return NULL;
}

/* -- when it was used --------------------------------------------------------------- */

/* Nobody waits for it, so it outlives the guard. */
struct noting {
	struct iw_db_req req;
	int64_t id, at_ms;
};

static int run_noting(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct noting *n = ctx;

	return token_db_used(dbc, n->id, n->at_ms, err);
}

static void on_noted(struct iw_db_req *req)
{
	if (req->err.code)
		iw_warn("the use of a token was not written down",
			S("error", req->err.msg));
	free(req->ctx);
}

static void note_use(struct web *web, struct known *known)
{
	struct farm *farm = web->world.farm(web->world.ctx);
	struct iw_db *db = farm ? farm_db(farm) : NULL;
	int64_t now_ms = iw_time_wall_ms();
	struct noting *n;

	/* A clock that was set back starts anew. */
	if (!db || (now_ms >= known->used_ms && now_ms - known->used_ms < USED_EVERY_MS))
		return;
	known->used_ms = now_ms;
	n = iw_calloc(1, sizeof *n);
	*n = (struct noting){.id = known->id, .at_ms = now_ms};
	n->req = (struct iw_db_req){.run = run_noting, .ctx = n, .done = on_noted};
	iw_db_submit(db, &n->req);
}

/* -- asking ------------------------------------------------------------------------- */

static const char *header_of(const struct web_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void find_address(
	const struct web_request *r, char address[static INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info ||
		getnameinfo(info->client_addr, sizeof(struct sockaddr_in6), address,
			INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) != 0)
		memcpy(address, "?", 2);
}

/* The log never holds a token, not even a wrong one: it may be right elsewhere. */
static int refuse(struct web_guard *g, struct web_request *r, const struct known *known)
{
	char address[INET6_ADDRSTRLEN];
	bool is_news;
	int wait_s;

	find_address(r, address);
	wait_s = web_patience_try(&g->wrong, address, iw_time_mono_ms(), &is_news);
	if (is_news)
		iw_warn("a token was refused", S("from", address),
			S("why", known ? "revoked" : "unknown"),
			I("token", known ? known->id : 0),
			I("so_far", g->wrong.all.count), I("wait_s", wait_s));
	if (!wait_s)
		return web_fail(r, 401, "the token is %s",
			known ? "revoked" : "none of this farm's");
	r->retry_s = wait_s;
	r->is_last = true;
	return web_fail(
		r, 429, "too many wrong tokens; wait %d s before the next one", wait_s);
}

/* The kernel knows whose process is behind the socket. */
static uid_t peer_of(const struct web_request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred who = {.uid = geteuid()};
	socklen_t len = sizeof who;

	if (info)
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.uid;
}

enum web_role web_guard_role(struct web_guard *g, const struct web_request *r)
{
	const char *header = header_of(r, MHD_HTTP_HEADER_AUTHORIZATION);
	const struct known *known;

	if (r->side->is_socket)
		return WEB_ROLE_ADMIN;
	if (!header || strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return WEB_ROLE_NONE;
	known = by_text(g, header + strlen(SCHEME));
	return known && !known->is_revoked ? known->role : WEB_ROLE_NONE;
}

int web_guard_admit(struct web_guard *g, struct web_request *r)
{
	const char *header = header_of(r, MHD_HTTP_HEADER_AUTHORIZATION);
	struct known *known;

	r->role = r->side->is_socket ? WEB_ROLE_ADMIN : WEB_ROLE_NONE;
	if (r->side->is_socket)
		r->peer = peer_of(r);
	if (r->side->is_socket || !header)
		return 0;
	if (strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return web_fail(r, 401, "this farm wants 'Authorization: Bearer TOKEN'");
	known = by_text(g, header + strlen(SCHEME));
	if (!known || known->is_revoked)
		return refuse(g, r, known);
	r->role = known->role;
	r->token_id = known->id;
	note_use(r->web, known);
	return 0;
}

/* A proxy has loopback's address, and those before it need not be on this host. What is
 * not private is for this host only; the page's own files are no secret. */
static enum web_role wanted_of(const struct web_request *r)
{
	bool is_forwarded = header_of(r, "X-Forwarded-For") || header_of(r, "Forwarded");

	if (r->route->role == WEB_ROLE_NONE && is_forwarded && r->route->path)
		return WEB_ROLE_READ;
	return r->route->role;
}

int web_guard_allow(struct web_guard *g, struct web_request *r)
{
	enum web_role wanted = wanted_of(r);
	const char *wants = web_role_name(wanted), *has = web_role_name(r->role);
	char address[INET6_ADDRSTRLEN];
	bool is_news;

	if (r->role >= wanted)
		return 0;
	find_address(r, address);
	web_patience_try(&g->low, address, iw_time_mono_ms(), &is_news);
	if (is_news)
		iw_warn("a request was refused", S("from", address),
			S("path", r->route->path), S("wants", wants), S("has", has),
			I("so_far", g->low.all.count));
	return r->role == WEB_ROLE_NONE
		? web_fail(r, 401, "this wants a token with the role '%s'", wants)
		: web_fail(r, 403, "this wants the role '%s', the token has '%s'", wants,
			  has);
}
