#include "token.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

/* A leaked one is recognised by who looks for such things. */
#define PREFIX "iw_"
#define SECRET_BYTES ((size_t)32)
#define TEXT_SIZE (sizeof PREFIX + 2 * SECRET_BYTES)
#define NAME_MAX_LEN 64

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A name never looks like a number, so that either says which token is meant. */
static bool is_name(const char *name)
{
	size_t len = strlen(name), i;

	if (len == 0 || len > NAME_MAX_LEN || !is_letter(name[0]) || name[len - 1] == ' ')
		return false;
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return true;
}

int token_check(const char *name, const char *role, struct iw_err *err)
{
	static const char *const roles[] = {"read", "triage", "admin"};
	size_t i;

	if (!is_name(name))
		return iw_err_set(err, IW_EINVAL,
			"a token's name starts with a letter and has at most %d "
			"characters of ASCII",
			NAME_MAX_LEN);
	for (i = 0; i < IW_COUNT(roles); i++)
		if (strcmp(role, roles[i]) == 0)
			return 0;
	return iw_err_set(
		err, IW_EINVAL, "a token's role is 'read', 'triage' or 'admin'");
}

struct iw_sha256 token_hash(const char *text)
{
	return iw_sha256(text, strlen(text));
}

static int make_secret(char text[static TEXT_SIZE], struct iw_err *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char secret[SECRET_BYTES];
	char *to = text;
	size_t i;

	if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
		return iw_err_errno(err, errno, "cannot get random bytes");
	for (i = 0; PREFIX[i]; i++)
		*to++ = PREFIX[i];
	for (i = 0; i < sizeof secret; i++) {
		*to++ = digits[secret[i] >> 4];
		*to++ = digits[secret[i] & 15];
	}
	*to = '\0';
	explicit_bzero(secret, sizeof secret);
	return 0;
}

static json_t *time_json(int64_t ms)
{
	return ms < 0 ? json_null() : json_integer(ms);
}

static json_t *row_json(const struct token_row *row)
{
	return json_pack("{sI ss ss sI so so}", "id", (json_int_t)row->id, "name",
		row->name, "role", row->role, "created_ms", (json_int_t)row->created_ms,
		"last_used_ms", time_json(row->last_used_ms), "revoked_ms",
		time_json(row->revoked_ms));
}

static int take_one(void *ctx, const struct token_row *row)
{
	*(json_t **)ctx = row_json(row);
	return 0;
}

static int take_each(void *ctx, const struct token_row *row)
{
	json_array_append_new(ctx, row_json(row));
	return 0;
}

int token_create(struct iw_dbc *dbc, const char *name, const char *role, json_t **made,
	struct iw_err *err)
{
	char text[TEXT_SIZE];
	struct iw_sha256 hash;
	int64_t id = 0;
	int rc = token_check(name, role, err);

	*made = NULL;
	if (rc == 0)
		rc = make_secret(text, err);
	if (rc < 0)
		return rc;
	hash = token_hash(text);
	rc = token_db_add(dbc, name, role, &hash, &id, err);
	if (rc == 0)
		rc = token_db_list(dbc, id, take_one, made, err);
	if (rc == 0) {
		json_object_set_new(*made, "token", json_string(text));
		iw_info("token made", I("token", id), S("name", name), S("role", role));
	}
	explicit_bzero(text, sizeof text);
	return rc;
}

json_t *token_list(struct iw_dbc *dbc, struct iw_err *err)
{
	json_t *tokens = json_array();

	if (token_db_list(dbc, 0, take_each, tokens, err) == 0)
		return json_pack("{so}", "tokens", tokens);
	json_decref(tokens);
	return NULL;
}

int token_revoke(struct iw_dbc *dbc, int64_t id, json_t **revoked, struct iw_err *err)
{
	int rc = token_db_revoke(dbc, id, err);

	*revoked = NULL;
	if (rc == 0)
		rc = token_db_list(dbc, id, take_one, revoked, err);
	if (rc == 0)
		iw_info("token revoked", I("token", id));
	return rc;
}
