/* What is a change compared with, and how large is it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapters/change.h"
#include "adapters/staging.h"
#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

#define NO_COMMIT "0123456789012345678901234567890123456789"

/*
 *	base --- moved     main
 *	   \
 *	    head           refs/pull/7/head
 */
static struct test_repo t;
static char base[IW_GIT_HEX], moved[IW_GIT_HEX], head[IW_GIT_HEX];
static char base_tree[IW_GIT_HEX], tree[IW_GIT_HEX];
static const struct adapter_source source = {.branch = "staging", .base = "main"};

/* A file of numbered lines, some of them others. */
static char *text_of(int lines, int changed)
{
	struct iw_buf out = {0};
	int i;

	for (i = 1; i <= lines; i++)
		iw_buf_addf(&out, "%s%d\n", i == changed ? "changed " : "", i);
	return iw_buf_steal(&out);
}

static int set_up(void **state)
{
	_auto_free_ char *old = text_of(100, 0), *new = text_of(100, 50);
	char other[IW_GIT_HEX];

	(void)state;
	test_repo_init(&t);
	TEST_TREE(&t, base_tree, {"a.c", old, 0}, {"b.c", old, 0});
	TEST_TREE(&t, tree, {"a.c", new, 0}, {"b.c", old, 0});
	TEST_TREE(&t, other, {"a.c", old, 0}, {"b.c", new, 0});
	test_repo_commit(&t, NULL, base_tree, NULL, NULL, "base", base);
	test_repo_commit(&t, "refs/heads/main", other, base, NULL, "moved", moved);
	test_repo_commit(
		&t, "refs/pull/7/head", tree, base, NULL, "A title\n\nwords", head);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

static void find(const struct change_wish *wish, struct change *c)
{
	struct iw_err err = IW_ERR_INIT;

	assert_int_equal(change_find(t.repo, &source, wish, c, &err), 0);
	assert_string_equal(c->base, base);
	assert_string_equal(c->base_tree, base_tree);
	assert_string_equal(c->head, head);
	assert_string_equal(c->tree, tree);
}

static void test_pull_request(void **state)
{
	struct change_wish wish = {.pr = 7};
	struct change c;
	int64_t added, removed;

	(void)state;
	find(&wish, &c);
	assert_false(c.is_apart);
	assert_int_equal(c.diff.count, 1);
	change_count(&c, &added, &removed);
	assert_int_equal(added, 1);
	assert_int_equal(removed, 1);
	change_fini(&c);
}

/* A farm that opens the merge sees one pull request staged, and nothing else. */
static void test_merge_is_a_snapshot(void **state)
{
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	struct change_wish wish = {.pr = 7};
	struct iw_err err = IW_ERR_INIT;
	struct change c;

	(void)state;
	find(&wish, &c);
	assert_int_equal(staging_read(t.repo, c.merge, c.base, &snapshot, &err), 0);
	assert_string_equal(snapshot->base_tree, base_tree);
	assert_string_equal(snapshot->tree, tree);
	assert_int_equal(snapshot->count, 1);
	assert_int_equal(snapshot->prs[0].number, 7);
	assert_string_equal(snapshot->prs[0].title, "A title");
	assert_string_equal(snapshot->prs[0].head, head);
	change_fini(&c);
}

/* What has no reference of its own is found by what promoted it, the newest first. */
static void test_staged(void **state)
{
	struct change_wish wish = {.pr = 8};
	char at[IW_GIT_HEX];
	struct change c;

	(void)state;
	test_repo_commit(&t, NULL, tree, base, moved,
		"Promote PR #8 to staging: an older one", at);
	test_repo_commit(&t, "refs/heads/staging", tree, at, head,
		"Promote PR #8 to staging: again", at);
	find(&wish, &c);
	change_fini(&c);
}

static void test_range(void **state)
{
	struct change_wish wish = {.from = "main", .to = head};
	struct change c;

	(void)state;
	find(&wish, &c);
	assert_true(c.is_apart);
	change_fini(&c);
	wish.from = base;
	find(&wish, &c);
	assert_false(c.is_apart);
	change_fini(&c);
}

static void assert_refused(
	const char *from, const char *to, int64_t pr, int code, const char *words)
{
	struct change_wish wish = {.pr = pr, .from = from, .to = to};
	struct iw_err err = IW_ERR_INIT;
	struct change c;

	assert_int_equal(change_find(t.repo, &source, &wish, &c, &err), code);
	assert_non_null(strstr(err.msg, words));
	change_fini(&c);
}

static void test_refused(void **state)
{
	char alone[IW_GIT_HEX];

	(void)state;
	test_repo_commit(&t, NULL, tree, NULL, NULL, "of nobody", alone);
	assert_refused(NULL, NULL, 9, IW_ENOENT, "refs/pull/9/head");
	assert_refused("main", "gone", 0, IW_ENOENT, "'gone'");
	assert_refused(NO_COMMIT, "main", 0, IW_ENOENT, NO_COMMIT);
	assert_refused("main", base, 0, IW_EINVAL, "already");
	assert_refused("main", "main", 0, IW_EINVAL, "already");
	assert_refused("main", alone, 0, IW_EINVAL, "in common");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pull_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_merge_is_a_snapshot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_staged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_range, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
