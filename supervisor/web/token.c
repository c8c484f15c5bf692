/* Tokens by way of HTTP. What the guard knows follows the database on the loop. */
#include "token.h"

#include "web/guard.h"
#include "web/route.h"

#include "base/banned.h"

int web_read_tokens(struct web_request *r, const struct answer_scope *scope)
{
	r->json = token_list(scope->dbc, &r->err);
	return r->json ? 0 : -1;
}

int web_check_token(struct web_request *r)
{
	const char *name = json_string_value(json_object_get(r->wanted, "name"));
	const char *role = json_string_value(json_object_get(r->wanted, "role"));

	if (!name || !role)
		return web_fail(r, 400, "name and role are wanted, both strings");
	if (token_check(name, role, &r->err) < 0)
		return web_fail(r, 400, "%s", r->err.msg);
	return 0;
}

int web_change_token(struct web_request *r, struct iw_dbc *dbc)
{
	return token_create(dbc, json_string_value(json_object_get(r->wanted, "name")),
		json_string_value(json_object_get(r->wanted, "role")), &r->json, &r->err);
}

int web_answer_token(struct web_request *r)
{
	struct iw_sha256 hash =
		token_hash(json_string_value(json_object_get(r->json, "token")));

	web_guard_add(r->web->guard, json_integer_value(json_object_get(r->json, "id")),
		json_string_value(json_object_get(r->json, "role")), &hash);
	r->status = 201;
	return 0;
}

int web_change_token_revoke(struct web_request *r, struct iw_dbc *dbc)
{
	return token_revoke(dbc, r->id, &r->json, &r->err);
}

int web_answer_token_revoke(struct web_request *r)
{
	web_guard_revoke(r->web->guard, r->id);
	return 0;
}
