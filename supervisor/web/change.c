/* What is changed by way of HTTP. */
#include "web/route.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "campaign_db.h"

#include "base/banned.h"

#define MS_PER_HOUR 3600000.0

int web_check_stop(struct web_request *r)
{
	const json_t *drain = json_object_get(r->wanted, "drain");

	if (drain && !json_is_boolean(drain))
		return web_fail(r, 400, "drain must be true or false");
	r->web->world.stop(r->web->world.ctx, json_is_true(drain));
	r->status = 202;
	r->json = json_pack("{sb}", "stopping", 1);
	return 0;
}

/* What operators decide about targets: in the rows, then the farm is told. */
int web_answer_wish(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);

	if (farm)
		farm_wishes_changed(farm);
	return 0;
}

/* As a reader would see it: who may change it may see it all. */
static struct answer_scope scope_of(struct web_request *r, struct iw_dbc *dbc)
{
	return (struct answer_scope){
		.dbc = dbc, .state = r->web->world.state, .sees_private = true};
}

/* -- campaigns ---------------------------------------------------------------------- */

int web_check_campaign(struct web_request *r)
{
	const json_t *targets = json_object_get(r->wanted, "targets"), *target;
	size_t i;

	if (!json_is_string(json_object_get(r->wanted, "name")))
		return web_fail(r, 400, "name must be a string");
	if (!json_is_array(targets))
		return web_fail(r, 400, "targets must be an array of strings");
	json_array_foreach(
		targets, i, target) if (!json_is_string(target)) return web_fail(r, 400,
		"targets must be an array of strings");
	if (!json_is_number(json_object_get(r->wanted, "budget_core_hours")))
		return web_fail(r, 400, "budget_core_hours must be a number");
	return 0;
}

/* In whole milliseconds, one at least; out of range becomes what campaign_db_start()
 * refuses. */
static int64_t budget_of(const struct web_request *r)
{
	double ms = MS_PER_HOUR *
		json_number_value(json_object_get(r->wanted, "budget_core_hours"));

	if (ms > (double)CAMPAIGN_BUDGET_MAX_MS)
		return CAMPAIGN_BUDGET_MAX_MS + 1;
	return ms <= 0 ? 0 : ms < 1 ? 1 : llround(ms);
}

static int answer_one_campaign(struct web_request *r, struct iw_dbc *dbc)
{
	struct answer_scope scope = scope_of(r, dbc);

	return web_read_campaign(r, &scope);
}

int web_change_campaign(struct web_request *r, struct iw_dbc *dbc)
{
	const json_t *targets = json_object_get(r->wanted, "targets");
	_auto_free_ const char **names =
		iw_calloc(json_array_size(targets) + 1, sizeof *names);
	struct campaign_spec spec = {
		.name = json_string_value(json_object_get(r->wanted, "name")),
		.targets = names,
		.target_count = json_array_size(targets),
		.budget_ms = budget_of(r),
	};
	size_t i;
	int rc;

	for (i = 0; i < spec.target_count; i++)
		names[i] = json_string_value(json_array_get(targets, i));
	rc = campaign_db_start(dbc, &spec, &r->id, &r->err);
	r->status = rc == 0 ? 201 : 0;
	return rc < 0 ? rc : answer_one_campaign(r, dbc);
}

int web_change_campaign_stop(struct web_request *r, struct iw_dbc *dbc)
{
	int rc = campaign_db_end(dbc, r->id, "stopped", &r->err);

	return rc < 0 ? rc : answer_one_campaign(r, dbc);
}

/* -- targets ------------------------------------------------------------------------ */

int web_check_why(struct web_request *r)
{
	const json_t *why = json_object_get(r->wanted, "why");

	if (why && !json_is_string(why))
		return web_fail(r, 400, "why must be a string");
	return 0;
}

static int answer_one_target(struct web_request *r, struct iw_dbc *dbc)
{
	struct answer_scope scope = scope_of(r, dbc);

	return web_read_target(r, &scope);
}

int web_change_hold(struct web_request *r, struct iw_dbc *dbc)
{
	int rc = project_db_hold(dbc, r->id,
		json_string_value(json_object_get(r->wanted, "why")), &r->err);

	return rc < 0 ? rc : answer_one_target(r, dbc);
}

int web_change_resume(struct web_request *r, struct iw_dbc *dbc)
{
	int rc = project_db_resume(dbc, r->id, &r->err);

	return rc < 0 ? rc : answer_one_target(r, dbc);
}

int web_answer_target_wish(struct web_request *r)
{
	web_answer_wish(r);
	return web_answer_target(r);
}
