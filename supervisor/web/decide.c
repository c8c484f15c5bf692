/* What people decide about bugs, by way of HTTP. */
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "base/mem.h"
#include "token_db.h"
#include "triage/decision.h"
#include "web/route.h"

#include "base/banned.h"

static int take_name(void *ctx, const struct token_row *row)
{
	*(char **)ctx = iw_strdup(row->name);
	return 1;
}

char *web_actor(const struct web_request *r, struct iw_dbc *dbc)
{
	char *name = NULL;

	if (!r->token_id)
		return iw_actor_local(r->peer);
	token_db_list(dbc, r->token_id, take_name, &name, NULL);
	return name ? name : iw_fmt("token %lld", (long long)r->token_id);
}

/* "/api/v1/bugs/3/wontfix". */
static const char *verb_of(const struct web_request *r)
{
	return strrchr(r->path, '/') + 1;
}

int web_change_decide(struct web_request *r, struct iw_dbc *dbc)
{
	struct answer_scope scope = {
		.dbc = dbc, .state = r->web->world.state, .sees_private = true};
	_auto_free_ char *by = web_actor(r, dbc);
	struct decision decision = {
		.bug_id = r->id,
		.by = by,
		.why = json_string_value(json_object_get(r->wanted, "why")),
	};
	int rc = triage_decide(
		dbc, r->web->world.state->outbox, verb_of(r), &decision, &r->err);

	return rc < 0 ? rc : web_read_bug(r, &scope);
}

/* Its issue may say more by now than when it was last written. */
int web_answer_decide(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);

	if (farm)
		farm_bug_changed(farm, r->id);
	return 0;
}
