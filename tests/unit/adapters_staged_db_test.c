/* The table staged_pr: what is staged now, and what was fuzzed with it. */
#include "tests/lib/rows.h"

#include "adapters/build_db.h"
#include "adapters/staged_db.h"

#include "base/banned.h"

#define T1 INT64_C(1600000000000)

struct list {
	char text[400]; /* "7@head position current core/executions; …" */
	int64_t since_ms;
};

static int take(void *ctx, const struct staged_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%lld@%s %lld %d %lld/%lld; ",
		(long long)row->pr, row->head, (long long)row->position, row->is_current,
		(long long)row->core_ms, (long long)row->executions);
	l->since_ms = row->since_ms;
	return 0;
}

static void expect(struct rows *r, const char *text)
{
	struct list l = {.since_ms = 0};

	temp_ok(&r->t.err, staged_db_list(r->dbc, take, &l, &r->t.err));
	assert_string_equal(l.text, text);
}

static void open_snapshot(
	struct rows *r, const char *tree, const struct staged_pr *prs, size_t count)
{
	struct staging_snapshot s = {.prs = prs, .count = count};

	snprintf(s.tree, sizeof s.tree, "%s", tree);
	temp_ok(&r->t.err, staged_db_open(r->dbc, r->adapter, &s, &r->t.err));
}

static int64_t build_of(struct rows *r, const char *closure, const char *tree)
{
	struct iw_build build = {.is_ok = true, .flavour = "libfuzzer"};

	snprintf(build.closure, sizeof build.closure, "%s", closure);
	snprintf(build.tree, sizeof build.tree, "%s", tree);
	temp_ok(&r->t.err, build_db_put(r->dbc, r->adapter, &build, &r->t.err));
	return build.id;
}

static void add(struct rows *r, int64_t build, int64_t executions, int64_t core_ms)
{
	temp_ok(&r->t.err, staged_db_add(r->dbc, build, executions, core_ms, &r->t.err));
}

static void test_core_time_is_added_by_tree(void **state)
{
	const struct staged_pr first[] = {
		{.number = 7, .head = "a", .merge = "m7", .promoted_at_ms = T1},
		{.number = 0, .head = "x", .merge = "hotfix", .promoted_at_ms = T1},
		{.number = 9,
			.head = "b",
			.head_ref = "fix/read",
			.merge = "m9",
			.promoted_at_ms = T1 + 5},
	};
	const struct staged_pr second[] = {
		{.number = 9, .head = "b", .merge = "n9", .promoted_at_ms = T1 + 9},
		{.number = 7, .head = "a2", .merge = "n7", .promoted_at_ms = T1 + 9},
	};
	struct list l = {.since_ms = 0};
	int64_t old_build, new_build;
	struct rows r;

	(void)state;
	rows_open(&r);
	old_build = build_of(&r, "c1", "tree1");
	new_build = build_of(&r, "c2", "tree2");
	expect(&r, "");
	open_snapshot(&r, "tree1", first, IW_COUNT(first));
	/* What is no promotion has no row; the newest staged comes first. */
	expect(&r, "9@b 3 1 0/0; 7@a 1 1 0/0; ");
	temp_ok(&r.t.err, staged_db_list(r.dbc, take, &l, &r.t.err));
	assert_int_equal(l.since_ms, ROWS_NOW);
	add(&r, old_build, 100, 10);
	add(&r, old_build, 1, 2);
	add(&r, new_build, 1000, 1000); /* of a tree that holds neither */
	expect(&r, "9@b 3 1 12/101; 7@a 1 1 12/101; ");

	/* Another version of 7: its count begins anew. 9 goes on, wherever it is merged.
	 */
	iw_time_set(ROWS_NOW + 1000, -1);
	open_snapshot(&r, "tree2", second, IW_COUNT(second));
	add(&r, new_build, 5, 3);
	expect(&r, "7@a2 2 1 3/5; 9@b 1 1 15/106; 7@a 1 0 12/101; ");
	/* An engine on the tree of before ends late: 7 as it was had it in the tree. */
	add(&r, old_build, 20, 4);
	expect(&r, "7@a2 2 1 3/5; 9@b 1 1 15/106; 7@a 1 0 16/121; ");
	assert_int_equal(
		rows_int(&r, "SELECT since_ms FROM staged_pr WHERE pr = 9"), ROWS_NOW);

	/* Nothing is staged any more: all of it stays to be read. */
	open_snapshot(&r, "tree3", NULL, 0);
	expect(&r, "7@a2 2 0 3/5; 9@b 1 0 15/106; 7@a 1 0 16/121; ");
	rows_close(&r);
}

static void test_other_adapters_are_not_touched(void **state)
{
	const struct staged_pr pr = {
		.number = 1, .head = "h", .merge = "m", .promoted_at_ms = T1};
	struct rows r;
	int64_t mine, other;

	(void)state;
	rows_open(&r);
	mine = r.adapter;
	temp_ok(&r.t.err, project_db_adapter(r.dbc, "other", "/o", "", &other, &r.t.err));
	open_snapshot(&r, "same", &pr, 1);
	r.adapter = other;
	open_snapshot(&r, "same", &pr, 1);
	add(&r, build_of(&r, "c", "same"), 6, 5);
	r.adapter = mine;
	open_snapshot(&r, "next", NULL, 0);
	expect(&r, "1@h 1 0 0/0; 1@h 1 1 5/6; ");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_time_is_added_by_tree),
		cmocka_unit_test(test_other_adapters_are_not_touched),
	};

	return cmocka_run_group_tests_name("adapters_staged_db", tests, NULL, NULL);
}
