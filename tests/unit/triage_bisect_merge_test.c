/* What merges are called in the proof. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/staged_world.h"

#include "base/banned.h"

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? text : "";
}

static void expect_line(const json_t *log, const char *words)
{
	const json_t *line;
	size_t i;

	json_array_foreach(log, i, line)
	{
		assert_null(strstr(json_string_value(line), "#0"));
		if (strstr(json_string_value(line), words))
			return;
	}
	fail_msg("no '%s' in the log", words);
}

/* Somebody pushed merge 2 to the branch, with a title that is no UTF-8 and too long. */
static void a_commit_without_a_pull_request_is_named(void **state)
{
	struct world w = {.count = 3, .causes = {{2}}};
	char title[500];
	const struct triage_bisect_commit commits[] = {{"a", "not asked"},
		{"0123456789abcdef0123456789abcdef01234567", title}, {"c", "not asked"}};
	struct triage_bisect_spec spec = {.count = 3,
		.prs = (int[]){101, 0, 103},
		.commits = commits,
		.hits = 5,
		.runs = 5};
	_auto_(triage_bisect_freep) struct triage_bisect *b = NULL;
	struct triage_question q;
	json_t *proof, *commit;

	(void)state;
	memset(title, 'x', sizeof title);
	memcpy(title, "Hot fix \xff\n", 10);
	title[sizeof title - 1] = '\0';
	b = triage_bisect_new(&spec);
	proof = triage_bisect_json(b);
	assert_int_equal(json_integer_value(json_object_get(proof, "left")), 3);
	json_decref(proof);
	while (triage_bisect_next(b, &q) > 0) {
		struct triage_answer a = world_reply(&w, &q, &(uint64_t){1});

		triage_bisect_answer(b, &a);
	}
	assert_int_equal(triage_bisect_result(b)->prs[0], 0);
	proof = triage_bisect_json(b);
	assert_string_equal(text_of(proof, "outcome"), "staged");
	assert_int_equal(json_array_size(json_object_get(proof, "prs")), 0);
	assert_null(json_object_get(proof, "left"));
	commit = json_array_get(json_object_get(proof, "commits"), 0);
	assert_string_equal(text_of(commit, "commit"), commits[1].id);
	assert_memory_equal(text_of(commit, "subject"), "Hot fix \xef\xbf\xbd ", 11);
	assert_in_range(strlen(text_of(commit, "subject")), 50, 110);
	expect_line(json_object_get(proof, "log"), "commit 0123456789ab causes it: the");
	expect_line(json_object_get(proof, "log"),
		"commit 0123456789ab, which belongs to no pull request: Hot fix");
	expect_line(json_object_get(proof, "log"),
		"the snapshot without commit 0123456789ab: good");
	json_decref(proof);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_without_a_pull_request_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
