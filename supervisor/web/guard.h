/*
 * Who asks: the role that a request's token gives. On the unix socket nobody is asked,
 * because its file mode has let him in.
 *
 * All tokens are in memory, as their hashes: read from the database when the door opens,
 * and kept up to date by the routes that change them, so that a revoked one is refused
 * from the moment on in which its revocation was answered.
 *
 * Thread: the loop.
 */
#ifndef IW_WEB_GUARD_H
#define IW_WEB_GUARD_H

#include "base/db.h"
#include "base/hash.h"
#include "web/web.h"

struct web_request;
struct web_guard;

struct web_guard *web_guard_new(void);
void web_guard_free(struct web_guard *guard);
/* Before anybody asks; blocks. */
int web_guard_load(struct web_guard *guard, struct iw_dbc *dbc, struct iw_err *err);

void web_guard_add(struct web_guard *guard, int64_t id, const char *role,
	const struct iw_sha256 *hash);
void web_guard_revoke(struct web_guard *guard, int64_t id);

/* Sets the request's role, or fails it: a token that is wrong is refused also where none
 * is needed. */
int web_guard_admit(struct web_guard *guard, struct web_request *r);
/* That role, asked for before the body is there; refuses nobody. */
enum web_role web_guard_role(struct web_guard *guard, const struct web_request *r);
/* Fails the request when its role is not enough for its route. */
int web_guard_allow(struct web_guard *guard, struct web_request *r);

#endif
