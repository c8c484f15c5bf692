/* What is changed by way of HTTP. */
#include "web/route.h"

#include "base/banned.h"

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
