/* lcov's text: what is reached, under which names, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sanitizers/lcov.h"

#include "base/banned.h"

static struct san_lcov parse(const char *text)
{
	struct iw_err err = IW_ERR_INIT;
	struct san_lcov lcov;

	assert_int_equal(san_lcov_parse(text, strlen(text), "/src", &lcov, &err), 0);
	return lcov;
}

static void refused(const char *text, const char *words)
{
	struct iw_err err = IW_ERR_INIT;
	struct san_lcov lcov;

	assert_int_equal(
		san_lcov_parse(text, strlen(text), "/src", &lcov, &err), IW_EINVAL);
	assert_non_null(strstr(err.msg, words));
	assert_int_equal(lcov.count, 0);
}

/* As llvm-cov writes it, with one of its warnings in front. */
static void test_whole(void **state)
{
	struct san_lcov lcov =
		parse("warning: 2 functions have mismatched data\n"
		      "SF:/src/src/tx.c\nFN:3,tx\nFNDA:4,tx\nFNF:1\nFNH:1\n"
		      "DA:3,4\nDA:4,0\nDA:7,18446744073709551615\n"
		      "BRDA:4,0,0,0\nLF:3\nLH:2\nend_of_record\n"
		      "SF:/src/lib/a.h\nDA:2,0\nend_of_record\n");
	const struct san_lcov_file *file = san_lcov_find(&lcov, "src/tx.c");

	(void)state;
	assert_int_equal(lcov.count, 2);
	assert_string_equal(lcov.files[0].path, "lib/a.h");
	assert_non_null(file);
	assert_int_equal(file->count, 3);
	assert_int_equal(file->reached, 2);
	assert_int_equal(file->lines[1].line, 4);
	assert_false(file->lines[1].is_reached);
	assert_true(file->lines[2].is_reached);
	assert_int_equal(san_lcov_from(file, 1), 0);
	assert_int_equal(san_lcov_from(file, 4), 1);
	assert_int_equal(san_lcov_from(file, 5), 2);
	assert_int_equal(san_lcov_from(file, 8), 3);
	assert_null(san_lcov_find(&lcov, "src/other.c"));
	san_lcov_fini(&lcov);
	lcov = parse("");
	assert_null(san_lcov_find(&lcov, "src/tx.c"));
	san_lcov_fini(&lcov);
}

static void test_paths(void **state)
{
	static const char *const names[][2] = {
		{"/src/a.c", "a.c"},
		{"/src//lib/./a.c", "lib/a.c"},
		{"/src/tests/../lib/a.c", "lib/a.c"},
		{"./lib/a.c", "lib/a.c"},
		{"lib/a.c", "lib/a.c"},
		{"a/b/../../c/d.c", "c/d.c"},
		{"/usr/include/c++/12/vector", NULL},
		{"/srcs/a.c", NULL},
		{"/src", NULL},
		{"/src/", NULL},
		{"/src/../etc/passwd", NULL},
		{"../etc/passwd", NULL},
		{"a/..", NULL},
		{"", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(names); i++) {
		_auto_free_ char *text =
			iw_fmt("SF:%s\nDA:1,1\nend_of_record\n", names[i][0]);
		struct san_lcov lcov = parse(text);

		assert_int_equal(lcov.count, names[i][1] != NULL);
		if (names[i][1])
			assert_string_equal(lcov.files[0].path, names[i][1]);
		san_lcov_fini(&lcov);
	}
}

/* Told of twice, in any order: reached where one says so. */
static void test_mentions(void **state)
{
	struct san_lcov lcov =
		parse("SF:/src/a.c\nDA:5,0\nDA:2,0\nDA:5,1\nend_of_record\n"
		      "SF:/src/b.c\nend_of_record\n"
		      "SF:/src/./a.c\nDA:1,1\nDA:2,9,checksum\nend_of_record\n"
		      "SF:a.c\nDA:9,0\nend_of_record\n");
	const struct san_lcov_file *file = lcov.files;

	(void)state;
	assert_int_equal(lcov.count, 1);
	assert_int_equal(file->count, 4);
	assert_int_equal(file->reached, 3);
	assert_int_equal(file->lines[3].line, 9);
	assert_false(file->lines[3].is_reached);
	san_lcov_fini(&lcov);
}

static void test_wrong(void **state)
{
	(void)state;
	refused("SF:/src/a.c\nDA:1,1\n", "ends in a file");
	refused("SF:/src/a.c\nSF:/src/b.c\nend_of_record\n", "line 2");
	refused("DA:1,1\n", "line 1");
	refused("end_of_record\n", "line 1");
	refused("SF:/src/a.c\nDA:x,1\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:0,1\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:4294967296,1\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:1\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:1,\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:1,-1\nend_of_record\n", "line 2");
	refused("SF:/src/a.c\nDA:1,1 2\nend_of_record\n", "line 2");
	/* Also in a file that is left out. */
	refused("SF:/usr/a.c\nDA:-\nend_of_record\n", "line 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_mentions),
		cmocka_unit_test(test_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
