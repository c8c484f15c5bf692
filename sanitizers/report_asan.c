/* AddressSanitizer and those that print like it: HWASan, MSan, LSan, and the signal and
 * memory reports that every sanitizer's runtime can print. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

static const struct {
	const char *name;
	enum san_dialect dialect;
} tools[] = {
	{"HWAddressSanitizer", SAN_BY_HWASAN}, /* before the name it contains */
	{"AddressSanitizer", SAN_BY_ASAN},
	{"MemorySanitizer", SAN_BY_MSAN},
	{"ThreadSanitizer", SAN_BY_TSAN},
	{"LeakSanitizer", SAN_BY_LSAN},
	{"UndefinedBehaviorSanitizer", SAN_BY_UBSAN},
};

#define IGNORE SAN_RULE_IGNORE

/* On the text behind "Sanitizer: ". What has no row is judged by its first word. */
static const struct san_rule rules[] = {
	SAN_RULE("SEGV on unknown address *(pc*", SAN_SEGV, .address = 1),
	SAN_RULE("SEGV on unknown address *", SAN_SEGV, .address = 1),
	SAN_RULE("SEGV *", SAN_SEGV),
	SAN_RULE("access-violation on unknown address * (*", SAN_SEGV, .address = 1),
	SAN_RULE("BUS on unknown address *", SAN_BUS, .address = 1),
	SAN_RULE("FPE on unknown address *", SAN_FPE, .address = 1),
	SAN_RULE("FPE *", SAN_FPE),
	SAN_RULE("ILL on unknown address *", SAN_ILL, .address = 1),
	SAN_RULE("TRAP on unknown address *", SAN_TRAP, .address = 1),
	SAN_RULE("ABRT on unknown address *", SAN_ABRT, .address = 1),
	SAN_RULE("ABRT *", SAN_ABRT),
	SAN_RULE("BUS *", SAN_BUS),
	SAN_RULE("ILL *", SAN_ILL),
	SAN_RULE("TRAP *", SAN_TRAP),
	SAN_RULE("stack-overflow on *address * (*", SAN_STACK_OVERFLOW, .address = 2),
	SAN_RULE("stack-overflow *", SAN_STACK_OVERFLOW),
	SAN_RULE("attempting double-free on *", SAN_DOUBLE_FREE, .address = 1),
	SAN_RULE("attempting free on address which was not malloc()-ed: *",
		SAN_INVALID_FREE, .address = 1),
	SAN_RULE("attempting free on wild address*: *", SAN_INVALID_FREE, .address = 2),
	SAN_RULE("attempting to call malloc_usable_size() *: *", SAN_BAD_PARAM,
		.address = 2),
	SAN_RULE("attempting to call __sanitizer_get_allocated_size() *: *",
		SAN_BAD_PARAM, .address = 2),
	SAN_RULE("invalid-free on address *", SAN_INVALID_FREE, .address = 1),
	SAN_RULE("alloc-dealloc-mismatch (*) on *", SAN_ALLOC_DEALLOC_MISMATCH,
		.address = 2),
	SAN_RULE("*-param-overlap: *", SAN_PARAM_OVERLAP),
	SAN_RULE("negative-size-param: *", SAN_NEGATIVE_SIZE_PARAM),
	SAN_RULE("requested allocation size * (* exceeds *", SAN_ALLOCATION_TOO_BIG,
		.size = 1),
	SAN_RULE("requested allocation size * exceeds *", SAN_ALLOCATION_TOO_BIG,
		.size = 1),
	SAN_RULE("calloc parameters overflow*", SAN_CALLOC_OVERFLOW),
	SAN_RULE("* parameters overflow*", SAN_BAD_PARAM),
	SAN_RULE("*allocation-size-too-big*", SAN_ALLOCATION_TOO_BIG),
	SAN_RULE("allocator is out of memory trying to allocate * bytes*",
		SAN_OUT_OF_MEMORY, .size = 1),
	SAN_RULE("out of memory: *trying to allocate * bytes*", SAN_OUT_OF_MEMORY,
		.size = 2),
	SAN_RULE("out-of-memory*", SAN_OUT_OF_MEMORY),
	SAN_RULE("hard rss limit exhausted*", SAN_OUT_OF_MEMORY),
	SAN_RULE("specified RSS limit exceeded*", SAN_OUT_OF_MEMORY),
	SAN_RULE("specified CPU limit exceeded*", SAN_TIMEOUT),
	SAN_RULE("allocation-tail-overwritten; heap object [*,*) of size *",
		SAN_TAIL_OVERWRITTEN, .address = 1, .size = 3),
	SAN_RULE("new-delete-type-mismatch on *", SAN_NEW_DELETE_TYPE_MISMATCH,
		.address = 1),
	/* Without a stack it says only that a runtime could not start. */
	SAN_RULE("failed to allocate * bytes*", SAN_OUT_OF_MEMORY,
		.flags = SAN_RULE_MAYBE, .size = 1),
	SAN_RULE("invalid-pointer-pair: * *", SAN_INVALID_POINTER_PAIR, .address = 1),
	SAN_RULE("invalid alignment *", SAN_BAD_PARAM),
	SAN_RULE("invalid * alignment*", SAN_BAD_PARAM),
	SAN_RULE("odr-violation (*)*", SAN_ODR_VIOLATION, .address = 1),
	SAN_RULE("detected memory leaks*", SAN_NOTHING,
		.flags = IGNORE), /* each leak is a report */
	SAN_RULE("nested bug in the same thread*", SAN_NOTHING, .flags = IGNORE),
	SAN_RULE("* is ignoring requested *", SAN_NOTHING, .flags = IGNORE),
	SAN_RULE("failed to *", SAN_NOTHING, .flags = IGNORE),
	SAN_RULE("Failed to *", SAN_NOTHING, .flags = IGNORE),
	{.pattern = NULL},
};

/* Lines inside a report that say what the frames below them are. */
static const struct {
	const char *pattern;
	enum san_stack_role role;
} headings[] = {
	{"freed by thread *", SAN_STACK_FREE},
	{"*freed by thread * here:", SAN_STACK_FREE},
	{"freed here:", SAN_STACK_FREE},
	{"previously allocated by thread *", SAN_STACK_ALLOC},
	{"previously allocated *here:", SAN_STACK_ALLOC},
	{"allocated by thread *", SAN_STACK_ALLOC},
	{"allocated *here:", SAN_STACK_ALLOC},
	{"Thread T* created by *", SAN_STACK_THREAD},
	{"Uninitialized value was *", SAN_STACK_ORIGIN},
	{"Memory was marked as uninitialized*", SAN_STACK_ORIGIN},
	{"Address * is located in stack of thread *", SAN_STACK_PLACE},
	{"* byte(s) (*%) in * allocation(s)", SAN_STACK_LIVE},
};

static size_t tool_find(struct san_view v, enum san_dialect *dialect)
{
	if (!san_view_has(v, "Sanitizer"))
		return 0;
	for (size_t i = 0; i < IW_COUNT(tools); i++) {
		struct san_view rest = san_view_after(v, tools[i].name);

		if (!rest.n)
			continue;
		*dialect = tools[i].dialect;
		if (rest.p[0] == ':')
			rest = san_view_skip(rest, 1);
		return (size_t)(san_view_trim(rest).p - v.p);
	}
	return 0;
}

static struct san_view first_word(struct san_view v)
{
	size_t n = 0;

	while (n < v.n && !strchr(" :;,(", v.p[n]))
		n++;
	return (struct san_view){v.p, n};
}

/* "heap-use-after-free on address 0x1 at pc …", or an error we have no name for. */
static void open_by_word(struct san_parse *p, enum san_dialect dialect, struct san_view v)
{
	struct san_view word = first_word(v);
	enum san_kind kind = san_kind_find(word);
	struct san_raw *r = san_report_open(p, dialect, kind ? kind : SAN_OTHER_ERROR);
	struct san_view captures[SAN_CAPTURES];

	r->message = v;
	if (!kind)
		r->word = word;
	if (san_pattern_match(v, "* on address * *", captures) ||
		san_pattern_match(v, "* on * *", captures))
		r->address = captures[1];
}

static bool has_own_word(enum san_kind kind)
{
	return kind == SAN_PARAM_OVERLAP;
}

static bool error_line(struct san_parse *p)
{
	enum san_dialect dialect;
	size_t behind = tool_find(p->at, &dialect);
	struct san_view v = san_view_skip(p->at, behind);
	struct san_view before = {p->at.p, behind};

	bool is_warning = san_view_has(before, "WARNING: ");

	if (!behind || !(is_warning || san_view_has(before, "ERROR: ")))
		return false;
	/* The data race and its kin have their own shape. */
	if (dialect == SAN_BY_TSAN && is_warning)
		return false;
	/* What was too large to be given out was only refused. */
	if (is_warning &&
		(san_view_starts(v, "failed to ") ||
			san_view_starts(v, "requested allocation ")))
		return true;
	if (san_rules_open(p, dialect, rules, v)) {
		if (p->cur && p->cur->begin == p->begin && has_own_word(p->cur->kind))
			p->cur->word = first_word(v);
		return true;
	}
	/* A warning without a kind that we know is talk. */
	if (is_warning && !san_kind_find(first_word(v)))
		return true;
	open_by_word(p, dialect, v);
	return true;
}

/* A sanitizer found itself broken: "==1==AddressSanitizer CHECK failed: file.cpp:1 "…"
 * (0x0, 0x0)". */
static bool check_line(struct san_parse *p)
{
	struct san_view words = san_view_after(p->at, "CHECK failed: ");
	struct san_view captures[SAN_CAPTURES];
	enum san_dialect dialect;
	struct san_raw *r;

	if (!words.n || !tool_find(p->at, &dialect) ||
		!san_pattern_match(p->at, "*Sanitizer*CHECK failed: * *", captures))
		return false;
	r = san_report_open(p, dialect, SAN_RUNTIME_CHECK);
	r->flags = SAN_RULE_MAYBE;
	r->message = words;
	r->title = captures[3];
	return true;
}

/* "[1] size=4 'version' a.c:3:5": which global there is twice. */
static bool odr_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r = p->cur;

	if (r->kind != SAN_ODR_VIOLATION ||
		!san_pattern_match(p->at, "[*] size=* '*' *:*:* in *", captures))
		return false;
	if (!r->title.n) {
		r->title = captures[2];
		r->size = captures[1];
		r->file = captures[3];
		r->line = captures[4];
	}
	return true;
}

/* "size of the allocated type:   4 bytes;" */
static bool type_size_line(struct san_parse *p)
{
	struct san_view v = san_view_after(p->at, "size of the allocated type:");

	if (p->cur->kind != SAN_NEW_DELETE_TYPE_MISMATCH || !v.n)
		return false;
	p->cur->size = san_view_trim(v);
	return true;
}

static bool summary_line(struct san_parse *p)
{
	if (!san_view_starts(p->at, "SUMMARY: "))
		return false;
	if (p->cur) {
		p->cur->summary = san_view_skip(p->at, 9);
		p->cur->end = p->end;
	}
	p->stack = NULL;
	return true;
}

static void set_access(
	struct san_raw *r, bool is_read, struct san_view size, struct san_view address)
{
	r->access = is_read ? SAN_ACCESS_READ : SAN_ACCESS_WRITE;
	r->size = size;
	if (address.n)
		r->address = address;
}

/* "READ of size 4 at 0x1 thread T0", "The signal is caused by a READ memory access." */
static bool access_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES] = {0};
	struct san_view v = p->at;
	struct san_raw *r = p->cur;

	if (san_pattern_match(v, "*of size * at *", captures) &&
		(san_view_starts(v, "READ ") || san_view_starts(v, "WRITE "))) {
		set_access(r, v.p[0] == 'R', captures[1], captures[2]);
		return true;
	}
	if (san_pattern_match(
		    v, "*The signal is caused by a * memory access*", captures)) {
		if (san_view_equal(captures[1], "READ"))
			r->access = SAN_ACCESS_READ;
		else if (san_view_equal(captures[1], "WRITE"))
			r->access = SAN_ACCESS_WRITE;
		return true;
	}
	return false;
}

static bool heading_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];

	for (size_t i = 0; i < IW_COUNT(headings); i++) {
		if (!san_pattern_match(p->at, headings[i].pattern, captures))
			continue;
		san_stack_open(p, headings[i].role);
		return true;
	}
	return false;
}

/* "Direct leak of 96 byte(s) in 2 object(s) allocated from:" */
static bool leak_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	bool is_direct = san_view_starts(p->at, "Direct leak of ");
	enum san_dialect dialect = SAN_BY_LSAN;
	struct san_raw *r;

	if (!is_direct && !san_view_starts(p->at, "Indirect leak of "))
		return false;
	if (!san_pattern_match(p->at, "* leak of * byte(s) in * object(s) *", captures))
		return false;
	r = san_report_open(p, dialect, is_direct ? SAN_DIRECT_LEAK : SAN_INDIRECT_LEAK);
	r->message = p->at;
	r->size = captures[1];
	san_stack_open(p, SAN_STACK_ALLOC);
	return true;
}

bool san_line_sanitizer(struct san_parse *p)
{
	if (summary_line(p) || leak_line(p) || check_line(p) || error_line(p))
		return true;
	return p->cur &&
		(access_line(p) || heading_line(p) || odr_line(p) || type_size_line(p));
}
