/* Builds by way of HTTP: ordered, then asked after until they are done. */
#include <string.h>

#include "base/mem.h"
#include "web/route.h"

#include "base/banned.h"

static bool are_strings(const json_t *array)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) == 0)
		return false;
	for (i = 0; (item = json_array_get(array, i)) != NULL; i++)
		if (!json_is_string(item))
			return false;
	return true;
}

static int start(struct web_request *r, struct farm *farm)
{
	const json_t *flavours = json_object_get(r->wanted, "flavours");
	size_t i, count = json_array_size(flavours);
	_auto_free_ const char **names = iw_calloc(count + 1, sizeof *names);
	struct farm_order_spec spec = {
		.adapter = json_string_value(json_object_get(r->wanted, "adapter")),
		.commit = json_string_value(json_object_get(r->wanted, "commit")),
		.flavours = flavours ? names : NULL,
		.flavour_count = count,
	};
	int rc;

	for (i = 0; i < count; i++)
		names[i] = json_string_value(json_array_get(flavours, i));
	rc = farm_order(farm, &spec, &r->json, &r->err);
	if (rc < 0)
		return web_fail(r, rc == IW_EBUSY ? 503 : 400, "%s", r->err.msg);
	r->status = 202;
	return 0;
}

int web_check_build(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);
	const json_t *flavours = json_object_get(r->wanted, "flavours");
	const json_t *commit = json_object_get(r->wanted, "commit");

	if (!json_is_string(json_object_get(r->wanted, "adapter")))
		return web_fail(r, 400, "adapter must be a string");
	if (flavours && !are_strings(flavours))
		return web_fail(r, 400, "flavours must be an array of strings");
	if (commit && !json_is_string(commit))
		return web_fail(r, 400, "commit must be a string");
	if (!farm)
		return web_fail(r, 503, "one farm leaves and the next has yet to come");
	return start(r, farm);
}

int web_answer_build(struct web_request *r)
{
	const struct farm *farm = r->web->world.farm(r->web->world.ctx);

	r->json = farm ? farm_order_look(farm, r->id) : NULL;
	if (!r->json)
		return web_fail(r, 404,
			"there is no order %lld for builds; a farm forgets them when it "
			"ends",
			(long long)r->id);
	return 0;
}
