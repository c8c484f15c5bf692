/* The text of an issue: its words for each outcome, its limits, its safety. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/issue.h"

#include "base/banned.h"

static const char *const frames[] = {
	"cursor_read (src/cursor.c:12:3)", "parse_block (src/block.c:40:9)"};
static const char *const log_lines[] = {
	"the base: good, no hit in 3 runs", "PR #123 is the first bad of 4 merges"};
static const struct triage_issue_pr prs[] = {
	{123, "Read blocks faster", "https://example.org/demo/pull/123", NULL},
	{7, "Wider hints", NULL, NULL}};
static const struct triage_sighting seen[] = {
	{"relay", "libfuzzer+msan", 4, 1700000000000}, {"block", "aflpp", 1, 0}};

static struct triage_issue example(void)
{
	return (struct triage_issue){.uid = "demo-0123456789",
		.bug = "5",
		.adapter = "demo",
		.target = "block",
		.type = "Heap-buffer-overflow\nREAD 4",
		.is_security = true,
		.commit = "0123abcd",
		.flavour = "libfuzzer+asan+ubsan",
		.hits = 10,
		.runs = 10,
		.outcome = "staged",
		.reason = "PR #123 causes it",
		.prs = prs,
		.pr_count = 1,
		.log = log_lines,
		.log_count = 2,
		.frames = frames,
		.frame_count = 2,
		.state_dir = "/var/lib/iron works",
		.command = "./fuzz_block input",
		.input = "\x01\x02hello",
		.input_len = 7,
		.first_len = 512,
		.artifact = "/var/lib/artifacts/ab/cd",
		.report = "==1==ERROR: ```` @root\n",
		.report_len = 23,
		.sightings = seen,
		.sighting_count = 2};
}

static void expect_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing in:\n%s", part, text);
}

static void expect_title(const struct triage_issue *issue, const char *expected)
{
	_auto_free_ char *title = triage_issue_title(issue);

	assert_string_equal(title, expected);
}

static void titles_say_what_and_who(void **state)
{
	struct triage_issue issue = example();

	(void)state;
	expect_title(&issue, "[demo] heap-buffer-overflow in cursor_read — PR #123");
	issue.message = "n < 3";
	expect_title(
		&issue, "[demo] heap-buffer-overflow in cursor_read (n < 3) — PR #123");
	issue.message = NULL;
	issue.outcome = "interaction";
	issue.pr_count = 2;
	expect_title(&issue, "[demo] heap-buffer-overflow in cursor_read — PR #123 + #7");
	issue.outcome = "suspect";
	issue.pr_count = 1;
	expect_title(
		&issue, "[demo] heap-buffer-overflow in cursor_read — suspect: PR #123");
	issue.outcome = "pre-existing";
	issue.pr_count = 0;
	expect_title(&issue, "[demo] heap-buffer-overflow in cursor_read — pre-existing");
	issue.outcome = NULL;
	issue.type = "Timeout";
	issue.frame_count = 0;
	expect_title(&issue, "[demo] timeout in target block");
	issue.message = "@root `x` see #12";
	expect_title(&issue, "[demo] timeout in target block ((at)root 'x' see .12)");
}

static void long_titles_keep_the_blame(void **state)
{
	struct triage_issue issue = example();
	_auto_free_ char *title = NULL;
	char message[400];
	size_t i, n = 0;

	(void)state;
	for (i = 0; i + 2 < sizeof message; i += 2)
		memcpy(message + i, "é", 2);
	message[i] = '\0';
	issue.message = message;
	title = triage_issue_title(&issue);
	for (i = 0; title[i]; i++)
		n += ((unsigned char)title[i] & 0xc0) != 0x80;
	assert_int_equal(n, TRIAGE_TITLE_MAX);
	expect_text(title, "… — PR #123");
}

static void the_document_holds_everything(void **state)
{
	struct triage_issue issue = example();
	_auto_free_ char *text = triage_issue_document(&issue);
	static const char *const parts[] = {
		"# \\[demo\\] heap-buffer-overflow in cursor\\_read — PR \\#123\n\n",
		"| Type | `Heap-buffer-overflow READ 4` |\n",
		"| Security relevant | yes |\n", "| Private | no |\n",
		"| Target | `block` |\n", "| Snapshot | `0123abcd` |\n",
		"| Flavour | `libfuzzer+asan+ubsan` |\n", "10 of 10 runs (100 %)",
		"**staged**: proven, this pull request causes it",
		"| Caused by | [PR #123](https://example.org/demo/pull/123) `Read",
		"`Read blocks faster` |\n",
		"ironworks repro 5 --state '/var/lib/iron works'\n",
		"works'\n./fuzz_block input\n```",
		"#0 cursor_read (src/cursor.c:12:3)\n#1 parse_block",
		"works'\n./fuzz_block input\n```\n\nBoth work on the host that found it",
		"`ironworks repro 5 --host URL`",
		"check out `0123abcd`, build the target `block` with clang and `-g",
		"-O1 -fsanitize=fuzzer,address,undefined`",
		"## How it was proven\n\nVersions of the source were built",
		"is bad with it alone.\n\n```text\nthe base: good, no hit in 3 runs\n",
		"7 bytes, minimized from 512:\n",
		"00000000: 0102 6865 6c6c 6f                        ..hello\n",
		"```text\nAQJoZWxsbw==\n```", "`/var/lib/artifacts/ab/cd`",
		"`````text\n==1==ERROR: ```` @root\n`````\n",
		"| `relay` | `libfuzzer+msan` | 4 | 2023-11-14 22:13 UTC |\n",
		"| `block` | `aflpp` | 1 | unknown |\n",
		"\n<!-- ironworks-bug: demo-0123456789 -->\n"};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(parts); i++)
		expect_text(text, parts[i]);
	assert_null(strstr(text, "sandbox"));
	issue.is_unsandboxed = true;
	free(iw_steal(&text));
	text = triage_issue_body(&issue);
	expect_text(text, "without a sandbox (`--no-sandbox`)");
	assert_null(strstr(text, "# \\[demo"));
}

static void outcomes_have_their_words(void **state)
{
	static const char *const words[][3] = {
		{"interaction", "together, none of them alone", "| Caused by |"},
		{"suspect", "**suspect**: not proven", "| In question |"},
		{"pre-existing", "without any staged pull request",
			"## How it was proven"},
		{"flaky", "too rarely or too irregularly", "## What was tried"},
		{"infra", "our own machines failed", "## What was tried"},
		{NULL, "not attributed yet", "## What was tried"}};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(words); i++) {
		struct triage_issue issue = example();
		_auto_free_ char *text = NULL;

		issue.outcome = words[i][0];
		text = triage_issue_body(&issue);
		expect_text(text, words[i][1]);
		expect_text(text, words[i][2]);
	}
}

static void empty_fields_leave_no_rows(void **state)
{
	struct triage_issue issue = {.uid = "x-1"};
	_auto_free_ char *text = triage_issue_document(&issue);

	(void)state;
	assert_null(strstr(text, "null"));
	assert_null(strstr(text, "Flavour"));
	assert_null(strstr(text, "## Input"));
	expect_text(text, "ironworks repro x-1\n");
	expect_text(text, "<!-- ironworks-bug: x-1 -->\n");
}

static void large_inputs_are_named_not_shown(void **state)
{
	static unsigned char data[200000];
	static const size_t sizes[] = {1024, 1025, 30000, 36000, 36500, 49152, 200000};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 31);
	for (i = 0; i < IW_COUNT(sizes); i++) {
		struct triage_issue issue = example();
		_auto_free_ char *text = NULL;

		issue.input = data;
		issue.input_len = sizes[i];
		text = triage_issue_document(&issue);
		assert_true(strlen(text) <= TRIAGE_ISSUE_MAX);
		assert_int_equal(strstr(text, "base64 -d") != NULL, sizes[i] <= 36000);
		assert_int_equal(
			strstr(text, "; the first 1024") != NULL, sizes[i] > 1024);
		expect_text(text, "/var/lib/artifacts/ab/cd");
		expect_text(text, "<!-- ironworks-bug: demo-0123456789 -->\n");
	}
}

static void long_fields_keep_the_limit(void **state)
{
	struct triage_issue issue = example();
	_auto_free_ char *text = NULL, *name = NULL;
	static char big[100000];
	const char *lines[500];
	struct triage_issue_pr many[100];
	struct triage_sighting sightings[100];
	size_t i;

	(void)state;
	memset(big, '`', sizeof big - 1);
	for (i = 0; i < 500; i++)
		lines[i] = big + sizeof big - 1000;
	for (i = 0; i < 100; i++) {
		many[i] = (struct triage_issue_pr){(int)i, big, big, NULL};
		sightings[i] = (struct triage_sighting){big, big, 1, 1};
	}
	issue.frames = issue.log = lines;
	issue.frame_count = issue.log_count = 500;
	issue.prs = many;
	issue.sightings = sightings;
	issue.pr_count = issue.sighting_count = 100;
	issue.type = issue.message = issue.target = issue.reason = issue.command = big;
	issue.state_dir = issue.artifact = issue.report = issue.uid = issue.adapter = big;
	issue.report_len = strlen(big);
	text = triage_issue_document(&issue);
	assert_true(strlen(text) <= TRIAGE_ISSUE_MAX);
	expect_text(text, "and 92 more");
	expect_text(text, "and 80 more");
	expect_text(text, "(cut short)");
	name = triage_issue_file(&issue);
	assert_true(strlen(name) < 160);
}

static void only_plain_addresses_become_links(void **state)
{
	static const struct {
		const char *url;
		bool is_link;
	} urls[] = {{"https://a.b/c/1", true}, {"http://a.b/c?d=1#e", true},
		{"javascript:alert(1)", false}, {"https://a.b/)x", false},
		{"https://a.b/ x", false}, {"https://", false},
		{"https://a/&copy;", false}, {"https://a/<b>", false}, {"", false}};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(urls); i++) {
		struct triage_issue issue = example();
		struct triage_issue_pr pr = {9, "t", urls[i].url, NULL};
		_auto_free_ char *text = NULL;

		issue.prs = &pr;
		text = triage_issue_body(&issue);
		assert_int_equal(strstr(text, "[PR #9](") != NULL, urls[i].is_link);
		expect_text(text, "PR #9");
	}
}

/* Somebody pushed it to the branch: its id stands where others have a number. */
static void commits_without_a_pull_request_are_named(void **state)
{
	static const struct triage_issue_pr both[] = {
		{123, "Read blocks faster", NULL, NULL},
		{0, "Hot <b>fix</b>", NULL, "0123456789abcdef0123456789abcdef01234567"}};
	struct triage_issue issue = example();
	_auto_free_ char *text = NULL;

	(void)state;
	issue.prs = both + 1;
	expect_title(&issue,
		"[demo] heap-buffer-overflow in cursor_read — commit 0123456789ab");
	text = triage_issue_body(&issue);
	expect_text(text,
		"| Caused by | commit 0123456789ab, which belongs to no pull "
		"request: `Hot <b>fix</b>` |\n");
	assert_null(strstr(text, "PR #0"));
	issue.prs = both;
	issue.pr_count = 2;
	issue.outcome = "suspect";
	expect_title(&issue,
		"[demo] heap-buffer-overflow in cursor_read — suspect: PR "
		"#123 + commit 0123456789ab");
}

static void names_are_one_path_component(void **state)
{
	static const char *const names[][4] = {
		{"demo-1", "Heap-buffer-overflow\nREAD 4", "cursor_read (a.c:1)",
			"demo-1-heap-buffer-overflow-in-cursor-read.md"},
		{"../x/..", "Timeout", "ns::f<int> (b.cc:2)",
			"_._x_..-timeout-in-ns-f-int.md"},
		{"", "", "", "bug-crash.md"}, {"-rf", "\x1b[2J", "/", "_rf-2j-in.md"},
		{"a", "\xc3\xa9", "\xc3\xa9", "a-in.md"}};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(names); i++) {
		struct triage_issue issue = {.uid = names[i][0],
			.type = names[i][1],
			.frames = &names[i][2],
			.frame_count = 1};
		_auto_free_ char *name = triage_issue_file(&issue);

		assert_string_equal(name, names[i][3]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_say_what_and_who),
		cmocka_unit_test(long_titles_keep_the_blame),
		cmocka_unit_test(the_document_holds_everything),
		cmocka_unit_test(outcomes_have_their_words),
		cmocka_unit_test(empty_fields_leave_no_rows),
		cmocka_unit_test(large_inputs_are_named_not_shown),
		cmocka_unit_test(long_fields_keep_the_limit),
		cmocka_unit_test(only_plain_addresses_become_links),
		cmocka_unit_test(commits_without_a_pull_request_are_named),
		cmocka_unit_test(names_are_one_path_component),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
