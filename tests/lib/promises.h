/*
 * What everything that people or programs see promises: valid UTF-8 without controls and
 * without what hides or reorders text, and JSON that is JSON. Written after RFC 3629 and
 * RFC 8259, without the code that it judges; a broken promise aborts.
 */
#ifndef TESTS_LIB_PROMISES_H
#define TESTS_LIB_PROMISES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PROMISE(x)                                                                       \
	do {                                                                             \
		if (!(x))                                                                \
			abort();                                                         \
	} while (0)

/* The character at s and its length; false when it is not valid UTF-8. */
static inline bool utf8_char(const unsigned char *s, size_t len, uint32_t *c, size_t *n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	*c = s[0];
	*n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (*n == 1)
		return true;
	if (*n == 0 || s[0] > 0xf4 || *n > len)
		return false;
	*c = s[0] & (0x7fu >> *n);
	for (size_t i = 1; i < *n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return false;
		*c = *c << 6 | (s[i] & 0x3fu);
	}
	return *c >= least[*n] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff);
}

static inline bool is_shown_as_it_is(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	return c != 0x61c && c != 0xfeff && !(c >= 0x200b && c <= 0x200f) &&
		!(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) &&
		!(c >= 0xe0000 && c <= 0xe0fff);
}

/* Newlines alone may move the cursor. */
static inline void promise_plain(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		PROMISE(utf8_char(s + i, len - i, &c, &n));
		PROMISE(c == '\n' || is_shown_as_it_is(c));
	}
}

static inline const char *json_space(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

static inline const char *json_string_end(const char *s)
{
	PROMISE(*s == '"');
	for (s++; *s != '"'; s++) {
		PROMISE((unsigned char)*s >= 0x20);
		if (*s != '\\')
			continue;
		s++;
		PROMISE(*s && strchr("\"\\/bfnrtu", *s));
		if (*s == 'u') {
			PROMISE(strspn(s + 1, "0123456789abcdefABCDEF") >= 4);
			s += 4;
		}
	}
	return s + 1;
}

static inline const char *json_number_end(const char *s)
{
	size_t digits;

	s += *s == '-';
	digits = strspn(s, "0123456789");
	PROMISE(digits && (digits == 1 || *s != '0'));
	return s + digits;
}

/* Behind the value at s; ours hold whole numbers only and are not deep. */
static inline const char *json_value_end(const char *s, int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	char close = *s == '{' ? '}' : ']';

	PROMISE(depth < 12);
	if (*s == '"')
		return json_string_end(s);
	for (size_t i = 0; i < 3; i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	if (*s != '{' && *s != '[')
		return json_number_end(s);
	s = json_space(s + 1);
	while (*s != close) {
		if (close == '}') {
			s = json_space(json_string_end(s));
			PROMISE(*s == ':');
			s = json_space(s + 1);
		}
		s = json_space(json_value_end(s, depth + 1));
		PROMISE(*s == ',' || *s == close);
		if (*s == ',') {
			s = json_space(s + 1);
			PROMISE(*s != close);
		}
	}
	return s + 1;
}

/* One value and nothing behind it but space, all of it plain. */
static inline void promise_json(const char *text, size_t len)
{
	PROMISE(strlen(text) == len);
	promise_plain(text, len);
	PROMISE(!*json_space(json_value_end(json_space(text), 0)));
}

#endif
