/* ironworks.json: what it means, and one sentence with the place for what is wrong. */
#include "tests/lib/temp.h"

#include "config.h"

#include "base/banned.h"

static int load(struct temp *t, const char *text, struct iw_config *config)
{
	temp_write(t, "ironworks.json", text);
	return iw_config_load(t->dir, config, &t->err);
}

static void test_means(void **state)
{
	struct iw_config config;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err,
		load(&t,
			"{\"cores\": 3, \"adapters\": [{\"adapter\": \"demo\", "
			"\"parameters\": {\"seed\": \"7\", \"size\": \"=2:3\"}}, "
			"{\"adapter\": \"/srv/a.b/c\"}]}",
			&config));
	assert_int_equal(config.cores, 3);
	assert_int_equal(config.count, 2);
	assert_string_equal(config.adapters[0], "demo:seed=7,size==2:3");
	assert_string_equal(config.adapters[1], "/srv/a.b/c");
	assert_null(config.adapters[2]);
	iw_config_fini(&config);
	temp_ok(&t.err, load(&t, "{\"adapters\": [{\"adapter\": \"a\"}]}", &config));
	assert_int_equal(config.cores, 0);
	iw_config_fini(&config);
	temp_close(&t);
}

static void test_words(void **state)
{
	const char *const words[] = {"demo:seed=1", "zstd", NULL};
	struct iw_config config;

	(void)state;
	iw_config_words(words, 2, &config);
	assert_int_equal(config.count, 2);
	assert_string_equal(config.adapters[1], "zstd");
	assert_null(config.adapters[2]);
	iw_config_fini(&config);
	assert_null(config.adapters);
}

static void test_follow(void **state)
{
	struct iw_config config;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err,
		load(&t,
			"{\"adapters\": [{\"adapter\": \"a\", \"follow\": \"5m\"}, "
			"{\"adapter\": \"b\"}, "
			"{\"adapter\": \"c\", \"follow\": \"off\"}, "
			"{\"adapter\": \"d\", \"follow\": \"10s\"}]}",
			&config));
	assert_int_equal(config.follow_ms[0], 300000);
	assert_int_equal(config.follow_ms[1], IW_FOLLOW_AS_SAID);
	assert_int_equal(config.follow_ms[2], 0);
	assert_int_equal(config.follow_ms[3], IW_FOLLOW_MIN_MS);
	iw_config_fini(&config);
	temp_close(&t);
	assert_int_equal(iw_config_follow("1h"), 3600000);
	assert_int_equal(iw_config_follow("9s"), -1);
	assert_int_equal(iw_config_follow(""), -1);
	assert_int_equal(iw_config_follow("off"), -1);
}

#define ONE(fields) "{\"adapters\": [{\"adapter\": \"a\"}, {" fields "}]}"

static const struct {
	const char *text, *sentence;
} wrong[] = {
	{"", "ironworks.json"},
	{"[]", "expected an object"},
	{"{}", "adapters"},
	{"{\"adapters\": []}", "adapters"},
	{"{\"adapters\": {}}", "adapters"},
	{"{\"adapters\": [3]}", "adapters[0]: expected an object"},
	{"{\"cores\": 0, \"adapters\": [{\"adapter\": \"a\"}]}", "cores"},
	{"{\"cores\": \"4\", \"adapters\": [{\"adapter\": \"a\"}]}", "cores"},
	{"{\"kores\": 4, \"adapters\": [{\"adapter\": \"a\"}]}", "kores"},
	{ONE(""), "adapters[1].adapter"},
	{ONE("\"adapter\": \"./b\""), "neither a name nor an absolute path"},
	{ONE("\"adapter\": \"..\""), "neither a name nor an absolute path"},
	{ONE("\"adapter\": \"/b:x=1\""), "may not hold a colon"},
	{ONE("\"adapter\": \"a\""), "'a' is there twice"},
	{ONE("\"adapter\": \"b\", \"params\": {}"), "params"},
	{ONE("\"adapter\": \"b\", \"parameters\": []"),
		"adapters[1].parameters: expected an object"},
	{ONE("\"adapter\": \"b\", \"parameters\": {\"n\": 7}"),
		"adapters[1].parameters.n: expected a string"},
	{ONE("\"adapter\": \"b\", \"parameters\": {\"n\": \"7,m=8\"}"), "comma"},
	{ONE("\"adapter\": \"b\", \"parameters\": {\"n,m\": \"7\"}"), "comma"},
	{"{\"judge_within\": \"soon\", \"adapters\": [{\"adapter\": \"a\"}]}",
		"judge_within: expected a time"},
	{"{\"judge_within\": \"30\", \"adapters\": [{\"adapter\": \"a\"}]}",
		"judge_within: expected a time"},
	{"{\"judge_within\": \"0s\", \"adapters\": [{\"adapter\": \"a\"}]}",
		"at least 1 s"},
	{ONE("\"adapter\": \"b\", \"follow\": 300"), "adapters[1].follow"},
	{ONE("\"adapter\": \"b\", \"follow\": \"\""), "adapters[1].follow: expected"},
	{ONE("\"adapter\": \"b\", \"follow\": \"9s\""), "at least 10 s"},
	{ONE("\"adapter\": \"b\", \"follow\": \"soon\""), "like \"30s\""},
};

static void test_wrong(void **state)
{
	struct iw_config config;
	struct temp t;
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(wrong); i++) {
		temp_open(&t);
		assert_int_equal(load(&t, wrong[i].text, &config), IW_EINVAL);
		if (!strstr(t.err.msg, wrong[i].sentence))
			fail_msg("%s: no '%s' in '%s'", wrong[i].text, wrong[i].sentence,
				t.err.msg);
		assert_non_null(strstr(t.err.msg, "ironworks.json"));
		iw_config_fini(&config);
		temp_close(&t);
	}
}

static void test_judge_within(void **state)
{
	struct iw_config config;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err,
		load(&t,
			"{\"judge_within\": \"10m\", "
			"\"adapters\": [{\"adapter\": \"a\"}]}",
			&config));
	assert_int_equal(config.judge_within_ms, 600000);
	iw_config_fini(&config);
	temp_ok(&t.err, load(&t, "{\"adapters\": [{\"adapter\": \"a\"}]}", &config));
	assert_int_equal(config.judge_within_ms, 0);
	iw_config_fini(&config);
	temp_close(&t);
}

static void test_missing(void **state)
{
	struct iw_config config;
	struct temp t;

	(void)state;
	temp_open(&t);
	assert_int_equal(iw_config_load(t.dir, &config, &t.err), IW_ENOENT);
	assert_non_null(strstr(t.err.msg, "--config"));
	iw_config_fini(&config);
	temp_close(&t);
}

/* The user's own folder counts only when there is something in it. */
static void test_default_folder(void **state)
{
	_auto_free_ char *theirs = NULL, *systems = NULL, *home = NULL, *config = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	unsetenv("XDG_CONFIG_HOME");
	home = temp_path(&t, "home");
	setenv("HOME", home, 1);
	systems = iw_config_default_dir();
	assert_string_equal(systems, "/etc/ironworks");
	config = iw_path_join(home, ".config/ironworks");
	temp_ok(&t.err, iw_dir_make(config, &t.err));
	temp_write(&t, "home/.config/ironworks/ironworks.json", "{}");
	theirs = iw_config_default_dir();
	assert_true(iw_file_exists(theirs));
	assert_non_null(strstr(theirs, "/home/.config/ironworks"));
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_means),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_judge_within),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_default_folder),
	};

	return cmocka_run_group_tests_name("farm_config", tests, NULL, NULL);
}
