/* What the staging branch says of a bug that was mended and is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/back.h"

#include "base/banned.h"

#define MEND "{\"reason\":\"PR #19 mended it\",\"prs\":[19]}"
#define CAUSE "{\"prs\":[15]}"
#define PUSHED "{\"prs\":[],\"commits\":[{\"commit\":\"aaaabbbbccccdddd\"}]}"
#define BACK "PR #20, which reverts PR #19, which had mended it"

static void expect(const struct staged_pr *prs, size_t count, const char *mend,
	const char *proof, const char *wanted)
{
	struct staging_snapshot s = {.prs = prs, .count = count};
	_auto_free_ char *words = triage_back_words(&s, mend, proof);

	if (wanted)
		assert_string_equal(words, wanted);
	else
		assert_null(words);
}

static void test_the_mend_was_taken_out(void **state)
{
	const struct staged_pr prs[] = {
		{.number = 15, .staged_as = 0},
		{.number = 16, .staged_as = 1},
		{.number = 19, .staged_as = STAGING_NOT, .was_reverted = true},
		{.number = 18, .staged_as = 3},
		{.number = 20, .staged_as = 4, .reverts = 3},
	};

	(void)state;
	expect(prs, 5, MEND, CAUSE, BACK);
	expect(prs, 5, MEND, NULL, BACK);
	expect(prs, 4, MEND, CAUSE, NULL);
	expect(prs, 5, NULL, CAUSE, NULL);
	expect(prs, 5, "{\"prs\":[77]}", CAUSE, NULL);
	expect(prs, 5, "no JSON", "nor this", NULL);
	/* Another one was taken out. */
	expect(prs, 5, "{\"prs\":[18]}", CAUSE, NULL);
}

static void test_commits_without_a_number(void **state)
{
	const struct staged_pr prs[] = {
		{.number = 15, .staged_as = 0},
		{.staged_as = STAGING_NOT,
			.was_reverted = true,
			.merge = "aaaabbbbccccdddd"},
		{.staged_as = STAGING_NOT, .reverts = 2, .merge = "0123456789abcdef"},
	};

	(void)state;
	expect(prs, 3, PUSHED, CAUSE,
		"commit 0123456789ab, which reverts commit aaaabbbbcccc, which had "
		"mended it");
}

/* A revert of the cause mended it, and that one was reverted; or the cause came anew. */
static void test_the_cause_is_landed_again(void **state)
{
	const struct staged_pr again[] = {
		{.number = 15, .staged_as = STAGING_NOT, .was_reverted = true},
		{.number = 19,
			.staged_as = STAGING_NOT,
			.reverts = 1,
			.was_reverted = true},
		{.number = 20, .staged_as = 2, .reverts = 2},
	};
	const struct staged_pr anew[] = {
		{.number = 15, .staged_as = 2, .was_reverted = true},
		{.number = 19, .staged_as = 1, .reverts = 1},
		{.number = 15, .staged_as = 2},
	};

	(void)state;
	expect(again, 3, MEND, CAUSE, BACK);
	expect(anew, 3, MEND, CAUSE, "PR #15, landed again after PR #19 had mended it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_mend_was_taken_out),
		cmocka_unit_test(test_commits_without_a_number),
		cmocka_unit_test(test_the_cause_is_landed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
