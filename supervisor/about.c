/* What is written beside an engine's job, by which another process finds out whose it
 * is. */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

char *farm_about_write(const struct farm_about *about)
{
	json_t *campaigns = json_array(), *json;
	char *text;
	size_t i;

	for (i = 0; i < about->campaigns.count; i++)
		json_array_append_new(campaigns, json_integer(about->campaigns.items[i]));
	json = json_pack("{sI sI ss so}", "target", (json_int_t)about->target_id, "build",
		(json_int_t)about->build_id, "engine", about->engine->name, "campaigns",
		campaigns);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

bool farm_about_read(const char *text, struct farm_about *about)
{
	_auto_(iw_json_freep) json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	const char *engine = json_string_value(json_object_get(json, "engine"));
	json_t *id;
	size_t i;

	*about = (struct farm_about){.engine = engine ? engine_find(engine) : NULL};
	if (!about->engine)
		return false;
	about->target_id = json_integer_value(json_object_get(json, "target"));
	about->build_id = json_integer_value(json_object_get(json, "build"));
	/* An older version wrote none. */
	json_array_foreach(json_object_get(json, "campaigns"), i, id)
		iw_ids_add(&about->campaigns, json_integer_value(id));
	return true;
}

void farm_about_fini(struct farm_about *about)
{
	iw_ids_fini(&about->campaigns);
}
