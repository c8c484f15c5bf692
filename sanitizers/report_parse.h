/*
 * The inside of report.c, shared with the dialects only.
 *
 * While a text is read nothing is copied: reports and frames hold views of the text, and
 * their storage is reused when a text has more than we keep. Copies are made at the end,
 * of what is kept (report_finish.c).
 *
 * Any text costs at most 1 MiB beside itself, and none of its reports can take what the
 * others need: frames while it is read and bytes at the end have a part for each report.
 *
 * A dialect is a row in report.c's table: a function that looks at one line. What it
 * recognises are rules, data tables of patterns; code is only there where a line's
 * meaning depends on the lines before it.
 */
#ifndef SANITIZERS_REPORT_PARSE_H
#define SANITIZERS_REPORT_PARSE_H

#include <string.h>

#include "sanitizers/report.h"

struct san_view {
	const char *p;
	size_t n;
};

#define SAN_VIEW(literal) ((struct san_view){(literal), sizeof(literal) - 1})
#define SAN_STACKS_KEPT 12 /* per report */
#define SAN_CAPTURES 7
/* Frames for which there is room: each report's own, and of the text for whoever comes
 * first. */
#define SAN_FRAMES_OWN 48
#define SAN_FRAMES_SHARED 1024
/* Bytes of all that is returned; a report may use an equal part of what those before it
 * left. */
#define SAN_RESULT_MAX ((size_t)320 << 10)

/* Each line is asked for many beginnings, so these are compiled into who asks. */
static inline bool san_view_starts(struct san_view v, const char *prefix)
{
	size_t n = strlen(prefix);

	return v.n >= n && !memcmp(v.p, prefix, n);
}

static inline bool san_view_equal(struct san_view v, const char *s)
{
	return v.n == strlen(s) && san_view_starts(v, s);
}

static inline struct san_view san_view_skip(struct san_view v, size_t n)
{
	if (n > v.n)
		n = v.n;
	return (struct san_view){v.p + n, v.n - n};
}

bool san_view_has(struct san_view v, const char *word);
/* Its first occurrence, or NULL. */
const char *san_view_find(struct san_view v, const char *word);
struct san_view san_view_trim(struct san_view v);
/* Behind the first occurrence of word; empty when it is not there. */
struct san_view san_view_after(struct san_view v, const char *word);
/* Takes the quotes `x', 'x' or "x" off. */
struct san_view san_view_unquote(struct san_view v);
/* At most max bytes, control characters as '?'. */
char *san_view_dup(struct iw_arena *arena, struct san_view v, size_t max);
/* A number at the start, with or without 0x; *rest (may be NULL) is what follows. False
 * when there is none; too large a number saturates. */
bool san_view_number(struct san_view v, uint64_t *value, struct san_view *rest);

/*
 * A pattern is literal text with '*' for any text, matched leftmost and shortest without
 * backtracking; what each star stood for is its capture. Time is linear in the line for
 * each literal piece.
 */
bool san_pattern_match(
	struct san_view v, const char *pattern, struct san_view captures[SAN_CAPTURES]);

enum san_rule_flags {
	SAN_RULE_TITLE = 1,  /* the message identifies the crash too */
	SAN_RULE_READ = 2,   /* the access is a read */
	SAN_RULE_WRITE = 4,  /* the access is a write */
	SAN_RULE_IGNORE = 8, /* looks like a failure and is none */
	SAN_RULE_WORDS = 64, /* the kind is called by its words */
	SAN_RULE_HEX = 32,   /* the address has no 0x */
	SAN_RULE_MAYBE = 16, /* a failure only if a stack follows */
};

/* Numbers of captures count from 1; 0 is none. A table ends with a row without pattern.
 */
struct san_rule {
	const char *pattern;
	enum san_kind kind;
	unsigned flags;
	unsigned char message, address, size, file, line;
};

/* SAN_RULE("a * pattern", SAN_KIND, .address = 1) */
#define SAN_RULE(text, what, ...)                                                        \
	{                                                                                \
		.pattern = (text), .kind = (what), ##__VA_ARGS__                         \
	}

enum san_frame_form {
	SAN_FORM_HASH,	   /* #1 0x12 in f file:1:2, or without address, or gdb's */
	SAN_FORM_PLAIN,	   /* 1 0x12 f */
	SAN_FORM_GLOG,	   /* @ 0x12 f */
	SAN_FORM_RUST,	   /* 1: 0x12 - f, and the next line: at file:1:2 */
	SAN_FORM_VALGRIND, /* ==1== at 0x12: f (file:1) */
	SAN_FORM_GLIBC,	   /* module(f+0x1) [0x12] */
	SAN_FORM_GO,	   /* f(args), and the next line: file:1 +0x2 */
};

struct san_raw_frame {
	const char *line, *where; /* where: the second line, or NULL */
	uint16_t line_len, where_len;
	enum san_frame_form form;
};

struct san_raw_stack {
	enum san_stack_role role;
	struct san_raw_frame *frames; /* the first 3/4, then a ring of the rest */
	size_t count, cap;	      /* count is of all frames seen */
};

/* The slot for item number n of a list that keeps its first items and its last: the first
 * 3/4 of its slots are filled once. */
size_t san_kept_slot(size_t n, size_t max);

struct san_raw {
	enum san_dialect dialect;
	enum san_kind kind;
	unsigned flags;
	enum san_access access;
	struct san_view message, address, file, line, column, function, summary, size;
	struct san_view heading; /* the line that it begins with */
	struct san_view word;	 /* the sanitizer's own, where a kind has several */
	/* "<title_before><title><title_between><title_more>" */
	const char *title_before, *title_between;
	struct san_view title, title_more;
	size_t begin, end;
	struct san_raw_stack stacks[SAN_STACKS_KEPT];
	size_t stack_count, stacks_dropped;
	size_t frames_own; /* that were given to its stacks */
};

struct san_parse {
	struct iw_arena *arena;
	const char *text;
	struct san_view at; /* the line, trimmed at both ends */
	size_t begin, end;  /* of the line */
	struct san_raw **reports;
	size_t count;
	struct san_raw *cur;	     /* what the next lines belong to; NULL nothing */
	struct san_raw_stack *stack; /* what the next frames belong to; NULL none */
	struct san_raw_stack beyond; /* of a report that has all the stacks we keep */
	size_t frames_shared;	     /* that were given away */
	bool was_frame;		     /* the line before was a frame */
	enum { SAN_GO_OFF, SAN_GO_ON } go;
	bool rust_stack, rust_message;
	bool go_talk;	 /* the line before was Go's runtime's */
	size_t go_fuzz;	 /* reports there were at "--- FAIL: Fuzz…", plus one; 0 off */
	bool v8_failure; /* inside "# Fatal error in …" */
	struct san_unread *unread; /* NULL when nobody asks */
	size_t unread_count, unread_dropped;
};

/* report_open.c: a new report that begins on this line and becomes the current one. */
struct san_raw *san_report_open(
	struct san_parse *p, enum san_dialect dialect, enum san_kind kind);
/* The first rule that fits v opens a report, or is ignored. True when one fitted. */
bool san_rules_open(struct san_parse *p, enum san_dialect dialect,
	const struct san_rule *rules, struct san_view v);
/* A new stack of the current report for the frames to come. */
void san_stack_open(struct san_parse *p, enum san_stack_role role);
void san_frame_add(struct san_parse *p, enum san_frame_form form);
/* A line that looks like the heading of a failure and that nobody understood. */
void san_unread_add(struct san_parse *p, struct san_view line, size_t begin, size_t end);

/* Whether a line of a goroutine is "file.go:12 +0x3". */
bool san_frame_is_place(struct san_view v);
/* Whether a line is a frame, and of which form. */
bool san_frame_line(const struct san_parse *p, enum san_frame_form *form);
/* Names are cut at name_max bytes. */
void san_frame_parse(struct iw_arena *arena, const struct san_raw_frame *raw,
	size_t name_max, struct san_frame *frame);

/* Copies what is kept of all that was read. */
void san_parse_finish(struct san_parse *p, struct san_reading *reading);

/* Dialects: true when the line was theirs. */
bool san_line_sanitizer(struct san_parse *p); /* ASan, HWASan, MSan, LSan, TSan */
bool san_line_tsan(struct san_parse *p);
bool san_line_valgrind(struct san_parse *p);
bool san_line_ubsan(struct san_parse *p);
bool san_line_engine(struct san_parse *p); /* libFuzzer, AFL++, our driver, the loader */
bool san_line_debugger(struct san_parse *p); /* gdb, and handlers of signals */
bool san_line_libc(struct san_parse *p);
bool san_line_cxx(struct san_parse *p);
bool san_line_log(struct san_parse *p);
bool san_line_go(struct san_parse *p);
bool san_line_rust(struct san_parse *p);

/* "==1== words": the words, or nothing. */
struct san_view san_valgrind_words(struct san_view v);
/* The kind of "SIGSEGV" or "11", or SAN_NOTHING. */
enum san_kind san_signal_kind(struct san_view name);

/* report_kind.c */
enum san_rank {
	SAN_RANK_NONE,	 /* tells nothing */
	SAN_RANK_END,	 /* tells only that the process died */
	SAN_RANK_SIGNAL, /* tells how */
	SAN_RANK_CAUSE,	 /* tells why */
};

struct san_kind_row {
	const char *name;	/* "heap-buffer-overflow" */
	const char *crash_type; /* "Heap-buffer-overflow" */
	enum san_rank rank;
	bool is_security;
	enum { SAN_TYPE_PLAIN, SAN_TYPE_SIZED, SAN_TYPE_ACCESS } type;
	bool is_first; /* of several the first is the one */
};

const struct san_kind_row *san_kind_row(enum san_kind kind);
/* The kind named by a sanitizer's word ("heap-use-after-free"), or SAN_NOTHING. */
enum san_kind san_kind_find(struct san_view word);
char *san_kind_crash_type(
	struct iw_arena *arena, const struct san_report *report, struct san_view word);

#endif
