/* Errors: the code stays, the outermost context comes first, nothing overflows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#include "base/banned.h"

static void test_set_fills_and_returns(void **state)
{
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	assert_int_equal(iw_err_set(&err, IW_EBUSY, "'%s' is in use", "x"), IW_EBUSY);
	assert_int_equal(err.code, IW_EBUSY);
	assert_string_equal(err.msg, "'x' is in use");
}

static void test_wrap_puts_the_outermost_first(void **state)
{
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	iw_err_set(&err, IW_ENOENT, "cannot open '%s'", "y");
	assert_int_equal(iw_err_wrap(&err, "importing corpus '%s'", "x"), IW_ENOENT);
	assert_int_equal(iw_err_wrap(&err, "starting"), IW_ENOENT);
	assert_string_equal(err.msg, "starting: importing corpus 'x': cannot open 'y'");
}

static const struct {
	int errnum, code;
} errnos[] = {
	{ENOENT, IW_ENOENT},
	{EEXIST, IW_EEXIST},
	{ENOSPC, IW_ENOSPC},
	{EDQUOT, IW_ENOSPC},
	{EACCES, IW_EIO},
	{EIO, IW_EIO},
	{EMFILE, IW_EIO},
};

static void test_errno_codes_and_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(errnos); i++) {
		struct iw_err err = IW_ERR_INIT;
		_auto_free_ char *words =
			iw_fmt("cannot write 'z': %s", strerror(errnos[i].errnum));

		assert_int_equal(
			iw_err_errno(&err, errnos[i].errnum, "cannot write '%s'", "z"),
			errnos[i].code);
		assert_int_equal(err.code, errnos[i].code);
		assert_string_equal(err.msg, words);
		assert_int_equal(
			iw_err_errno(NULL, errnos[i].errnum, "x"), errnos[i].code);
	}
}

static void test_nobody_listens(void **state)
{
	struct iw_err from = IW_ERR_INIT;

	(void)state;
	assert_int_equal(iw_err_set(NULL, IW_EDB, "x"), IW_EDB);
	assert_true(iw_err_wrap(NULL, "context") < 0);
	iw_err_set(&from, IW_ETOOL, "x");
	assert_int_equal(iw_err_copy(NULL, &from), IW_ETOOL);
}

static void test_copy(void **state)
{
	struct iw_err from = IW_ERR_INIT, to = IW_ERR_INIT;

	(void)state;
	iw_err_set(&from, IW_EJOB, "it failed");
	assert_int_equal(iw_err_copy(&to, &from), IW_EJOB);
	assert_int_equal(to.code, IW_EJOB);
	assert_string_equal(to.msg, "it failed");
	assert_int_equal(iw_err_copy(&to, &to), IW_EJOB);
	assert_string_equal(to.msg, "it failed");
}

/* What does not fit is cut at the end: the context, which is what helps, stays. */
static void test_long_messages_lose_their_end(void **state)
{
	char longest[2 * sizeof((struct iw_err){0}).msg];
	struct iw_err err = IW_ERR_INIT;
	int i;

	(void)state;
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	iw_err_set(&err, IW_EIO, "%s", longest);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(iw_err_wrap(&err, "level %d", i), IW_EIO);
	assert_memory_equal(err.msg, "level 2: level 1: level 0: aaa", 30);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	iw_err_errno(&err, ENOENT, "%s", longest);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	iw_err_wrap(&err, "%s", longest);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_fills_and_returns),
		cmocka_unit_test(test_wrap_puts_the_outermost_first),
		cmocka_unit_test(test_errno_codes_and_words),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_long_messages_lose_their_end),
	};

	return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
