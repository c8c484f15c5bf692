/* Whose line is it, after everything that was staged behind it? And is it reached? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapters/staged_lines.h"
#include "adapters/staged_reach.h"
#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

static struct test_repo t;

static int set_up(void **state)
{
	(void)state;
	test_repo_init(&t);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

/* A base and a staging branch on it. */
struct branch {
	char tip[IW_GIT_HEX];
	int number;
};

static void begin(struct branch *b, const char *tree)
{
	test_repo_commit(&t, "refs/heads/main", tree, NULL, NULL, "base", b->tip);
	b->number = 0;
}

static void stage(struct branch *b, const char *tree)
{
	_auto_free_ char *message = iw_fmt("x (#%d)\n", ++b->number);

	test_repo_commit(&t, "refs/heads/staging", tree, b->tip, NULL, message, b->tip);
}

static void read_lines(struct staging_snapshot **snapshot, struct staged_lines *lines)
{
	struct iw_err err = IW_ERR_INIT;

	assert_int_equal(staging_read(t.repo, "staging", "main", snapshot, &err), 0);
	assert_int_equal(staged_lines_read(t.repo, *snapshot, lines, &err), 0);
}

/* "path: 3-5 #1, 9 #2; path: …", by the numbers of the pull requests. */
static char *words_of(
	const struct staging_snapshot *snapshot, const struct staged_lines *lines)
{
	struct iw_buf out = {0};
	size_t i, k;

	iw_buf_adds(&out, "");
	for (i = 0; i < lines->count; i++) {
		iw_buf_addf(&out, "%s%s:", i ? "; " : "", lines->files[i].path);
		for (k = 0; k < lines->files[i].count; k++) {
			const struct staged_range *r = &lines->files[i].ranges[k];

			iw_buf_addf(&out, "%s %u-%u #%lld", k ? "," : "", r->line,
				r->line + r->count - 1,
				(long long)snapshot->prs[r->pr].number);
		}
	}
	return iw_buf_steal(&out);
}

static void expect(const char *words)
{
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	_auto_free_ char *found = NULL;
	struct staged_lines lines;

	read_lines(&snapshot, &lines);
	found = words_of(snapshot, &lines);
	assert_string_equal(found, words);
	staged_lines_fini(&lines);
}

static void test_moved_by_later_ones(void **state)
{
	struct branch b;
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", "1\n2\n3\n4\n5\n", 0});
	begin(&b, tree);
	TEST_TREE(&t, tree, {"a.c", "1\n2\n3\nP\nQ\nR\n4\n5\n", 0});
	stage(&b, tree);
	expect("a.c: 4-6 #1");
	/* Lines above move it, a line inside splits it, one is taken away. */
	TEST_TREE(&t, tree, {"a.c", "0\n0\n1\n3\nP\nin\nQ\n4\n5\nend\n", 0});
	stage(&b, tree);
	expect("a.c: 1-2 #2, 5-5 #1, 6-6 #2, 7-7 #1, 10-10 #2");
	/* A line is written anew; nothing of #1's last one is left. */
	TEST_TREE(&t, tree, {"a.c", "0\n0\n1\n3\nP\nin\nQQ\n4\n5\nend\n", 0});
	stage(&b, tree);
	expect("a.c: 1-2 #2, 5-5 #1, 6-6 #2, 7-7 #3, 10-10 #2");
}

static void test_files(void **state)
{
	static const char text[] = "some text\nthat stays\nmostly\nas it\nwas before\n";
	_auto_free_ char *longer = iw_fmt("%smore\n", text);
	struct branch b;
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", text, 0}, {"b.c", "b\n", 0});
	begin(&b, tree);
	TEST_TREE(
		&t, tree, {"a.c", longer, 0}, {"b.c", "b\n", 0}, {"new.c", "x\ny\n", 0});
	stage(&b, tree);
	/* Renamed: the lines that stay keep their owner. */
	TEST_TREE(&t, tree, {"moved.c", longer, 0}, {"b.c", "b\n", 0},
		{"new.c", "x\ny\n", 0});
	stage(&b, tree);
	TEST_TREE(&t, tree, {"moved.c", longer, 0}, {"b.c", "b\n", 0},
		{"new.c", "y\n", 0}, {"data", "a", 0});
	stage(&b, tree);
	expect("data: 1-1 #3; moved.c: 6-6 #1; new.c: 1-1 #1");
	TEST_TREE(&t, tree, {"moved.c", text, 0}, {"b.c", "", 0}, {"data", "a", 0});
	stage(&b, tree);
	expect("data: 1-1 #3");
}

static void test_nothing_staged(void **state)
{
	struct branch b;
	char tree[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, tree, {"a.c", "1\n", 0});
	begin(&b, tree);
	test_repo_commit(&t, "refs/heads/staging", tree, b.tip, NULL, "none (#1)", b.tip);
	expect("");
}

#define LINES_MAX 60

/* A file as a list of lines, each of which tells who wrote it. */
struct text {
	int owners[LINES_MAX], ids[LINES_MAX];
	int count, next_id;
};

static void change_text(struct text *x, int owner)
{
	int edits = 1 + rand() % 4, e;

	for (e = 0; e < edits; e++) {
		int at = x->count ? rand() % x->count : 0, k;

		if (rand() % 2 && x->count < LINES_MAX) {
			for (k = x->count++; k > at; k--) {
				x->owners[k] = x->owners[k - 1];
				x->ids[k] = x->ids[k - 1];
			}
			x->owners[at] = owner;
			x->ids[at] = x->next_id++;
		} else if (x->count) {
			x->count--;
			for (k = at; k < x->count; k++) {
				x->owners[k] = x->owners[k + 1];
				x->ids[k] = x->ids[k + 1];
			}
		}
	}
}

static void tree_of(const struct text *x, char tree[IW_GIT_HEX])
{
	struct iw_buf out = {0};
	int i;

	iw_buf_adds(&out, "");
	for (i = 0; i < x->count; i++)
		iw_buf_addf(&out, "%d\n", x->ids[i]);
	TEST_TREE(&t, tree, {"a.c", out.data, 0});
	iw_buf_fini(&out);
}

/* No line has the text of another, so there is one right answer: compared line by line.
 */
static void test_random_histories(void **state)
{
	int round, step, i;

	(void)state;
	srand(1);
	for (round = 0; round < 12; round++) {
		_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
		struct staged_lines lines;
		struct text x = {0};
		int found[LINES_MAX] = {0};
		char tree[IW_GIT_HEX];
		struct branch b;
		size_t k;

		for (i = 0; i < 20; i++)
			change_text(&x, 0);
		tree_of(&x, tree);
		begin(&b, tree);
		for (step = 1; step <= 12; step++) {
			change_text(&x, step);
			tree_of(&x, tree);
			stage(&b, tree);
		}
		read_lines(&snapshot, &lines);
		for (k = 0; lines.count && k < lines.files[0].count; k++) {
			const struct staged_range *r = &lines.files[0].ranges[k];

			for (i = 0; i < (int)r->count; i++) {
				assert_in_range(r->line + i, 1, x.count);
				found[r->line - 1 + i] = (int)snapshot->prs[r->pr].number;
			}
		}
		for (i = 0; i < x.count; i++)
			assert_int_equal(found[i], x.owners[i]);
		staged_lines_fini(&lines);
	}
}

static void test_reach(void **state)
{
	static const char text[] = "SF:a.c\nDA:1,0\nDA:3,1\nDA:4,0\nDA:6,0\nDA:7,1\n"
				   "DA:8,0\nDA:20,0\nend_of_record\n"
				   "SF:other.c\nDA:1,0\nend_of_record\n";
	struct staged_range ranges[] = {{3, 4, 0}, {7, 1, 1}, {8, 5, 0}, {30, 2, 1}};
	struct staged_range unknown[] = {{1, 9, 1}};
	struct staged_file files[] = {
		{.path = "a.c", .ranges = ranges, .count = IW_COUNT(ranges)},
		{.path = "docs.md", .ranges = unknown, .count = 1},
	};
	struct staged_lines lines = {.files = files, .count = IW_COUNT(files)};
	struct iw_err err = IW_ERR_INIT;
	struct staged_reach *reach;
	struct san_lcov lcov;

	(void)state;
	assert_int_equal(san_lcov_parse(text, sizeof text - 1, "/src", &lcov, &err), 0);
	reach = staged_reach_new(&lines, &lcov, 3);
	assert_int_equal(reach[0].lines, 4);
	assert_int_equal(reach[0].reached, 1);
	assert_int_equal(reach[0].gap_count, 2);
	/* Line 5 cannot be executed, so the gap goes on over it. */
	assert_string_equal(reach[0].gaps[0].path, "a.c");
	assert_int_equal(reach[0].gaps[0].first, 4);
	assert_int_equal(reach[0].gaps[0].last, 6);
	assert_int_equal(reach[0].gaps[1].first, 8);
	assert_int_equal(reach[0].gaps[1].last, 8);
	assert_int_equal(reach[1].lines, 1);
	assert_int_equal(reach[1].reached, 1);
	assert_int_equal(reach[1].gap_count, 0);
	assert_int_equal(reach[2].lines, 0);
	staged_reach_free(reach, 3);
	san_lcov_fini(&lcov);
}

static void test_many_gaps(void **state)
{
	struct staged_range range = {1, 1000, 0};
	struct staged_file file = {.path = "a.c", .ranges = &range, .count = 1};
	struct staged_lines lines = {.files = &file, .count = 1};
	struct iw_err err = IW_ERR_INIT;
	struct staged_reach *reach;
	struct iw_buf text = {0};
	struct san_lcov lcov;
	int i;

	(void)state;
	iw_buf_adds(&text, "SF:a.c\n");
	for (i = 1; i <= 1000; i++)
		iw_buf_addf(&text, "DA:%d,%d\n", i, i % 2);
	iw_buf_adds(&text, "end_of_record\n");
	assert_int_equal(san_lcov_parse(text.data, text.len, "/src", &lcov, &err), 0);
	reach = staged_reach_new(&lines, &lcov, 1);
	assert_int_equal(reach->lines, 1000);
	assert_int_equal(reach->reached, 500);
	assert_int_equal(reach->gap_count, STAGED_GAPS_MAX);
	assert_int_equal(reach->gaps_left_out, 500 - STAGED_GAPS_MAX);
	staged_reach_free(reach, 1);
	san_lcov_fini(&lcov);
	iw_buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_moved_by_later_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_staged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_histories, set_up, tear_down),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_many_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
