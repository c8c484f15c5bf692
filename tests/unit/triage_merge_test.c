/* Merges and splits of bugs: what they do to the rows, and that each can be undone. */
#include "tests/lib/rows.h"

#include "triage/bug_db.h"
#include "triage/crash_db.h"
#include "triage/merge_db.h"

#include "base/banned.h"

static const struct bug_word word = {"alice", "one fix closed both"};

static int64_t add_bug(struct rows *r, const char *type)
{
	struct bug_row row = {.adapter_id = r->adapter,
		.target_id = r->targets[0],
		.build_id = r->builds[1],
		.frames = "[\"f\",\"g\"]",
		.best = iw_sha256("best", 4),
		.report = iw_sha256("report", 6),
		.best_size = 4,
		.first_size = 4,
		.runs = 5,
		.hits = 5};

	snprintf(row.type, sizeof row.type, "%s", type);
	snprintf(row.flavour, sizeof row.flavour, "libfuzzer+asan+ubsan");
	temp_ok(&r->t.err, bug_db_add(r->dbc, &row, &r->t.err));
	return row.id;
}

static void judge(struct rows *r, int64_t crash, int64_t bug)
{
	struct crash_verdict verdict = {.state = "judged",
		.runs = 2,
		.hits = 1,
		.type = "Abrt",
		.frames = "[\"x\",\"y\"]",
		.bug_id = bug};

	temp_ok(&r->t.err, crash_db_judge(r->dbc, crash, &verdict, &r->t.err));
}

/* One more crash that is judged to be this bug. */
static int64_t see(struct rows *r, int64_t bug)
{
	struct iw_sha256 report = iw_sha256("r", 1), input;
	_auto_free_ char *text =
		iw_fmt("%lld", (long long)rows_int(r, "SELECT count(*) FROM crash"));
	int64_t id;

	input = iw_sha256(text, strlen(text));
	temp_ok(&r->t.err,
		crash_db_add(r->dbc, r->targets[0], r->builds[1], "crash", &input, 1,
			&report, &id, &r->t.err));
	judge(r, id, bug);
	return id;
}

static int64_t number(struct rows *r, const char *sql, int64_t id)
{
	int64_t value;

	temp_ok(&r->t.err, iw_db_int(r->dbc, -1, &value, &r->t.err, sql, "i", id));
	return value;
}

static int64_t bug_of(struct rows *r, int64_t crash)
{
	return number(r, "SELECT bug_id FROM crash WHERE id = ?", crash);
}

static int64_t sightings(struct rows *r, int64_t bug)
{
	return number(r, "SELECT count(*) FROM crash WHERE bug_id = ?", bug);
}

static void set_issue(struct rows *r, int64_t bug)
{
	temp_ok(&r->t.err, bug_db_set_issue(r->dbc, bug, "open", "x.md", &r->t.err));
}

static void merge(struct rows *r, int64_t into, int64_t from)
{
	temp_ok(&r->t.err, bug_db_merge(r->dbc, into, from, &word, &r->t.err));
}

static void unmerge(struct rows *r, int64_t id)
{
	temp_ok(&r->t.err, bug_db_unmerge(r->dbc, id, &word, &r->t.err));
}

/* Everything of all bugs and crashes but the time of the last change. */
static char *picture(struct rows *r)
{
	sqlite3_stmt *stmt = iw_stmt(r->dbc,
		"SELECT json_group_array(line) AS all_rows FROM ("
		"SELECT json_array(id, state, type, frames, issue, found_ms, "
		"merged_into) AS line FROM bug UNION ALL SELECT json_array(id, state, "
		"runs, hits, bug_id, own_bug_id, is_pinned) FROM crash)",
		"");
	char *text;

	assert_int_equal(iw_stmt_step(r->dbc, stmt, &r->t.err), 1);
	text = iw_strdup(iw_col_str(stmt, "all_rows"));
	iw_stmt_done(r->dbc, stmt);
	return text;
}

static void test_merged_bug_lives_on_in_the_other(void **state)
{
	int64_t a, b, survivor, crash;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_bug(&r, "Abrt");
	b = add_bug(&r, "UNKNOWN READ");
	set_issue(&r, b);
	see(&r, a);
	see(&r, b);
	merge(&r, a, b);
	assert_int_equal(sightings(&r, a), 2);
	assert_int_equal(sightings(&r, b), 0);
	temp_ok(&r.t.err, bug_db_survivor(r.dbc, b, &survivor, &r.t.err));
	assert_int_equal(survivor, a);

	/* What is judged to be the merged one is the survivor's, and remembers. */
	crash = see(&r, b);
	assert_int_equal(bug_of(&r, crash), a);
	assert_int_equal(rows_int(&r,
				 "SELECT count(*) FROM bug WHERE issue IS NOT NULL AND "
				 "merged_into IS NOT NULL"),
		1);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM bug_event WHERE what = 'merged'"), 2);

	unmerge(&r, b);
	assert_int_equal(bug_of(&r, crash), b);
	assert_int_equal(sightings(&r, a), 1);
	assert_int_equal(sightings(&r, b), 2);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM bug_event WHERE what = 'split'"), 2);
	rows_close(&r);
}

static void test_what_cannot_be_merged_says_why(void **state)
{
	struct iw_err err = IW_ERR_INIT;
	int64_t a, b, c, other;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_bug(&r, "Abrt");
	b = add_bug(&r, "Abrt");
	c = add_bug(&r, "Abrt");
	assert_int_equal(bug_db_merge(r.dbc, a, a, &word, &err), IW_EINVAL);
	assert_int_equal(bug_db_merge(r.dbc, a, 99, &word, &err), IW_ENOENT);
	assert_int_equal(bug_db_merge(r.dbc, 99, a, &word, &err), IW_ENOENT);
	assert_int_equal(bug_db_unmerge(r.dbc, 99, &word, &err), IW_ENOENT);
	assert_int_equal(bug_db_unmerge(r.dbc, a, &word, &err), IW_EINVAL);
	merge(&r, a, b);
	assert_int_equal(bug_db_merge(r.dbc, b, c, &word, &err), IW_EINVAL);
	assert_non_null(strstr(err.msg, "part of bug 1"));
	assert_int_equal(bug_db_merge(r.dbc, c, b, &word, &err), IW_EINVAL);
	/* no ring */
	assert_int_equal(bug_db_merge(r.dbc, b, a, &word, &err), IW_EINVAL);
	temp_ok(&r.t.err,
		project_db_adapter(r.dbc, "zstd", "/zstd", "", &other, &r.t.err));
	r.adapter = other;
	other = add_bug(&r, "Abrt");
	assert_int_equal(bug_db_merge(r.dbc, a, other, &word, &err), IW_EINVAL);
	rows_close(&r);
}

static void test_split_makes_a_bug_that_keeps_its_crashes(void **state)
{
	struct iw_err err = IW_ERR_INIT;
	int64_t a, crashes[3], made = -1, none;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_bug(&r, "Abrt");
	crashes[0] = see(&r, a);
	crashes[1] = see(&r, a);
	assert_int_equal(bug_db_split(r.dbc, crashes, 2, &word, &none, &err), IW_EINVAL);
	crashes[2] = see(&r, a);
	temp_ok(&r.t.err, bug_db_split(r.dbc, crashes, 2, &word, &made, &r.t.err));
	assert_int_not_equal(made, a);
	assert_int_equal(sightings(&r, made), 2);
	assert_int_equal(sightings(&r, a), 1);
	assert_int_equal(
		number(&r, "SELECT frames = '[\"x\",\"y\"]' FROM bug WHERE id = ?", made),
		1);

	/* Triage thinks otherwise, and is not asked. */
	judge(&r, crashes[0], a);
	assert_int_equal(bug_of(&r, crashes[0]), made);

	assert_int_equal(bug_db_split(r.dbc, crashes, 3, &word, &none, &err), IW_EINVAL);
	crashes[2] = 99;
	assert_int_equal(
		bug_db_split(r.dbc, crashes + 2, 1, &word, &none, &err), IW_ENOENT);
	assert_int_equal(bug_db_split(r.dbc, crashes, 0, &word, &none, &err), IW_EINVAL);

	merge(&r, a, made);
	assert_int_equal(sightings(&r, a), 3);
	rows_close(&r);
}

static void test_crash_joins_two_bugs_unless_people_know_both(void **state)
{
	int64_t a, b, c, survivor = 0;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_bug(&r, "Abrt");
	b = add_bug(&r, "Abrt");
	c = add_bug(&r, "Abrt");
	set_issue(&r, b);
	temp_ok(&r.t.err, bug_db_join(r.dbc, a, b, 7, &survivor, &r.t.err));
	assert_int_equal(survivor, b);

	/* What a person took apart stays apart, until that person says so. */
	unmerge(&r, a);
	assert_int_equal(bug_db_join(r.dbc, a, b, 8, &survivor, &r.t.err), 1);
	assert_int_equal(bug_db_join(r.dbc, b, a, 9, &survivor, &r.t.err), 1);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM bug_event WHERE what = 'alike'"), 1);
	merge(&r, a, c);
	assert_int_equal(bug_db_join(r.dbc, a, b, 8, &survivor, &r.t.err), 1);
	unmerge(&r, c);

	set_issue(&r, c);
	assert_int_equal(bug_db_join(r.dbc, b, c, 9, &survivor, &r.t.err), 1);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM bug WHERE merged_into IS NOT NULL"),
		0);
	merge(&r, b, a);
	assert_int_equal(rows_int(&r, "SELECT count(*) FROM bug_apart"), 1);
	rows_close(&r);
}

/* A small generator, so that a failure comes back. */
static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

/* Any pile of merges, one on top of the other, is taken down to the very rows. */
static void pile_up_and_take_down(struct rows *r, unsigned *seed)
{
	enum { BUGS = 6, STEPS = 4 };
	char *before[STEPS];
	int64_t parts[STEPS];
	size_t steps = 0;

	while (steps < STEPS) {
		int64_t into = 1 + draw(seed, BUGS), from = 1 + draw(seed, BUGS);
		struct iw_err err = IW_ERR_INIT;

		before[steps] = picture(r);
		if (bug_db_merge(r->dbc, into, from, &word, &err) == 0)
			parts[steps++] = from;
		else
			free(before[steps]);
	}
	while (steps-- > 0) {
		_auto_free_ char *after = NULL;

		unmerge(r, parts[steps]);
		after = picture(r);
		assert_string_equal(after, before[steps]);
		free(before[steps]);
	}
}

static void test_merges_are_undone_to_the_row(void **state)
{
	unsigned seed = 1, i;
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, iw_db_exec(r.dbc, &r.t.err, "BEGIN", "")); /* and no disk */
	for (i = 0; i < 6; i++)
		add_bug(&r, "Abrt");
	for (i = 0; i < 40; i++)
		see(&r, 1 + draw(&seed, 6));
	for (i = 0; i < 50; i++)
		pile_up_and_take_down(&r, &seed);
	assert_int_equal(
		rows_int(&r, "SELECT count(*) FROM crash WHERE own_bug_id IS NOT NULL"),
		0);
	temp_ok(&r.t.err, iw_db_exec(r.dbc, &r.t.err, "ROLLBACK", ""));
	rows_close(&r);
}

static void test_renamed_bugs_are_one(void **state)
{
	struct iw_err err = IW_ERR_INIT;
	int64_t old, young, apart;
	struct rows r;

	(void)state;
	rows_open(&r);
	old = add_bug(&r, "Abrt");
	young = add_bug(&r, "Abrt");
	apart = add_bug(&r, "Abrt");
	see(&r, young);
	temp_ok(&err, iw_db_exec(r.dbc, &err, "UPDATE bug SET issue = 'x'", ""));
	/* Whoever asks, and whatever issues there are. */
	temp_ok(&err, bug_db_join_renamed(r.dbc, young, old, "f is called g now", &err));
	assert_int_equal(
		number(&r, "SELECT merged_into FROM bug WHERE id = ?", young), old);
	assert_int_equal(
		number(&r, "SELECT count(*) FROM crash WHERE bug_id = ?", old), 1);
	temp_ok(&err, bug_db_join_renamed(r.dbc, old, young, "f is called g now", &err));
	/* A person knows better. */
	temp_ok(&err, bug_db_merge(r.dbc, old, apart, &word, &err));
	temp_ok(&err, bug_db_unmerge(r.dbc, apart, &word, &err));
	temp_ok(&err, bug_db_join_renamed(r.dbc, old, apart, "f is called g now", &err));
	assert_int_equal(
		number(&r, "SELECT merged_into IS NULL FROM bug WHERE id = ?", apart), 1);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged_bug_lives_on_in_the_other),
		cmocka_unit_test(test_what_cannot_be_merged_says_why),
		cmocka_unit_test(test_split_makes_a_bug_that_keeps_its_crashes),
		cmocka_unit_test(test_crash_joins_two_bugs_unless_people_know_both),
		cmocka_unit_test(test_renamed_bugs_are_one),
		cmocka_unit_test(test_merges_are_undone_to_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
