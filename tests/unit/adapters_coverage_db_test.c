/* Tables coverage and staged_coverage: what was looked at last, and nothing else. */
#include "tests/lib/rows.h"

#include "adapters/coverage_db.h"
#include "adapters/staged_db.h"

#include "base/banned.h"

struct list {
	char text[400]; /* "adapter/target reached/lines; …" */
};

static int take(void *ctx, const struct coverage_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	assert_int_equal(row->target == NULL, row->target_id == -1);
	snprintf(l->text + len, sizeof l->text - len, "%s/%s %lld/%lld; ", row->adapter,
		row->target ? row->target : "", (long long)row->lines_reached,
		(long long)row->lines);
	return 0;
}

static void expect(struct rows *r, const char *text)
{
	struct list l = {.text = ""};

	temp_ok(&r->t.err, coverage_db_list(r->dbc, take, &l, &r->t.err));
	assert_string_equal(l.text, text);
}

static void put(struct rows *r, int64_t adapter, int64_t target, int64_t reached)
{
	struct coverage_row row = {.adapter_id = adapter,
		.target_id = target,
		.snapshot = "0123456789abcdef0123456789abcdef01234567",
		.lines = 100,
		.lines_reached = reached,
		.units = 7,
		.at_ms = ROWS_NOW};

	temp_ok(&r->t.err, coverage_db_put(r->dbc, &row, &r->t.err));
}

static void test_last_look_counts(void **state)
{
	int64_t other, first, second, units = -1;
	char snapshot[IW_GIT_HEX];
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_adapter(r.dbc, "other", "/o", "", &other, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, other, "tx", &first, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, other, "block", &second, &r.t.err));
	assert_int_equal(coverage_db_whole(r.dbc, other, snapshot, &units, &r.t.err), 0);
	put(&r, other, first, 1);
	put(&r, other, second, 2);
	put(&r, other, -1, 3);
	/* An adapter as a whole has one row, and so has each target. */
	expect(&r, "other/ 3/100; other/block 2/100; other/tx 1/100; ");
	assert_int_equal(coverage_db_whole(r.dbc, other, snapshot, &units, &r.t.err), 1);
	assert_string_equal(snapshot, "0123456789abcdef0123456789abcdef01234567");
	assert_int_equal(units, 7);
	put(&r, r.adapter, -1, 50);
	temp_ok(&r.t.err, coverage_db_clear(r.dbc, other, &r.t.err));
	put(&r, other, -1, 4);
	assert_int_equal(rows_int(&r, "SELECT count(*) FROM coverage"), 2);
	rows_close(&r);
}

static int take_pr(void *ctx, const struct staged_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%lld %lld/%lld %s; ",
		(long long)row->pr, (long long)row->lines_reached, (long long)row->lines,
		row->gaps ? row->gaps : "-");
	return 0;
}

static void test_staged(void **state)
{
	const struct staged_pr prs[] = {
		{.number = 7,
			.head = "a",
			.title = "x",
			.merge = "m7",
			.promoted_at_ms = 1},
		{.number = 9,
			.head = "b",
			.title = "y",
			.merge = "m9",
			.promoted_at_ms = 2,
			.staged_as = 1},
	};
	struct staging_snapshot snapshot = {.prs = prs, .count = 2};
	struct staged_gap gaps[] = {{"src/\"a\".c", 3, 9}, {"b\xff.c", 1, 1}};
	struct staged_reach reach = {
		.lines = 9, .reached = 2, .gaps = gaps, .gap_count = 2};
	const struct staged_changes none = {0};
	const struct staged_pr unknown = {.number = 8, .head = "c"};
	struct list l = {.text = ""};
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, staged_db_open(r.dbc, r.adapter, &snapshot, &none, &r.t.err));
	temp_ok(&r.t.err,
		coverage_db_put_staged(r.dbc, r.adapter, &prs[0],
			&(struct staged_reach){0}, 5, &r.t.err));
	temp_ok(&r.t.err,
		coverage_db_put_staged(r.dbc, r.adapter, &prs[0], &reach, 6, &r.t.err));
	/* One that went away meanwhile. */
	temp_ok(&r.t.err,
		coverage_db_put_staged(r.dbc, r.adapter, &unknown, &reach, 6, &r.t.err));
	temp_ok(&r.t.err, staged_db_list(r.dbc, take_pr, &l, &r.t.err));
	assert_string_equal(l.text,
		"9 -1/-1 -; 7 2/9 [{\"path\":\"src/\\\"a\\\".c\",\"first\":3,\"last\":9},"
		"{\"path\":\"?\",\"first\":1,\"last\":1}]; ");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_look_counts),
		cmocka_unit_test(test_staged),
	};

	return cmocka_run_group_tests_name("adapters_coverage_db", tests, NULL, NULL);
}
