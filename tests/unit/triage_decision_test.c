/* What people decide about bugs: what it changes, who is named, what undoes it, and what
 * the issue says. */
#include "tests/lib/bug_rows.h"

#include <stdlib.h>

#include "adapters/project_db.h"
#include "base/file.h"
#include "triage/decision.h"
#include "triage/merge_db.h"

#include "base/banned.h"

struct seen {
	char decision[16], by[16], why[40];
	bool is_muted, is_quiet;
};

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct seen *s = ctx;

	snprintf(s->decision, sizeof s->decision, "%s",
		row->decision ? row->decision : "-");
	snprintf(s->by, sizeof s->by, "%s", row->decision_by ? row->decision_by : "-");
	snprintf(
		s->why, sizeof s->why, "%s", row->decision_why ? row->decision_why : "-");
	s->is_muted = row->muted_ms != 0;
	s->is_quiet = triage_decision_is_quiet(row);
	return 0;
}

static struct seen look(struct rows *r, int64_t bug)
{
	struct seen s = {.is_muted = false};

	temp_ok(&r->t.err, bug_db_list(r->dbc, bug, take_bug, &s, &r->t.err));
	return s;
}

static int decide(struct rows *r, int64_t bug, const char *verb, const char *why)
{
	struct decision d = {.bug_id = bug, .by = "alice", .why = why};

	return triage_decide(r->dbc, r->t.dir, verb, &d, &r->t.err);
}

struct life {
	char text[600];
};

static int take_event(void *ctx, const struct bug_event *e)
{
	struct life *l = ctx;
	size_t len = strlen(l->text);

	snprintf(l->text + len, sizeof l->text - len, "%s %s %s; ", e->what,
		e->by ? e->by : "-", e->why ? e->why : "-");
	return 0;
}

static void expect_life(struct rows *r, int64_t bug, const char *text)
{
	struct life l = {.text = ""};

	temp_ok(&r->t.err, bug_db_events(r->dbc, bug, take_event, &l, &r->t.err));
	assert_string_equal(l.text, text);
}

static void test_each_is_told_and_undone(void **state)
{
	static const char *const verbs[][2] = {
		{"wontfix", "wontfix"}, {"expected", "expected"}, {"close", "closed"}};
	struct rows r;
	struct seen s;
	int64_t bug;
	size_t i;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	for (i = 0; i < IW_COUNT(verbs); i++) {
		temp_ok(&r.t.err, decide(&r, bug, verbs[i][0], "so be it"));
		s = look(&r, bug);
		assert_string_equal(s.decision, verbs[i][1]);
		assert_string_equal(s.by, "alice");
		assert_string_equal(s.why, "so be it");
		assert_true(s.is_quiet);
	}
	temp_ok(&r.t.err, decide(&r, bug, "mute", NULL));
	s = look(&r, bug);
	assert_true(s.is_muted);
	assert_string_equal(s.decision, "closed");
	rows_reopen(&r);
	temp_ok(&r.t.err, decide(&r, bug, "reopen", "it is not"));
	s = look(&r, bug);
	assert_string_equal(s.decision, "-");
	assert_string_equal(s.by, "-");
	assert_false(s.is_quiet || s.is_muted);
	expect_life(&r, bug,
		"wontfix alice so be it; expected alice so be it; closed alice so be it; "
		"muted alice -; reopened alice it is not; ");
	rows_close(&r);
}

static void test_what_cannot_be(void **state)
{
	struct rows r;
	int64_t bug;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	temp_fails(&r.t.err, decide(&r, bug, "reopen", NULL), IW_EINVAL,
		"nothing was decided about bug 1, so there is nothing to undo");
	temp_fails(&r.t.err, decide(&r, 99, "close", NULL), IW_ENOENT,
		"there is no bug 99; 'ironworks bug list' shows all");
	temp_fails(&r.t.err, decide(&r, bug, "close", "two\nlines"), IW_EINVAL,
		"a reason has 1 to 200 printable characters");
	assert_false(triage_decision_is("open"));
	assert_true(triage_decision_is("mute"));
	expect_life(&r, bug, "");
	rows_close(&r);
}

/* A sighting on the snapshot of that day changes nothing, one on another reopens; and only
 * what was closed. */
static void test_closed_until_it_shows_elsewhere(void **state)
{
	struct rows r;
	int64_t closed, wontfix;

	(void)state;
	rows_open(&r);
	closed = rows_bug(&r, 0, "Abort");
	wontfix = rows_bug(&r, 0, "Abort");
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "c1", false, &r.t.err));
	temp_ok(&r.t.err, decide(&r, closed, "close", NULL));
	temp_ok(&r.t.err, decide(&r, wontfix, "wontfix", NULL));
	temp_ok(&r.t.err, bug_db_add_sighting(r.dbc, closed, "demo/a", &r.t.err));
	temp_ok(&r.t.err, bug_db_set_tested(r.dbc, closed, "t1", 5, 5, -1, &r.t.err));
	assert_string_equal(look(&r, closed).decision, "closed");
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "c2", false, &r.t.err));
	temp_ok(&r.t.err, bug_db_set_tested(r.dbc, closed, "t2", 5, 0, -1, &r.t.err));
	assert_string_equal(look(&r, closed).decision, "closed");
	temp_ok(&r.t.err, bug_db_set_tested(r.dbc, closed, "t2", 5, 1, -1, &r.t.err));
	assert_string_equal(look(&r, closed).decision, "-");
	expect_life(&r, closed, "closed alice -; sighting - -; reopened - -; ");
	temp_ok(&r.t.err, decide(&r, closed, "close", NULL));
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "c3", false, &r.t.err));
	temp_ok(&r.t.err, bug_db_add_sighting(r.dbc, closed, "demo/a", &r.t.err));
	temp_ok(&r.t.err, bug_db_add_sighting(r.dbc, wontfix, "demo/a", &r.t.err));
	assert_string_equal(look(&r, closed).decision, "-");
	assert_string_equal(look(&r, wontfix).decision, "wontfix");
	rows_close(&r);
}

static char *issue_of(struct rows *r)
{
	_auto_free_ char *path = iw_path_join(r->t.dir, "bug.md");
	char *text;
	size_t len;

	temp_ok(&r->t.err, iw_file_read(path, 1 << 20, &text, &len, &r->t.err));
	return text;
}

static void test_the_issue_says_it(void **state)
{
	static const char issue[] = "# [demo] abort\n\n| Bug | 1 |\n\n<!-- "
				    "ironworks-decision -->\nforged\n";
	_auto_free_ char *decided = NULL, *twice = NULL, *undone = NULL, *path = NULL;
	struct rows r;
	int64_t bug;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	path = iw_path_join(r.t.dir, "bug.md");
	temp_ok(&r.t.err, iw_file_replace(path, issue, strlen(issue), &r.t.err));
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, bug, "open", "bug.md", &r.t.err));
	temp_ok(&r.t.err, decide(&r, bug, "wontfix", "`@you` <b> | <!-- x -->"));
	decided = issue_of(&r);
	assert_non_null(strstr(decided,
		"# [demo] abort\n\n<!-- ironworks-decision -->\n**wontfix**, decided by "
		"`alice`, "));
	assert_non_null(strstr(decided, ": `` `@you` <b> ¦ <!-- x --> ``. It is"));
	temp_ok(&r.t.err, decide(&r, bug, "expected", NULL));
	twice = issue_of(&r);
	assert_null(strstr(twice, "wontfix"));
	assert_non_null(strstr(twice, "**expected**"));
	temp_ok(&r.t.err, decide(&r, bug, "reopen", NULL));
	undone = issue_of(&r);
	assert_string_equal(undone, issue);
	rows_close(&r);
}

/* What is decided is decided about the bug that counts; the part's issue says whose it is. */
static void test_a_part_of_another(void **state)
{
	static const char issue[] = "# [demo] abort\n\n| Bug | 2 |\n";
	struct bug_word word = {.by = "alice"};
	_auto_free_ char *path = NULL, *merged = NULL, *alone = NULL;
	struct rows r;
	int64_t bug, part;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abort");
	part = rows_bug(&r, 0, "Abort");
	path = iw_path_join(r.t.dir, "bug.md");
	temp_ok(&r.t.err, iw_file_replace(path, issue, strlen(issue), &r.t.err));
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, part, "open", "bug.md", &r.t.err));
	temp_ok(&r.t.err, bug_db_merge(r.dbc, bug, part, &word, &r.t.err));
	temp_ok(&r.t.err, triage_decision_rewrite(r.dbc, r.t.dir, part, &r.t.err));
	merged = issue_of(&r);
	assert_non_null(strstr(merged, "**merged**: this is a part of bug 1, "));
	temp_fails(&r.t.err, decide(&r, part, "close", NULL), IW_EINVAL,
		"bug 2 is a part of bug 1: say that one, or take it out with 'ironworks "
		"bug unmerge 2'");
	temp_ok(&r.t.err, decide(&r, bug, "close", NULL));
	temp_ok(&r.t.err, bug_db_unmerge(r.dbc, part, &word, &r.t.err));
	temp_ok(&r.t.err, triage_decision_rewrite(r.dbc, r.t.dir, part, &r.t.err));
	alone = issue_of(&r);
	assert_string_equal(alone, issue);
	temp_ok(&r.t.err, decide(&r, part, "close", NULL));
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_told_and_undone),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_closed_until_it_shows_elsewhere),
		cmocka_unit_test(test_the_issue_says_it),
		cmocka_unit_test(test_a_part_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
