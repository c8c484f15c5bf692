/* The tables adapter and target: rows made once, totals added up. */
#include "tests/lib/rows.h"

#include "base/banned.h"

static void test_adapter_is_made_once(void **state)
{
	_auto_free_ char *dir = NULL;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err,
		project_db_adapter(r.dbc, "demo", "/elsewhere", "seed=1", &id, &r.t.err));
	assert_int_equal(id, r.adapter);
	temp_ok(&r.t.err, project_db_adapter_dir(r.dbc, "demo", &dir, &r.t.err));
	assert_string_equal(dir, "/elsewhere");
	temp_ok(&r.t.err, project_db_adapter(r.dbc, "other", "/o", "", &id, &r.t.err));
	assert_int_not_equal(id, r.adapter);
	temp_ok(&r.t.err, project_db_adapter_id(r.dbc, "demo", &id, &r.t.err));
	assert_int_equal(id, r.adapter);
	rows_close(&r);
}

/* Nothing of a refused adapter stays, not even where it was. */
static void test_other_parameters_are_refused(void **state)
{
	_auto_free_ char *dir = NULL;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_fails(&r.t.err,
		project_db_adapter(r.dbc, "demo", "/elsewhere", "seed=2", &id, &r.t.err),
		IW_EINVAL,
		"this state folder holds adapter 'demo' with parameters 'seed=1', not "
		"'seed=2': use another --state folder");
	temp_ok(&r.t.err, project_db_adapter_dir(r.dbc, "demo", &dir, &r.t.err));
	assert_string_equal(dir, "/demo");
	rows_close(&r);
}

static void test_no_such_adapter(void **state)
{
	char *dir = NULL;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_fails(&r.t.err, project_db_adapter_id(r.dbc, "none", &id, &r.t.err),
		IW_ENOENT, "there is no adapter 'none'");
	temp_fails(&r.t.err, project_db_adapter_dir(r.dbc, "none", &dir, &r.t.err),
		IW_ENOENT, "there is no adapter 'none'");
	assert_null(dir);
	rows_close(&r);
}

static void test_target_is_made_once(void **state)
{
	struct rows r;
	int64_t id, other;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_target(r.dbc, r.adapter, "block", &id, &r.t.err));
	assert_int_equal(id, r.targets[0]);
	temp_ok(&r.t.err, project_db_adapter(r.dbc, "other", "/o", "", &other, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, other, "block", &id, &r.t.err));
	assert_int_not_equal(id, r.targets[0]);
	assert_true(project_db_target(r.dbc, 99, "block", &id, &r.t.err) < 0);
	rows_close(&r);
}

static void expect_totals(
	struct rows *r, int64_t executions, int64_t core_ms, int64_t found)
{
	struct project_target_totals t;

	temp_ok(&r->t.err, project_db_totals(r->dbc, r->targets[0], &t, &r->t.err));
	assert_int_equal(t.executions, executions);
	assert_int_equal(t.core_ms, core_ms);
	assert_int_equal(t.found_ms, found);
}

static void test_totals_add_up(void **state)
{
	const struct project_target_totals rounds[] = {{.executions = 100, .core_ms = 50},
		{.executions = 1, .found_ms = 77}, {.core_ms = 5}};
	struct rows r;

	(void)state;
	rows_open(&r);
	expect_totals(&r, 0, 0, 0);
	for (size_t i = 0; i < IW_COUNT(rounds); i++)
		temp_ok(&r.t.err,
			project_db_add_totals(r.dbc, r.targets[0], &rounds[i], &r.t.err));
	expect_totals(&r, 101, 55, 77); /* found stays when nothing was */
	rows_reopen(&r);
	expect_totals(&r, 101, 55, 77);
	rows_close(&r);
}

struct targets {
	char names[200];
	int count;
	struct project_target_row last;
	int rc;
};

static int take_target(void *ctx, const struct project_target_row *row)
{
	struct targets *t = ctx;
	size_t len = strlen(t->names);

	snprintf(
		t->names + len, sizeof t->names - len, "%s/%s ", row->adapter, row->name);
	t->count++;
	t->last = *row;
	return t->rc;
}

static void test_targets_with_their_counts(void **state)
{
	static const char sql[] =
		"INSERT INTO unit (id, sha256, size, pack, offset, stored, added_ms) "
		"VALUES"
		" (1, zeroblob(32), 1, 0, 0, 1, 0), (2, randomblob(32), 1, 0, 0, 1, 0);"
		"INSERT INTO target_unit (target_id, unit_id, origin, state, added_ms) "
		"VALUES"
		" (2, 1, 'fuzz', 'good', 0), (2, 2, 'seed', 'quarantined', 0);"
		"INSERT INTO measure (build_id, target_id, unit_id, outcome, us,"
		" feature_count) VALUES (1, 2, 1, 'passed', 1, 1), (2, 2, 1, 'passed', "
		"1, 0);"
		"INSERT INTO crash (target_id, build_id, kind, input, size, state, "
		"found_ms)"
		" VALUES (2, 1, 'crash', zeroblob(32), 1, 'new', 0)";
	struct targets t = {.count = 0}, first = {.rc = 3};
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_adapter(r.dbc, "another", "/a", "", &id, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, id, "zz", &id, &r.t.err));
	assert_int_equal(sqlite3_exec(r.dbc->sql, sql, NULL, NULL, NULL), SQLITE_OK);
	temp_ok(&r.t.err, project_db_targets(r.dbc, 0, take_target, &t, &r.t.err));
	assert_string_equal(t.names, "another/zz demo/block demo/message ");
	assert_int_equal(t.last.id, 2);
	assert_int_equal(t.last.units, 1); /* quarantined ones do not count */
	assert_int_equal(t.last.crashes, 1);
	assert_int_equal(t.last.bugs, 0);
	temp_ok(&r.t.err, project_db_reference(r.dbc, 2, &id, &r.t.err));
	assert_int_equal(id, r.builds[0]);
	assert_int_equal(project_db_targets(r.dbc, 0, take_target, &first, &r.t.err), 3);
	assert_int_equal(first.count, 1);
	temp_ok(&r.t.err, project_db_reference(r.dbc, first.last.id, &id, &r.t.err));
	assert_int_equal(id, -1);
	rows_close(&r);
}

/* Whatever becomes of the rows, what a target says of them is what a count says. */
static void test_counts_follow_the_rows(void **state)
{
	static const struct {
		const char *sql;
		int64_t units, crashes;
	} steps[] = {
		{"INSERT INTO unit (id, sha256, size, pack, offset, stored, added_ms) "
		 "VALUES (1, zeroblob(32), 1, 0, 0, 1, 0), (2, randomblob(32), 1, 0, 0, "
		 "1, 0);"
		 "INSERT INTO target_unit (target_id, unit_id, origin, added_ms) "
		 "VALUES (2, 1, 'fuzz', 0), (2, 2, 'fuzz', 0)",
			2, 0},
		{"INSERT OR IGNORE INTO target_unit (target_id, unit_id, origin, "
		 "added_ms) "
		 "VALUES (2, 1, 'seed', 0), (1, 1, 'seed', 0)",
			2, 0},
		{"UPDATE target_unit SET state = 'quarantined' WHERE target_id = 2", 0,
			0},
		{"UPDATE target_unit SET state = 'good' WHERE unit_id = 1", 1, 0},
		{"DELETE FROM target_unit WHERE target_id = 2", 0, 0},
		{"INSERT INTO crash (target_id, build_id, kind, input, size, state, "
		 "found_ms) "
		 "VALUES (2, 1, 'crash', zeroblob(32), 1, 'new', 0)",
			0, 1},
		{"DELETE FROM crash", 0, 0},
	};
	struct rows r;
	size_t i;

	(void)state;
	rows_open(&r);
	for (i = 0; i < IW_COUNT(steps); i++) {
		struct targets t = {.count = 0};

		assert_int_equal(sqlite3_exec(r.dbc->sql, steps[i].sql, NULL, NULL, NULL),
			SQLITE_OK);
		temp_ok(&r.t.err,
			project_db_targets(r.dbc, 2, take_target, &t, &r.t.err));
		assert_int_equal(t.count, 1);
		assert_int_equal(t.last.id, 2);
		assert_int_equal(t.last.units, steps[i].units);
		assert_int_equal(t.last.crashes, steps[i].crashes);
	}
	rows_close(&r);
}

struct found {
	int64_t ids[8];
	int count;
	int rc;
};

static int take_id(void *ctx, int64_t id)
{
	struct found *f = ctx;

	f->ids[f->count++] = id;
	return f->rc;
}

static void test_targets_by_name(void **state)
{
	struct found one = {.count = 0}, all = {.count = 0}, first = {.rc = 5};
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err,
		project_db_find(r.dbc, "demo/message", take_id, &one, &r.t.err));
	assert_int_equal(one.count, 1);
	assert_int_equal(one.ids[0], r.targets[1]);
	temp_ok(&r.t.err, project_db_find(r.dbc, "demo", take_id, &all, &r.t.err));
	assert_int_equal(all.count, 2);
	assert_int_equal(project_db_find(r.dbc, "demo", take_id, &first, &r.t.err), 5);
	assert_int_equal(first.count, 1);
	temp_fails(&r.t.err, project_db_find(r.dbc, "block", take_id, &one, &r.t.err),
		IW_ENOENT,
		"there is no target 'block'; 'ironworks target list' shows all that are "
		"known");
	rows_close(&r);
}

static void expect_held(struct rows *r, int64_t since_ms, const char *why)
{
	struct targets t = {.count = 0, .rc = 1}; /* the first by name: block */
	struct found held = {.count = 0};

	assert_int_equal(project_db_targets(r->dbc, 0, take_target, &t, &r->t.err), 1);
	assert_int_equal(t.last.held_ms, since_ms);
	temp_ok(&r->t.err, project_db_held(r->dbc, take_id, &held, &r->t.err));
	assert_int_equal(held.count, since_ms ? 1 : 0);
	assert_int_equal(
		rows_int(r, "SELECT count(*) FROM target WHERE held_why IS NOT NULL"),
		why ? 1 : 0);
	if (why)
		assert_int_equal(rows_int(r, why), 1);
}

static void test_hold_and_resume(void **state)
{
	struct rows r;

	(void)state;
	rows_open(&r);
	expect_held(&r, 0, NULL);
	temp_ok(&r.t.err, project_db_hold(r.dbc, r.targets[0], NULL, &r.t.err));
	expect_held(&r, ROWS_NOW, NULL);
	/* For another reason, but since then. */
	iw_time_set(ROWS_NOW + 5, -1);
	temp_ok(&r.t.err, project_db_hold(r.dbc, r.targets[0], "it is slow", &r.t.err));
	expect_held(&r, ROWS_NOW,
		"SELECT count(*) FROM target WHERE held_why = 'it is slow'");
	temp_fails(&r.t.err, project_db_hold(r.dbc, r.targets[0], "a\nb", &r.t.err),
		IW_EINVAL, "a reason has 1 to 200 printable characters");
	rows_reopen(&r);
	expect_held(&r, ROWS_NOW,
		"SELECT count(*) FROM target WHERE held_why = 'it is slow'");
	temp_ok(&r.t.err, project_db_resume(r.dbc, r.targets[0], &r.t.err));
	expect_held(&r, 0, NULL);
	rows_close(&r);
}

static void test_snapshot_that_worked(void **state)
{
	char commit[41] = "x";
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_worked(r.dbc, r.adapter, commit, &r.t.err));
	assert_string_equal(commit, "");
	temp_ok(&r.t.err, project_db_set_worked(r.dbc, r.adapter, "c1", &r.t.err));
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "c2", false, &r.t.err));
	rows_reopen(&r);
	temp_ok(&r.t.err, project_db_worked(r.dbc, r.adapter, commit, &r.t.err));
	assert_string_equal(commit, "c1");
	rows_close(&r);
}

struct offline {
	int64_t ids[8], since[8];
	int count;
};

static int take_offline(void *ctx, const struct project_target_row *row)
{
	struct offline *o = ctx;

	o->ids[o->count] = row->id;
	o->since[o->count++] = row->offline_ms;
	return 0;
}

static void expect_offline(struct rows *r, int64_t target, int64_t since)
{
	struct offline o = {.count = 0};
	int i;

	temp_ok(&r->t.err, project_db_targets(r->dbc, 0, take_offline, &o, &r->t.err));
	for (i = 0; i < o.count; i++)
		if (o.ids[i] == target)
			assert_int_equal(o.since[i], since);
}

/* All go, those that a snapshot has come back; who has been away longer stays so. */
static void test_targets_come_and_go(void **state)
{
	struct rows r;
	int64_t a, b, again;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_target(r.dbc, r.adapter, "a", &a, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, r.adapter, "b", &b, &r.t.err));
	iw_time_set(1000, -1);
	temp_ok(&r.t.err, project_db_set_offline(r.dbc, r.adapter, &r.t.err));
	temp_ok(&r.t.err, project_db_target(r.dbc, r.adapter, "a", &again, &r.t.err));
	assert_int_equal(again, a);
	expect_offline(&r, a, 0);
	expect_offline(&r, b, 1000);
	iw_time_set(2000, -1);
	temp_ok(&r.t.err, project_db_set_offline(r.dbc, r.adapter, &r.t.err));
	expect_offline(&r, a, 2000);
	expect_offline(&r, b, 1000);
	iw_time_set(-1, -1);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adapter_is_made_once),
		cmocka_unit_test(test_other_parameters_are_refused),
		cmocka_unit_test(test_no_such_adapter),
		cmocka_unit_test(test_target_is_made_once),
		cmocka_unit_test(test_totals_add_up),
		cmocka_unit_test(test_targets_with_their_counts),
		cmocka_unit_test(test_targets_by_name),
		cmocka_unit_test(test_hold_and_resume),
		cmocka_unit_test(test_counts_follow_the_rows),
		cmocka_unit_test(test_snapshot_that_worked),
		cmocka_unit_test(test_targets_come_and_go),
	};

	return cmocka_run_group_tests_name("adapters_project_db", tests, NULL, NULL);
}
