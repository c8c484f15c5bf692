#include "sanitizers/frame_name.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

/* Removes every occurrence of word from s. */
static void cut_all(char *s, const char *word)
{
	size_t n = strlen(word);
	char *to = strchr(s, *word);
	const char *from = to;

	if (!to)
		return;
	while (*from) {
		if (*from == *word && !strncmp(from, word, n))
			from += n;
		else
			*to++ = *from++;
	}
	*to = '\0';
}

/* "pkg/path.(*T).f(0x1, {…})" is "path.(*T).f": the arguments are the last group. */
static void cut_go(char *s)
{
	size_t n = strlen(s);
	int depth = 0;
	char *slash;

	if (n && s[n - 1] == ')') {
		size_t i = n;

		while (i-- > 0) {
			if (s[i] == ')')
				depth++;
			else if (s[i] == '(' && --depth == 0)
				break;
		}
		if (i < n)
			s[i] = '\0';
	}
	slash = strrchr(s, '/');
	if (slash)
		memmove(s, slash + 1, strlen(slash + 1) + 1);
}

/* How long an operator's name is at s, "operator<<"; 0: none is there. */
static size_t operator_length(const char *s)
{
	return strncmp(s, "operator", 8) ? 0 : 8 + strspn(s + 8, "<>=-");
}

/* "x<int (*)(char)>::f<int>" is "x::f", whatever it was made for. "<T as U>::f" is how Rust
 * calls the U of a T, and "f::<T>" what C++ calls f<T>. */
static void cut_templates(char *s)
{
	char *to = s, *open = NULL;
	size_t depth = 0;

	for (const char *from = s; *from;) {
		size_t n = operator_length(from);

		if (n) {
			memmove(to, from, n);
			to += n;
			from += n;
			continue;
		}
		if (*from == '<' && (depth || to > s) && !depth++)
			open = to;
		*to++ = *from;
		if (*from == '>' && depth && from[-1] != '-' && !--depth) {
			to = open;
			if (to - s > 2 && !strncmp(to - 2, "::", 2))
				to -= 2;
		}
		from++;
	}
	*to = '\0';
}

/* "unsigned long a::f" is "a::f": demanglers say what a function made from a template
 * returns, and assertions what any does. */
static void cut_returned(char *s)
{
	char *from = s;
	int depth = 0;

	for (char *at = s; *at; at++) {
		if (operator_length(at) && (at == s || !isalnum((unsigned char)at[-1])))
			break;
		depth += (*at == '<') - (*at == '>');
		if (depth == 0 && (*at == ' ' || *at == '*' || *at == '&'))
			from = at + 1;
	}
	memmove(s, from, strlen(from) + 1);
}

static void cut_arguments(char *s)
{
	char *end = s + strcspn(s, "([");

	/* "operator()" and "operator[]" are names. */
	if (end - s >= 8 && !strncmp(end - 8, "operator", 8) && end[0] && end[1])
		end += 2;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
}

void san_frame_bare_name(
	const struct san_frame *f, bool as_clusterfuzz, char name[SAN_NAME_SIZE])
{
	size_t n = strnlen(f->function, SAN_NAME_SIZE - 1);

	memcpy(name, f->function, n);
	name[n] = '\0';
	if (f->is_go) {
		cut_go(name);
		return;
	}
	cut_all(name, "(anonymous namespace)::");
	cut_all(name, "`anonymous namespace'::");
	cut_all(name, "(anonymous class)::");
	if (!as_clusterfuzz) {
		cut_all(name, "{anonymous}::");
		cut_templates(name);
	}
	cut_arguments(name);
	if (!as_clusterfuzz)
		cut_returned(name);
}
