/* Foreign text: nothing hostile passes, nothing harmless is lost. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static const struct {
	const char *in, *out;
} plain[] = {
	{"", ""},
	{"plain words, 100%", "plain words, 100%"},
	{"tab\tline\nend", "tab line end"},
	{"return\rover", "return\\x0dover"},
	{"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"},
	{"\x7f\x08", "\\x7f\\x08"},
	/* valid UTF-8 of every length, at the edges of each range */
	{"\xc2\xa0 \xdf\xbf", "\xc2\xa0 \xdf\xbf"},
	{"\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80",
		"\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80"},
	{"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"},
	{"gr\xc3\xb6\xc3\x9f"
	 "e",
		"gr\xc3\xb6\xc3\x9f"
		"e"},
	/* invalid: alone, overlong, surrogates, above U+10FFFF, cut off */
	{"\x80"
	 "a\xff",
		BAD "a" BAD},
	{"\xc0\xaf", BAD BAD},
	{"\xc1\xbf", BAD BAD},
	{"\xe0\x9f\xbf", BAD BAD BAD},
	{"\xed\xa0\x80", BAD BAD BAD},
	{"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
	{"\xf4\x90\x80\x80", BAD BAD BAD BAD},
	{"\xf5\x80\x80\x80", BAD BAD BAD BAD},
	{"\xe2\x82", BAD BAD},
	{"\xc3", BAD},
	{"\xf0\x9f\x98", BAD BAD BAD},
	{"\xc3(", BAD "("},
	/* C1 controls: U+009B starts an escape sequence on some terminals */
	{"\xc2\x9b"
	 "2J",
		BAD "2J"},
	{"\xc2\x80\xc2\x9f", BAD BAD},
	/* marks that reorder or hide */
	{"\xe2\x80\xae"
	 "exe.txt",
		BAD "exe.txt"},				       /* RLO */
	{"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac", BAD BAD BAD}, /* LRE RLE PDF */
	{"\xe2\x81\xa6\xe2\x81\xa9", BAD BAD},		       /* LRI PDI */
	{"\xe2\x80\x8e\xe2\x80\x8f", BAD BAD},		       /* LRM RLM */
	{"\xd8\x9c", BAD},				       /* ALM */
	{"\xe2\x80\x8b\xef\xbb\xbf", BAD BAD},		       /* ZWSP, BOM */
	{"\xe2\x80\xa8\xe2\x80\xa9", BAD BAD}, /* line, paragraph separator */
	{"\xf3\xa0\x81\x81", BAD},	       /* a tag character */
	/* their neighbours are characters like any other */
	{"\xe2\x80\x90\xe2\x80\xa6\xe2\x80\xb0", "\xe2\x80\x90\xe2\x80\xa6\xe2\x80\xb0"},
	{"\xd8\x9b\xd8\x9d", "\xd8\x9b\xd8\x9d"},
};

static void test_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(plain); i++) {
		struct iw_buf out = {0};

		iw_text_plain(&out, plain[i].in);
		assert_string_equal(out.data ? out.data : "", plain[i].out);
		iw_buf_fini(&out);
	}
}

static const struct {
	const char *in, *out;
} json[] = {
	{"", "\"\""},
	{"a \"b\" \\c", "\"a \\\"b\\\" \\\\c\""},
	{"line\nline\ttab\r", "\"line\\nline\\u0009tab\\u000d\""},
	{"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
	{"\xff", "\"" BAD "\""},
	{"\xe2\x80\xa8", "\"" BAD "\""},
};

static void test_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(json); i++) {
		struct iw_buf out = {0};

		iw_text_json(&out, json[i].in);
		assert_string_equal(out.data, json[i].out);
		iw_buf_fini(&out);
	}
}

static const struct {
	const char *in, *out;
} markdown[] = {
	{"plain", "plain"},
	{"<script>&amp;", "&lt;script&gt;&amp;amp;"},
	{"@owner", "&#64;owner"},
	{"`code` *b* _i_ ~s~", "\\`code\\` \\*b\\* \\_i\\_ \\~s\\~"},
	{"![x](y) #12 a|b {c} +", "\\!\\[x\\]\\(y\\) \\#12 a\\|b \\{c\\} \\+"},
	{"back\\slash", "back\\\\slash"},
	{"two\nlines\tand a tab", "two lines and a tab"},
	{"\x1b[31m", BAD "\\[31m"},
	{"\xe2\x80\xae", BAD},
};

static void test_markdown(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(markdown); i++) {
		struct iw_buf out = {0};

		iw_text_markdown(&out, markdown[i].in);
		assert_string_equal(out.data, markdown[i].out);
		iw_buf_fini(&out);
	}
}

static void test_block_shows_nul_and_keeps_lines(void **state)
{
	static const char in[] = "a\0b\tc\nd\r\x1b\xc3\xb6\xe2\x82";
	struct iw_buf out = {0};

	(void)state;
	iw_text_block(&out, in, sizeof in - 1);
	assert_string_equal(out.data, "a\\x00b\tc\nd\\x0d\\x1b\xc3\xb6" BAD BAD);
	iw_buf_clear(&out);
	iw_text_block(&out, in, 0);
	assert_int_equal(out.len, 0);
	iw_buf_clear(&out);
	/* A sequence that the length cuts is not read over its end. */
	iw_text_block(&out, "\xc3\xb6", 1);
	assert_string_equal(out.data, BAD);
	iw_buf_fini(&out);
}

static const struct {
	const char *in, *out;
} base64[] = {
	/* RFC 4648, section 10 */
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xff\xfe\xfd", "//79"},
};

static void test_base64(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(base64); i++) {
		struct iw_buf out = {0};

		iw_text_base64(&out, base64[i].in, strlen(base64[i].in));
		assert_string_equal(out.data ? out.data : "", base64[i].out);
		iw_buf_fini(&out);
	}
}

static void test_base64_is_read(void **state)
{
	static const char *const none[] = {
		"Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Z g=", "Zm9v!", "Zm8=b"};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(base64); i++) {
		struct iw_buf out = {0};

		assert_true(iw_text_unbase64(&out, base64[i].out, strlen(base64[i].out)));
		assert_int_equal(out.len, strlen(base64[i].in));
		assert_string_equal(out.data ? out.data : "", base64[i].in);
		iw_buf_fini(&out);
	}
	for (i = 0; i < IW_COUNT(none); i++) {
		struct iw_buf out = {0};

		assert_false(iw_text_unbase64(&out, none[i], strlen(none[i])));
		iw_buf_fini(&out);
	}
}

static void test_base64_lines(void **state)
{
	char zeros[171] = {0};
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof zeros; len++) {
		struct iw_buf back = {0};
		size_t letters = (len + 2) / 3 * 4;
		size_t breaks = letters ? (letters - 1) / 76 : 0, i;
		struct iw_buf out = {0};

		iw_text_base64(&out, zeros, len);
		assert_int_equal(out.len, letters + breaks);
		for (i = 76; i < out.len; i += 77)
			assert_int_equal(out.data[i], '\n');
		assert_true(iw_text_unbase64(&back, out.data ? out.data : "", out.len));
		assert_int_equal(back.len, len);
		iw_buf_fini(&back);
		iw_buf_fini(&out);
	}
}

static const struct {
	const char *in, *out;
} shell[] = {
	{"", "''"},
	{"plain-word_1.2/x=y:z,@%+", "plain-word_1.2/x=y:z,@%+"},
	{"two words", "'two words'"},
	{"$HOME", "'$HOME'"},
	{"`id`;rm -rf *", "'`id`;rm -rf *'"},
	{"it's", "'it'\\''s'"},
	{"~", "'~'"},
	{"a\nb", "$'a\\x0ab'"},
	{"\x1b[2J", "$'\\x1b[2J'"},
};

static void test_shell(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(shell); i++) {
		struct iw_buf out = {0};

		iw_text_shell(&out, shell[i].in);
		assert_string_equal(out.data, shell[i].out);
		iw_buf_fini(&out);
	}
}

static void expect_printable(const struct iw_buf *out, const char *allowed)
{
	size_t i;

	assert_int_equal(strlen(out->data), out->len);
	for (i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->data[i];

		if (c < 0x20 || c == 0x7f)
			assert_non_null(strchr(allowed, c));
	}
}

/* Whatever goes in: no control character, no NUL, and UTF-8 that a strict parser takes.
 */
static void test_any_bytes(void **state)
{
	uint32_t seed = 1;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct iw_buf out = {0};
		char in[33];
		json_t *value;
		size_t i;

		for (i = 0; i < sizeof in - 1; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		in[sizeof in - 1] = '\0';
		iw_text_json(&out, in);
		value = json_loadb(out.data, out.len, JSON_DECODE_ANY, NULL);
		/* A string that decodes to a NUL is refused by jansson, so none is in it.
		 */
		assert_non_null(value);
		json_decref(value);
		iw_buf_clear(&out);
		iw_text_plain(&out, in);
		iw_text_markdown(&out, in);
		expect_printable(&out, "");
		iw_text_block(&out, in, sizeof in);
		expect_printable(&out, "\n\t");
		iw_buf_fini(&out);
	}
}

static void test_names(void **state)
{
	static const char *const good[] = {
		"a", "two words", "100% <b>", "gr\xc3\xb6", "\xf0\x9f\x98\x80"};
	static const char *const bad[] = {"", " a", "a ", "a\tb", "a\n", "\x7f", "\xff",
		"\xc3", "\xe2\x80\xae(reversed)", "123456789"};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(good); i++)
		assert_true(iw_text_is_name(good[i], 9));
	for (i = 0; i < IW_COUNT(bad); i++)
		assert_false(iw_text_is_name(bad[i], 8));
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(iw_text_width(""), 0);
	assert_int_equal(iw_text_width("plain"), 5);
	assert_int_equal(iw_text_width("日本語"), 6);
	assert_int_equal(iw_text_width("e\xcc\x81"), 1); /* a letter and its accent */
	assert_int_equal(iw_text_width("… " BAD), 3);
	assert_int_equal(iw_text_fit("plain", 3), 3);
	assert_int_equal(iw_text_fit("plain", 9), 5);
	assert_int_equal(iw_text_fit("日本語", 5), 6);
	assert_int_equal(iw_text_fit("e\xcc\x81x", 1), 3);
	assert_int_equal(iw_text_fit("x", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_block_shows_nul_and_keeps_lines),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_is_read),
		cmocka_unit_test(test_base64_lines),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
