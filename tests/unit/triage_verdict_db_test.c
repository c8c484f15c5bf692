/* The table verdict: what is known of a tree, and for which bugs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/bug_rows.h"
#include "triage/verdict_db.h"

#include "base/banned.h"

struct answers {
	char text[200];
};

static void take_verdict(void *ctx, const struct verdict_row *row)
{
	struct answers *a = ctx;
	size_t len = strlen(a->text);

	snprintf(a->text + len, sizeof a->text - len, "%s %s %lld/%lld;", row->tree,
		row->answer, (long long)row->hits, (long long)row->runs);
}

static int put_verdict(struct rows *r, int64_t bug, const struct iw_sha256 *input,
	const char *tree, const char *answer, int64_t runs, int64_t others)
{
	struct verdict_row row = {.tree = tree,
		.answer = answer,
		.runs = runs,
		.hits = strcmp(answer, "bad") == 0,
		.others = others};

	return verdict_db_put(r->dbc, bug, input, &row, &r->t.err);
}

static void assert_verdicts(
	struct rows *r, int64_t bug, const struct iw_sha256 *input, const char *text)
{
	struct answers a = {""};

	temp_ok(&r->t.err,
		verdict_db_list(r->dbc, bug, input, take_verdict, &a, &r->t.err));
	assert_string_equal(a.text, text);
}

static void test_verdicts(void **state)
{
	struct iw_sha256 one = iw_sha256("a", 1), two = iw_sha256("b", 1);
	struct rows r;
	int64_t bug;

	(void)state;
	rows_open(&r);
	bug = rows_bug(&r, 0, "Abrt");
	temp_ok(&r.t.err, put_verdict(&r, bug, &one, "t1", "bad", 5, 0));
	temp_ok(&r.t.err, put_verdict(&r, bug, &one, "t2", "untestable", 0, 0));
	temp_ok(&r.t.err, put_verdict(&r, bug, &one, "t1", "good", 50, 0));
	temp_ok(&r.t.err, put_verdict(&r, bug, &two, "t3", "good", 5, 0));
	assert_int_equal(put_verdict(&r, bug, &one, "t3", "perhaps", 1, 0), IW_EDB);
	assert_int_equal(put_verdict(&r, 99, &one, "t1", "bad", 1, 0), IW_EDB);
	assert_verdicts(&r, bug, &one, "t2 untestable 0/0;t1 good 0/50;");
	rows_close(&r);
}

/* What one bug learned of a tree another one with the same input need not ask. */
static void test_verdicts_serve_other_bugs(void **state)
{
	struct iw_sha256 input = iw_sha256("a", 1), another = iw_sha256("b", 1);
	struct rows r;
	int64_t first, second;

	(void)state;
	rows_open(&r);
	first = rows_bug(&r, 0, "Abrt");
	second = rows_bug(&r, 0, "Timeout");
	temp_ok(&r.t.err, put_verdict(&r, first, &input, "clean", "good", 5, 0));
	temp_ok(&r.t.err, put_verdict(&r, first, &input, "fails", "good", 5, 2));
	temp_ok(&r.t.err, put_verdict(&r, first, &input, "broken", "bad", 1, 0));
	assert_verdicts(&r, second, &input, "clean good 0/5;");
	assert_verdicts(&r, second, &another, "");
	temp_ok(&r.t.err, put_verdict(&r, second, &input, "clean", "bad", 9, 0));
	assert_verdicts(&r, second, &input, "clean good 0/5;clean bad 1/9;");
	temp_ok(&r.t.err,
		iw_db_exec(r.dbc, &r.t.err, "UPDATE bug SET merged_into = ? WHERE id = ?",
			"ii", second, first));
	assert_verdicts(&r, second, &input,
		"broken bad 1/1;clean good 0/5;fails good 0/5;clean bad 1/9;");
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_verdicts_serve_other_bugs),
	};

	return cmocka_run_group_tests_name("triage_verdict_db", tests, NULL, NULL);
}
