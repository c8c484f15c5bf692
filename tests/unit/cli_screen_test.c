/* Keys as terminals send them; foreign text on the way to a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/screen.h"

static void test_keys(void **state)
{
	static const char text[] =
		"q\033[A\033OB\033[5~\033[6~\033[1;5C\033[H\033[4~j\033";
	static const int keys[] = {'q', CLI_KEY_UP, CLI_KEY_DOWN, CLI_KEY_PAGE_UP,
		CLI_KEY_PAGE_DOWN, CLI_KEY_OTHER, CLI_KEY_HOME, CLI_KEY_END, 'j', '\033',
		-1};
	size_t at = 0, i;

	(void)state;
	for (i = 0; i < sizeof keys / sizeof *keys; i++)
		assert_int_equal(cli_key_next(text, sizeof text - 1, &at), keys[i]);
}

/* A sequence cut short by the end of what was read reads nothing behind it. */
static void test_cut_sequences(void **state)
{
	static const char text[] = "\033[1;5";
	size_t len;

	(void)state;
	for (len = 1; len < sizeof text; len++) {
		size_t at = 0, rounds = 0;

		while (cli_key_next(text, len, &at) >= 0)
			assert_true(++rounds <= len);
		assert_int_equal(at, len);
	}
}

static void test_frames_are_plain_and_cut(void **state)
{
	struct cli_frame f = {0};

	(void)state;
	cli_frame_add(&f, CLI_PLAIN, 0,
		"\033[2Jhello\r\n\xc2\x9b"
		"31m");
	assert_string_equal(f.lines[0].text,
		"\\x1b[2Jhello\\x0d \xef\xbf\xbd"
		"31m");
	cli_frame_add(&f, CLI_PLAIN, 5, "日本語");
	assert_string_equal(f.lines[1].text, "日本");
	cli_frame_add(&f, CLI_BAR, 5, "日本語");
	assert_string_equal(f.lines[2].text, "日本 ");
	cli_frame_add(&f, CLI_PLAIN, 5, "");
	assert_string_equal(f.lines[3].text, "");
	cli_frame_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_cut_sequences),
		cmocka_unit_test(test_frames_are_plain_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
