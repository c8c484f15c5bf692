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
	struct staged_pr mine[8];
	struct staging_snapshot s = {.prs = mine, .count = count};
	struct staged_changes none = {0};
	size_t i;

	for (i = 0; i < count; i++) {
		mine[i] = prs[i];
		mine[i].title = "a title";
		mine[i].staged_as = prs[i].number ? i : STAGING_NOT;
	}
	snprintf(s.tree, sizeof s.tree, "%s", tree);
	temp_ok(&r->t.err, staged_db_open(r->dbc, r->adapter, &s, &none, &r->t.err));
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
	struct staged_work work = {
		.build_id = build,
		.target_id = r->targets[0],
		.engine = "libfuzzer",
		.executions = executions,
		.core_ms = core_ms,
	};

	temp_ok(&r->t.err, staged_db_add(r->dbc, &work, &r->t.err));
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

/* "path +added -removed functions; …" and likewise. */
static void note_change(void *ctx, const struct staged_change_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%s +%lld -%lld %s/%lld; ",
		row->path, (long long)row->added, (long long)row->removed, row->functions,
		(long long)row->functions_left_out);
}

static void note_target(void *ctx, const struct staged_target_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%s %d %lld; ", row->target,
		row->is_near, (long long)row->lines);
}

static void note_work(void *ctx, const struct staged_work_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%s %s %s %lld/%lld; ", row->target,
		row->flavour, row->engine, (long long)row->core_ms,
		(long long)row->executions);
}

static void test_one_in_full(void **state)
{
	char *functions[] = {"main", "a\xff"};
	struct staged_change change = {.path = "src/a.c",
		.added = 3,
		.removed = 1,
		.functions = functions,
		.function_count = 2,
		.functions_left_out = 4};
	struct staged_changes changes = {.items = &change, .count = 1};
	const struct staged_pr prs[] = {
		{.number = 7, .head = "a", .title = "t", .merge = "m"}};
	struct staging_snapshot s = {.prs = prs, .count = 1, .tree = "tree1"};
	struct staged_row pr = {.pr = 7, .head = "a"}, none = {.pr = 8, .head = "a"};
	struct staged_change_sum sum;
	struct list l = {.text = ""};
	struct staged_work work = {.executions = 8, .core_ms = 5};
	struct rows r;

	(void)state;
	rows_open(&r);
	pr.adapter_id = r.adapter;
	temp_ok(&r.t.err, staged_db_open(r.dbc, r.adapter, &s, &changes, &r.t.err));
	temp_ok(&r.t.err, staged_db_open(r.dbc, r.adapter, &s, &changes, &r.t.err));
	temp_ok(&r.t.err, staged_db_changes(r.dbc, &pr, note_change, &l, &r.t.err));
	assert_string_equal(l.text, "src/a.c +3 -1 [\"main\",\"a\xef\xbf\xbd\"]/4; ");
	temp_ok(&r.t.err, staged_db_sum(r.dbc, &pr, &sum, &r.t.err));
	assert_true(sum.files == 1 && sum.added == 3 && sum.removed == 1);
	assert_int_equal(sum.functions, 2 + 4);
	temp_ok(&r.t.err, staged_db_sum(r.dbc, &none, &sum, &r.t.err));
	assert_true(sum.files == 0 && sum.added == 0 && sum.functions == 0);

	/* Near by what it reached before, then by the lines; what is near nothing is not
	 * told of. */
	*l.text = '\0';
	temp_ok(&r.t.err,
		staged_db_put_target(
			r.dbc, r.adapter, prs, "message", true, -1, &r.t.err));
	temp_ok(&r.t.err,
		staged_db_put_target(
			r.dbc, r.adapter, prs, "block", false, -1, &r.t.err));
	temp_ok(&r.t.err, staged_db_targets(r.dbc, &pr, note_target, &l, &r.t.err));
	assert_string_equal(l.text, "message 1 -1; ");
	*l.text = '\0';
	temp_ok(&r.t.err,
		staged_db_put_target(
			r.dbc, r.adapter, prs, "message", false, 0, &r.t.err));
	temp_ok(&r.t.err,
		staged_db_put_target(r.dbc, r.adapter, prs, "block", true, 3, &r.t.err));
	temp_ok(&r.t.err,
		staged_db_put_target(r.dbc, r.adapter, prs, "gone", true, 3, &r.t.err));
	temp_ok(&r.t.err, staged_db_targets(r.dbc, &pr, note_target, &l, &r.t.err));
	assert_string_equal(l.text, "block 1 3; message 1 0; ");

	/* On two trees that it was in; replays are no engine's time. */
	*l.text = '\0';
	work.target_id = r.targets[0];
	work.build_id = build_of(&r, "c1", "tree1");
	work.engine = "libfuzzer";
	temp_ok(&r.t.err, staged_db_add(r.dbc, &work, &r.t.err));
	snprintf(s.tree, sizeof s.tree, "tree2");
	temp_ok(&r.t.err, staged_db_open(r.dbc, r.adapter, &s, &changes, &r.t.err));
	work.build_id = build_of(&r, "c2", "tree2");
	temp_ok(&r.t.err, staged_db_add(r.dbc, &work, &r.t.err));
	work.engine = STAGED_REPLAY;
	temp_ok(&r.t.err, staged_db_add(r.dbc, &work, &r.t.err));
	work.build_id = build_of(&r, "c3", "tree3");
	temp_ok(&r.t.err, staged_db_add(r.dbc, &work, &r.t.err));
	temp_ok(&r.t.err, staged_db_work(r.dbc, &pr, note_work, &l, &r.t.err));
	assert_string_equal(
		l.text, "block libfuzzer libfuzzer 10/16; block libfuzzer replay 5/8; ");
	expect(&r, "7@a 1 1 10/16; ");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_time_is_added_by_tree),
		cmocka_unit_test(test_other_adapters_are_not_touched),
		cmocka_unit_test(test_one_in_full),
	};

	return cmocka_run_group_tests_name("adapters_staged_db", tests, NULL, NULL);
}
