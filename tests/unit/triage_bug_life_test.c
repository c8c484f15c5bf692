/* What happened to a bug and what it cost: events in order, sightings counted, core time
 * added up; and the bugs of a pull request. */
#include "tests/lib/bug_rows.h"

#include "triage/crash_db.h"

#include "base/banned.h"

static void add_event(
	struct rows *r, int64_t bug, int64_t at_ms, const char *what, const char *text)
{
	iw_time_set(ROWS_NOW + at_ms, -1);
	temp_ok(&r->t.err, bug_db_add_event(r->dbc, bug, what, text, &r->t.err));
}

struct life {
	char text[600]; /* "time what: text; …" */
	int count, stop_at;
};

static int take_event(void *ctx, const struct bug_event *event)
{
	struct life *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%lld %s: %s; ",
		(long long)(event->at_ms - ROWS_NOW), event->what, event->text);
	return ++l->count == l->stop_at ? 9 : 0;
}

static void expect_life(struct rows *r, int64_t bug, const char *text)
{
	struct life l = {.count = 0};

	temp_ok(&r->t.err, bug_db_events(r->dbc, bug, take_event, &l, &r->t.err));
	assert_string_equal(l.text, text);
}

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct bug_row *out = ctx;

	out->core_ms = row->core_ms;
	out->changed_ms = row->changed_ms - ROWS_NOW;
	return 0;
}

static void expect_bug(struct rows *r, int64_t bug, int64_t core_ms, int64_t changed_ms)
{
	struct bug_row row;

	temp_ok(&r->t.err, bug_db_list(r->dbc, bug, take_bug, &row, &r->t.err));
	assert_int_equal(row.core_ms, core_ms);
	assert_int_equal(row.changed_ms, changed_ms);
}

static void test_events_in_order(void **state)
{
	struct life first = {.stop_at = 1};
	int64_t bug, other;
	struct rows r;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	other = rows_bug(&r, 0, "Abort");
	expect_life(&r, bug, "");
	add_event(&r, bug, 5, "found", "here");
	add_event(&r, other, 6, "found", "there");
	add_event(&r, bug, 7, "minimized", "small");
	add_event(&r, bug, 7, "attributed", "staged: PR #7");
	rows_reopen(&r);
	expect_life(&r, bug,
		"5 found: here; 7 minimized: small; 7 attributed: staged: PR #7; ");
	expect_life(&r, other, "6 found: there; ");
	expect_bug(&r, bug, 0, 7);
	expect_bug(&r, other, 0, 6);
	assert_int_equal(bug_db_events(r.dbc, bug, take_event, &first, &r.t.err), 9);
	assert_int_equal(first.count, 1);
	temp_fails(&r.t.err, bug_db_add_event(r.dbc, 99, "found", "nowhere", &r.t.err),
		IW_EDB, "database: FOREIGN KEY constraint failed");
	rows_close(&r);
}

static void sight(struct rows *r, int64_t bug, int n)
{
	struct crash_verdict verdict = {.state = "judged", .bug_id = bug};
	struct iw_sha256 input = iw_sha256(&n, sizeof n);
	int64_t id;

	iw_time_set(ROWS_NOW + n, -1);
	temp_ok(&r->t.err,
		crash_db_add(r->dbc, r->targets[0], r->builds[0], "crash", &input, 1,
			&input, &id, &r->t.err));
	temp_ok(&r->t.err, crash_db_judge(r->dbc, id, &verdict, &r->t.err));
	if (n > 1)
		temp_ok(&r->t.err,
			bug_db_add_sighting(r->dbc, bug, "demo/block", &r->t.err));
}

/* A bug that is seen a thousand times has a life that can be read. */
static void test_many_sightings_are_counted(void **state)
{
	static const char few[] = "2 sighting: seen again in demo/block; "
				  "3 sighting: seen again in demo/block; "
				  "4 sighting: seen again in demo/block; "
				  "5 sighting: seen again in demo/block; "
				  "6 sighting: seen again in demo/block; ";
	_auto_free_ char *seven = NULL, *many = NULL;
	struct rows r;
	int64_t bug;
	int n;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	for (n = 1; n <= 6; n++)
		sight(&r, bug, n);
	expect_life(&r, bug, few);
	sight(&r, bug, 7);
	seven = iw_fmt(
		"%s7 sighting: seen 7 times by now, the last time in demo/block; ", few);
	expect_life(&r, bug, seven);
	for (n = 8; n <= 1000; n++)
		sight(&r, bug, n);
	many = iw_fmt("%s1000 sighting: seen 1000 times by now, the last time in "
		      "demo/block; ",
		few);
	expect_life(&r, bug, many);
	expect_bug(&r, bug, 0, 1000);
	rows_close(&r);
}

static int take_costs(void *ctx, const struct project_target_row *row)
{
	struct project_target_row *out = ctx;

	out[row->id - 1].bugs = row->bugs;
	out[row->id - 1].open_bugs = row->open_bugs;
	out[row->id - 1].bug_core_ms = row->bug_core_ms;
	return 0;
}

static void add_core(struct rows *r, int64_t bug, int64_t core_ms)
{
	temp_ok(&r->t.err, bug_db_add_core(r->dbc, bug, core_ms, &r->t.err));
}

static void test_core_time_adds_up(void **state)
{
	struct project_target_row targets[2];
	int64_t a, b, c;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = rows_bug(&r, 0, "Abort");
	b = rows_bug(&r, 0, "Abort");
	c = rows_bug(&r, 1, "Abort");
	iw_time_set(ROWS_NOW + 50, -1);
	add_core(&r, a, 100);
	add_core(&r, a, 20);
	add_core(&r, b, 3);
	add_core(&r, c, 0); /* which changes nothing */
	expect_bug(&r, a, 120, 50);
	expect_bug(&r, c, 0, 0);
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, a, "open", "a.md", &r.t.err));
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, b, "flaky", "b.md", &r.t.err));
	temp_ok(&r.t.err, project_db_targets(r.dbc, 0, take_costs, targets, &r.t.err));
	assert_int_equal(targets[0].bugs, 2);
	assert_int_equal(targets[0].open_bugs, 1);
	assert_int_equal(targets[0].bug_core_ms, 123);
	assert_int_equal(targets[1].open_bugs, 1);
	assert_int_equal(targets[1].bug_core_ms, 0);
	rows_close(&r);
}

static int take_tested(void *ctx, const struct bug_row *row)
{
	struct bug_row *out = ctx;

	*out = *row;
	out->frames = out->outcome = out->prs = out->proof = out->issue = out->snapshot =
		out->found_commit = NULL;
	out->tested_tree = row->tested_tree ? iw_strdup(row->tested_tree) : NULL;
	return 0;
}

static void test_tested_again(void **state)
{
	struct bug_row row;
	struct rows r;
	int64_t bug;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	temp_ok(&r.t.err, bug_db_list(r.dbc, bug, take_tested, &row, &r.t.err));
	assert_null(row.tested_tree);
	assert_true(strlen(row.found_tree) > 0);
	iw_time_set(ROWS_NOW + 9, -1);
	temp_ok(&r.t.err, bug_db_set_tested(r.dbc, bug, "t1", 20, 0, 1, &r.t.err));
	iw_time_set(ROWS_NOW + 11, -1);
	temp_ok(&r.t.err, bug_db_set_tested(r.dbc, bug, "t2", 5, 4, -1, &r.t.err));
	rows_reopen(&r);
	temp_ok(&r.t.err, bug_db_list(r.dbc, bug, take_tested, &row, &r.t.err));
	assert_string_equal(row.tested_tree, "t2");
	assert_int_equal(row.tested_ms, ROWS_NOW + 11);
	assert_int_equal(row.changed_ms, ROWS_NOW + 11);
	assert_int_equal(row.tested_runs, 5);
	assert_int_equal(row.tested_hits, 4);
	assert_string_equal(row.state, "new");
	bug_row_fini(&row);
	rows_close(&r);
}

static int take_id(void *ctx, const struct bug_row *row)
{
	char *ids = ctx;
	size_t len = strlen(ids);

	snprintf(ids + len, 40 - len, "%lld ", (long long)row->id);
	return 0;
}

static void expect_bugs_of(
	struct rows *r, const char *adapter, int64_t pr, const char *expected)
{
	struct bug_filter filter = {.adapter = adapter, .pr = pr};
	char ids[40] = "";

	temp_ok(&r->t.err, bug_db_find(r->dbc, &filter, take_id, ids, &r->t.err));
	assert_string_equal(ids, expected);
}

static void test_bugs_of_a_pull_request(void **state)
{
	static const char *const prs[] = {"[7]", "[6,7]", "[]", "[77]"};
	struct rows r;
	size_t i;

	(void)state;
	rows_open(&r);
	rows_bug(&r, 0, "Abort"); /* not attributed */
	for (i = 0; i < IW_COUNT(prs); i++)
		temp_ok(&r.t.err,
			bug_db_set_outcome(r.dbc, rows_bug(&r, 0, "Abort"), "staged",
				prs[i], "{}", &r.t.err));
	expect_bugs_of(&r, NULL, 7, "3 2 ");
	expect_bugs_of(&r, NULL, 6, "3 ");
	expect_bugs_of(&r, NULL, 8, "");
	expect_bugs_of(&r, "other", 7, "");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tested_again),
		cmocka_unit_test(test_events_in_order),
		cmocka_unit_test(test_many_sightings_are_counted),
		cmocka_unit_test(test_core_time_adds_up),
		cmocka_unit_test(test_bugs_of_a_pull_request),
	};

	return cmocka_run_group_tests_name("triage_bug_life", tests, NULL, NULL);
}
