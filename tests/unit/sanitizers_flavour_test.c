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
		for (const struct san_env *env = f->env; env->name; env++)
			for (int use = 0; use < SAN_USES; use++)
				assert_non_null(env->value[use]);
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
		cmocka_unit_test(test_toolchain),
		cmocka_unit_test(test_toolchain_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
