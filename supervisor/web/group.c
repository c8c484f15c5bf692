/* Bugs that are one and bugs that are two, by way of HTTP. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "grouping.h"
#include "web/route.h"

#include "base/banned.h"

int web_check_merge(struct web_request *r)
{
	if (!json_is_integer(json_object_get(r->wanted, "with")))
		return web_fail(r, 400, "with must be the number of a bug");
	return web_check_why(r);
}

int web_check_split(struct web_request *r)
{
	const json_t *crashes = json_object_get(r->wanted, "crashes"), *crash;
	size_t i;

	for (i = 0; (crash = json_array_get(crashes, i)) != NULL; i++)
		if (!json_is_integer(crash))
			break;
	if (i == 0 || i < json_array_size(crashes))
		return web_fail(r, 400, "crashes must be an array of their numbers");
	return web_check_why(r);
}

int web_change_group(struct web_request *r, struct iw_dbc *dbc)
{
	struct answer_scope scope = {
		.dbc = dbc, .state = r->web->world.state, .sees_private = true};
	const json_t *crashes = json_object_get(r->wanted, "crashes");
	size_t i, count = json_array_size(crashes);
	_auto_free_ int64_t *ids = iw_calloc(count + 1, sizeof *ids);
	_auto_free_ char *by = web_actor(r, dbc);
	struct grouping grouping = {
		.verb = strrchr(r->path, '/') + 1,
		.bug_id = r->id,
		.other_id = json_integer_value(json_object_get(r->wanted, "with")),
		.crashes = ids,
		.crash_count = count,
		.by = by,
		.outbox_dir = r->web->world.state->outbox,
		.why = json_string_value(json_object_get(r->wanted, "why")),
	};
	int rc;

	for (i = 0; i < count; i++)
		ids[i] = json_integer_value(json_array_get(crashes, i));
	rc = grouping_do(dbc, &grouping, &r->id, &r->err);
	return rc < 0 ? rc : web_read_bug(r, &scope);
}

int web_answer_group(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);

	if (farm)
		farm_bugs_regrouped(farm);
	return 0;
}
