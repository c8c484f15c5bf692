/* Commands for people: a shell reads them as they were meant. */
#include "tests/lib/temp.h"

#include "adapters/target_command.h"

#include "base/banned.h"

static char *line_of(const char *flavour, const char *const *args, const char *program,
	const char *input)
{
	struct adapter_target target = {
		.timeout_s = 3, .rss_limit_mb = 500, .check_leaks = !args, .args = args};
	struct iw_build build = {0};
	struct target_command command = {.build = &build,
		.target = &target,
		.program = program,
		.input = input,
		.symbolizer = "/usr/bin/s"};
	struct iw_buf line = {0};

	snprintf(build.flavour, sizeof build.flavour, "%s", flavour);
	target_command_add(&line, &command);
	return iw_buf_steal(&line);
}

static void test_libfuzzer(void **state)
{
	_auto_free_ char *asan = line_of("libfuzzer+asan+ubsan", NULL, "./fuzz", "a b");
	_auto_free_ char *msan = line_of("libfuzzer+msan", NULL, "./fuzz", "in");

	(void)state;
	assert_non_null(strstr(asan, "ASAN_OPTIONS='"));
	assert_non_null(strstr(asan, "detect_leaks=1"));
	assert_true(iw_path_ends(asan,
		"./fuzz -timeout=3 -rss_limit_mb=1000 "
		"-malloc_limit_mb=500 -detect_leaks=1 'a b'"));
	assert_true(iw_path_ends(msan,
		"./fuzz -timeout=9 -rss_limit_mb=2000 "
		"-malloc_limit_mb=500 -detect_leaks=1 in"));
}

static void test_program(void **state)
{
	static const char *const file[] = {"-v", "--in=@@", "it's", NULL};
	static const char *const none[] = {NULL};
	_auto_free_ char *with = line_of("plain", file, "/opt/my tool", "x;y");
	_auto_free_ char *without = line_of("plain", none, "tool", "$(x)");
	_auto_free_ char *asan = line_of("libfuzzer+asan+ubsan", file, "tool", "x");

	(void)state;
	assert_string_equal(with, "'/opt/my tool' -v '--in=x;y' 'it'\\''s'");
	assert_string_equal(without, "tool < '$(x)'");
	/* Many tools free nothing at their end. */
	assert_non_null(strstr(asan, "detect_leaks=0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libfuzzer),
		cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests_name("adapters_target_command", tests, NULL, NULL);
}
