/* Crashes that people bring, by way of HTTP. */
#include <stdlib.h>
#include <string.h>

#include "added.h"
#include "base/mem.h"
#include "base/text.h"
#include "web/route.h"

#include "base/banned.h"

/* The inputs of one request. */
struct inputs {
	struct iw_buf *bytes;
	struct added_input *list;
	size_t count;
};

static void inputs_fini(struct inputs *in)
{
	size_t i;

	for (i = 0; i < in->count; i++)
		iw_buf_fini(&in->bytes[i]);
	free(in->bytes);
	free(in->list);
}

static int inputs_init(struct inputs *in, struct web_request *r)
{
	const json_t *array = json_object_get(r->wanted, "inputs"), *item;
	size_t i, count = json_array_size(array);

	if (count == 0 || count > ADDED_MAX)
		return web_fail(r, 400,
			"inputs must be an array of base64, 1 to %d of them", ADDED_MAX);
	in->bytes = iw_calloc(count, sizeof *in->bytes);
	in->list = iw_calloc(count, sizeof *in->list);
	json_array_foreach(array, i, item)
	{
		in->count = i + 1;
		if (!json_is_string(item) ||
			!iw_text_unbase64(&in->bytes[i], json_string_value(item),
				json_string_length(item)))
			return web_fail(r, 400, "input %zu is no base64", i + 1);
		in->list[i] = (struct added_input){
			.data = in->bytes[i].data ? in->bytes[i].data : "",
			.len = in->bytes[i].len};
	}
	return 0;
}

static int check_strings(struct web_request *r)
{
	static const char *const optional[] = {"kind", "flavour"};
	const json_t *value;
	size_t i;

	if (!json_is_string(json_object_get(r->wanted, "target")))
		return web_fail(r, 400, "target must be a string");
	for (i = 0; i < IW_COUNT(optional); i++) {
		value = json_object_get(r->wanted, optional[i]);
		if (value && !json_is_string(value))
			return web_fail(r, 400, "%s must be a string", optional[i]);
	}
	return 0;
}

int web_change_crashes(struct web_request *r, struct iw_dbc *dbc)
{
	_auto_free_ char *by = web_actor(r, dbc);
	struct inputs in = {0};
	struct added_spec spec = {.by = by};
	int rc = web_parse_body(r);

	if (rc == 0)
		rc = check_strings(r);
	if (rc == 0)
		rc = inputs_init(&in, r);
	if (rc == 0) {
		spec.target = json_string_value(json_object_get(r->wanted, "target"));
		spec.kind = json_string_value(json_object_get(r->wanted, "kind"));
		spec.flavour = json_string_value(json_object_get(r->wanted, "flavour"));
		spec.inputs = in.list;
		spec.count = in.count;
		rc = added_store(
			dbc, r->web->world.state->artifacts, &spec, &r->json, &r->err);
	}
	inputs_fini(&in);
	return rc;
}

int web_answer_crashes(struct web_request *r)
{
	struct farm *farm = r->web->world.farm(r->web->world.ctx);
	const json_t *crashes = json_object_get(r->json, "crashes"), *crash;
	struct farm_added added = {
		.target_id = json_integer_value(json_object_get(r->json, "target_id")),
		.flavour = json_string_value(json_object_get(r->json, "flavour")),
		.kind = json_string_value(json_object_get(r->json, "kind")),
	};
	size_t i;

	json_array_foreach(crashes, i, crash)
	{
		if (!farm || !json_is_true(json_object_get(crash, "is_new")))
			continue;
		added.crash_id = json_integer_value(json_object_get(crash, "id"));
		if (iw_sha256_parse(json_string_value(json_object_get(crash, "input")),
			    &added.input))
			farm_crash_added(farm, &added);
	}
	r->status = 201;
	return 0;
}
