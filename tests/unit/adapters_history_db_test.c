/* The table target_history: points come back in order, and old ones thin out. */
#include "tests/lib/rows.h"

#include "adapters/history_db.h"

#include "base/banned.h"

struct points {
	struct history_point list[HISTORY_POINTS_MAX + 1];
	size_t count;
	int rc;
};

static int take(void *ctx, const struct history_point *point)
{
	struct points *p = ctx;

	assert_true(p->count <= HISTORY_POINTS_MAX);
	p->list[p->count++] = *point;
	return p->rc;
}

static void add(struct rows *r, int target, int64_t at_ms, int64_t features)
{
	struct history_point point = {at_ms, 10 * features, features, 7, features + 1};

	temp_ok(&r->t.err, history_db_add(r->dbc, r->targets[target], &point, &r->t.err));
}

static void list(struct rows *r, int target, struct points *points)
{
	temp_ok(&r->t.err,
		history_db_list(r->dbc, r->targets[target], take, points, &r->t.err));
}

static void test_points_in_order(void **state)
{
	struct points all = {.count = 0}, other = {.count = 0}, one = {.rc = 4};
	struct rows r;

	(void)state;
	rows_open(&r);
	list(&r, 0, &all);
	assert_int_equal(all.count, 0);
	add(&r, 0, 2000, 5);
	add(&r, 0, 1000, 3);
	add(&r, 1, 1500, 100);
	add(&r, 0, 2000, 6); /* the same moment again: the newer one counts */
	list(&r, 0, &all);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.list[0].at_ms, 1000);
	assert_int_equal(all.list[1].at_ms, 2000);
	assert_int_equal(all.list[1].executions, 60);
	assert_int_equal(all.list[1].features, 6);
	assert_int_equal(all.list[1].units, 7);
	assert_int_equal(all.list[1].per_second, 7);
	list(&r, 1, &other);
	assert_int_equal(other.count, 1);
	assert_int_equal(history_db_list(r.dbc, r.targets[0], take, &one, &r.t.err), 4);
	assert_int_equal(one.count, 1);
	rows_close(&r);
}

/* However long a target is fuzzed: both ends stay, the newest are as dense as they came,
 * and the old ones are not farther apart than they must be. */
static void test_old_points_thin_out(void **state)
{
	enum { ADDED = 5000, NEWEST = 900 };
	static struct points p;
	struct rows r;
	int64_t i;
	size_t k;

	(void)state;
	rows_open(&r);
	add(&r, 1, 1, 1);
	assert_int_equal(sqlite3_exec(r.dbc->sql, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	for (i = 0; i < HISTORY_POINTS_MAX; i++)
		add(&r, 0, i * 60000, i);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM target_history WHERE target_id = 1"),
		HISTORY_POINTS_MAX);
	for (; i < ADDED; i++) {
		add(&r, 0, i * 60000, i);
		assert_true(rows_int(&r,
				    "SELECT count(*) FROM target_history "
				    "WHERE target_id = 1") <= HISTORY_POINTS_MAX);
	}
	assert_int_equal(sqlite3_exec(r.dbc->sql, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	list(&r, 0, &p);
	assert_true(p.count > HISTORY_POINTS_MAX / 2);
	assert_int_equal(p.list[0].at_ms, 0);
	for (k = 1; k <= NEWEST; k++)
		assert_int_equal(p.list[p.count - k].features, ADDED - (int64_t)k);
	for (k = 1; k < p.count; k++)
		assert_true(p.list[k].features - p.list[k - 1].features <= 12);
	/* Nobody else's were touched. */
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM target_history WHERE target_id = 2"),
		1);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points_in_order),
		cmocka_unit_test(test_old_points_thin_out),
	};

	return cmocka_run_group_tests_name("adapters_history_db", tests, NULL, NULL);
}
