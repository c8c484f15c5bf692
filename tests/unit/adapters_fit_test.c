/* Does what an adapter says of its source fit the repository? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/fit.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

/*
 *	root --- moved            main
 *	   \------------- one     staging
 *	    \-- topic ---/
 */
static struct test_repo t;
static char root[IW_GIT_HEX], topic[IW_GIT_HEX], one[IW_GIT_HEX];
static char tree[IW_GIT_HEX], other[IW_GIT_HEX];

static int set_up(void **state)
{
	char moved[IW_GIT_HEX];

	(void)state;
	test_repo_init(&t);
	TEST_TREE(&t, tree, {"fuzz/a.c", "a", 0}, {"fuzz/b.cc", "b", 0});
	TEST_TREE(&t, other, {"fuzz/a.c", "a", 0}, {"fuzz/b.cc", "b", 0}, {"x", "x", 0});
	test_repo_commit(&t, NULL, tree, NULL, NULL, "root", root);
	test_repo_commit(&t, "refs/heads/main", tree, root, NULL, "moved", moved);
	test_repo_commit(&t, "refs/heads/topic", other, root, NULL, "topic", topic);
	test_repo_commit(&t, "refs/heads/staging", other, root, topic, "one (#1)", one);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

static void expect_branches(const char *branch, const char *base, const char *words)
{
	struct adapter_source source = {.branch = branch, .base = base};
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	_auto_free_ char *text = NULL;

	assert_int_equal(staging_read(t.repo, branch, base, &snapshot, NULL), 0);
	text = fit_branches(t.repo, &source, snapshot);
	if (!words)
		assert_null(text);
	else
		assert_non_null(strstr(text ? text : "", words));
}

static void test_branches(void **state)
{
	(void)state;
	expect_branches("staging", "main", NULL);
	expect_branches("staging", NULL, NULL);
	/* All of it was released. */
	test_repo_commit(&t, "refs/heads/released", other, one, NULL, "x", topic);
	expect_branches("released", "released", NULL);
	expect_branches("staging", "released", "the wrong way round");
	expect_branches("staging", "topic", "first-parent line");
}

/* Two programs in a folder, and one that the adapter lists and the build does not have. */
static void expect_files(const char *const *patterns, const char *words)
{
	static const struct adapter_target targets[] = {
		{.name = "a", .binary = "fuzz_a"}, {.name = "gone", .binary = "gone"}};
	struct adapter adapter = {.targets = targets,
		.target_count = 2,
		.discover = "b*",
		.target_files = patterns};
	_auto_free_ char *dir = iw_path_join(t.root, "build");
	_auto_free_ char *a = iw_path_join(dir, "fuzz_a"), *b = iw_path_join(dir, "b");
	_auto_free_ char *text = NULL;

	assert_int_equal(iw_dir_make(dir, NULL), 0);
	assert_int_equal(iw_file_write(a, "a", 1, 0755, NULL), 0);
	assert_int_equal(iw_file_write(b, "b", 1, 0755, NULL), 0);
	text = fit_files(t.repo, tree, &adapter, dir);
	if (!words)
		assert_null(text);
	else
		assert_non_null(strstr(text ? text : "", words));
}

static void test_files(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const fit[] = {"fuzz/${target}.c", "fuzz/${target}.cc", NULL};
	static const char *const one_lacks[] = {"fuzz/${target}.c", NULL};
	static const char *const both_lack[] = {"fuzz/${binary}.c", NULL};
	static const char *const shared[] = {
		"fuzz/${target}.c", "fuzz/${target}.cc", "common.h", NULL};

	(void)state;
	expect_files(none, NULL);
	expect_files(fit, NULL);
	expect_files(one_lacks, "for target b,");
	expect_files(both_lack,
		"no 'fuzz/fuzz_a.c', which 'fuzz/${binary}.c' means for target a (and 1 "
		"more)");
	expect_files(shared, "'common.h'");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_branches),
		TEST(test_files),
	};

	return cmocka_run_group_tests_name("adapters_fit", tests, NULL, NULL);
}
