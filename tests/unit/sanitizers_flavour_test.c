/* Flavours are data with promises; the toolchain is found by trying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sanitizers/flavour.h"
#include "sanitizers/toolchain.h"

#include "base/banned.h"

static bool has_flag(const char *const *flags, const char *flag)
{
	for (; *flags; flags++)
		if (!strcmp(*flags, flag))
			return true;
	return false;
}

static void test_table(void **state)
{
	size_t count;
	const struct san_flavour *rows = san_flavours(&count);

	(void)state;
	assert_int_equal(count, 8);
	for (size_t i = 0; i < count; i++) {
		const struct san_flavour *f = &rows[i];

		assert_ptr_equal(san_flavour_find(f->name), f);
		assert_int_equal(f->rank, i);
		assert_int_equal(
			has_flag(f->cflags, "-fno-omit-frame-pointer"), !f->needs_aflpp);
		assert_int_equal(san_flavour_can_judge(f),
			has_flag(f->cflags, "-fsanitize=fuzzer-no-link"));
		assert_int_equal(f->is_judge, *f->sanitizers != '\0');
		assert_null(san_sanitizers_clash(f->sanitizers));
		for (const struct san_env *env = f->env; env->name; env++)
			assert_true(env->runtime != 0);
	}
	/* A companion stands behind the flavour that it helps. */
	assert_string_equal(rows[count - 1].companion_of, rows[count - 2].name);
	assert_null(san_flavour_find("libfuzzer+nothing"));
	assert_string_equal(rows[0].name, "libfuzzer+asan+ubsan");
}

static void test_options(void **state)
{
	const struct san_flavour *f = san_flavour_find("libfuzzer+asan+ubsan");
	struct iw_buf out = {0};

	(void)state;
	san_flavour_options(
		f->env, SAN_USE_REPRODUCE, "/opt/a b/sym", "detect_leaks=0", &out);
	assert_non_null(strstr(out.data, ":exitcode=86:"));
	assert_non_null(strstr(out.data, ":external_symbolizer_path='/opt/a b/sym':"));
	assert_string_equal(out.data + out.len - 15, ":detect_leaks=0");
	iw_buf_clear(&out);
	san_flavour_options(f->env, SAN_USE_FUZZ, NULL, NULL, &out);
	assert_non_null(strstr(out.data, "detect_leaks=0"));
	assert_null(strstr(out.data, "external_symbolizer"));
	iw_buf_clear(&out);
	san_flavour_flags(f->ldflags, &out);
	assert_string_equal(out.data, "-fsanitize=address,undefined");
	iw_buf_clear(&out);
	san_flavour_flags(f->cflags, &out);
	/* Or what reads before a buffer would be undefined arithmetic and no more. */
	assert_non_null(strstr(out.data, "-fno-sanitize=pointer-overflow"));
	iw_buf_fini(&out);
}

/* Mistakes that are made once: the table has an answer for every runtime. */
static void test_decided(void **state)
{
	size_t count;
	const struct san_flavour *rows = san_flavours(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (const struct san_env *env = rows[i].env; env->name; env++)
			for (int use = 0; use < SAN_USES; use++) {
				struct iw_buf out = {0};

				san_flavour_options(env, use, NULL, NULL, &out);
				assert_null(strstr(out.data, "rss_limit"));
				if (strcmp(env->name, "LSAN_OPTIONS") != 0) {
					assert_non_null(
						strstr(out.data, "halt_on_error=1"));
					assert_non_null(strstr(out.data, "symbolize=1"));
				}
				assert_null(strstr(out.data, "abort_on_error=1"));
				iw_buf_fini(&out);
			}
}

static void test_legal(void **state)
{
	(void)state;
	assert_null(san_sanitizers_clash(""));
	assert_null(san_sanitizers_clash("address,undefined"));
	assert_non_null(san_sanitizers_clash("undefined,thread,address"));
	assert_non_null(strstr(san_sanitizers_clash("memory,address"), "shadow"));
	assert_non_null(san_sanitizers_clash("thread,memory"));
	assert_null(san_flavour_needs_clang(san_flavour_find("plain")));
	assert_null(san_flavour_needs_clang(san_flavour_find("aflpp")));
	assert_non_null(
		strstr(san_flavour_needs_clang(san_flavour_find("libfuzzer+msan")),
			"MemorySanitizer"));
	assert_non_null(strstr(
		san_flavour_needs_clang(san_flavour_find("libfuzzer")), "libFuzzer"));
}

static void test_gcc(void **state)
{
	const struct san_flavour *plain = san_flavour_find("plain");
	struct san_toolchain clang = {0}, gcc = {.is_gcc = true};
	struct iw_buf out = {0};

	(void)state;
	assert_null(san_toolchain_lacks(&gcc, plain));
	assert_null(san_toolchain_lacks(&clang, san_flavour_find("libfuzzer+msan")));
	assert_non_null(san_toolchain_lacks(&gcc, san_flavour_find("libfuzzer+tsan")));
	assert_non_null(san_toolchain_lacks(&clang, san_flavour_find("aflpp")));
	san_toolchain_flags(&gcc, plain, plain->cflags, &out);
	assert_non_null(strstr(out.data, " -g1 "));
	assert_null(strstr(out.data, "-gline-tables-only"));
	iw_buf_clear(&out);
	san_toolchain_flags(&clang, plain, plain->cflags, &out);
	assert_non_null(strstr(out.data, " -gline-tables-only "));
	iw_buf_fini(&out);
}

static void test_toolchain(void **state)
{
	struct san_toolchain tools;
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	if (san_toolchain_find(&tools, &err) < 0) {
		print_message("skipped: %s\n", err.msg);
		skip();
	}
	assert_int_equal(tools.cc[0], '/');
	assert_true(tools.major >= 11);
	assert_memory_equal(tools.id, "clang-", 6);
	san_toolchain_fini(&tools);
	san_toolchain_fini(&tools); /* a zeroed one is fine */
}

static void test_toolchain_missing(void **state)
{
	_auto_free_ char *path = iw_strdup(getenv("PATH"));
	struct san_toolchain tools;
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	setenv("PATH", "/nowhere", 1);
	unsetenv("CC");
	assert_int_equal(san_toolchain_find(&tools, &err), IW_ETOOL);
	assert_non_null(strstr(err.msg, "install the packages clang"));
	setenv("PATH", path, 1);
	san_toolchain_fini(&tools);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_decided),
		cmocka_unit_test(test_legal),
		cmocka_unit_test(test_gcc),
		cmocka_unit_test(test_toolchain),
		cmocka_unit_test(test_toolchain_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
