/* What staged pull requests change, and who reached it before they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/staged_place.h"
#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

#define A "int one(void)\n{\n\treturn 1;\n}\n\n"
#define B "int two(void)\n{\n\treturn 2;\n}\n\n"
#define B2 "int two(void)\n{\n\treturn 22;\n}\n\n"
#define C "int three(void)\n{\n\treturn two();\n}\n"

static struct test_repo t;
static char tip[IW_GIT_HEX], base_tree[IW_GIT_HEX];

static int setup(void **state)
{
	(void)state;
	test_repo_init(&t);
	TEST_TREE(&t, base_tree, {"a.c", A B, 0}, {"b.txt", "x\n", 0});
	test_repo_commit(&t, "refs/heads/main", base_tree, NULL, NULL, "base", tip);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

static void stage(int number, const char *tree)
{
	_auto_free_ char *message = iw_fmt("x (#%d)", number);

	test_repo_commit(&t, "refs/heads/staging", tree, tip, NULL, message, tip);
}

static struct staging_snapshot *read_all(struct staged_changes *changes)
{
	struct staging_snapshot *snapshot;
	struct iw_err err = IW_ERR_INIT;

	assert_int_equal(staging_read(t.repo, "staging", "main", &snapshot, &err), 0);
	assert_int_equal(staged_changes_read(t.repo, snapshot, changes, &err), 0);
	return snapshot;
}

/* "#1 a.c +1 -0 one two; …" */
static void expect(const char *text)
{
	struct staged_changes changes;
	struct staging_snapshot *snapshot = read_all(&changes);
	struct iw_buf out = {0};
	size_t i, k;

	for (i = 0; i < changes.count; i++) {
		const struct staged_change *c = &changes.items[i];

		iw_buf_addf(&out, "%s#%lld %s +%lld -%lld", i ? "; " : "",
			(long long)snapshot->prs[c->pr].number, c->path,
			(long long)c->added, (long long)c->removed);
		for (k = 0; k < c->function_count; k++)
			iw_buf_addf(&out, " %s", c->functions[k]);
	}
	assert_string_equal(out.data ? out.data : "", text);
	iw_buf_fini(&out);
	staged_changes_fini(&changes);
	staging_free(snapshot);
}

static void test_changes(void **state)
{
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", A B2 C, 0}, {"b.txt", "x\n", 0});
	stage(1, tree);
	expect("#1 a.c +5 -1 three two");
	TEST_TREE(&t, tree, {"a.c", A B2, 0}, {"new.c", C, 0});
	stage(2, tree);
	expect("#1 a.c +5 -1 three two; #2 a.c +0 -4 two; #2 b.txt +0 -1; "
	       "#2 new.c +4 -0 three");
	/* Another version of the first: both are in. */
	TEST_TREE(&t, tree, {"a.c", "int one(void)\n{\n\treturn 11;\n}\n\n" B2, 0},
		{"new.c", C, 0});
	stage(1, tree);
	expect("#2 a.c +0 -4 two; #2 b.txt +0 -1; #2 new.c +4 -0 three; "
	       "#1 a.c +6 -2 one three two");
}

static void test_reverted(void **state)
{
	char tree[IW_GIT_HEX], first[IW_GIT_HEX], back[IW_GIT_HEX];
	_auto_free_ char *message = NULL, *again = NULL;

	(void)state;
	TEST_TREE(&t, tree, {"a.c", A B2, 0}, {"b.txt", "x\n", 0});
	stage(1, tree);
	memcpy(first, tip, sizeof first);
	message = iw_fmt("Revert \"x (#1)\"\n\nThis reverts commit %s.", tip);
	test_repo_commit(&t, "refs/heads/staging", base_tree, tip, NULL, message, tip);
	expect("");
	memcpy(back, tip, sizeof back);
	again = iw_fmt("Revert \"Revert \"x (#1)\"\"\n\nThis reverts commit %s.", back);
	test_repo_commit(&t, "refs/heads/staging", tree, tip, NULL, again, tip);
	expect("#1 a.c +1 -1 two");
}

static bool is_near(const char *lcov_text)
{
	struct staged_changes changes;
	struct staging_snapshot *snapshot = read_all(&changes);
	struct iw_err err = IW_ERR_INIT;
	struct staged_places places;
	struct san_lcov lcov;
	bool near;

	assert_int_equal(
		staged_places_read(t.repo, &changes, base_tree, &places, &err), 0);
	assert_int_equal(
		san_lcov_parse(lcov_text, strlen(lcov_text), "/src", &lcov, &err), 0);
	near = staged_places_near(&places, 0, &lcov);
	san_lcov_fini(&lcov);
	staged_places_fini(&places);
	staged_changes_fini(&changes);
	staging_free(snapshot);
	return near;
}

/* Lines of the snapshot of before, whatever moved since. */
static void test_near(void **state)
{
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", "/* a\n * b\n * c\n */\n" A B2, 0},
		{"b.txt", "x\n", 0});
	stage(1, tree);
	expect("#1 a.c +5 -1 two");
	assert_true(is_near("SF:a.c\nDA:1,0\nDA:6,1\nDA:8,0\nend_of_record\n"));
	assert_true(is_near("SF:/src/a.c\nDA:1,0\nDA:8,3\nend_of_record\n"));
	assert_false(is_near("SF:a.c\nDA:1,1\nDA:3,1\nDA:6,0\nDA:8,0\nend_of_record\n"));
	assert_false(is_near("SF:other.c\nDA:6,1\nend_of_record\n"));
	assert_false(is_near(""));
}

/* Nobody has staged it. */
static void test_change_alone(void **state)
{
	struct staged_changes changes;
	struct iw_err err = IW_ERR_INIT;
	struct iw_git_diff diff;
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", A B2 C, 0});
	assert_int_equal(iw_git_diff_read(t.repo, base_tree, tree, &diff, &err), 0);
	assert_int_equal(staged_changes_of(t.repo, tree, &diff, &changes, &err), 0);
	assert_int_equal(changes.count, 2);
	assert_int_equal(changes.items[0].pr, 0);
	assert_string_equal(changes.items[0].path, "a.c");
	assert_int_equal(changes.items[0].function_count, 2);
	assert_int_equal(changes.items[1].function_count, 0);
	iw_git_diff_fini(&diff);
	staged_changes_fini(&changes);
}

/* A class has methods that no outline sees: the file is one place. */
#define CLASS "class a {\n\tint one() { return 1; }\n\tint two() { return 2; }\n};\n"
#define CLASS2 "class a {\n\tint one() { return 1; }\n\tint two() { return 3; }\n};\n"

static void test_near_top(void **state)
{
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, base_tree, {"a.c", "int x = 1;\n\n" A B, 0}, {"a.h", CLASS, 0});
	test_repo_commit(&t, "refs/heads/main", base_tree, tip, NULL, "more", tip);
	TEST_TREE(&t, tree, {"a.c", "int x = 2;\n\n" A B, 0}, {"a.h", CLASS2, 0});
	stage(1, tree);
	expect("#1 a.c +1 -1; #1 a.h +1 -1");
	assert_true(is_near("SF:a.h\nDA:2,1\nDA:3,0\nend_of_record\n"));
	assert_true(is_near("SF:a.c\nDA:1,1\nDA:5,1\nend_of_record\n"));
	assert_false(is_near("SF:a.c\nDA:1,0\nDA:5,1\nDA:10,1\nend_of_record\n"));
}

/* It was looked at under its old name. */
static void test_near_renamed(void **state)
{
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, base_tree, {"a.c", A B C A B, 0});
	test_repo_commit(&t, "refs/heads/main", base_tree, tip, NULL, "more", tip);
	TEST_TREE(&t, tree, {"z.c", A B C A B2, 0});
	stage(1, tree);
	expect("#1 z.c +1 -1 two");
	assert_true(is_near("SF:a.c\nDA:3,0\nDA:8,1\nend_of_record\n"));
	assert_false(is_near("SF:a.c\nDA:3,1\nDA:8,0\nend_of_record\n"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes),
		TEST(test_reverted),
		TEST(test_near),
		TEST(test_change_alone),
		TEST(test_near_top),
		TEST(test_near_renamed),
	};

	return cmocka_run_group_tests_name("adapters_staged_change", tests, NULL, NULL);
}
