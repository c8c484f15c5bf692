/* How a target of a build is run: limits and environment by flavour. */
#include "tests/lib/temp.h"

#include <unistd.h>

#include "adapters/target_run.h"

#include "base/banned.h"

static struct iw_build make_build(const struct temp *t, const char *flavour)
{
	struct iw_build build = {.dir = (char *)t->dir, .is_ok = true};

	snprintf(build.flavour, sizeof build.flavour, "%s", flavour);
	return build;
}

static const struct adapter_target target = {.name = "a",
	.binary = "fuzz_a",
	.timeout_s = 3,
	.rss_limit_mb = 500,
	.check_leaks = true};

/* An input that is modest without a sanitizer must not be out of memory or time under one,
 * or one cause becomes two bugs. One allocation is the same size everywhere. */
static void test_limits_follow_the_flavour(void **state)
{
	static const struct {
		const char *flavour;
		int64_t rss, timeout_ms;
	} rows[] = {
		{"libfuzzer", 500, 3000},
		{"libfuzzer+asan+ubsan", 1000, 3000},
		{"libfuzzer+msan", 2000, 9000},
		{"libfuzzer+tsan", 4000, 15000},
	};
	struct temp t;
	size_t i;

	(void)state;
	temp_open(&t);
	temp_write(&t, "fuzz_a", "");
	for (i = 0; i < IW_COUNT(rows); i++) {
		struct iw_build build = make_build(&t, rows[i].flavour);
		struct target_driver d;

		temp_ok(&t.err,
			target_driver_init(&d, &build, &target, IW_PURPOSE_REPLAY,
				"/driver.so", NULL, &t.err));
		assert_int_equal(d.spec.rss_limit_mb, rows[i].rss);
		assert_int_equal(d.spec.malloc_limit_mb, 500);
		assert_int_equal(d.spec.timeout_ms, rows[i].timeout_ms);
		assert_int_equal(d.spec.wants_features, i == 0);
		assert_int_equal(d.spec.leaks, i == 1);
		target_driver_fini(&d);
	}
	temp_close(&t);
}

/* The code under test makes the build: a link may lead about in it, but not out of it. */
static void test_program_lies_in_its_build(void **state)
{
	_auto_free_ char *dir = NULL, *fuzz = NULL;
	struct iw_build build;
	struct temp t;
	size_t i;
	static const struct {
		const char *leads_to;
		bool is_program;
	} rows[] = {{"other", true}, {"../secret", false}, {"/etc/passwd", false},
		{"folder", false}, {".", false}, {"..", false}, {"nowhere", false}};

	(void)state;
	temp_open(&t);
	dir = temp_path(&t, "build/folder");
	temp_ok(&t.err, iw_dir_make(dir, &t.err));
	temp_write(&t, "secret", "");
	temp_write(&t, "build/other", "");
	fuzz = temp_path(&t, "build/fuzz_a");
	build = make_build(&t, "libfuzzer");
	*strrchr(dir, '/') = '\0';
	build.dir = dir;
	for (i = 0; i < IW_COUNT(rows); i++) {
		_auto_free_ char *found = NULL;

		assert_int_equal(symlink(rows[i].leads_to, fuzz), 0);
		found = target_binary(&build, &target);
		if (rows[i].is_program)
			assert_string_equal(found, fuzz);
		else
			assert_null(found);
		assert_int_equal(unlink(fuzz), 0);
	}
	temp_close(&t);
}

static void test_no_symbolizer_means_no_names(void **state)
{
	struct iw_build build;
	struct target_driver d;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_write(&t, "fuzz_a", "");
	build = make_build(&t, "libfuzzer+asan+ubsan");
	temp_ok(&t.err,
		target_driver_init(&d, &build, &target, IW_PURPOSE_REPLAY, "/driver.so",
			NULL, &t.err));
	assert_non_null(strstr(d.spec.env[0], ":symbolize=0"));
	target_driver_fini(&d);
	temp_close(&t);
}

static void test_missing_target_is_said(void **state)
{
	struct iw_build build;
	struct target_driver d;
	struct temp t;

	(void)state;
	temp_open(&t);
	build = make_build(&t, "libfuzzer");
	assert_int_equal(target_driver_init(&d, &build, &target, IW_PURPOSE_REPLAY,
				 "/driver.so", NULL, &t.err),
		IW_ENOENT);
	assert_string_equal(t.err.msg, "the libfuzzer build has no 'fuzz_a'");
	target_driver_fini(&d);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_follow_the_flavour),
		cmocka_unit_test(test_program_lies_in_its_build),
		cmocka_unit_test(test_no_symbolizer_means_no_names),
		cmocka_unit_test(test_missing_target_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
