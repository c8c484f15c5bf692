#include "sanitizers/demangle.h"

#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define WRITTEN_ELSEWHERE(p, n) __msan_unpoison(p, n)
#endif
#endif
#ifndef WRITTEN_ELSEWHERE
#define WRITTEN_ELSEWHERE(p, n) ((void)0)
#endif

#include "base/banned.h"

#define RESULT_MAX 2048

/* Where the library writes. It knows no limit of its own and prints each name that another
 * one repeats again, so a short name may double its output without end: a jump ends it.
 * What the library has lies on the stack, but for Rust's identifiers outside of ASCII. */
struct output {
	jmp_buf too_long;
	size_t len, max;
	char text[RESULT_MAX + 1];
};

static void write_some(const char *piece, size_t len, void *opaque)
{
	struct output *out = opaque;

	WRITTEN_ELSEWHERE(&len, sizeof len);
	if (!len) /* then piece may be NULL */
		return;
	WRITTEN_ELSEWHERE(piece, len);
	if (len > out->max - out->len)
		longjmp(out->too_long, 1);
	memcpy(out->text + out->len, piece, len);
	out->len += len;
}

/* "u3foo" is an identifier in punycode. */
static bool has_punycode(const char *name)
{
	for (; *name; name++)
		if (name[0] == 'u' && isdigit((unsigned char)name[1]))
			return true;
	return false;
}

static bool demangle(const char *name, struct output *out)
{
	const int options = DMGL_PARAMS | DMGL_ANSI;

	out->len = 0;
	if (name[1] == 'R' && has_punycode(name))
		return false;
	if (setjmp(out->too_long))
		return false;
	if (rust_demangle_callback(name, DMGL_NO_OPTS, write_some, out))
		return true;
	/* What it wrote before it gave up is nothing. */
	out->len = 0;
	return name[0] == '_' && name[1] == 'Z' &&
		cplus_demangle_v3_callback(name, options, write_some, out);
}

bool san_name_is_mangled(const char *name, size_t len)
{
	/* Some tools print the platform's own underscore before it. */
	if (len > 2 && name[0] == '_' && name[1] == '_') {
		name++;
		len--;
	}
	return len > 3 && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R') &&
		isalnum((unsigned char)name[2]);
}

char *san_name_demangle(struct iw_arena *arena, const char *name, size_t len, size_t max)
{
	char mangled[SAN_MANGLED_MAX + 1];
	struct output out;

	if (!san_name_is_mangled(name, len) || len > SAN_MANGLED_MAX ||
		memchr(name, '\0', len))
		return NULL;
	if (name[1] == '_') {
		name++;
		len--;
	}
	memcpy(mangled, name, len);
	mangled[len] = '\0';
	out.max = max < RESULT_MAX ? max : RESULT_MAX;
	if (!demangle(mangled, &out) || !out.len)
		return NULL;
	out.text[out.len] = '\0';
	/* An identifier may hold any byte that its length counts. */
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.text[i] < 0x20 || out.text[i] == 0x7f)
			return NULL;
	return iw_arena_strndup(arena, out.text, out.len);
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

void san_name_unescape_go(char *name)
{
	char *to = strchr(name, '%');
	const char *from = to;

	while (from && *from) {
		int high = *from == '%' ? hex_digit(from[1]) : -1;
		int low = high >= 0 ? hex_digit(from[2]) : -1;
		int c = high * 16 + low;

		if (low >= 0 && c > 0x20 && c < 0x7f) {
			*to++ = (char)c;
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	if (to)
		*to = '\0';
}
