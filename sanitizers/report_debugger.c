/* Signals: as gdb tells them, as handlers that programs bring along do, and as a shell or
 * AFL++ sees them from outside. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

static const struct {
	const char *name, *number;
	enum san_kind kind;
} signals[] = {
	{"SIGSEGV", "11", SAN_SEGV},
	{"SIGABRT", "6", SAN_ABRT},
	{"SIGBUS", "7", SAN_BUS},
	{"SIGFPE", "8", SAN_FPE},
	{"SIGILL", "4", SAN_ILL},
	{"SIGTRAP", "5", SAN_TRAP},
};

enum san_kind san_signal_kind(struct san_view name)
{
	for (size_t i = 0; i < IW_COUNT(signals); i++)
		if (san_view_equal(name, signals[i].name) ||
			san_view_equal(name, signals[i].number))
			return signals[i].kind;
	return SAN_NOTHING;
}

/* The number of the capture that names the signal; the kind's own name is that. */
static const struct {
	const char *pattern;
	unsigned char signal;
	enum san_dialect dialect;
} tellings[] = {
	{"*rogram received signal *, *", 2, SAN_BY_DEBUGGER},
	{"*rogram terminated with signal *, *", 2, SAN_BY_DEBUGGER},
	{"Thread * received signal *, *", 2, SAN_BY_DEBUGGER},
	{"*+++ Program killed by signal * +++*", 2, SAN_BY_AFLPP},
	{"*Fork server crashed with signal *", 2, SAN_BY_AFLPP},
};

static bool signal_line(struct san_parse *p)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r;
	enum san_kind kind;

	if (!san_view_has(p->at, " signal "))
		return false;
	for (size_t i = 0; i < IW_COUNT(tellings); i++) {
		struct san_view name;

		if (!san_pattern_match(p->at, tellings[i].pattern, captures))
			continue;
		name = captures[tellings[i].signal - 1];
		kind = san_signal_kind(name);
		r = san_report_open(
			p, tellings[i].dialect, kind ? kind : SAN_OTHER_ERROR);
		r->message = p->at;
		if (tellings[i].dialect == SAN_BY_DEBUGGER)
			r->word = name;
		return true;
	}
	return false;
}

/* On whole lines. Chromium's own handler, and shells. */
static const struct san_rule handlers[] = {
	SAN_RULE("Received signal 11 SEGV_* *", SAN_SEGV, .flags = SAN_RULE_HEX,
		.address = 2),
	SAN_RULE("Received signal 7 BUS_* *", SAN_BUS, .flags = SAN_RULE_HEX,
		.address = 2),
	SAN_RULE("Received signal 8 FPE_* *", SAN_FPE, .flags = SAN_RULE_HEX,
		.address = 2),
	SAN_RULE("Received signal 4 ILL_* *", SAN_ILL, .flags = SAN_RULE_HEX,
		.address = 2),
	SAN_RULE("Received signal 6*", SAN_ABRT),
	{.pattern = NULL},
};

static const struct san_rule shell[] = {
	SAN_RULE("*Segmentation fault*(core dumped)*", SAN_SEGV),
	SAN_RULE("*Bus error*(core dumped)*", SAN_BUS),
	SAN_RULE("*Floating point exception*(core dumped)*", SAN_FPE),
	SAN_RULE("*Illegal instruction*(core dumped)*", SAN_ILL),
	SAN_RULE("*Trace/breakpoint trap*(core dumped)*", SAN_TRAP),
	SAN_RULE("*Aborted*(core dumped)*", SAN_ABRT),
	{.pattern = NULL},
};

bool san_line_debugger(struct san_parse *p)
{
	struct san_view v = p->at;

	if (signal_line(p))
		return true;
	if (san_view_starts(v, "Received signal "))
		return san_rules_open(p, SAN_BY_SHELL, handlers, v);
	return san_view_has(v, "(core dumped)") &&
		san_rules_open(p, SAN_BY_SHELL, shell, v);
}
