#include "sanitizers/report_parse.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

/* Eight bytes at once: one in each of them, and whether one of them is zero. */
#define ONES 0x0101010101010101u

static bool has_zero(uint64_t bytes)
{
	return (bytes - ONES) & ~bytes & (ONES << 7);
}

/*
 * Where the n bytes of word are in v, or NULL. Lines are short and asked for many words:
 * memmem() prepares a table for each, which costs more than the search. Eight places are
 * looked at at once for the first and the last byte of the word; where both are, all of it
 * is compared.
 */
static const char *find(struct san_view v, const char *word, size_t n)
{
	const uint64_t first = ONES * (unsigned char)word[0];
	const uint64_t last = ONES * (unsigned char)word[n - 1];
	size_t i = 0;

	if (v.n < n)
		return NULL;
	for (; i + n - 1 + 8 <= v.n; i += 8) {
		uint64_t a, b, differ;

		memcpy(&a, v.p + i, 8);
		memcpy(&b, v.p + i + n - 1, 8);
		differ = (a ^ first) | (b ^ last);
		if (!has_zero(differ))
			continue;
		for (size_t j = i; j < i + 8; j++)
			if (v.p[j] == word[0] && !memcmp(v.p + j, word, n))
				return v.p + j;
	}
	for (; i + n <= v.n; i++)
		if (v.p[i] == word[0] && !memcmp(v.p + i, word, n))
			return v.p + i;
	return NULL;
}

const char *san_view_find(struct san_view v, const char *word)
{
	return find(v, word, strlen(word));
}

bool san_view_has(struct san_view v, const char *word)
{
	return find(v, word, strlen(word)) != NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct san_view san_view_trim(struct san_view v)
{
	while (v.n && is_space(v.p[0]))
		v = san_view_skip(v, 1);
	while (v.n && is_space(v.p[v.n - 1]))
		v.n--;
	return v;
}

struct san_view san_view_after(struct san_view v, const char *word)
{
	const char *hit = find(v, word, strlen(word));

	if (!hit)
		return (struct san_view){v.p, 0};
	return san_view_skip(v, (size_t)(hit - v.p) + strlen(word));
}

struct san_view san_view_unquote(struct san_view v)
{
	if (v.n >= 2 && strchr("`'\"", v.p[0]) && strchr("'\"", v.p[v.n - 1]))
		return (struct san_view){v.p + 1, v.n - 2};
	return v;
}

/* Whether one of eight bytes is below space or DEL; most have none. */
static bool has_control(const char *s)
{
	uint64_t bytes;

	memcpy(&bytes, s, sizeof bytes);
	return ((bytes - ONES * 0x20) & ~bytes & (ONES << 7)) ||
		has_zero(bytes ^ ONES * 0x7f);
}

static char show_control(char c)
{
	if (c == '\t')
		return ' ';
	return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

char *san_view_dup(struct iw_arena *arena, struct san_view v, size_t max)
{
	size_t n = v.n < max ? v.n : max;
	char *copy = iw_arena_alloc(arena, n + 1);

	if (n)
		memcpy(copy, v.p, n);
	for (size_t i = 0; i < n;) {
		size_t end = i + 8 < n ? i + 8 : n;

		if (i + 8 > n || has_control(copy + i))
			for (; i < end; i++)
				copy[i] = show_control(copy[i]);
		i = end;
	}
	return copy;
}

bool san_view_number(struct san_view v, uint64_t *value, struct san_view *rest)
{
	unsigned base = 10;
	uint64_t n = 0;
	size_t i = 0;

	if (v.n > 2 && v.p[0] == '0' && (v.p[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	}
	size_t first = i;

	for (; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		unsigned digit;

		if (isdigit(c))
			digit = c - '0';
		else if (base == 16 && isxdigit(c))
			digit = (c | 0x20u) - 'a' + 10;
		else
			break;
		if (__builtin_mul_overflow(n, base, &n) ||
			__builtin_add_overflow(n, digit, &n))
			n = UINT64_MAX / 16;
	}
	if (i == first)
		return false;
	*value = n;
	if (rest)
		*rest = san_view_skip(v, i);
	return true;
}

bool san_pattern_match(
	struct san_view v, const char *pattern, struct san_view captures[SAN_CAPTURES])
{
	size_t stars = 0;

	for (;;) {
		size_t len = 0;
		const char *hit;

		while (pattern[len] && pattern[len] != '*')
			len++;

		if (!stars) { /* anchored at the start */
			if (v.n < len || memcmp(v.p, pattern, len) != 0)
				return false;
			hit = v.p;
		} else if (!pattern[len]) { /* the last piece is anchored at the end */
			if (v.n < len || memcmp(v.p + v.n - len, pattern, len) != 0)
				return false;
			hit = v.p + v.n - len;
		} else {
			hit = len ? find(v, pattern, len) : v.p;
			if (!hit)
				return false;
		}
		if (stars && stars <= SAN_CAPTURES)
			captures[stars - 1] = (struct san_view){v.p, (size_t)(hit - v.p)};
		v = san_view_skip(v, (size_t)(hit - v.p) + len);
		pattern += len;
		if (!*pattern)
			return !v.n;
		pattern++;
		stars++;
	}
}
