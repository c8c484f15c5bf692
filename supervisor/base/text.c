#include "base/text.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <wchar.h>

#include "base/banned.h"

/* The length of the UTF-8 sequence at s (up to its NUL), 0 when it is not valid. Rules:
 * RFC 3629, table in section 4. */
static size_t utf8_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
			(s[3] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

/* C1 controls, and the marks that reorder or hide text: harmless in a parser, not on a
 * screen. U+061C, U+200B … 200F, U+2028 … 202E, U+2060 … 206F, U+FEFF, U+E0000 … E0FFF.
 */
static bool is_deceptive(const unsigned char *s, size_t len)
{
	if (len == 2)
		return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
	if (len == 4)
		return s[0] == 0xf3 && s[1] == 0xa0;
	if (len == 3 && s[0] == 0xef)
		return s[1] == 0xbb && s[2] == 0xbf;
	if (len != 3 || s[0] != 0xe2)
		return false;
	return (s[1] == 0x80 &&
		       ((s[2] >= 0x8b && s[2] <= 0x8f) ||
			       (s[2] >= 0xa8 && s[2] <= 0xae))) ||
		(s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf);
}

/* Adds one printable character or its replacement; returns the bytes consumed, or 0 when
 * *s is a control character that the caller must show. */
static size_t add_char(struct iw_buf *out, const unsigned char *s)
{
	size_t len;

	if (*s < 0x20 || *s == 0x7f)
		return 0;
	len = utf8_len(s);
	if (len == 0 || is_deceptive(s, len)) {
		iw_buf_adds(out, "\xef\xbf\xbd");
		return len ? len : 1;
	}
	iw_buf_add(out, s, len);
	return len;
}

/* Most of a text stands for itself. */
static size_t plain_length(const unsigned char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

void iw_text_plain(struct iw_buf *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t n = plain_length(p);

		if (n)
			iw_buf_add(out, p, n);
		else
			n = add_char(out, p);
		if (n == 0) {
			if (*p == '\t' || *p == '\n')
				iw_buf_adds(out, " ");
			else
				iw_buf_addf(out, "\\x%02x", *p);
			n = 1;
		}
		p += n;
	}
}

bool iw_text_is_name(const char *s, size_t max)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t chars = 0, len;

	for (; *p; p += len, chars++) {
		len = utf8_len(p);
		if (*p < 0x20 || *p == 0x7f || len == 0 || is_deceptive(p, len))
			return false;
	}
	return chars > 0 && chars <= max && s[0] != ' ' && p[-1] != ' ';
}

/* wcwidth() knows the widths of a locale's characters; ours are UTF-8 whatever the user's
 * locale is. */
static locale_t utf8;
static once_flag utf8_once = ONCE_FLAG_INIT;

static void make_utf8(void)
{
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The bytes of s that fit into max columns; *width: what they take. */
static size_t measure(const char *s, size_t max, size_t *width)
{
	locale_t before = (locale_t)0;
	size_t at = 0;

	call_once(&utf8_once, make_utf8);
	if (utf8)
		before = uselocale(utf8);
	*width = 0;
	while (s[at]) {
		size_t len = utf8_len((const unsigned char *)s + at), columns = 1;
		mbstate_t state = {0};
		wchar_t wide;

		if (len == 0)
			len = 1;
		/* What the tables do not know yet is shown as one box. */
		if (len > 1 && utf8 && mbrtowc(&wide, s + at, len, &state) == len &&
			wcwidth(wide) >= 0)
			columns = (size_t)wcwidth(wide);
		if (*width + columns > max)
			break;
		*width += columns;
		at += len;
	}
	if (utf8)
		uselocale(before);
	return at;
}

size_t iw_text_width(const char *s)
{
	size_t width;

	measure(s, SIZE_MAX, &width);
	return width;
}

size_t iw_text_fit(const char *s, size_t width)
{
	size_t taken;

	return measure(s, width, &taken);
}

void iw_text_json(struct iw_buf *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	iw_buf_adds(out, "\"");
	while (*p) {
		size_t n = plain_length(p);

		if (n) {
			iw_buf_add(out, p, n);
		} else if (*p == '"' || *p == '\\' || *p == '\n') {
			iw_buf_add(out, "\\", 1);
			iw_buf_add(out, *p == '\n' ? (const void *)"n" : p, 1);
			n = 1;
		} else if ((n = add_char(out, p)) == 0) {
			iw_buf_addf(out, "\\u%04x", *p);
			n = 1;
		}
		p += n;
	}
	iw_buf_adds(out, "\"");
}

void iw_text_markdown(struct iw_buf *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t n = 1;

		if (*p == '<')
			iw_buf_adds(out, "&lt;");
		else if (*p == '>')
			iw_buf_adds(out, "&gt;");
		else if (*p == '&')
			iw_buf_adds(out, "&amp;");
		else if (*p == '@') /* or a name in a report would notify somebody */
			iw_buf_adds(out, "&#64;");
		else if (strchr("\\`*_{}[]()#+!|~", *p))
			iw_buf_addf(out, "\\%c", *p);
		else if ((n = add_char(out, p)) == 0) {
			iw_buf_adds(out, *p == '\t' || *p == '\n' ? " " : "\xef\xbf\xbd");
			n = 1;
		}
		p += n;
	}
}

void iw_text_block(struct iw_buf *out, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned char window[5] = {0};
		size_t have = len - i < 4 ? len - i : 4, n;

		memcpy(window, s + i, have);
		if (window[0] == '\n' || window[0] == '\t') {
			iw_buf_add(out, window, 1);
			i++;
			continue;
		}
		n = add_char(out, window);
		if (n == 0) {
			iw_buf_addf(out, "\\x%02x", window[0]);
			n = 1;
		}
		i += n;
	}
}

void iw_text_base64(struct iw_buf *out, const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i += 3) {
		unsigned v = (unsigned)p[i] << 16;
		char quad[4];

		if (i + 1 < len)
			v |= (unsigned)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		quad[0] = digits[v >> 18];
		quad[1] = digits[v >> 12 & 63];
		quad[2] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		quad[3] = i + 2 < len ? digits[v & 63] : '=';
		iw_buf_add(out, quad, 4);
		if (i % 57 == 54 && i + 3 < len)
			iw_buf_adds(out, "\n");
	}
}

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool iw_text_unbase64(struct iw_buf *out, const char *s, size_t len)
{
	unsigned v = 0, digits = 0, pads = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		int digit = digit_of(s[i]);
		char bytes[3];

		if (s[i] == '\n' || s[i] == '\r')
			continue;
		pads += s[i] == '=';
		if ((digit < 0 && s[i] != '=') || (digit >= 0 && pads > 0))
			return false;
		v = v << 6 | (digit < 0 ? 0 : (unsigned)digit);
		if (++digits % 4 > 0)
			continue;
		if (pads > 2)
			return false;
		bytes[0] = (char)(v >> 16);
		bytes[1] = (char)(v >> 8);
		bytes[2] = (char)v;
		iw_buf_add(out, bytes, 3 - pads);
		v = 0;
	}
	return digits % 4 == 0 && pads <= 2;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* bash, zsh and ksh: $'…', in which nothing has to stand as it is. */
static void add_ansi_quoted(struct iw_buf *out, const char *s)
{
	iw_buf_adds(out, "$'");
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			iw_buf_addf(out, "\\x%02x", (unsigned char)*s);
		else if (*s == '\'' || *s == '\\')
			iw_buf_addf(out, "\\%c", *s);
		else
			iw_buf_add(out, s, 1);
	}
	iw_buf_adds(out, "'");
}

void iw_text_shell(struct iw_buf *out, const char *s)
{
	if (*s &&
		strspn(s,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789_@%+=:,./-") == strlen(s)) {
		iw_buf_adds(out, s);
		return;
	}
	if (has_control(s)) {
		add_ansi_quoted(out, s);
		return;
	}
	iw_buf_adds(out, "'");
	for (; *s; s++) {
		if (*s == '\'')
			iw_buf_adds(out, "'\\''");
		else
			iw_buf_add(out, s, 1);
	}
	iw_buf_adds(out, "'");
}
