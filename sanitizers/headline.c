#include "sanitizers/headline.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "sanitizers/frames.h"

#include "base/banned.h"

#define ADDRESS_DIGITS 7 /* so many hexadecimal digits are an address without 0x too */
#define NUMBER_DIGITS 5	 /* shorter numbers are often constants of the program */

static size_t span(const char *s, int (*is)(int c))
{
	size_t n = 0;

	while (s[n] && is((unsigned char)s[n]))
		n++;
	return n;
}

/* The length of four numbers with points between, or 0. */
static size_t ip_length(const char *s)
{
	size_t at = 0;

	for (int part = 0; part < 4; part++) {
		size_t n = span(s + at, isdigit);

		if (n == 0 || n > 3 || (part < 3 && s[at + n] != '.'))
			return 0;
		at += n + (part < 3);
	}
	return s[at] == '.' || isalnum((unsigned char)s[at]) ? 0 : at;
}

/* The length of "15 " in "15 stuck task(s)", or 0: how many there were says nothing. */
static size_t count_length(const char *s)
{
	size_t digits = span(s, isdigit);
	const char *plural = strstr(s, "(s)");
	const char *end = digits && s[digits] == ' ' ? strpbrk(s, ".,:;") : NULL;

	if (!digits || s[digits] != ' ' || !plural || plural - s > 40 ||
		(end && end < plural))
		return 0;
	return digits + 1;
}

/* What stands at s, where no name and no number has begun yet. */
static const char *variable(const char *s, char before, size_t *len)
{
	size_t hex, digits;

	if (s[0] == '0' && s[1] == 'x') {
		hex = span(s + 2, isxdigit);
		*len = hex + 2;
		return hex > 1 ? "ADDR" : NULL;
	}
	*len = ip_length(s);
	if (*len)
		return "IP";
	*len = count_length(s);
	if (*len)
		return "";
	hex = span(s, isxdigit);
	digits = span(s, isdigit);
	*len = hex;
	if (hex >= ADDRESS_DIGITS && digits && !isalnum((unsigned char)s[hex]))
		return "ADDR";
	*len = digits;
	if (isalnum((unsigned char)s[digits]))
		return NULL;
	/* key:1 and key=1 are values, whatever their length. */
	if (digits && (digits >= NUMBER_DIGITS || before == ':' || before == '='))
		return "NUM";
	return NULL;
}

static char *quotation(struct iw_arena *arena, const char *s)
{
	struct iw_buf out = {0};
	char before = ' ';
	char *result;

	while (*s && out.len < SAN_HEADLINE_MAX) {
		size_t len = 0;

		if (!strncmp(s, "(s)", 3)) {
			iw_buf_adds(&out, "s");
			s += 3;
			before = 's';
			continue;
		}
		const char *name = isalnum((unsigned char)before) || before == '_'
			? NULL
			: variable(s, before, &len);

		if (name) {
			iw_buf_adds(&out, name);
		} else {
			len = 1;
			iw_buf_add(&out, s, 1);
		}
		before = s[len - 1];
		s += len;
	}
	result = iw_arena_strndup(arena, out.data ? out.data : "", SAN_HEADLINE_MAX);
	iw_buf_fini(&out);
	for (size_t i = strlen(result); i > 0 && strchr(" :", result[i - 1]); i--)
		result[i - 1] = '\0';
	return result;
}

/* "panic: x [recovered]" is the same panic; glog's prefix is none of its message. */
static const char *heading_words(struct iw_arena *arena, const char *heading)
{
	const char *hit = strstr(heading, "FATAL ERROR: ");
	const char *tail;

	if (hit)
		return hit;
	tail = strstr(heading, " [recovered");
	if (tail)
		return iw_arena_strndup(arena, heading, (size_t)(tail - heading));
	return heading;
}

/* The innermost of a race's frames that says something; Go's own are better than none. */
static const char *first_name(struct iw_arena *arena, const struct san_report *r)
{
	const struct san_stack *s = san_report_stack(r, SAN_STACK_CRASH);
	const char *any = NULL;

	for (size_t i = 0; s && i < s->count; i++) {
		const char *name = san_frame_normalise(arena, &s->frames[i]);

		if (name && !san_frame_is_plumbing(&s->frames[i]))
			return name;
		if (name && !any)
			any = name;
	}
	return any;
}

/* "tool+0x12": of a program without names what it is called alone tells nothing. NULL: it
 * has names. */
static const char *first_place(struct iw_arena *arena, const struct san_report *r)
{
	const struct san_stack *stack = san_report_stack(r, SAN_STACK_CRASH);
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	const char *place = NULL;
	struct iw_arena
		*scratch; /* all frames' names are more than the report may take */
	size_t i, count = stack ? stack->count : 0;

	for (i = 0; i < count && stack->frames[i].function; i++)
		;
	if (i == count)
		return NULL;
	scratch = iw_arena_new();
	count = san_report_signature_frames(scratch, r, frames, NULL);
	if (count && strstr(frames[0].function, "+0x"))
		place = iw_arena_strdup(arena, frames[0].function);
	iw_arena_free(scratch);
	return place;
}

const char *san_report_headline(struct iw_arena *arena, const struct san_report *r)
{
	const char *state, *name;
	char *type, *end;

	if (r->dialect == SAN_BY_GO && r->kind == SAN_DATA_RACE) {
		name = first_name(arena, r);
		return name ? iw_arena_fmt(arena, "DATA RACE in %s", name) : "DATA RACE";
	}
	if (r->dialect == SAN_BY_GO || strstr(r->heading, "FATAL ERROR: "))
		return quotation(arena, heading_words(arena, r->heading));
	type = iw_arena_strdup(arena, *r->crash_type ? r->crash_type : "Stack");
	for (char *s = type; *s; s++)
		if (*s == '\n')
			*s = ' ';
	/* ClusterFuzz's word for an access of any size. */
	end = strstr(type, " {*}");
	if (end)
		*end = '\0';
	name = r->title ? NULL : first_place(arena, r);
	if (name)
		return iw_arena_fmt(arena, "%s in %s", type, name);
	state = san_report_state(arena, r, NULL);
	end = strchr(state, '\n');
	if (!end || end == state)
		return type;
	return iw_arena_fmt(arena, r->title ? "%s: %.*s" : "%s in %.*s", type,
		(int)(end - state), state);
}
