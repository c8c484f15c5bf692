/* What was taken out of the staging branch again, as messages say it and as git sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/staging_revert.h"
#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

#define ID "0123456789abcdef0123456789abcdef01234567"
#define OTHER "ffffffffffffffffffffffffffffffffffffffff"

static const struct {
	const char *message;
	bool is_merge, is_revert, is_said;
	const char *hints; /* "0123 #12" */
} messages[] = {
	{"Revert \"x\"\n\nThis reverts commit " ID ".\n", false, true, true, ID " "},
	{"Revert \"Promote PR #3 to staging: x\"\n\nThis reverts commit " ID
	 ", reversing\nchanges made to " OTHER ".\n",
		false, true, true, "#3 " ID " "},
	{"Revert \"x (#3)\" (#12)\n\nThis reverts commit " ID ".", false, true, true,
		"#3 " ID " "},
	{"Merge pull request #12 from a/revert-3-fix\n\nRevert \"x\"", true, true, true,
		"#3 "},
	{"Merge a/b#12: Revert \"Merge a/b#3: x\"\n\nReverts a/b#3\n", true, true, true,
		"#3 #3 "},
	{"revert: x (#12)\n\nThis reverts #3, #4 and #12", false, true, true, "#3 #4 "},
	{"Revert \"Revert \"x (#3)\" (#4)\" (#5)", false, true, true, "#3 #4 "},
	/* What git and GitHub call the revert of a revert, and what reverts that. */
	{"Reapply \"x (#3)\"\n\nThis reverts commit " ID ".\n", false, true, true,
		"#3 " ID " "},
	{"Reapply \"x (#3)\" (#12)", false, true, true, "#3 "},
	{"Revert \"Reapply \"x (#3)\"\" (#12)", false, true, true, "#3 "},
	{"Merge pull request #12 from a/revert-4-b\n\nReapply \"x (#3)\"", true, true,
		true, "#3 #4 "},
	{"Merge pull request #12 from a/b\n\nreapply x (#3)", true, true, true, "#3 "},
	{"x (#12)\n\nto reapply #3 later", false, false, false, "#3 "},
	/* Somebody tells of one. */
	{"x (#12)\n\nThis reverts commit " ID ".", false, true, false, ID " "},
	{"x (#12)\n\nas before we reverted #3", false, false, false, "#3 "},
	{"x\n\nThis reverts commit 0123.", false, true, false, ""},
	{"x\n\nThis reverts commit " ID "0.", false, true, false, ""},
	{"", false, false, false, ""},
};

static void test_messages(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < IW_COUNT(messages); i++) {
		struct iw_arena *arena = iw_arena_new();
		struct iw_buf hints = {0};
		struct staging_revert r;
		struct staged_pr pr;

		staging_message_parse(
			arena, messages[i].message, messages[i].is_merge, &pr);
		assert_int_equal(staging_revert_parse(messages[i].message, &pr, &r),
			messages[i].is_revert);
		assert_int_equal(r.is_said, messages[i].is_said);
		for (k = 0; k < r.number_count; k++)
			iw_buf_addf(&hints, "#%lld ", (long long)r.numbers[k]);
		for (k = 0; k < r.commit_count; k++)
			iw_buf_addf(&hints, "%s ", r.commits[k]);
		assert_string_equal(hints.data ? hints.data : "", messages[i].hints);
		iw_buf_fini(&hints);
		iw_arena_free(arena);
	}
}

/* -- a branch ----------------------------------------------------------------------- */

/* Some files of a few lines; each pull request writes one of them. */
#define FILES 4

static struct test_repo t;
static char contents[FILES][64]; /* of the tip */
static char tip[IW_GIT_HEX];
static const char *inner; /* what the one commit of a merge says */

static void write_tree(char tree[IW_GIT_HEX])
{
	TEST_TREE(&t, tree, {"a", contents[0], 0}, {"b", contents[1], 0},
		{"c", contents[2], 0}, {"d", contents[3], 0});
}

static int setup(void **state)
{
	char tree[IW_GIT_HEX];
	size_t i;

	(void)state;
	test_repo_init(&t);
	inner = "one commit";
	for (i = 0; i < FILES; i++)
		snprintf(contents[i], sizeof contents[i], "0\n");
	write_tree(tree);
	test_repo_commit(&t, "refs/heads/main", tree, NULL, NULL, "base", tip);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

/* The file has this text from now on. merge: the commit. */
static void commit(int file, const char *text, const char *message, bool is_merge,
	char merge[IW_GIT_HEX])
{
	char tree[IW_GIT_HEX], head[IW_GIT_HEX];

	snprintf(contents[file], sizeof contents[file], "%s", text);
	write_tree(tree);
	if (is_merge)
		test_repo_commit(&t, NULL, tree, tip, NULL, inner, head);
	test_repo_commit(&t, "refs/heads/staging", tree, tip, is_merge ? head : NULL,
		message, tip);
	memcpy(merge, tip, sizeof tip);
}

static void promote(int number, int file, const char *text, char merge[IW_GIT_HEX])
{
	_auto_free_ char *message =
		iw_fmt("Promote PR #%d to staging: title %d", number, number);

	commit(file, text, message, true, merge);
}

static void revert(const char *title, const char *id, int file, const char *text,
	char merge[IW_GIT_HEX])
{
	_auto_free_ char *message =
		iw_fmt("Revert \"%s\"\n\nThis reverts commit %s.\n", title, id);

	commit(file, text, message, false, merge);
}

/* "number>staged_as" of each entry; '-' where it is in no more. */
static void expect(const char *text)
{
	struct staging_snapshot *snapshot;
	struct iw_err err = IW_ERR_INIT;
	struct iw_buf out = {0};
	size_t i;

	assert_int_equal(staging_read(t.repo, "staging", "main", &snapshot, &err), 0);
	for (i = 0; i < snapshot->count; i++) {
		const struct staged_pr *pr = &snapshot->prs[i];

		iw_buf_addf(&out, "%s%lld", i ? " " : "", (long long)pr->number);
		if (pr->reverts)
			iw_buf_addf(&out, "!%zu", pr->reverts - 1);
		if (pr->staged_as == STAGING_NOT)
			iw_buf_adds(&out, "-");
		else if (pr->staged_as != i)
			iw_buf_addf(&out, ">%zu", pr->staged_as);
	}
	assert_string_equal(out.data, text);
	iw_buf_fini(&out);
	staging_free(snapshot);
}

static void test_revert_of_a_merge(void **state)
{
	char m1[IW_GIT_HEX], m2[IW_GIT_HEX], r[IW_GIT_HEX];

	(void)state;
	promote(1, 0, "1\n", m1);
	promote(2, 1, "2\n", m2);
	expect("1 2");
	revert("Promote PR #1 to staging: title 1", m1, 0, "0\n", r);
	expect("1- 2 0!0-");
	/* Again, as another version. */
	promote(1, 0, "11\n", r);
	expect("1>3 2 0!0- 1");
}

static void test_revert_of_a_revert(void **state)
{
	struct staging_snapshot *snapshot;
	char m1[IW_GIT_HEX], r1[IW_GIT_HEX], r2[IW_GIT_HEX], r3[IW_GIT_HEX];
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	promote(1, 0, "1\n", m1);
	revert("Promote PR #1 to staging: title 1", m1, 0, "0\n", r1);
	revert("Revert \"Promote PR #1 to staging: title 1\"", r1, 0, "1\n", r2);
	expect("1>2 0!0- 1!1");
	assert_int_equal(staging_read(t.repo, "staging", "main", &snapshot, &err), 0);
	assert_string_equal(snapshot->prs[2].title, "title 1");
	assert_string_equal(snapshot->prs[2].head, snapshot->prs[0].head);
	staging_free(snapshot);
	revert("x", r2, 0, "0\n", r3);
	expect("1- 0!0- 1!1- 0!2-");
}

static void test_reverts_that_are_pull_requests(void **state)
{
	char m1[IW_GIT_HEX], r1[IW_GIT_HEX], r2[IW_GIT_HEX];

	(void)state;
	commit(0, "1\n", "title (#1)", false, m1);
	/* The number alone says which. */
	commit(0, "0\n", "Revert \"title (#1)\" (#2)", false, r1);
	expect("1- 2!0");
	commit(0, "1\n", "Revert \"Revert \"title (#1)\" (#2)\" (#3)", false, r2);
	expect("1 2!0- 3!1");
	commit(0, "0\n",
		"Merge a/b#4: Revert \"Revert \"Revert \"title (#1)\"\"\"\n\n"
		"Reverts a/b#3",
		true, r2);
	expect("1- 2!0 3!1- 4!2");
}

/* The revert of a revert as git has called it since 2.43, and the revert of that. */
static void test_reapply(void **state)
{
	char m1[IW_GIT_HEX], r[IW_GIT_HEX];

	(void)state;
	commit(0, "1\n", "title (#1)", false, m1);
	commit(0, "0\n", "Revert \"title (#1)\" (#2)", false, r);
	commit(0, "1\n", "Reapply \"title (#1)\" (#3)", false, r);
	expect("1 2!0- 3!1");
	commit(0, "0\n", "Revert \"Reapply \"title (#1)\"\" (#4)", false, r);
	expect("1- 2!0 3!1- 4!2");
	commit(0, "1\n", "Reapply \"Reapply \"title (#1)\"\"", false, r);
	expect("1 2!0- 3!1>4 4!2- 3!3");
}

/* GitHub's merge of it: the title is the pull request's, and what it takes out only the
 * commit in it says. */
static void test_reapply_in_a_merge(void **state)
{
	_auto_free_ char *message = NULL;
	char m1[IW_GIT_HEX], r1[IW_GIT_HEX], r2[IW_GIT_HEX];

	(void)state;
	commit(0, "1\n", "title (#1)", false, m1);
	revert("title (#1)", m1, 0, "0\n", r1);
	message = iw_fmt("Reapply \"title\"\n\nThis reverts commit %s.\n", r1);
	inner = message;
	commit(0, "1\n", "Merge pull request #3 from bob/again\n\nReapply \"title\"",
		true, r2);
	expect("1 0!0- 3!1");
}

/* What a message claims is not so. */
static void test_claims(void **state)
{
	char m1[IW_GIT_HEX], m2[IW_GIT_HEX], r[IW_GIT_HEX];

	(void)state;
	promote(1, 0, "1\n2\n3\n", m1);
	promote(2, 1, "2\n", m2);
	/* Nothing of it; a part of it; something in the place of another. */
	revert("Promote PR #1 to staging: title 1", m1, 2, "x\n", r);
	revert("Promote PR #1 to staging: title 1", m1, 0, "1\n3\n", r);
	revert("Promote PR #2 to staging: title 2", m2, 1, "y\n", r);
	revert("no such commit", OTHER, 2, "y\n", r);
	expect("1 2 0- 0- 0- 0-");
	/* Nothing was out that could come back. */
	commit(2, "z\n", "Reapply \"title 1 (#1)\" (#3)", false, r);
	expect("1 2 0- 0- 0- 0- 3");
}

static void test_revert_with_more(void **state)
{
	char m1[IW_GIT_HEX], m2[IW_GIT_HEX], r[IW_GIT_HEX];

	(void)state;
	promote(1, 0, "1\n", m1);
	promote(2, 1, "2\n", m2);
	/* Both at once, and a note. */
	snprintf(contents[0], sizeof contents[0], "0\n");
	snprintf(contents[1], sizeof contents[1], "0\n");
	commit(2, "note\n", "Revert two pull requests\n\nThis reverts #1 and #2.", false,
		r);
	expect("1- 2- 0!1-");
	/* What was out is not taken out again. */
	revert("title 1", m1, 2, "another\n", r);
	expect("1- 2- 0!1- 0-");
}

/* A later change is in the way, so that a person had to take it out by hand. */
static void test_revert_by_hand(void **state)
{
	char m1[IW_GIT_HEX], m2[IW_GIT_HEX], r[IW_GIT_HEX];

	(void)state;
	promote(1, 0, "1\n", m1);
	promote(2, 0, "2\n", m2);
	commit(0, "3\n", "Revert some\n\nThis reverts commit " OTHER ", a part of #1",
		false, r);
	expect("1 2 0-");
	revert("Promote PR #1 to staging: title 1", m1, 0, "4\n", r);
	expect("1- 2 0- 0!0-");
	/* It brings the first back, and takes only its revert out. */
	commit(0, "5\n", "more", false, r);
	commit(0, "6\n", "Reapply \"title 1 (#1)\"", false, r);
	expect("1>5 2 0- 0!0- 0- 1!3");
}

static void test_other_repository(void **state)
{
	char m[IW_GIT_HEX];

	(void)state;
	commit(0, "1\n", "Merge a/b#1: x", true, m);
	commit(1, "1\n", "Merge a/gui#1: y", true, m);
	expect("1 1");
	/* The same once more: its newer version counts. */
	commit(2, "1\n", "Merge a/b#1: x", true, m);
	expect("1>2 1 1");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		TEST(test_revert_of_a_merge),
		TEST(test_revert_of_a_revert),
		TEST(test_reverts_that_are_pull_requests),
		TEST(test_reapply),
		TEST(test_reapply_in_a_merge),
		TEST(test_claims),
		TEST(test_revert_with_more),
		TEST(test_revert_by_hand),
		TEST(test_other_repository),
	};

	return cmocka_run_group_tests_name("adapters_staging_revert", tests, NULL, NULL);
}
