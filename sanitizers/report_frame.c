/*
 * One frame from one line (and for Go and Rust the next). Every sanitizer prints
 * "function file:line:column" with nothing between that could not be in a C++ name, so
 * splitting is judgement: a file is what looks like one, outside parentheses.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "sanitizers/demangle.h"
#include "sanitizers/report_parse.h"

#include "base/banned.h"

static size_t digits(struct san_view v)
{
	size_t n = 0;

	while (n < v.n && isdigit((unsigned char)v.p[n]))
		n++;
	return n;
}

static bool is_address(struct san_view v)
{
	return v.n > 2 && v.p[0] == '0' && v.p[1] == 'x' &&
		isxdigit((unsigned char)v.p[2]);
}

bool san_frame_is_place(struct san_view v)
{
	static const char *const extensions[] = {".go:", ".s:", ".c:", ".h:"};

	for (size_t i = 0; i < IW_COUNT(extensions); i++) {
		struct san_view rest = san_view_after(v, extensions[i]);

		if (rest.n && isdigit((unsigned char)rest.p[0]))
			return true;
	}
	return false;
}

/* Behind "goroutine N [running]:" names and places alternate. A name is "pkg.f(…)": no
 * space before its first parenthesis. */
static bool go_line(const struct san_parse *p)
{
	struct san_view v = p->at;
	size_t i = 0;

	if (p->go == SAN_GO_OFF)
		return false;
	/* Also "f(args) in file.go:12 +0x3", as tools join the two lines. */
	if (san_frame_is_place(v) || san_view_starts(v, "created by "))
		return true;
	while (i < v.n && v.p[i] != '(' && v.p[i] != ' ' && v.p[i] != '=')
		i++;
	return i && i < v.n && v.p[i] == '(' && v.p[v.n - 1] == ')';
}

static bool rust_line(const struct san_parse *p)
{
	size_t n = digits(p->at);

	if (!p->rust_stack)
		return false;
	return (n && n + 2 < p->at.n && p->at.p[n] == ':' && p->at.p[n + 1] == ' ') ||
		san_view_starts(p->at, "at ");
}

/* "module(name+0x12) [0x34]" or "module(+0x12)[0x34]": the module and what stands in the
 * parentheses. */
static bool glibc_parts(
	struct san_view v, struct san_view *module, struct san_view *name, uint64_t *pc)
{
	size_t open;
	struct san_view address, rest;

	if (v.n < 8 || v.p[v.n - 1] != ']')
		return false;
	for (open = v.n - 1; open > 0 && isxdigit((unsigned char)v.p[open - 1]); open--)
		;
	if (open < 3 || v.p[open - 1] != 'x' || v.p[open - 2] != '0' ||
		v.p[open - 3] != '[')
		return false;
	address = san_view_skip(v, open - 2);
	if (!san_view_number(address, pc, &rest) || rest.n != 1)
		return false;
	v.n = open - 3;
	v = san_view_trim(v);
	if (!v.n || v.p[v.n - 1] != ')')
		return false;
	for (open = v.n; open > 0 && v.p[open - 1] != '('; open--)
		;
	if (open < 2)
		return false;
	*module = (struct san_view){v.p, open - 1};
	*name = (struct san_view){v.p + open, v.n - 1 - open};
	return true;
}

/* A place in a module alone names nothing, and whole lists of them follow messages that
 * say more. */
static bool glibc_line(struct san_view v)
{
	struct san_view module, name;
	uint64_t pc;

	return glibc_parts(v, &module, &name, &pc) && name.n && name.p[0] != '+';
}

bool san_frame_line(const struct san_parse *p, enum san_frame_form *form)
{
	struct san_view v = p->at;
	size_t n;

	if (go_line(p)) {
		*form = SAN_FORM_GO;
		return true;
	}
	if (rust_line(p)) {
		*form = SAN_FORM_RUST;
		return true;
	}
	if (v.p[v.n - 1] == ']' && v.p[0] != '#' && glibc_line(v)) {
		*form = SAN_FORM_GLIBC;
		return true;
	}
	if (v.p[0] == '=') {
		struct san_view words = san_valgrind_words(v);

		*form = SAN_FORM_VALGRIND;
		return san_view_starts(words, "at 0x") || san_view_starts(words, "by 0x");
	}
	if (v.p[0] == '#') {
		struct san_view rest;

		n = digits(san_view_skip(v, 1));
		rest = san_view_skip(v, n + 1);
		/* Fuchsia counts inlined frames as #2.1. */
		if (n && rest.n && rest.p[0] == '.')
			rest = san_view_skip(rest, 1 + digits(san_view_skip(rest, 1)));
		*form = SAN_FORM_HASH;
		/* libFuzzer's status lines have a tab there. */
		return n && n < 6 && rest.n > 1 && rest.p[0] == ' ';
	}
	if (v.p[0] == '@') {
		*form = SAN_FORM_GLOG;
		return is_address(san_view_trim(san_view_skip(v, 1)));
	}
	n = digits(v);
	*form = SAN_FORM_PLAIN;
	return n && n < 5 && n < v.n && v.p[n] == ' ' &&
		is_address(san_view_trim(san_view_skip(v, n)));
}

/* Where the strings of a frame go, and how long one may be. */
struct target {
	struct iw_arena *arena;
	size_t name_max;
};

static int to_int(uint64_t n)
{
	return n > INT_MAX ? 0 : (int)n;
}

/* Takes ":12" off the end; 0 when there is none. */
static int take_number(struct san_view *v)
{
	size_t n = 0;
	uint64_t value = 0;

	while (n < v->n && isdigit((unsigned char)v->p[v->n - n - 1]))
		n++;
	if (!n || n == v->n || v->p[v->n - n - 1] != ':')
		return -1;
	san_view_number(san_view_skip(*v, v->n - n), &value, NULL);
	v->n -= n + 1;
	return to_int(value);
}

static void set_place(const struct target *to, struct san_frame *f, struct san_view v)
{
	int last = take_number(&v);
	int before = last >= 0 ? take_number(&v) : -1;

	f->line = before >= 0 ? before : last >= 0 ? last : 0;
	f->column = before >= 0 ? last : 0;
	if (v.n && !san_view_equal(v, "??") && !san_view_equal(v, "<null>"))
		f->file = san_view_dup(to->arena, v, to->name_max);
}

/* "_ZN3foo3barEv", perhaps with "+0x12" or " ()" behind it; false when it is not mangled. */
static bool demangle(const struct target *to, struct san_frame *f, struct san_view v)
{
	struct san_view name = v;

	if (!san_name_is_mangled(v.p, v.n))
		return false;
	for (name.n = 0; name.n < v.n && !strchr(" +(", v.p[name.n]);)
		name.n++;
	f->function = san_name_demangle(to->arena, name.p, name.n, to->name_max);
	if (f->function)
		f->mangled = san_view_dup(to->arena, name, to->name_max);
	return f->function != NULL;
}

static void set_function(const struct target *to, struct san_frame *f, struct san_view v)
{
	static const char *const none[] = {
		"??", "???", "<null>", "<unknown>", "(<unknown>)"};
	static const char *const of_class[] = {"typeinfo name for ", "typeinfo for ",
		"vtable for ", "VTT for ", "guard variable for "};
	char *name;

	v = san_view_trim(v);
	for (size_t i = 0; i < IW_COUNT(none); i++)
		if (san_view_equal(v, none[i]))
			return;
	/* The symbol before an address may be data of a class: its name says more. */
	for (size_t i = 0; i < IW_COUNT(of_class); i++)
		if (san_view_starts(v, of_class[i]))
			v = san_view_skip(v, strlen(of_class[i]));
	if (!v.n || demangle(to, f, v))
		return;
	name = san_view_dup(to->arena, v, to->name_max);
	if (f->is_go)
		san_name_unescape_go(name);
	f->function = name;
}

/* "(module+0x12)" at the end of v, with "(BuildId: …)" behind it perhaps. */
static void take_module(const struct target *to, struct san_frame *f, struct san_view *v)
{
	const char *hit;
	struct san_view m, offset;
	size_t open, plus;
	int depth = 0;

	if (!v->n || v->p[v->n - 1] != ')')
		return;
	hit = san_view_find(*v, "(BuildId: ");
	if (hit) {
		v->n = (size_t)(hit - v->p);
		*v = san_view_trim(*v);
	}
	if (!v->n || v->p[v->n - 1] != ')')
		return;
	for (open = v->n; open-- > 0;) {
		depth += (v->p[open] == ')') - (v->p[open] == '(');
		if (!depth)
			break;
	}
	if (depth)
		return;
	m = (struct san_view){v->p + open + 1, v->n - open - 2};
	if (san_view_equal(m, "<unknown module>") || san_view_equal(m, "<unknown>")) {
		v->n = open;
		return;
	}
	for (plus = m.n; plus > 0 && m.p[plus - 1] != '+'; plus--)
		;
	offset = san_view_skip(m, plus);
	if (!plus || !is_address(offset) || !san_view_number(offset, &f->offset, NULL))
		return;
	m.n = plus - 1;
	f->module = san_view_dup(to->arena, m, to->name_max);
	v->n = open;
	*v = san_view_trim(*v);
}

static bool looks_like_file(struct san_view v)
{
	size_t n;

	if (!v.n)
		return false;
	/* A parenthesis that nothing opened: the rest of a name cut short. */
	if (v.p[v.n - 1] == ')' && !memchr(v.p, '(', v.n))
		return false;
	if (v.p[0] == '/' || san_view_starts(v, "./") || san_view_starts(v, "../") ||
		san_view_equal(v, "<null>") || san_view_equal(v, "_asan_rtl_") ||
		(v.n > 2 && isalpha((unsigned char)v.p[0]) && v.p[1] == ':' &&
			v.p[2] == '\\'))
		return true;
	if (memchr(v.p, '(', v.n) || memchr(v.p, '<', v.n))
		return false;
	/* name:12 or name.ext */
	if (take_number(&v) >= 0 && v.n && v.p[v.n - 1] != ':')
		return true;
	for (n = 0; n < v.n && n < 5 && isalpha((unsigned char)v.p[v.n - n - 1]); n++)
		;
	return (n && n < v.n && v.p[v.n - n - 1] == '.' && n < 5) ||
		memchr(v.p, '/', v.n);
}

/* Where the file starts in "function file", or v.n. */
static size_t find_file(struct san_view v)
{
	size_t last = v.n;
	int depth = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '(')
			depth++;
		else if (v.p[i] == ')' && depth)
			depth--;
		else if (v.p[i] == ' ' && !depth && i + 1 < v.n) {
			if (v.p[i + 1] == '/')
				return looks_like_file(san_view_skip(v, i + 1)) ? i + 1
										: v.n;
			last = i + 1;
		}
	}
	if (depth) { /* a name cut short; believe the last word */
		for (last = v.n; last > 0 && v.p[last - 1] != ' '; last--)
			;
	}
	return last && looks_like_file(san_view_skip(v, last)) ? last : v.n;
}

static void split_name(const struct target *to, struct san_frame *f, struct san_view v)
{
	size_t file;
	const char *hit;

	take_module(to, f, &v);
	if (!v.n)
		return;
	/* Fuchsia's module stands behind the file. */
	hit = san_view_find(v, ">+0x");
	if (hit) {
		size_t i = (size_t)(hit - v.p);

		while (i > 0 && v.p[i - 1] != ' ')
			i--;
		v.n = i;
		v = san_view_trim(v);
	}
	file = find_file(v);
	if (file < v.n)
		set_place(to, f, san_view_skip(v, file));
	set_function(to, f, (struct san_view){v.p, file});
}

/* gdb: "function (arguments) at file:line" or "function () from module". */
static bool split_gdb(const struct target *to, struct san_frame *f, struct san_view v)
{
	const char *open = san_view_find(v, " (");
	const char *from = san_view_find(v, " () from ");
	struct san_view place;

	if (!open)
		return false;
	if (from) {
		struct san_view name = {v.p, (size_t)(from - v.p)};

		set_function(to, f, name);
		f->module = san_view_dup(
			to->arena, san_view_skip(v, name.n + 9), to->name_max);
		return true;
	}
	place = san_view_after(v, ") at ");
	if (!place.n && v.p[v.n - 1] != ')')
		return false;
	if (!place.n && !san_view_has(v, " ()"))
		return false;
	if (place.n)
		set_place(to, f, place);
	set_function(to, f, (struct san_view){v.p, (size_t)(open - v.p)});
	return true;
}

static void parse_hash(const struct target *to, struct san_frame *f, struct san_view v)
{
	uint64_t n;

	v = san_view_skip(v, 1);
	if (san_view_number(v, &n, &v))
		f->index = to_int(n);
	if (v.n && v.p[0] == '.')
		v = san_view_skip(v, 1 + digits(san_view_skip(v, 1)));
	v = san_view_trim(v);
	if (is_address(v)) {
		san_view_number(v, &f->pc, &v);
		v = san_view_trim(v);
		if (san_view_starts(v, "in ")) {
			v = san_view_trim(san_view_skip(v, 3));
			if (!split_gdb(to, f, v))
				split_name(to, f, v);
			return;
		}
		take_module(to, f, &v);
		if (looks_like_file(v) && !memchr(v.p, '(', v.n))
			set_place(to, f, v);
		else
			split_name(to, f, v);
		return;
	}
	if (!split_gdb(to, f, v))
		split_name(to, f, v);
}

/* What follows a place: " +0x3 fp=0xc2 sp=0xc1 pc=0x4", from any of them on. */
static bool is_go_tail(struct san_view v)
{
	return v.p[0] == ' ' &&
		(san_view_starts(v, " +0x") || san_view_starts(v, " fp=0x"));
}

static void parse_go(const struct target *to, struct san_frame *f, struct san_view v,
	struct san_view place)
{
	const char *joined;
	size_t space = 0;

	f->is_go = true;
	if (san_view_starts(v, "created by ")) {
		v = san_view_skip(v, 11);
		const char *in = san_view_find(v, " in goroutine ");

		if (in)
			v.n = (size_t)(in - v.p);
	}
	joined = san_view_find(v, ") in ");
	if (joined && !place.n) {
		place = san_view_skip(v, (size_t)(joined - v.p) + 5);
		v.n = (size_t)(joined - v.p) + 1;
	}
	set_function(to, f, v);
	/* Of a call that was inlined the arguments are not known. */
	f->is_inlined = v.n > 5 && !memcmp(v.p + v.n - 5, "(...)", 5);
	/* "file.go:12 +0x3 fp=…"; the path may hold spaces. */
	while (space < place.n && !is_go_tail(san_view_skip(place, space)))
		space++;
	place.n = space;
	set_place(to, f, san_view_trim(place));
}

static void parse_rust(const struct target *to, struct san_frame *f, struct san_view v,
	struct san_view place)
{
	uint64_t n;

	if (san_view_number(v, &n, &v))
		f->index = to_int(n);
	v = san_view_trim(san_view_skip(v, 1));
	if (is_address(v)) {
		san_view_number(v, &f->pc, &v);
		v = san_view_trim(v);
		if (san_view_starts(v, "- "))
			v = san_view_skip(v, 2);
	}
	set_function(to, f, v);
	if (san_view_starts(place, "at "))
		set_place(to, f, san_view_trim(san_view_skip(place, 3)));
}

/* "0x12: f(int) (file.c:1)", "0x12: f (in /lib/libc.so.6)" */
static void parse_valgrind(
	const struct target *to, struct san_frame *f, struct san_view v)
{
	size_t open;
	int depth = 0;
	struct san_view place;

	san_view_number(v, &f->pc, &v);
	v = san_view_trim(san_view_skip(v, 1));
	for (open = v.n; open-- > 0;) {
		depth += (v.p[open] == ')') - (v.p[open] == '(');
		if (depth <= 0)
			break;
	}
	if (!v.n || v.p[v.n - 1] != ')' || open >= v.n || !open) {
		set_function(to, f, v);
		return;
	}
	place = (struct san_view){v.p + open + 1, v.n - open - 2};
	if (san_view_starts(place, "in ")) {
		f->module =
			san_view_dup(to->arena, san_view_skip(place, 3), to->name_max);
	} else if (looks_like_file(place)) {
		set_place(to, f, place);
	} else {
		open = v.n;
	}
	set_function(to, f, (struct san_view){v.p, open});
}

static void parse_glibc(const struct target *to, struct san_frame *f, struct san_view v)
{
	struct san_view module, name;
	const char *plus;

	glibc_parts(v, &module, &name, &f->pc);
	f->module = san_view_dup(to->arena, module, to->name_max);
	/* The number behind the name counts from the function. */
	plus = memrchr(name.p, '+', name.n);
	if (plus)
		name.n = (size_t)(plus - name.p);
	set_function(to, f, name);
}

void san_frame_parse(struct iw_arena *arena, const struct san_raw_frame *raw,
	size_t name_max, struct san_frame *f)
{
	const struct target *to = &(struct target){arena, name_max};
	struct san_view v = {raw->line, raw->line_len};
	struct san_view where = {raw->where, raw->where_len};
	uint64_t n;

	f->index = -1;
	switch (raw->form) {
	case SAN_FORM_HASH:
		parse_hash(to, f, v);
		break;
	case SAN_FORM_PLAIN:
		if (san_view_number(v, &n, &v))
			f->index = to_int(n);
		v = san_view_trim(v);
		san_view_number(v, &f->pc, &v);
		split_name(to, f, san_view_trim(v));
		break;
	case SAN_FORM_VALGRIND:
		parse_valgrind(to, f, san_view_skip(san_valgrind_words(v), 3));
		break;
	case SAN_FORM_GLOG:
		v = san_view_trim(san_view_skip(v, 1));
		san_view_number(v, &f->pc, &v);
		set_function(to, f, v);
		break;
	case SAN_FORM_GLIBC:
		parse_glibc(to, f, v);
		break;
	case SAN_FORM_RUST:
		parse_rust(to, f, v, where);
		break;
	case SAN_FORM_GO:
		parse_go(to, f, v, where);
		break;
	}
}
