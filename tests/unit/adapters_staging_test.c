/* The staging branch: messages as tools write them and as nobody should, and the branch
 * that they lie on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/staging.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

#define HEAD_ID "0123456789abcdef0123456789abcdef01234567"
#define PROMOTE "Promote PR #12 to staging: p2p: read less\n\n"
#define AT_1700000000 1700000000000

static const struct message {
	const char *text;
	int64_t number; /* 0: no pull request */
	const char *title, *url, *head, *head_ref;
	int64_t promoted_at_ms;
} merges[] = {
	{PROMOTE "PR: https://example.org/pull/12\nHead: " HEAD_ID
		 "\nHead-Ref: fix/read\nPromoted-At: 2023-11-14T22:13:20Z\n",
		12, "p2p: read less", "https://example.org/pull/12", HEAD_ID, "fix/read",
		AT_1700000000},
	/* Line ends and spaces of other systems; no body. */
	{"\n  Promote PR #1 to staging:   x  \r\n\r\nHead:" HEAD_ID "\r\n", 1, "x", NULL,
		HEAD_ID, NULL, -1},
	{"Promote PR #7 to staging: no body", 7, "no body", NULL, "", NULL, -1},
	{"Promote PR #7 to staging:", 7, "", NULL, "", NULL, -1},
	/* The first of a key wins: the text below may be the pull request's own. */
	{PROMOTE "Head: " HEAD_ID "\nHead: ffffffffffffffffffffffffffffffffffffffff\n",
		12, "p2p: read less", NULL, HEAD_ID, NULL, -1},
	/* Values that are not what they should be. */
	{PROMOTE "PR: javascript:alert(1)\nHead: 0123\nHead-Ref: a b\nPromoted-At: "
		 "yesterday\n",
		12, "p2p: read less", NULL, "", NULL, -1},
	{PROMOTE "Head: " HEAD_ID "0\nPR: https://a b\n", 12, "p2p: read less", NULL, "",
		NULL, -1},
	/* No promotions. */
	{"Merge branch 'main' into staging\n\nPR: https://x\n", 0,
		"Merge branch 'main' into staging", NULL, "", NULL, -1},
	{"Promote PR # to staging: x", 0, "Promote PR # to staging: x", NULL, "", NULL,
		-1},
	{"Promote PR #0 to staging: x", 0, "Promote PR #0 to staging: x", NULL, "", NULL,
		-1},
	{"Promote PR #99999999999999999999 to staging: x", 0,
		"Promote PR #99999999999999999999 to staging: x", NULL, "", NULL, -1},
	{"Promote PR #-1 to staging: x", 0, "Promote PR #-1 to staging: x", NULL, "",
		NULL, -1},
	{"Revert \"Promote PR #3 to staging: x\"", 0,
		"Revert \"Promote PR #3 to staging: x\"", NULL, "", NULL, -1},
	{"", 0, "", NULL, "", NULL, -1},
	{"Promote PR #7 to staging", 7, "", NULL, "", NULL, -1},
	{"Promote PR #7 to stagings: x", 0, "Promote PR #7 to stagings: x", NULL, "",
		NULL, -1},
	{"Promote PR #07 to staging: x", 0, "Promote PR #07 to staging: x", NULL, "",
		NULL, -1},
	{"Promote PR #2147483647 to staging: x", 2147483647, "x", NULL, "", NULL, -1},
	{"Promote PR #2147483648 to staging: x", 0,
		"Promote PR #2147483648 to staging: x", NULL, "", NULL, -1},
	/* Two trailers: what the tool wrote stands before what a stranger did. */
	{PROMOTE "Head-Ref: a\nHead-Ref: b\nPromoted-At: x\nPromoted-At: "
		 "2023-11-14T22:13:20Z\nPR: no\nPR: https://x\n",
		12, "p2p: read less", "https://x", "", "a", AT_1700000000},

	/* GitHub's merges. */
	{"Merge pull request #12 from jane/fix/read\n\np2p: read less\n\nwhy\n", 12,
		"p2p: read less", NULL, "", "fix/read", -1},
	{"Merge pull request #12 from jane/read", 12, "jane/read", NULL, "", "read", -1},
	/* What follows is the stranger's. */
	{"Merge pull request #12 from jane/read\n\nPromote PR #3 to staging: "
	 "x\n\nHead: " HEAD_ID "\nPR: https://x\n",
		12, "Promote PR #3 to staging: x", NULL, "", "read", -1},
	{"Merge pull request #12 from jane", 0, "Merge pull request #12 from jane", NULL,
		"", NULL, -1},
	{"Merge pull request #12 from jane/", 0, "Merge pull request #12 from jane/",
		NULL, "", NULL, -1},
	{"Merge pull request #12 from a/b c", 0, "Merge pull request #12 from a/b c",
		NULL, "", NULL, -1},
	{"Merge pull request #12\n\n0123456 x (jane)\n", 12, "0123456 x (jane)", NULL, "",
		NULL, -1},
	{"Merge pull request #12: x y\n\nz\n", 12, "x y", NULL, "", NULL, -1},
	{"Merge pull request #12 of a/b", 0, "Merge pull request #12 of a/b", NULL, "",
		NULL, -1},
	{"Merge pull request #12 from ", 0, "Merge pull request #12 from", NULL, "", NULL,
		-1},
	{"Merge pull request # from a/b", 0, "Merge pull request # from a/b", NULL, "",
		NULL, -1},

	/* Bitcoin Core's. */
	{"Merge bitcoin/bitcoin#27600: net: ask less (again)\n\n" HEAD_ID
	 " net: ask less\n\nPull request description:\n\n  PR: https://x\n",
		27600, "net: ask less (again)", NULL, "", NULL, -1},
	{"Merge bitcoin-core/gui#5: x", 5, "x", NULL, "", NULL, -1},
	{"Merge #20286: rpc: y", 20286, "rpc: y", NULL, "", NULL, -1},
	{"Merge bitcoin#5: x", 0, "Merge bitcoin#5: x", NULL, "", NULL, -1},
	{"Merge a/b/c#5: x", 0, "Merge a/b/c#5: x", NULL, "", NULL, -1},
	{"Merge a b#5: x", 0, "Merge a b#5: x", NULL, "", NULL, -1},
	{"Merge /b#5: x", 0, "Merge /b#5: x", NULL, "", NULL, -1},
	{"Merge a/b#5 x", 0, "Merge a/b#5 x", NULL, "", NULL, -1},
	{"Merge a/b#5:", 0, "Merge a/b#5:", NULL, "", NULL, -1},

	/* GitHub's again, with the title for a subject. */
	{"net: ask less (#12)", 12, "net: ask less", NULL, "", NULL, -1},
};

/* Of commits that are no merges. Their subject is a stranger's but for the number at its
 * end. */
static const struct message plains[] = {
	{"net: ask less (#12)\n\n* one\n* two\n", 12, "net: ask less", NULL, "", NULL,
		-1},
	{"as in (#3) (#12)", 12, "as in (#3)", NULL, "", NULL, -1},
	{"Promote PR #3 to staging: x (#12)", 12, "Promote PR #3 to staging: x", NULL, "",
		NULL, -1},
	{"Merge a/b#3: x (#12)", 12, "Merge a/b#3: x", NULL, "", NULL, -1},
	{"Merge pull request #3 from a/b\n\nx", 0, "Merge pull request #3 from a/b", NULL,
		"", NULL, -1},
	{"Promote PR #3 to staging: x", 0, "Promote PR #3 to staging: x", NULL, "", NULL,
		-1},
	{"x (#12).", 0, "x (#12).", NULL, "", NULL, -1},
	{"x (#12) ", 12, "x", NULL, "", NULL, -1},
	{"x(#12)", 0, "x(#12)", NULL, "", NULL, -1},
	{"(#12)", 0, "(#12)", NULL, "", NULL, -1},
	{"x (#0)", 0, "x (#0)", NULL, "", NULL, -1},
	{"x (#-1)", 0, "x (#-1)", NULL, "", NULL, -1},
	{"x (#12a)", 0, "x (#12a)", NULL, "", NULL, -1},
	{"x (#99999999999)", 0, "x (#99999999999)", NULL, "", NULL, -1},
	{"x (12)", 0, "x (12)", NULL, "", NULL, -1},
	{"\xff\xfe (#12)", 12, "\xff\xfe", NULL, "", NULL, -1},
};

static const struct {
	const char *text;
	int64_t ms;
} times[] = {
	{"2023-11-14T22:13:20Z", AT_1700000000},
	{"2023-11-14T22:13:20", AT_1700000000},
	{"2023-11-14T22:13:20.123456+00:00", AT_1700000000},
	{"2023-11-14T23:43:20+01:30", AT_1700000000},
	{"2023-11-14T14:13:20-0800", AT_1700000000},
	{"1970-01-01T00:00:00Z", 0},
	{"2024-02-29T00:00:00Z", 1709164800000},
	{"2000-12-31T23:59:59Z", 978307199000},
	{"2023-02-29T00:00:00Z", -1},
	{"2023-13-01T00:00:00Z", -1},
	{"2023-00-01T00:00:00Z", -1},
	{"2023-11-00T00:00:00Z", -1},
	{"1969-12-31T23:59:59Z", -1},
	{"1970-01-01T00:00:00+01:00", -1},
	{"2023-11-14 22:13:20", -1},
	{"2023-11-14T22:13:20 Z", -1},
	{"2023-11-14T22:13:20+1", -1},
	{"2023-11-14T22:13:20+01:00Z", -1},
	{"2023-11-14T22:13", -1},
	{"2023-11-14", -1},
	{"", -1},
};

static void assert_text(const char *found, const char *expected)
{
	if (expected)
		assert_string_equal(found, expected);
	else
		assert_null(found);
}

static void check_messages(const struct message *messages, size_t count, bool is_merge)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct message *m = &messages[i];
		struct iw_arena *arena = iw_arena_new();
		struct staged_pr pr;

		assert_int_equal(staging_message_parse(arena, m->text, is_merge, &pr),
			m->number > 0);
		assert_int_equal(pr.number, m->number);
		assert_text(pr.title, m->title);
		assert_text(pr.url, m->url);
		assert_string_equal(pr.head, m->head);
		assert_text(pr.head_ref, m->head_ref);
		assert_int_equal(pr.promoted_at_ms, m->promoted_at_ms);
		iw_arena_free(arena);
	}
}

static void test_messages(void **state)
{
	(void)state;
	check_messages(merges, IW_COUNT(merges), true);
	check_messages(plains, IW_COUNT(plains), false);
}

static void test_repositories(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	struct staged_pr pr;

	(void)state;
	staging_message_parse(arena, "Merge bitcoin-core/gui#5: x", true, &pr);
	assert_string_equal(pr.repo, "bitcoin-core/gui");
	staging_message_parse(arena, "Merge #5: x", true, &pr);
	assert_null(pr.repo);
	iw_arena_free(arena);
}

static void test_times(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(times); i++) {
		_auto_free_ char *text =
			iw_fmt(PROMOTE "Promoted-At: %s\n", times[i].text);
		struct iw_arena *arena = iw_arena_new();
		struct staged_pr pr;

		assert_true(staging_message_parse(arena, text, true, &pr));
		assert_int_equal(pr.promoted_at_ms, times[i].ms);
		iw_arena_free(arena);
	}
}

static void test_long_title(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	char text[1200] = "";
	struct staged_pr pr;
	size_t i;

	(void)state;
	/* One byte, then characters of three: the bound falls into one. */
	text[0] = 'x';
	for (i = 0; i < 300; i++)
		memcpy(text + 1 + 3 * i, "\xe2\x82\xac", 3);
	assert_false(staging_message_parse(arena, text, true, &pr));
	assert_int_equal(strlen(pr.title), 499);
	memset(text, 0xbf, 1000);
	assert_false(staging_message_parse(arena, text, true, &pr));
	assert_in_range(strlen(pr.title), 490, 500);
	iw_arena_free(arena);
}

static struct test_repo t;
static char main_tip[41], base[41], base_tree[41], head1[41], tree1[41], m1[41],
	direct[41], update[41], m2[41], head2[41], tree2[41];

/* main: base -- main_tip; staging: base -- m1 -- direct -- update (of main_tip) -- m2 */
static int setup(void **state)
{

	(void)state;
	test_repo_init(&t);
	TEST_TREE(&t, base_tree, {"a", "1\n", 0});
	TEST_TREE(&t, tree1, {"a", "2\n", 0});
	TEST_TREE(&t, tree2, {"a", "3\n", 0});
	test_repo_commit(&t, NULL, base_tree, NULL, NULL, "base", base);
	test_repo_commit(&t, NULL, tree1, base, NULL, "one", head1);
	test_repo_commit(&t, NULL, tree1, base, head1,
		"Promote PR #1 to staging: one\n\nPR: "
		"https://example.org/1\nHead: " HEAD_ID
		"\nPromoted-At: 2023-11-14T22:13:20Z\n",
		m1);
	test_repo_commit(&t, NULL, tree1, m1, NULL, "hotfix\n\nno promotion", direct);
	test_repo_commit(
		&t, "refs/heads/main", base_tree, base, NULL, "on main", main_tip);
	test_repo_commit(&t, NULL, tree1, direct, main_tip, "Merge main", update);
	test_repo_commit(&t, NULL, tree2, head1, NULL, "two", head2);
	test_repo_commit(&t, "refs/remotes/origin/staging", tree2, update, head2,
		"Promote PR #2 to staging: two\n", m2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

static void test_read(void **state)
{
	struct staging_snapshot *snapshot;
	struct iw_err err = IW_ERR_INIT;
	const struct staged_pr *pr;

	(void)state;
	assert_int_equal(staging_read(t.repo, "staging", "main", &snapshot, &err), 0);
	assert_string_equal(snapshot->commit, m2);
	assert_string_equal(snapshot->tree, tree2);
	assert_string_equal(snapshot->base_commit, main_tip);
	assert_string_equal(snapshot->base_tree, base_tree);
	assert_int_equal(snapshot->count, 4);

	pr = &snapshot->prs[0];
	assert_int_equal(pr->number, 1);
	assert_string_equal(pr->title, "one");
	assert_string_equal(pr->url, "https://example.org/1");
	assert_string_equal(pr->head, HEAD_ID);
	assert_string_equal(pr->second_parent, head1);
	assert_int_equal(pr->promoted_at_ms, AT_1700000000);
	assert_string_equal(pr->merge, m1);
	assert_string_equal(pr->tree, tree1);

	pr = &snapshot->prs[1];
	assert_int_equal(pr->number, 0);
	assert_string_equal(pr->title, "hotfix");
	assert_string_equal(pr->head, "");
	assert_string_equal(pr->second_parent, "");
	assert_string_equal(pr->merge, direct);
	assert_int_equal(pr->promoted_at_ms, 1700000003000);

	pr = staging_find(snapshot, update);
	assert_ptr_equal(pr, &snapshot->prs[2]);
	assert_int_equal(pr->number, 0);
	assert_string_equal(pr->head, main_tip);

	pr = &snapshot->prs[3];
	assert_int_equal(pr->number, 2);
	assert_string_equal(pr->head, head2);
	assert_null(pr->url);
	assert_null(staging_find(snapshot, base));
	staging_free(snapshot);
}

/* Nothing but the main branch: what came last counts as staged. */
static void test_read_main(void **state)
{
	struct staging_snapshot *snapshot;
	struct iw_err err = IW_ERR_INIT;
	char tip[41];
	int i;

	(void)state;
	assert_int_equal(staging_read(t.repo, "staging", NULL, &snapshot, &err), 0);
	assert_string_equal(snapshot->commit, m2);
	assert_true(snapshot->is_main);
	assert_string_equal(snapshot->base_commit, base);
	assert_int_equal(snapshot->count, 4);
	assert_int_equal(snapshot->prs[0].number, 1);
	assert_int_equal(snapshot->prs[3].number, 2);
	staging_free(snapshot);

	/* One commit is its own base. */
	assert_int_equal(staging_read(t.repo, base, NULL, &snapshot, &err), 0);
	assert_string_equal(snapshot->base_commit, base);
	assert_int_equal(snapshot->count, 0);
	staging_free(snapshot);

	memcpy(tip, main_tip, sizeof tip);
	for (i = 1; i <= STAGING_RECENT + 3; i++) {
		_auto_free_ char *message = iw_fmt("x (#%d)", i);

		test_repo_commit(&t, "refs/heads/main", tree1, tip, NULL, message, tip);
	}
	assert_int_equal(staging_read(t.repo, "main", NULL, &snapshot, &err), 0);
	assert_int_equal(snapshot->count, STAGING_RECENT);
	assert_int_equal(snapshot->prs[0].number, 4);
	assert_true(staging_is_staged(snapshot, 0));
	assert_string_equal(snapshot->base_tree, tree1);
	staging_free(snapshot);

	assert_int_equal(staging_read(t.repo, "main", "main", &snapshot, &err), 0);
	assert_false(snapshot->is_main);
	assert_string_equal(snapshot->base_commit, tip);
	assert_int_equal(snapshot->count, 0);
	staging_free(snapshot);
}

static void test_read_fails(void **state)
{
	struct staging_snapshot *snapshot = NULL;
	struct iw_err err = IW_ERR_INIT;
	char other[41];

	(void)state;
	assert_int_equal(
		staging_read(t.repo, "absent", "main", &snapshot, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, "reading staging branch 'absent'"));
	assert_int_equal(
		staging_read(t.repo, "staging", "absent", &snapshot, &err), IW_ENOENT);
	test_repo_commit(&t, "refs/heads/other", tree1, NULL, NULL, "stranger", other);
	assert_int_equal(
		staging_read(t.repo, "staging", "other", &snapshot, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, "no common ancestor"));
	assert_null(snapshot);
	staging_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_repositories),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_long_title),
		TEST(test_read),
		TEST(test_read_main),
		TEST(test_read_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
