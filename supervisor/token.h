/*
 * Tokens: who shows one over HTTP has its role. A token is "iw_" and 256 random bits in
 * hex; it is told once, to who had it made, and stored nowhere.
 *
 * What is stored is its SHA-256. Salt and a slow hash protect words that people choose:
 * of those there are few enough to try. 2^256 are too many at any speed, and no table of
 * them can be made beforehand.
 *
 * Synchronous; thread: that of the connection.
 */
#ifndef IW_TOKEN_H
#define IW_TOKEN_H

#include <jansson.h>

#include "base/db.h"
#include "base/hash.h"
#include "token_db.h"

/* What people give a name and a role for. IW_EINVAL with a sentence. */
int token_check(const char *name, const char *role, struct iw_err *err);

/* Makes one: {"id", "name", "role", …, "token"}, the caller's. Errors of token_check()
 * and IW_EEXIST. */
int token_create(struct iw_dbc *dbc, const char *name, const char *role, json_t **made,
	struct iw_err *err);
/* {"tokens": […]}, none of which is told; the caller's. NULL: an error. */
json_t *token_list(struct iw_dbc *dbc, struct iw_err *err);
/* What has become of it; the caller's. IW_ENOENT: there is none. */
int token_revoke(struct iw_dbc *dbc, int64_t id, json_t **revoked, struct iw_err *err);

/* As it is stored; any text has one. */
struct iw_sha256 token_hash(const char *text);

#endif
