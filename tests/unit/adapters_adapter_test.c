/* adapter.json: what is understood, and the sentence for what is not. Whole documents are
 * judged in tests/integration/test_adapter_check.py, beside the schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "adapters/target_files.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define SOURCE "\"source\":{\"git\":\"/srv/x\",\"branch\":\"main\"}"
#define BUILD "\"build\":{\"command\":[\"./build.sh\",\"all\"]}"
#define FLAVOURS "\"flavours\":[\"libfuzzer\"]"
#define TARGETS "\"targets\":[{\"name\":\"a\"}]"
#define NAMED "\"name\":\"x\",\"title\":\"X\""
#define SMALLEST "{" NAMED "," SOURCE "," BUILD "," FLAVOURS "," TARGETS "}"

static char *root, *dir;
static struct iw_err err;

static void put(const char *name, const char *text, mode_t mode)
{
	_auto_free_ char *path = iw_path_join(dir, name);

	unlink(path);
	assert_int_equal(iw_file_write(path, text, strlen(text), mode, &err), 0);
}

static int setup(void **state)
{
	char template[] = "/tmp/ironworks-test-XXXXXX", real[PATH_MAX];

	(void)state;
	root = iw_strdup(realpath(mkdtemp(template), real));
	dir = iw_path_join(root, "x");
	assert_int_equal(iw_dir_make(dir, &err), 0);
	put("build.sh", "#!/bin/sh\n", 0755);
	put("fetch", "#!/bin/sh\n", 0755);
	unsetenv("IRONWORKS_ADAPTERS");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	iw_dir_remove(root, NULL);
	free(root);
	free(dir);
	return 0;
}

static void test_defaults(void **state)
{
	struct adapter *adapter;
	const struct adapter_target *target;
	_auto_free_ char *program = iw_path_join(dir, "build.sh");

	(void)state;
	put("adapter.json", SMALLEST, 0644);
	assert_int_equal(adapter_load(dir, NULL, &adapter, &err), 0);
	assert_string_equal(adapter->name, "x");
	assert_string_equal(adapter->dir, dir);
	assert_string_equal(adapter->parameters, "");
	assert_null(adapter->source.command);
	assert_string_equal(adapter->source.git, "/srv/x");
	assert_string_equal(adapter->source.branch, "main");
	assert_null(adapter->source.base);
	assert_string_equal(adapter->build.command[0], program);
	assert_string_equal(adapter->build.command[1], "all");
	assert_null(adapter->build.command[2]);
	assert_int_equal(adapter->build.timeout_s, 1800);
	assert_int_equal(adapter->flavour_count, 1);
	assert_null(adapter->discover);
	target = adapter_target_find(adapter, "a");
	assert_string_equal(target->binary, "a");
	assert_int_equal(target->max_len, 4096);
	assert_int_equal(target->timeout_s, 10);
	assert_int_equal(target->rss_limit_mb, 2048);
	assert_false(target->is_network);
	assert_true(target->check_leaks);
	assert_null(adapter_target_find(adapter, "b"));
	adapter_free(adapter);
	adapter_free(NULL);
}

/* What of the source makes one target's program. */
static void test_target_files(void **state)
{
	static const char *const bad[] = {"[\"/etc/passwd\"]", "[\"a/../b\"]",
		"[\"../a\"]", "[\"\"]", "[]", "[7]", "[\"a/.git/config\"]", "[\"a//b\"]",
		"[\"${name}.c\"]", "[\"${target.c\"]", "[\"a/${}\"]", "\"a\""};
	struct target_files files;
	struct adapter *adapter;
	size_t i;

	(void)state;
	put("adapter.json",
		"{" NAMED "," SOURCE "," BUILD "," FLAVOURS "," TARGETS
		",\"target_files\":[\"fuzz/${binary}.c\",\"${binary}/${target}-2.h\"]}",
		0644);
	assert_int_equal(adapter_load(dir, NULL, &adapter, &err), 0);
	target_files_init(&files, adapter, adapter_target_find(adapter, "a"));
	assert_int_equal(files.count, 2);
	assert_string_equal(files.paths[0], "fuzz/a.c");
	assert_string_equal(files.paths[1], "a/a-2.h");
	assert_true(target_files_have(&files, "/src/fuzz/a.c"));
	assert_true(target_files_have(&files, "fuzz/a.c"));
	assert_false(target_files_have(&files, "/src/afuzz/a.c"));
	assert_false(target_files_have(&files, "/src/fuzz/b.c"));
	assert_false(target_files_have(&files, NULL));
	target_files_fini(&files);
	adapter_free(adapter);
	for (i = 0; i < IW_COUNT(bad); i++) {
		_auto_free_ char *text =
			iw_fmt("{" NAMED "," SOURCE "," BUILD "," FLAVOURS "," TARGETS
			       ",\"target_files\":%s}",
				bad[i]);

		put("adapter.json", text, 0644);
		assert_int_equal(adapter_load(dir, NULL, &adapter, &err), IW_EINVAL);
		assert_non_null(strstr(err.msg, "target_files"));
	}
}

static void test_parameters(void **state)
{
	static const char *const bad[][2] = {
		{"sed=1", "adapter 'x' has no parameter 'sed'; it has: a=0,seed=1"},
		{"seed", "'seed': expected PARAM=VALUE"},
		{"seed=", "parameter 'seed': expected 1 to 200"},
		{"seed=1,seed=2", "parameter 'seed' is given twice"},
		{"=1", "has no parameter ''"},
		{"seed=a\nb", "parameter 'seed': expected"},
	};
	struct adapter *adapter;
	size_t i;

	(void)state;
	put("adapter.json",
		"{" NAMED
		",\"parameters\":{\"seed\":\"1\",\"a\":\"0\"},\"source\":{\"command\":"
		"[\"./"
		"fetch\",\"--seed=${seed}.${a}${seed}\",\"$x\"],\"branch\":\"main\"}"
		"," BUILD "," FLAVOURS "," TARGETS "}",
		0644);
	assert_int_equal(adapter_load(dir, NULL, &adapter, &err), 0);
	assert_string_equal(adapter->parameters, "a=0,seed=1");
	assert_string_equal(adapter->source.command[1], "--seed=1.01");
	assert_string_equal(adapter->source.command[2], "$x");
	adapter_free(adapter);

	assert_int_equal(adapter_load(dir, "seed=7=7,a=${seed}", &adapter, &err), 0);
	assert_string_equal(adapter->parameters, "a=${seed},seed=7=7");
	assert_string_equal(adapter->source.command[1], "--seed=7=7.${seed}7=7");
	adapter_free(adapter);

	for (i = 0; i < IW_COUNT(bad); i++) {
		assert_int_equal(adapter_load(dir, bad[i][0], &adapter, &err), IW_EINVAL);
		assert_non_null(strstr(err.msg, bad[i][1]));
	}
}

static const struct {
	const char *json, *sentence;
} wrong[] = {
	{"{" NAMED "," SOURCE "," BUILD "," FLAVOURS
	 ",\"targets\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\",\"timeout_s\":"
	 "\"2\"}]}",
		"targets[2].timeout_s: expected a whole number, found a string"},
	{"{" NAMED "," SOURCE "," BUILD "," FLAVOURS
	 ",\"targets\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
		"targets[1].name: 'a' is the name of targets[0] already"},
	{"{" NAMED "," SOURCE "," BUILD "," FLAVOURS ",\"targets\":[{\"name\":\"A\"}]}",
		"targets[0].name: 'A': expected a name of a-z"},
	{"{" NAMED "," SOURCE "," BUILD ",\"flavours\":[\"plain\"]," TARGETS "}",
		"flavours: 'libfuzzer', on which units are measured, must be listed"},
	{"{" NAMED "," SOURCE "," BUILD
	 ",\"flavours\":[\"libfuzzer\",\"libfuzer\"]," TARGETS "}",
		"flavours[1]: 'libfuzer' is no flavour; there are: "},
	{"{" NAMED "," SOURCE ",\"build\":{\"command\":[\"./absent\"]}," FLAVOURS
	 "," TARGETS "}",
		"build.command[0]: './absent' is not in the adapter's folder"},
	{"{" NAMED "," SOURCE ",\"build\":{\"command\":[\"./adapter.json\"]}," FLAVOURS
	 "," TARGETS "}",
		"build.command[0]: './adapter.json' is no executable file"},
	{"{" NAMED "," SOURCE ",\"build\":{\"command\":[\"../x/build.sh\"]}," FLAVOURS
	 "," TARGETS "}",
		"build.command[0]: '../x/build.sh': expected a file below the adapter's "
		"folder"},
	{"{" NAMED
	 ",\"source\":{\"command\":[\"./fetch\",\"${sed}\"],\"branch\":\"main\"}," BUILD
	 "," FLAVOURS "," TARGETS "}",
		"source.command[1]: no parameter is called 'sed'"},
	{"{" NAMED ",\"source\":{\"branch\":\"main\"}," BUILD "," FLAVOURS "," TARGETS
	 "}",
		"source: expected either 'command' or 'git'"},
	{"{" NAMED "," SOURCE "," BUILD "," FLAVOURS "}",
		"targets: missing; expected an array"},
	{"{" NAMED "," SOURCE "," BUILD "," FLAVOURS "," TARGETS ",\"target\":1}",
		"target: unknown field"},
	{"[7]", "adapter.json: expected an object"},
	{"{", "line 1, column 1: no valid JSON"},
};

static void test_sentences(void **state)
{
	_auto_free_ char *file = iw_path_join(dir, "adapter.json");
	struct adapter *adapter = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(wrong); i++) {
		put("adapter.json", wrong[i].json, 0644);
		assert_int_equal(adapter_load(dir, NULL, &adapter, &err), IW_EINVAL);
		if (strncmp(err.msg, file, strlen(file)) != 0 ||
			!strstr(err.msg, wrong[i].sentence))
			fail_msg("expected '%s', found '%s'", wrong[i].sentence, err.msg);
		assert_null(adapter);
	}
}

static void test_names(void **state)
{
	_auto_free_ char *empty = iw_path_join(root, "empty");
	_auto_free_ char *slash = iw_fmt("%s//", dir);
	_auto_free_ char *list = iw_fmt("%s::%s", empty, root);
	struct adapter *adapter;

	(void)state;
	put("adapter.json", SMALLEST, 0644);
	assert_int_equal(adapter_load(slash, NULL, &adapter, &err), 0);
	assert_string_equal(adapter->dir, dir);
	adapter_free(adapter);

	assert_int_equal(adapter_load("x", NULL, &adapter, &err), IW_ENOENT);
	setenv("IRONWORKS_ADAPTERS", list, 1);
	assert_int_equal(adapter_load("x", NULL, &adapter, &err), 0);
	assert_string_equal(adapter->dir, dir);
	adapter_free(adapter);
	assert_int_equal(adapter_load("y", NULL, &adapter, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, empty));
	assert_non_null(strstr(err.msg, "'./y'"));

	assert_int_equal(adapter_load("", NULL, &adapter, &err), IW_EINVAL);
	assert_int_equal(adapter_load("./absent", NULL, &adapter, &err), IW_ENOENT);
	/* A bare name is never looked up where we stand. */
	assert_int_equal(chdir(root), 0);
	unsetenv("IRONWORKS_ADAPTERS");
	assert_int_equal(adapter_load("x", NULL, &adapter, &err), IW_ENOENT);
	assert_int_equal(adapter_load("./x", NULL, &adapter, &err), 0);
	assert_string_equal(adapter->dir, dir);
	adapter_free(adapter);
	assert_int_equal(chdir("/"), 0);
}

static void test_arguments(void **state)
{
	static const char *const good[][3] = {
		{"demo", "demo", NULL},
		{"./demo/", "./demo/", NULL},
		{"demo:seed=7", "demo", "seed=7"},
		{"/srv/a:b/demo", "/srv/a:b/demo", NULL},
		{"/srv/a:b/demo:seed=7,url=http://x:1/", "/srv/a:b/demo",
			"seed=7,url=http://x:1/"},
	};
	static const char *const bad[] = {"", ":seed=7", "demo:", "demo:seed", "demo:7"};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(good); i++) {
		_auto_free_ char *where = NULL, *overrides = NULL;

		assert_int_equal(
			adapter_parse_arg(good[i][0], &where, &overrides, &err), 0);
		assert_string_equal(where, good[i][1]);
		if (good[i][2])
			assert_string_equal(overrides, good[i][2]);
		else
			assert_null(overrides);
	}
	for (i = 0; i < IW_COUNT(bad); i++) {
		char *where = NULL, *overrides = NULL;

		assert_int_equal(
			adapter_parse_arg(bad[i], &where, &overrides, &err), IW_EINVAL);
		assert_null(where);
	}
}

static void recipe_of(const char *where, char hex[static IW_SHA256_HEX])
{
	_auto_(adapter_freep) struct adapter *adapter = NULL;

	assert_int_equal(adapter_load(where, NULL, &adapter, &err), 0);
	assert_int_equal(adapter_recipe_hash(adapter, hex, &err), 0);
}

static void assert_recipe(const char *before, bool is_same)
{
	char now[IW_SHA256_HEX];

	recipe_of(dir, now);
	assert_int_equal(strcmp(before, now) == 0, is_same);
}

static void test_recipe(void **state)
{
	_auto_free_ char *copy = iw_path_join(root, "copy"),
			 *below = iw_path_join(dir, "below");
	char first[IW_SHA256_HEX], again[IW_SHA256_HEX];
	static const char document[] =
		"{" NAMED
		",\"source\":{\"command\":[\"./fetch\"],\"branch\":\"main\"}," BUILD
		"," FLAVOURS "," TARGETS "}";

	(void)state;
	put("adapter.json", document, 0644);
	put("seeds.py", "1\n", 0644);
	recipe_of(dir, first);

	/* Wherever it lies, and whatever no build reads. */
	assert_int_equal(iw_dir_copy(dir, copy, &err), 0);
	recipe_of(copy, again);
	assert_string_equal(first, again);
	assert_int_equal(iw_dir_make(below, &err), 0);
	put("below/file", "1", 0644);
	put("README.md", "1", 0644);
	put(".hidden", "1", 0644);
	put("fetch", "#!/bin/sh\n# another\n", 0755);
	put("adapter.json",
		"{" NAMED
		",\"source\":{\"command\":[\"./fetch\"],\"branch\":\"next\"}," BUILD
		",\"flavours\":[\"libfuzzer\",\"plain\"],\"discover\":\"*\"}",
		0644);
	assert_recipe(first, true);

	put("seeds.py", "2\n", 0644);
	assert_recipe(first, false);
	put("seeds.py", "1\n", 0755);
	assert_recipe(first, false);
	put("seeds.py", "1\n", 0644);
	assert_recipe(first, true);
	put("build.sh", "#!/bin/sh\nmake\n", 0755);
	assert_recipe(first, false);
	put("build.sh", "#!/bin/sh\n", 0755);
	put("more.c", "", 0644);
	assert_recipe(first, false);
}

static void test_recipe_arguments(void **state)
{
	char first[IW_SHA256_HEX];

	(void)state;
	put("adapter.json", SMALLEST, 0644);
	recipe_of(dir, first);
	put("adapter.json",
		"{" NAMED "," SOURCE
		",\"build\":{\"command\":[\"./build.sh\",\"al\",\"l\"]}," FLAVOURS
		"," TARGETS "}",
		0644);
	assert_recipe(first, false);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_parameters),
		TEST(test_target_files),
		TEST(test_sentences),
		TEST(test_names),
		TEST(test_arguments),
		TEST(test_recipe),
		TEST(test_recipe_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
