/* Rows of the table token. Synchronous; thread: that of the connection. */
#ifndef IW_TOKEN_DB_H
#define IW_TOKEN_DB_H

#include <stdint.h>

#include "base/db.h"
#include "base/hash.h"

struct token_row {
	int64_t id;
	const char *name, *role;
	struct iw_sha256 hash;
	int64_t created_ms, last_used_ms, revoked_ms; /* the last two: -1 is never */
};

/* Now. IW_EEXIST: one of this name is not revoked. */
int token_db_add(struct iw_dbc *dbc, const char *name, const char *role,
	const struct iw_sha256 *hash, int64_t *id, struct iw_err *err);

typedef int (*token_db_cb)(void *ctx, const struct token_row *row);
/* By id; id 0: all. Stops when each returns non-zero, and returns that. */
int token_db_list(
	struct iw_dbc *dbc, int64_t id, token_db_cb each, void *ctx, struct iw_err *err);

/* One that is revoked already stays as it is. IW_ENOENT: there is none. */
int token_db_revoke(struct iw_dbc *dbc, int64_t id, struct iw_err *err);
int token_db_used(struct iw_dbc *dbc, int64_t id, int64_t at_ms, struct iw_err *err);

#endif
