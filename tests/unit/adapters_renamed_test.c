/* A function under another name, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/renamed.h"
#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

#define BODY(name)                                                                       \
	"static int " name "(const char *at, int len)\n{\n\tint sum = 0;\n\n"            \
	"\twhile (len-- > 0)\n\t\tsum += *at++;\n\tif (sum > 9)\n\t\treturn " name       \
	"(at, sum);\n\treturn sum;\n}\n\n"
#define OTHER(name)                                                                      \
	"static int " name "(const char *at, int len)\n{\n\tput(at);\n\tput(at + 1);\n"  \
	"\tgo(len);\n\tgo(2);\n\treturn 7;\n}\n\n"
#define REST "int rest(void)\n{\n\treturn 1;\n}\n"

static const struct {
	const char *what;
	const char *before[2], *after[2]; /* a.c, b.c */
	const char *from, *to;
	int answer;
} cases[] = {
	{"only the name", {BODY("one") REST, NULL}, {BODY("two") REST, NULL}, "one",
		"two", 1},
	{"as a stack names it", {BODY("A::one") REST, NULL}, {BODY("A::two") REST, NULL},
		"space::A::one(char const*, int)", "space::A::two(char const*, int)", 1},
	{"into another file", {BODY("one") REST, NULL}, {REST, BODY("two")}, "one", "two",
		1},
	{"another function came", {BODY("one") REST, NULL}, {OTHER("two") REST, NULL},
		"one", "two", 0},
	{"the old one is still there", {BODY("one") REST, NULL},
		{BODY("one") BODY("two") REST, NULL}, "one", "two", 0},
	{"the new one was there", {BODY("one") BODY("two") REST, NULL},
		{BODY("two") REST, NULL}, "one", "two", 0},
	{"nothing went", {REST, NULL}, {BODY("two") REST, NULL}, "one", "two", 0},
	{"nothing changed", {BODY("one") REST, NULL}, {BODY("one") REST, NULL}, "one",
		"two", 0},
	{"two of one name", {BODY("one") REST, BODY("one")},
		{BODY("two") REST, BODY("two")}, "one", "two", 0},
	{"no name", {BODY("one") REST, NULL}, {BODY("two") REST, NULL}, "", "(", 0},
};

static void make_tree(
	struct test_repo *t, const char *const files[2], char tree[IW_GIT_HEX])
{
	if (files[1])
		TEST_TREE(t, tree, {"a.c", files[0], 0}, {"b.c", files[1], 0});
	else
		TEST_TREE(t, tree, {"a.c", files[0], 0});
}

static void test_names(void **state)
{
	struct test_repo t;
	size_t i;

	(void)state;
	test_repo_init(&t);
	for (i = 0; i < IW_COUNT(cases); i++) {
		struct renamed_pair pair = {cases[i].from, cases[i].to};
		char old_tree[IW_GIT_HEX], new_tree[IW_GIT_HEX];
		struct iw_err err = IW_ERR_INIT;
		int rc;

		make_tree(&t, cases[i].before, old_tree);
		make_tree(&t, cases[i].after, new_tree);
		rc = renamed_check(t.repo, old_tree, new_tree, &pair, 1, &err);
		if (rc != cases[i].answer)
			fail_msg("%s: %d %s", cases[i].what, rc, err.msg);
	}
	test_repo_fini(&t);
}

static void test_no_tree(void **state)
{
	static const char nowhere[] = "0123456789012345678901234567890123456789";
	struct renamed_pair pair = {"one", "two"};
	struct iw_err err = IW_ERR_INIT;
	struct test_repo t;

	(void)state;
	test_repo_init(&t);
	assert_true(renamed_check(t.repo, nowhere, nowhere, &pair, 1, &err) < 0);
	assert_true(*err.msg);
	test_repo_fini(&t);
}

static bool is_alike(const char *a, const char *b)
{
	struct renamed_pair pair = {"one", "two"};

	return renamed_is_alike(a, strlen(a), b, strlen(b), &pair);
}

static void test_texts(void **state)
{
	(void)state;
	assert_true(is_alike(BODY("one"), BODY("two")));
	assert_false(is_alike(BODY("one"), OTHER("two")));
	assert_false(is_alike("", ""));
	assert_false(is_alike("{\n}\n", "{\n}\n"));
	/* Indented otherwise, and one line of five is new. */
	assert_true(is_alike(
		"int one()\n a;\n b;\n c;\n", "int two()\n\ta;\n\tb;\n\tc;\nd;\n"));
	assert_false(
		is_alike("int one()\n a;\n b;\n", "int two()\n\ta;\n\tb;\nd;\ne;\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_tree),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
