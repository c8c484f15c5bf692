/* Captured programs: their words, their end, and never longer than allowed. */
#include "tests/lib/temp.h"

#include <signal.h>
#include <sys/time.h>

#include "base/capture.h"
#include "base/time.h"

#include "base/banned.h"

#define LONG_MS 20000

static int shell(
	const char *script, int timeout_ms, struct iw_buf *out, struct iw_err *err)
{
	const char *const argv[] = {"sh", "-c", script, NULL};

	return iw_capture(argv, timeout_ms, out, err);
}

static const struct {
	const char *script;
	int rc;
	const char *out;
} rows[] = {
	{"echo out; echo err >&2", 0, "out\nerr\n"},
	{"exit 3", 3, ""},
	{"echo half; exit 255", 255, "half\n"},
	{"kill -SEGV $$", 128 + SIGSEGV, ""},
	{"kill -KILL $$", 128 + SIGKILL, ""},
	{"cat; echo end of stdin", 0, "end of stdin\n"},
};

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		struct iw_err err = IW_ERR_INIT;
		struct iw_buf out = {0};

		assert_int_equal(shell(rows[i].script, LONG_MS, &out, &err), rows[i].rc);
		assert_string_equal(out.data, rows[i].out);
		iw_buf_fini(&out);
	}
}

static void test_no_such_program(void **state)
{
	const char *const argv[] = {"/nowhere/program", NULL};
	struct iw_err err = IW_ERR_INIT;
	struct iw_buf out = {0};

	(void)state;
	temp_fails(&err, iw_capture(argv, LONG_MS, &out, &err), IW_ETOOL,
		"cannot start '/nowhere/program': No such file or directory");
	iw_buf_fini(&out);
}

static void expect_timeout(const char *script)
{
	int64_t start = iw_time_mono_ms();
	struct iw_err err = IW_ERR_INIT;
	struct iw_buf out = {0};

	temp_fails(&err, shell(script, 1000, &out, &err), IW_EJOB,
		"'sh' did not end within 1 s");
	assert_true(iw_time_mono_ms() - start < 8000);
	iw_buf_fini(&out);
}

static void test_timeout(void **state)
{
	(void)state;
	expect_timeout("echo begun; exec sleep 30");
}

/* A program that closes its output is not at its end. */
static void test_timeout_without_output(void **state)
{
	(void)state;
	expect_timeout("exec sleep 30 >/dev/null 2>&1");
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Signals of ours (a child of the loop ends) must not make the wait endless. */
static void test_timeout_despite_signals(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval once = {.it_value = {.tv_usec = 100000}};

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
	expect_timeout("exec sleep 30");
	signal(SIGALRM, SIG_DFL);
}

/* The head of a long output, without holes: 8 bytes a line, numbered. */
static void test_output_is_bounded(void **state)
{
	struct iw_err err = IW_ERR_INIT;
	struct iw_buf out = {0};
	size_t i;

	(void)state;
	assert_int_equal(shell("seq -f %07.0f 0 30000", LONG_MS, &out, &err), 0);
	assert_int_equal(out.len, 64 << 10);
	for (i = 0; i < out.len / 8; i++)
		assert_int_equal(strtol(out.data + 8 * i, NULL, 10), i);
	iw_buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_no_such_program),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_timeout_without_output),
		cmocka_unit_test(test_timeout_despite_signals),
		cmocka_unit_test(test_output_is_bounded),
	};

	return cmocka_run_group_tests_name("base_capture", tests, NULL, NULL);
}
