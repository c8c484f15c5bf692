/*
 * What our parser makes of texts, in the fields that ClusterFuzz's tests assert. Reads
 * one JSON object a line ({"id", "input", "env": {"fuzz_target", …}}) and prints one
 * prediction a line for tests/integration/test_reports_shared.py.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sanitizers/frames.h"
#include "sanitizers/report.h"

#include "base/banned.h"

static bool knob(const json_t *env, const char *name, bool fallback)
{
	const json_t *value = json_object_get(env, name);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static bool is_limit(enum san_kind kind)
{
	return kind == SAN_TIMEOUT || kind == SAN_OUT_OF_MEMORY;
}

static json_t *predict(struct iw_arena *arena, const json_t *object)
{
	const json_t *env = json_object_get(object, "env");
	const json_t *input = json_object_get(object, "input");
	struct san_state_opts opts = {
		.target = json_string_value(json_object_get(env, "fuzz_target")),
		.spill = true,
	};
	struct san_report *reports;
	const struct san_report *r;
	size_t count;
	const char *state;
	bool is_security;

	if (san_report_parse(arena, json_string_value(input), json_string_length(input),
		    &reports, &count, NULL) < 0)
		return NULL;
	r = san_report_primary(reports, count);
	if (!r || (is_limit(r->kind) && !knob(env, "detect_ooms_and_hangs", false)))
		return json_pack("{s:s, s:s, s:s, s:b}", "crash_type", "",
			"crash_address", "", "crash_state", "", "is_security", 0);
	state = san_report_state(arena, r, &opts);
	is_security = r->is_security;
	if (r->kind == SAN_ASSERT)
		is_security = knob(env, "asserts_have_security_implication", true);
	if (r->kind == SAN_CHECK)
		is_security = knob(env, "checks_have_security_implication", false);
	return json_pack("{s:s, s:s, s:s, s:b}", "crash_type", r->crash_type,
		"crash_address", r->address_text ? r->address_text : "", "crash_state",
		*state ? state : "NULL", "is_security", is_security);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		json_t *object = json_loadb(line, (size_t)len, 0, NULL);
		struct iw_arena *arena = iw_arena_new();
		json_t *out = predict(arena, object);
		char *text;

		if (out) {
			json_object_set(out, "id", json_object_get(object, "id"));
			text = json_dumps(out, JSON_COMPACT);
			puts(text);
			free(text);
		}
		json_decref(out);
		json_decref(object);
		iw_arena_free(arena);
	}
	free(line);
	return 0;
}
