/* The tables campaign and campaign_target: what may begin, what is counted, what came of
 * it. */
#include "tests/lib/rows.h"

#include "campaign_db.h"

#include "base/banned.h"

#define HOUR INT64_C(3600000)

static int start_with(
	struct rows *r, const char *name, const char *target, int64_t budget_ms)
{
	struct campaign_spec spec = {.name = name,
		.targets = &target,
		.target_count = target ? 1 : 0,
		.budget_ms = budget_ms};
	int64_t id;
	int rc = campaign_db_start(r->dbc, &spec, &id, &r->t.err);

	return rc < 0 ? rc : (int)id;
}

/* "1 name state targets core/budget executions features crashes bugs; …" */
struct list {
	struct rows *r;
	char text[400];
	int64_t began_ms, ended_ms;
};

static int add_name(void *ctx, int64_t id, const char *adapter, const char *target)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	(void)id;
	snprintf(l->text + len, sizeof l->text - len, " %s/%s", adapter, target);
	return 0;
}

static int add_campaign(void *ctx, const struct campaign_row *row)
{
	struct list *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%lld %s %s", (long long)row->id,
		row->name, row->state);
	temp_ok(&l->r->t.err,
		campaign_db_targets(l->r->dbc, row->id, add_name, l, &l->r->t.err));
	len = strlen(l->text);
	snprintf(l->text + len, sizeof l->text - len, " %lld/%lld %lld %lld %lld %lld; ",
		(long long)row->core_ms, (long long)row->budget_ms,
		(long long)row->executions, (long long)row->features,
		(long long)row->crashes, (long long)row->bugs);
	l->began_ms = row->began_ms;
	l->ended_ms = row->ended_ms;
	return 0;
}

static struct list expect(struct rows *r, const char *state, const char *text)
{
	struct campaign_filter filter = {.state = state};
	struct list l = {.r = r};

	temp_ok(&r->t.err,
		campaign_db_list(r->dbc, &filter, add_campaign, &l, &r->t.err));
	assert_string_equal(l.text, text);
	return l;
}

static void test_one_begins(void **state)
{
	const char *const both[] = {"demo/message", "demo", "demo/message"};
	struct campaign_spec spec = {
		.name = "both", .targets = both, .target_count = 3, .budget_ms = 1};
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	expect(&r, NULL, "");
	assert_int_equal(start_with(&r, "first", "demo/block", HOUR), 1);
	temp_ok(&r.t.err, campaign_db_start(r.dbc, &spec, &id, &r.t.err));
	expect(&r, NULL,
		"2 both active demo/block demo/message 0/1 0 0 -1 -1; "
		"1 first active demo/block 0/3600000 0 0 -1 -1; ");
	assert_int_equal(expect(&r, "active",
				 "2 both active demo/block demo/message 0/1 "
				 "0 0 -1 -1; 1 first active demo/block "
				 "0/3600000 0 0 -1 -1; ")
				 .began_ms,
		ROWS_NOW);
	temp_ok(&r.t.err, campaign_db_find(r.dbc, "both", &id, &r.t.err));
	assert_int_equal(id, 2);
	temp_ok(&r.t.err, campaign_db_find(r.dbc, "1", &id, &r.t.err));
	assert_int_equal(id, 1);
	temp_fails(&r.t.err, campaign_db_find(r.dbc, "3", &id, &r.t.err), IW_ENOENT,
		"there is no campaign '3'; 'ironworks campaign list' shows all");
	temp_fails(&r.t.err, campaign_db_find(r.dbc, "", &id, &r.t.err), IW_ENOENT,
		"there is no campaign ''; 'ironworks campaign list' shows all");
	rows_close(&r);
}

static void test_what_is_refused(void **state)
{
	static const char *const names[] = {"", " ", "a ", " a", "a\nb", "a\x1b[2J",
		"\xff", "\xe2\x80\xae(reversed)"};
	_auto_free_ char *longer = NULL;
	char longest[2 * CAMPAIGN_NAME_MAX + 3] = "";
	struct rows r;
	size_t i;

	(void)state;
	rows_open(&r);
	for (i = 0; i < IW_COUNT(names); i++)
		temp_fails(&r.t.err, start_with(&r, names[i], "demo", HOUR), IW_EINVAL,
			"a campaign's name has 1 to 80 printable characters");
	temp_fails(&r.t.err, start_with(&r, "007", "demo", HOUR), IW_EINVAL,
		"a campaign cannot be called '007': numbers are ids");
	for (i = 0; i < 3; i++)
		temp_fails(&r.t.err,
			start_with(&r, "a", "demo",
				i == 0		 ? 0
					: i == 1 ? -HOUR
						 : CAMPAIGN_BUDGET_MAX_MS + 1),
			IW_EINVAL,
			"a campaign's budget is more than 0 and at most 10000000 "
			"core-hours");
	temp_fails(&r.t.err, start_with(&r, "a", NULL, HOUR), IW_EINVAL,
		"a campaign wants one target at least");
	temp_fails(&r.t.err, start_with(&r, "a", "demo/none", HOUR), IW_ENOENT,
		"there is no target 'demo/none'; 'ironworks target list' shows all that "
		"are known");
	temp_fails(&r.t.err, start_with(&r, "a", "demo/", HOUR), IW_ENOENT,
		"there is no target 'demo/'; 'ironworks target list' shows all that are "
		"known");
	expect(&r, NULL, ""); /* nothing of it stays */
	assert_int_equal(rows_int(&r, "SELECT count(*) FROM campaign_target"), 0);
	/* Characters, not bytes. */
	for (i = 0; i < CAMPAIGN_NAME_MAX; i++)
		memcpy(longest + 2 * i, "\xc3\xb6", 3);
	assert_true(start_with(&r, longest, "demo", CAMPAIGN_BUDGET_MAX_MS) > 0);
	longer = iw_fmt("%sx", longest);
	temp_fails(&r.t.err, start_with(&r, longer, "demo", HOUR), IW_EINVAL,
		"a campaign's name has 1 to 80 printable characters");
	assert_true(start_with(&r, "a", "demo", HOUR) > 0);
	temp_fails(&r.t.err, start_with(&r, "a", "demo/block", 1), IW_EEXIST,
		"there is a campaign 'a' already; give this one another name");
	rows_close(&r);
}

static void add(struct rows *r, int64_t id, int64_t executions, int64_t core_ms)
{
	temp_ok(&r->t.err, campaign_db_add(r->dbc, id, executions, core_ms, &r->t.err));
}

static void find_features(struct rows *r, size_t target, int64_t features)
{
	temp_ok(&r->t.err,
		campaign_db_add_features(
			r->dbc, r->targets[target], features, &r->t.err));
}

static void crash_at(struct rows *r, size_t target, int64_t at_ms)
{
	static int64_t number;
	struct iw_err *err = &r->t.err;

	temp_ok(err,
		iw_db_exec(r->dbc, err,
			"INSERT INTO crash (target_id, build_id, kind, input, size, "
			"state, "
			"found_ms) VALUES (?, ?, 'crash', randomblob(32), ?, 'new', ?)",
			"iiii", r->targets[target], r->builds[0], ++number, at_ms));
}

static void bug_at(struct rows *r, size_t target, int64_t at_ms)
{
	struct iw_err *err = &r->t.err;

	temp_ok(err,
		iw_db_exec(r->dbc, err,
			"INSERT INTO bug (adapter_id, target_id, state, type, "
			"is_security, "
			"frames, flavour, build_id, best, best_size, first_size, runs, "
			"hits, report, found_ms, changed_ms) VALUES (?, ?, 'new', 'x', "
			"0, "
			"'[]', 'libfuzzer', ?, zeroblob(32), 1, 1, 1, 1, zeroblob(32), "
			"?4, "
			"?4)",
			"iiii", r->adapter, r->targets[target], r->builds[0], at_ms));
}

static void test_what_came_of_it(void **state)
{
	struct rows r;
	struct list l;

	(void)state;
	rows_open(&r);
	crash_at(&r, 0, ROWS_NOW - 1);
	bug_at(&r, 0, ROWS_NOW - 1);
	assert_int_equal(start_with(&r, "blocks", "demo/block", HOUR), 1);
	assert_int_equal(start_with(&r, "all", "demo", HOUR), 2);
	add(&r, 1, 100, 40);
	add(&r, 2, 7, 5);
	find_features(&r, 0, 3); /* of both */
	find_features(&r, 1, 10);
	crash_at(&r, 0, ROWS_NOW + 5);
	crash_at(&r, 0, ROWS_NOW + 6);
	crash_at(&r, 1, ROWS_NOW + 7);
	bug_at(&r, 1, ROWS_NOW + 8);
	bug_at(&r, 0, ROWS_NOW + 9);
	iw_time_set(ROWS_NOW + 1000, -1);
	temp_ok(&r.t.err, campaign_db_end(r.dbc, 1, "done", &r.t.err));
	l = expect(&r, "done", "1 blocks done demo/block 40/3600000 100 3 2 1; ");
	assert_int_equal(l.ended_ms, ROWS_NOW + 1000);
	/* The end is the end, but for an engine that it had. */
	find_features(&r, 0, 1000);
	crash_at(&r, 0, ROWS_NOW + 1001);
	add(&r, 1, 1, 2);
	expect(&r, "done", "1 blocks done demo/block 42/3600000 101 3 2 1; ");
	temp_fails(&r.t.err, campaign_db_end(r.dbc, 1, "stopped", &r.t.err), IW_EINVAL,
		"campaign 'blocks' has ended already: done");
	temp_fails(&r.t.err, campaign_db_end(r.dbc, 9, "stopped", &r.t.err), IW_ENOENT,
		"there is no campaign 9");
	temp_ok(&r.t.err, campaign_db_end(r.dbc, 2, "stopped", &r.t.err));
	rows_reopen(&r);
	expect(&r, NULL,
		"2 all stopped demo/block demo/message 5/3600000 7 1013 4 2; "
		"1 blocks done demo/block 42/3600000 101 3 2 1; ");
	expect(&r, "active", "");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_begins),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_came_of_it),
	};

	return cmocka_run_group_tests_name("farm_campaign_db", tests, NULL, NULL);
}
