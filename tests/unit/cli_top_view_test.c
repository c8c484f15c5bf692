/* One look at a farm in every size: nothing is wider or higher than the terminal, and
 * what must be seen is. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/top_view.h"

#define TARGETS 40
#define HOSTILE "\033]0;owned\007\xe2\x80\xae"

static json_t *farm(void)
{
	return json_pack(
		"{ss sI sI sI sb s[{si si s{ss sI ss ss} sn}{si si sn sn}] si si si "
		"si si si s{si si si} s[{sI ss}]}",
		"phase", "fuzzing", "now_ms", (json_int_t)1000000, "elapsed_ms",
		(json_int_t)61000, "left_ms", (json_int_t)5000, "sandbox", 0, "slots",
		"slot", 0, "core", 4, "engine", "purpose", "fuzz", "since_ms",
		(json_int_t)940000, "what", "node/t0, aflpp" HOSTILE, "why",
		"least core time", "front", "slot", 1, "core", 5, "engine", "front",
		"waiting", 3, "engines", 1, "judging", 2, "pursuing", 4, "backlog", 7,
		"new_bugs", 2, "core_ms", "fuzz", 6000, "build", 2000, "distil", 0,
		"messages", "at_ms", (json_int_t)1, "text", "said last" HOSTILE);
}

static json_t *target(int i)
{
	_auto_free_ char *name = iw_fmt("t%d", i);

	return json_pack("{ss ss ss si si si si si si sI}", "adapter", "node", "target",
		name, "status", i == 3 ? "broken" : "idle", "per_second", 1000 - i,
		"features", 10 * i, "features_start", 5, "units", i, "crashes", 0,
		"open_bugs", i % 3, "found_ms", (json_int_t)(i ? 1000000 - 1000 * i : 0));
}

static json_t *make_look(void)
{
	json_t *targets = json_array();
	int i;

	for (i = 0; i < TARGETS; i++)
		json_array_append_new(targets, target(i));
	return json_pack("{so so s[{si ss ss ss ss s[s] si si ss s[ii] sI si}]}", "farm",
		farm(), "targets", targets, "bugs", "id", 7, "adapter", "node", "target",
		"t1", "state", "open", "type", "Heap-use-after-free", "frames",
		"close" HOSTILE, "hits", 5, "runs", 8, "outcome", "interaction", "prs",
		12, 14, "found_ms", (json_int_t)900000, "sightings", 3);
}

static char *drawn(struct top_view *v, const json_t *look)
{
	struct cli_frame f = {0};
	struct iw_buf text = {0};
	size_t i;

	top_view_draw(v, look, &f);
	assert_int_equal(f.count, v->height);
	for (i = 0; i < f.count; i++) {
		assert_true(iw_text_width(f.lines[i].text) <= (size_t)v->width);
		assert_null(strpbrk(f.lines[i].text, "\033\007\r\n"));
		assert_null(strstr(f.lines[i].text, "\xe2\x80\xae"));
		iw_buf_adds(&text, f.lines[i].text);
		iw_buf_adds(&text, "\n");
	}
	cli_frame_fini(&f);
	return iw_buf_steal(&text);
}

static void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no '%s' in:\n%s", words, text);
}

static void test_every_size(void **state)
{
	json_t *look = make_look(), *empty = json_object();
	int width, height, list;

	(void)state;
	for (width = 1; width < 200; width += width < 4 ? 1 : 17)
		for (height = 1; height < 70; height += height < 12 ? 1 : 19)
			for (list = 0; list < TOP_WHATS; list++) {
				struct top_view v = {.width = width,
					.height = height,
					.list = list,
					.first = height % 5 * 20};
				_auto_free_ char *full = drawn(&v, look);
				_auto_free_ char *none = drawn(&v, empty);
				_auto_free_ char *wrong = drawn(&v, NULL);

				assert_true(v.first >= 0);
			}
	json_decref(look);
	json_decref(empty);
}

static void test_narrow_and_wide(void **state)
{
	json_t *look = make_look();
	struct top_view v = {.width = 140, .height = 60};
	_auto_free_ char *wide = drawn(&v, look), *narrow = NULL;

	(void)state;
	assert_has(wide, "fuzzing 1m 01s, left 5s");
	assert_has(wide, "NO SANDBOX");
	assert_has(wide, "engines 1/2   waiting 3   crashes to judge 2+7");
	assert_has(wide, "core time 8s   fuzz 75.0%   build 25.0%\n");
	assert_has(wide, "   4  fuzz  1m 00s  node/t0, aflpp");
	assert_has(wide, "   5  idle\n");
	assert_has(wide, "targets 40, by name");
	assert_has(
		wide, "node/t3   broken     997        30   +25      3        0     0");
	assert_has(wide, "Heap-use-after-free in close");
	assert_has(wide, "#12 + #14");
	assert_has(wide, "said last");
	v = (struct top_view){.width = 60, .height = 60, .list = TOP_BUGS};
	narrow = drawn(&v, look);
	assert_has(narrow, "#12 + #14");
	assert_has(narrow, "node/t1");
	json_decref(look);
}

static void test_scrolling_ends_at_the_ends(void **state)
{
	json_t *look = make_look();
	struct top_view v = {.width = 80, .height = 30, .first = TOP_ROWS_MAX};
	_auto_free_ char *last = drawn(&v, look), *first = NULL;

	(void)state;
	assert_int_equal(v.first + v.rows, TARGETS);
	assert_has(last, "node/t9 "); /* by name the last */
	v.first = -3;
	first = drawn(&v, look);
	assert_int_equal(v.first, 0);
	assert_has(first, "node/t0 ");
	assert_null(strstr(first, "node/t9 "));
	json_decref(look);
}

static void test_orders(void **state)
{
	/* the first row by each order; t1 is the newest find, t0 never found anything */
	static const char *const firsts[] = {"node/t0 ", "node/t0 ", "node/t39 ",
		"node/t39 ", "node/t0 ", "node/t2 ", "node/t1 ", "node/t0 "};
	json_t *look = make_look();
	int i;

	(void)state;
	for (i = 0; i < (int)IW_COUNT(firsts); i++) {
		struct top_view v = {.width = 80, .height = 40, .sort = {i}};
		_auto_free_ char *text = drawn(&v, look);
		const char *row = strstr(text, "bugs  last find");

		assert_non_null(row);
		row = strchr(row, '\n') + 1;
		assert_memory_equal(row, firsts[i], strlen(firsts[i]));
	}
	json_decref(look);
}

static void test_trouble_and_help(void **state)
{
	json_t *look = make_look();
	struct top_view v = {
		.width = 80, .height = 24, .trouble = "no farm" HOSTILE, .is_help = true};
	_auto_free_ char *text = drawn(&v, look);

	(void)state;
	assert_has(text, "no farm\\x1b");
	assert_null(strstr(text, "said last"));
	assert_has(text, "any key goes back");
	json_decref(look);
}

static void test_print(void **state)
{
	json_t *look = make_look();
	struct top_view v = {0};
	struct cli_frame f = {0};

	(void)state;
	top_view_print(&v, look, &f);
	assert_true(f.count > TARGETS + 10);
	assert_string_equal(
		f.lines[f.count - 1].text, "said last\\x1b]0;owned\\x07\xef\xbf\xbd");
	cli_frame_fini(&f);
	json_decref(look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_narrow_and_wide),
		cmocka_unit_test(test_scrolling_ends_at_the_ends),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_trouble_and_help),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
