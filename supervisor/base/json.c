#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

void iw_json_freep(json_t **json)
{
	json_decref(*json);
}

int iw_json_load(const char *path, json_t **json, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	json_error_t jerr;
	size_t len;
	int rc;

	rc = iw_file_read(path, 16 << 20, &text, &len, err);
	if (rc < 0)
		return rc;
	*json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	if (!*json)
		return iw_err_set(err, IW_EINVAL,
			"%s: line %d, column %d: no valid JSON: %s", path, jerr.line,
			jerr.column, jerr.text);
	return 0;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	default:
		return "null";
	}
}

static void add_place(struct iw_buf *out, const struct iw_json_at *at)
{
	if (at->up)
		add_place(out, at->up);
	if (!at->name)
		iw_buf_addf(out, "[%d]", at->index);
	else
		iw_buf_addf(out, "%s%s",
			!at->up		     ? ""
				: at->up->up ? "."
					     : ": ",
			at->name);
}

int iw_json_fail(const struct iw_json_at *at, struct iw_err *err, const char *fmt, ...)
{
	struct iw_buf place = {0};
	va_list ap;
	char text[400];

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_place(&place, at);
	iw_err_set(err, IW_EINVAL, "%s: %s", place.data, text);
	iw_buf_fini(&place);
	return IW_EINVAL;
}

static int wrong_type(const json_t *value, const struct iw_json_at *at,
	const char *expected, struct iw_err *err)
{
	if (!value)
		return iw_json_fail(at, err, "missing; expected %s", expected);
	return iw_json_fail(at, err, "expected %s, found %s", expected, type_name(value));
}

int iw_json_str(const json_t *obj, const struct iw_json_at *at, const char *field,
	const char **value, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = field};
	const json_t *v = json_object_get(obj, field);

	if (!json_is_string(v))
		return wrong_type(v, &here, "a string", err);
	if (json_string_length(v) == 0)
		return iw_json_fail(&here, err, "expected a string, found an empty one");
	*value = json_string_value(v);
	return 0;
}

int iw_json_str_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	const char *fallback, const char **value, struct iw_err *err)
{
	*value = fallback;
	return json_object_get(obj, field) ? iw_json_str(obj, at, field, value, err) : 0;
}

int iw_json_int_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	int64_t min, int64_t max, int64_t fallback, int64_t *value, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = field};
	const json_t *v = json_object_get(obj, field);

	*value = fallback;
	if (!v)
		return 0;
	if (!json_is_integer(v))
		return wrong_type(v, &here, "a whole number", err);
	*value = json_integer_value(v);
	if (*value < min || *value > max)
		return iw_json_fail(&here, err, "expected %lld to %lld, found %lld",
			(long long)min, (long long)max, (long long)*value);
	return 0;
}

int iw_json_bool_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	bool fallback, bool *value, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = field};
	const json_t *v = json_object_get(obj, field);

	*value = fallback;
	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return wrong_type(v, &here, "true or false", err);
	*value = json_is_true(v);
	return 0;
}

int iw_json_array(const json_t *obj, const struct iw_json_at *at, const char *field,
	size_t min, json_t **value, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = field};
	json_t *v = json_object_get(obj, field);

	*value = NULL;
	if (!v && min == 0)
		return 0;
	if (!json_is_array(v))
		return wrong_type(v, &here, "an array", err);
	if (json_array_size(v) < min)
		return iw_json_fail(&here, err,
			"expected at least %zu element%s, found %zu", min,
			min == 1 ? "" : "s", json_array_size(v));
	*value = v;
	return 0;
}

int iw_json_object(const json_t *obj, const struct iw_json_at *at, const char *field,
	json_t **value, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = field};
	json_t *v = json_object_get(obj, field);

	if (!json_is_object(v))
		return wrong_type(v, &here, "an object", err);
	*value = v;
	return 0;
}

int iw_json_known(const json_t *obj, const struct iw_json_at *at,
	const char *const *fields, struct iw_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)obj, key, value) {
		struct iw_json_at here = {.up = at, .name = key};
		size_t i = 0;

		while (fields[i] && strcmp(fields[i], key) != 0)
			i++;
		if (!fields[i])
			return iw_json_fail(&here, err, "unknown field");
	}
	return 0;
}
