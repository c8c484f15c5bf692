/* Checkouts: git is asked once for a tree, everybody gets files of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/checkout.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

struct asking {
	struct checkout_req req;
	char *to;
	int done, code;
	struct lab *lab;
};

struct lab {
	struct test_repo t;
	struct iw_loop loop;
	struct iw_git *git;
	struct checkouts *checkouts;
	char *dir;
	struct asking asks[6];
	int waiting;
	struct iw_err err;
};

static void on_given(struct checkout_req *req, const struct iw_err *err)
{
	struct asking *a = req->ctx;

	a->done++;
	a->code = err ? err->code : 0;
	if (--a->lab->waiting == 0)
		iw_git_stop(a->lab->git, NULL, NULL);
}

static void open_lab(struct lab *l)
{
	struct iw_git_repo *repo;

	*l = (struct lab){.waiting = 0};
	test_repo_init(&l->t);
	l->dir = iw_path_join(l->t.root, "trees");
	assert_int_equal(iw_loop_init(&l->loop, &l->err), 0);
	assert_int_equal(iw_git_open(&repo, l->t.path, &l->err), 0);
	assert_int_equal(iw_git_start(&l->git, &l->loop, repo, &l->err), 0);
	/* What a killed process left. */
	assert_int_equal(iw_dir_make(l->dir, &l->err), 0);
	assert_int_equal(checkouts_new(&l->checkouts, &l->loop, l->dir, &l->err), 0);
	checkouts_set_git(l->checkouts, l->git);
}

static void ask(struct lab *l, int i, const char *tree)
{
	struct asking *a = &l->asks[i];

	a->lab = l;
	a->to = iw_fmt("%s/to-%d", l->t.root, i);
	a->req = (struct checkout_req){
		.tree = tree, .to = a->to, .done = on_given, .ctx = a};
	l->waiting++;
	checkouts_ask(l->checkouts, &a->req);
	assert_int_equal(a->done, 0);
}

static int count_entry(void *ctx, const char *name)
{
	(void)name;
	++*(int *)ctx;
	return 0;
}

static void close_lab(struct lab *l)
{
	int left = 0;
	size_t i;

	assert_int_equal(iw_dir_each(l->dir, count_entry, &left, NULL), 0);
	assert_int_equal(left, 0);
	checkouts_free(l->checkouts);
	iw_loop_fini(&l->loop);
	for (i = 0; i < IW_COUNT(l->asks); i++)
		free(l->asks[i].to);
	free(l->dir);
	test_repo_fini(&l->t);
}

static void expect(const struct lab *l, int i, const char *content)
{
	_auto_free_ char *path = iw_path_join(l->asks[i].to, "d/a");
	_auto_free_ char *data = NULL;
	size_t len;

	assert_int_equal(l->asks[i].done, 1);
	assert_int_equal(l->asks[i].code, 0);
	assert_int_equal(iw_file_read(path, 100, &data, &len, NULL), 0);
	assert_string_equal(data, content);
}

static void test_shared(void **state)
{
	char one[41], two[41];
	struct lab l;
	int i;

	(void)state;
	open_lab(&l);
	TEST_TREE(&l.t, one, {"d/a", "1\n", 0});
	TEST_TREE(&l.t, two, {"d/a", "2\n", 0});
	for (i = 0; i < 4; i++)
		ask(&l, i, one);
	ask(&l, 4, two);
	ask(&l, 5, one);
	iw_loop_run(&l.loop);
	assert_int_equal(checkouts_count(l.checkouts), 2);
	for (i = 0; i < 6; i++)
		expect(&l, i, i == 4 ? "2\n" : "1\n");
	/* Each its own: what one writes no other sees. */
	{
		_auto_free_ char *path = iw_path_join(l.asks[0].to, "d/a");

		assert_int_equal(iw_file_write(path, "x", 1, 0644, NULL), 0);
	}
	for (i = 1; i < 6; i++)
		expect(&l, i, i == 4 ? "2\n" : "1\n");
	close_lab(&l);
}

static void test_failures(void **state)
{
	char one[41];
	struct lab l;

	(void)state;
	open_lab(&l);
	TEST_TREE(&l.t, one, {"d/a", "1\n", 0});
	ask(&l, 0, "1234567890123456789012345678901234567890");
	ask(&l, 1, "1234567890123456789012345678901234567890");
	ask(&l, 2, one);
	iw_loop_run(&l.loop);
	assert_int_equal(l.asks[0].done, 1);
	assert_true(l.asks[0].code < 0);
	assert_int_equal(l.asks[1].done, 1);
	assert_true(l.asks[1].code < 0);
	expect(&l, 2, "1\n");
	close_lab(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
