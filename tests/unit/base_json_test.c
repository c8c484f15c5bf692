/* JSON: each wrong document gets one exact sentence with the place and what is expected.
 */
#include "tests/lib/temp.h"

#include "base/json.h"

#include "base/banned.h"

static const struct iw_json_at top = {.name = "adapter.json"};

/* One getter per row, on field "f" of a document that stands two levels deep. */
static int get(const char *how, const json_t *obj, const struct iw_json_at *at,
	struct iw_err *err)
{
	static const char *const known[] = {"f", "g", NULL};
	const char *s;
	json_t *value;
	int64_t i;
	bool b;

	if (strcmp(how, "str") == 0)
		return iw_json_str(obj, at, "f", &s, err);
	if (strcmp(how, "str_or") == 0)
		return iw_json_str_or(obj, at, "f", "x", &s, err);
	if (strcmp(how, "int_or") == 0)
		return iw_json_int_or(obj, at, "f", 1, 9, 5, &i, err);
	if (strcmp(how, "bool_or") == 0)
		return iw_json_bool_or(obj, at, "f", true, &b, err);
	if (strcmp(how, "array0") == 0)
		return iw_json_array(obj, at, "f", 0, &value, err);
	if (strcmp(how, "array1") == 0)
		return iw_json_array(obj, at, "f", 1, &value, err);
	if (strcmp(how, "array2") == 0)
		return iw_json_array(obj, at, "f", 2, &value, err);
	if (strcmp(how, "object") == 0)
		return iw_json_object(obj, at, "f", &value, err);
	assert_string_equal(how, "known");
	return iw_json_known(obj, at, known, err);
}

static const struct {
	const char *how, *document, *sentence; /* NULL: fine */
} rows[] = {
	{"str", "{\"f\": \"x\"}", NULL},
	{"str", "{}", "f: missing; expected a string"},
	{"str", "{\"f\": \"\"}", "f: expected a string, found an empty one"},
	{"str", "{\"f\": 1}", "f: expected a string, found a number"},
	{"str", "{\"f\": 1.5}", "f: expected a string, found a number"},
	{"str", "{\"f\": null}", "f: expected a string, found null"},
	{"str", "{\"f\": []}", "f: expected a string, found an array"},
	{"str", "{\"f\": {}}", "f: expected a string, found an object"},
	{"str", "{\"f\": true}", "f: expected a string, found true or false"},
	{"str_or", "{}", NULL},
	{"str_or", "{\"f\": \"\"}", "f: expected a string, found an empty one"},
	{"str_or", "{\"f\": false}", "f: expected a string, found true or false"},
	{"int_or", "{}", NULL},
	{"int_or", "{\"f\": 1}", NULL},
	{"int_or", "{\"f\": 9}", NULL},
	{"int_or", "{\"f\": 0}", "f: expected 1 to 9, found 0"},
	{"int_or", "{\"f\": 10}", "f: expected 1 to 9, found 10"},
	{"int_or", "{\"f\": -9223372036854775808}",
		"f: expected 1 to 9, found -9223372036854775808"},
	{"int_or", "{\"f\": 1.0}", "f: expected a whole number, found a number"},
	{"int_or", "{\"f\": \"1\"}", "f: expected a whole number, found a string"},
	{"int_or", "{\"f\": null}", "f: expected a whole number, found null"},
	{"bool_or", "{}", NULL},
	{"bool_or", "{\"f\": false}", NULL},
	{"bool_or", "{\"f\": 0}", "f: expected true or false, found a number"},
	{"bool_or", "{\"f\": \"yes\"}", "f: expected true or false, found a string"},
	{"array0", "{}", NULL},
	{"array0", "{\"f\": []}", NULL},
	{"array0", "{\"f\": {}}", "f: expected an array, found an object"},
	{"array1", "{}", "f: missing; expected an array"},
	{"array1", "{\"f\": []}", "f: expected at least 1 element, found 0"},
	{"array2", "{\"f\": [1]}", "f: expected at least 2 elements, found 1"},
	{"array2", "{\"f\": [1, 2]}", NULL},
	{"object", "{\"f\": {}}", NULL},
	{"object", "{}", "f: missing; expected an object"},
	{"object", "{\"f\": \"x\"}", "f: expected an object, found a string"},
	{"known", "{}", NULL},
	{"known", "{\"g\": 1, \"f\": 2}", NULL},
	{"known", "{\"f\": 1, \"timeuot\": 2}", "timeuot: unknown field"},
};

static void test_sentences(void **state)
{
	struct iw_json_at field = {.up = &top, .name = "targets"};
	struct iw_json_at here = {.up = &field, .index = 2};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		_auto_(iw_json_freep) json_t *obj = json_loads(rows[i].document, 0, NULL);
		struct iw_err err = IW_ERR_INIT;
		_auto_free_ char *words = NULL;
		int rc = get(rows[i].how, obj, &here, &err);

		assert_int_equal(get(rows[i].how, obj, &here, NULL), rc);
		if (!rows[i].sentence) {
			temp_ok(&err, rc);
			continue;
		}
		words = iw_fmt("adapter.json: targets[2].%s", rows[i].sentence);
		temp_fails(&err, rc, IW_EINVAL, words);
	}
}

static void test_place_at_the_top(void **state)
{
	_auto_(iw_json_freep) json_t *obj = json_object();
	struct iw_err err = IW_ERR_INIT;
	const char *s;

	(void)state;
	temp_fails(&err, iw_json_str(obj, &top, "name", &s, &err), IW_EINVAL,
		"adapter.json: name: missing; expected a string");
	temp_fails(&err, iw_json_fail(&top, &err, "it is %s", "empty"), IW_EINVAL,
		"adapter.json: it is empty");
}

static void test_values(void **state)
{
	_auto_(iw_json_freep) json_t *obj =
		json_loads("{\"s\": \"x\", \"i\": 7, \"b\": false, \"a\": [1]}", 0, NULL);
	struct iw_err err = IW_ERR_INIT;
	const char *s;
	json_t *a;
	int64_t i;
	bool b;

	(void)state;
	temp_ok(&err, iw_json_str(obj, &top, "s", &s, &err));
	assert_string_equal(s, "x");
	temp_ok(&err, iw_json_str_or(obj, &top, "none", "fallback", &s, &err));
	assert_string_equal(s, "fallback");
	temp_ok(&err, iw_json_str_or(obj, &top, "none", NULL, &s, &err));
	assert_null(s);
	temp_ok(&err, iw_json_int_or(obj, &top, "i", 0, 9, 5, &i, &err));
	assert_int_equal(i, 7);
	temp_ok(&err, iw_json_int_or(obj, &top, "none", 0, 9, -5, &i, &err));
	assert_int_equal(i, -5); /* a default need not be in the range */
	temp_ok(&err, iw_json_bool_or(obj, &top, "b", true, &b, &err));
	assert_false(b);
	temp_ok(&err, iw_json_bool_or(obj, &top, "none", true, &b, &err));
	assert_true(b);
	temp_ok(&err, iw_json_array(obj, &top, "a", 1, &a, &err));
	assert_int_equal(json_array_size(a), 1);
	temp_ok(&err, iw_json_array(obj, &top, "none", 0, &a, &err));
	assert_null(a);
}

static const struct {
	const char *text, *words;
} broken[] = {
	{"", "line 1, column 0: no valid JSON: "},
	{"{\n  \"a\": 1,\n}", "line 3, column 1: no valid JSON: "},
	{"{\"a\": 1, \"a\": 2}",
		"line 1, column 12: no valid JSON: duplicate object key"},
	{"{} x", "line 1, column 4: no valid JSON: end of file expected"},
	{"{\"a\": \"\xff\"}", "no valid JSON: unable to decode byte 0xff"},
};

static void test_load(void **state)
{
	struct temp t;
	_auto_(iw_json_freep) json_t *json = NULL;
	_auto_free_ char *path = NULL, *none = NULL, *words = NULL;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "a.json");
	none = temp_path(&t, "none.json");
	temp_write(&t, "a.json", "{\"a\": [1, 2]}");
	temp_ok(&t.err, iw_json_load(path, &json, &t.err));
	assert_int_equal(json_array_size(json_object_get(json, "a")), 2);
	for (size_t i = 0; i < IW_COUNT(broken); i++) {
		json_t *bad = NULL;

		temp_write(&t, "a.json", broken[i].text);
		assert_int_equal(iw_json_load(path, &bad, &t.err), IW_EINVAL);
		assert_null(bad);
		assert_int_equal(strncmp(t.err.msg, path, strlen(path)), 0);
		assert_non_null(strstr(t.err.msg, broken[i].words));
	}
	words = iw_fmt("cannot open '%s': No such file or directory", none);
	temp_fails(&t.err, iw_json_load(none, &json, &t.err), IW_ENOENT, words);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_place_at_the_top),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("base_json", tests, NULL, NULL);
}
