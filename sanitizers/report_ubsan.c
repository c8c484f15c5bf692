/* UndefinedBehaviorSanitizer and control flow integrity: "file:1:2: runtime error: …". */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define READ SAN_RULE_READ
#define WRITE SAN_RULE_WRITE

/* On the text behind "runtime error: ". */
static const struct san_rule rules[] = {
	SAN_RULE("signed integer overflow: *", SAN_INTEGER_OVERFLOW),
	SAN_RULE("unsigned integer overflow: *", SAN_UNSIGNED_OVERFLOW),
	SAN_RULE("negation of * in type 'unsigned*", SAN_UNSIGNED_OVERFLOW),
	SAN_RULE("negation of *", SAN_INTEGER_OVERFLOW),
	SAN_RULE("division of * by -1 *", SAN_INTEGER_OVERFLOW),
	SAN_RULE("division by zero*", SAN_DIVIDE_BY_ZERO),
	SAN_RULE("shift exponent *", SAN_UNDEFINED_SHIFT),
	SAN_RULE("left shift of *", SAN_UNDEFINED_SHIFT),
	SAN_RULE("index * out of bounds *", SAN_INDEX_OUT_OF_BOUNDS),
	SAN_RULE("load of misaligned address * for *", SAN_MISALIGNED, .flags = READ,
		.address = 1),
	SAN_RULE("store to misaligned address * for *", SAN_MISALIGNED, .flags = WRITE,
		.address = 1),
	SAN_RULE("* misaligned address *", SAN_MISALIGNED, .address = 2),
	SAN_RULE("assumption of * alignment *", SAN_MISALIGNED),
	SAN_RULE("assumption is violated *", SAN_ASSUMPTION),
	SAN_RULE("load of null pointer *", SAN_NULL_DEREFERENCE, .flags = READ),
	SAN_RULE("store to null pointer *", SAN_NULL_DEREFERENCE, .flags = WRITE),
	SAN_RULE("* null pointer of type *", SAN_NULL_DEREFERENCE),
	SAN_RULE("load of address * with insufficient space *", SAN_OBJECT_SIZE,
		.flags = READ, .address = 1),
	SAN_RULE("store to address * with insufficient space *", SAN_OBJECT_SIZE,
		.flags = WRITE, .address = 1),
	SAN_RULE("* address * with insufficient space *", SAN_OBJECT_SIZE, .address = 2),
	SAN_RULE("* with insufficient space *", SAN_OBJECT_SIZE),
	SAN_RULE("downcast of address * which does not point to an object of type *",
		SAN_BAD_CAST, .flags = SAN_RULE_TITLE, .message = 2, .address = 1),
	SAN_RULE("* address * which does not point to an object of type *", SAN_BAD_CAST,
		.flags = SAN_RULE_TITLE, .message = 3, .address = 2),
	SAN_RULE("control flow integrity check for type * failed during indirect "
		 "function call*",
		SAN_BAD_CAST, .flags = SAN_RULE_TITLE, .message = 1),
	SAN_RULE("control flow integrity check for type * failed during * (vtable "
		 "address *)*",
		SAN_BAD_CAST, .flags = SAN_RULE_TITLE, .message = 1, .address = 3),
	SAN_RULE("control flow integrity check for type * failed during *", SAN_BAD_CAST,
		.flags = SAN_RULE_TITLE, .message = 1),
	SAN_RULE("call to function * through pointer to incorrect function type *",
		SAN_FUNCTION_TYPE),
	SAN_RULE("load of value *, which is not a valid value for type 'bool'*",
		SAN_INVALID_BOOL),
	SAN_RULE("load of value *, which is not a valid value for type bool*",
		SAN_INVALID_BOOL),
	SAN_RULE("load of value *, which is not a valid value for type 'BOOL'*",
		SAN_INVALID_BOOL),
	SAN_RULE("load of value *, which is not a valid value for type '_Bool'*",
		SAN_INVALID_BOOL),
	SAN_RULE("load of value *, which is not a valid value for type *",
		SAN_INVALID_ENUM),
	SAN_RULE("implicit conversion from type *", SAN_IMPLICIT_CONVERSION),
	SAN_RULE("pointer index expression *", SAN_POINTER_OVERFLOW),
	SAN_RULE("addition of unsigned offset *", SAN_POINTER_OVERFLOW),
	SAN_RULE("subtraction of unsigned offset *", SAN_POINTER_OVERFLOW),
	SAN_RULE("applying *zero offset *", SAN_POINTER_OVERFLOW),
	SAN_RULE("execution reached the end of a value-returning function *",
		SAN_NO_RETURN),
	SAN_RULE("execution reached an unreachable program point*", SAN_UNREACHABLE),
	SAN_RULE("execution reached a __builtin_unreachable() call*", SAN_UNREACHABLE),
	SAN_RULE("null pointer passed as argument *", SAN_INVALID_NULL_ARGUMENT),
	SAN_RULE("null passed to a callee that requires a non-null argument*",
		SAN_INVALID_NULL_ARGUMENT),
	SAN_RULE("null pointer returned from function *", SAN_INVALID_NULL_RETURN),
	SAN_RULE("passing zero to *", SAN_INVALID_BUILTIN),
	SAN_RULE("variable length array bound evaluates to non-positive value *",
		SAN_VLA_BOUND),
	SAN_RULE(
		"value * is outside the range of representable values *", SAN_FLOAT_CAST),
	SAN_RULE("* is outside the range of representable values *", SAN_FLOAT_CAST),
	SAN_RULE("*", SAN_OTHER_UNDEFINED),
	{.pattern = NULL},
};

/* The minimal runtime has one word for each check: "ubsan: add-overflow by 0x12". */
static const struct san_rule minimal[] = {
	SAN_RULE("type-mismatch*", SAN_OTHER_UNDEFINED),
	SAN_RULE("alignment-assumption*", SAN_MISALIGNED),
	SAN_RULE("add-overflow*", SAN_INTEGER_OVERFLOW),
	SAN_RULE("sub-overflow*", SAN_INTEGER_OVERFLOW),
	SAN_RULE("mul-overflow*", SAN_INTEGER_OVERFLOW),
	SAN_RULE("negate-overflow*", SAN_INTEGER_OVERFLOW),
	SAN_RULE("divrem-overflow*", SAN_DIVIDE_BY_ZERO),
	SAN_RULE("shift-out-of-bounds*", SAN_UNDEFINED_SHIFT),
	SAN_RULE("out-of-bounds*", SAN_INDEX_OUT_OF_BOUNDS),
	SAN_RULE("local-out-of-bounds*", SAN_INDEX_OUT_OF_BOUNDS),
	SAN_RULE("builtin-unreachable*", SAN_UNREACHABLE),
	SAN_RULE("missing-return*", SAN_NO_RETURN),
	SAN_RULE("vla-bound-not-positive*", SAN_VLA_BOUND),
	SAN_RULE("float-cast-overflow*", SAN_FLOAT_CAST),
	SAN_RULE("load-invalid-value*", SAN_INVALID_ENUM),
	SAN_RULE("invalid-builtin*", SAN_INVALID_BUILTIN),
	SAN_RULE("function-type-mismatch*", SAN_FUNCTION_TYPE),
	SAN_RULE("implicit-conversion*", SAN_IMPLICIT_CONVERSION),
	SAN_RULE("nonnull-arg*", SAN_INVALID_NULL_ARGUMENT),
	SAN_RULE("nullability-arg*", SAN_INVALID_NULL_ARGUMENT),
	SAN_RULE("nonnull-return*", SAN_INVALID_NULL_RETURN),
	SAN_RULE("nullability-return*", SAN_INVALID_NULL_RETURN),
	SAN_RULE("pointer-overflow*", SAN_POINTER_OVERFLOW),
	SAN_RULE("cfi-check-fail*", SAN_BAD_CAST),
	{.pattern = NULL},
};

/* "path/file.c:12:3: " before the words. */
static void take_place(struct san_raw *r, struct san_view v)
{
	for (size_t i = v.n; i-- > 0;) {
		if (v.p[i] != ':')
			continue;
		struct san_view number = san_view_skip(v, i + 1);
		uint64_t n;
		struct san_view rest;

		if (!san_view_number(number, &n, &rest))
			continue;
		/* The last number may be the column; the one before it is the line. */
		r->line = (struct san_view){number.p, (size_t)(rest.p - number.p)};
		r->file = (struct san_view){v.p, i};
		v.n = i;
		if (memchr(v.p, ':', v.n)) {
			size_t j = i;

			while (j > 0 && v.p[j - 1] != ':')
				j--;
			number = (struct san_view){v.p + j, i - j};
			if (san_view_number(number, &n, &rest) && !rest.n) {
				r->column = r->line;
				r->line = number;
				r->file = (struct san_view){v.p, j ? j - 1 : 0};
			}
		}
		return;
	}
}

static void bad_cast(struct san_raw *r)
{
	r->title = san_view_unquote(r->title);
	r->title_before = "Bad-cast to ";
	if (r->address.n) {
		r->title_between = " from ";
		r->title_more = SAN_VIEW("invalid vptr");
	}
}

bool san_line_ubsan(struct san_parse *p)
{
	static const char mark[] = "runtime error: ";
	struct san_view words = san_view_after(p->at, mark);
	struct san_view captures[SAN_CAPTURES];

	if (words.n) {
		struct san_view before = {
			p->at.p, (size_t)(words.p - p->at.p) - (sizeof mark - 1)};

		/* Go says so too: "panic: runtime error: …". */
		if (!memchr(before.p, ':', before.n) ||
			san_view_starts(before, "panic: ") ||
			san_view_equal(before, "Error: ") ||
			!san_rules_open(p, SAN_BY_UBSAN, rules, words))
			return false;
		take_place(p->cur, before);
		if (p->cur->kind == SAN_BAD_CAST)
			bad_cast(p->cur);
		p->cur->message = words;
		return true;
	}
	if (san_view_starts(p->at, "ubsan: "))
		return san_rules_open(p, SAN_BY_UBSAN, minimal, san_view_skip(p->at, 7));
	/* The note behind a bad cast names the object's real type. */
	if (!p->cur || p->cur->kind != SAN_BAD_CAST || !san_view_has(p->at, ": note: "))
		return false;
	if (san_pattern_match(p->at, "*: note: object is of type *", captures)) {
		p->cur->title_between = " from ";
		p->cur->title_more = san_view_unquote(captures[1]);
	}
	return true;
}
