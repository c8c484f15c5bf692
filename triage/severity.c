#include "triage/severity.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

#define NOT TRIAGE_NOT_EXPLOITABLE
#define PROBABLY TRIAGE_PROBABLY_EXPLOITABLE
#define EXPLOITABLE TRIAGE_EXPLOITABLE
/* Columns of classes: the access is not known, a read, a write. */
#define ACCESSES 3
#define ALL(class)                                                                       \
	{                                                                                \
		class, class, class                                                      \
	}
#define MEMORY                                                                           \
	{                                                                                \
		PROBABLY, NOT, EXPLOITABLE                                               \
	}
#define CRASH true
#define GOES_ON false

/* In production, where nobody looks, what is no crash goes on. A kind without a row is
 * NOT_EXPLOITABLE by its own name, and no crash. */
struct row {
	const char *reason; /* NULL: the kind's name, with the access in parentheses */
	enum triage_severity_class classes[ACCESSES];
	bool is_crash;
};

static const struct row rows[SAN_KINDS] = {
	[SAN_HEAP_BUFFER_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_STACK_BUFFER_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_STACK_BUFFER_UNDERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_GLOBAL_BUFFER_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_CONTAINER_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_HEAP_USE_AFTER_FREE] = {NULL, MEMORY, CRASH},
	[SAN_STACK_USE_AFTER_RETURN] = {NULL, MEMORY, CRASH},
	[SAN_STACK_USE_AFTER_SCOPE] = {NULL, MEMORY, CRASH},
	[SAN_USE_AFTER_POISON] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_PARAM_OVERLAP] = {NULL, ALL(EXPLOITABLE), CRASH},
	[SAN_NEGATIVE_SIZE_PARAM] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_OVERWRITES_INPUT] = {NULL, ALL(PROBABLY), GOES_ON},
	[SAN_CALLOC_OVERFLOW] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_DOUBLE_FREE] = {NULL, ALL(NOT), CRASH},
	[SAN_INVALID_FREE] = {NULL, ALL(NOT), CRASH},
	[SAN_HEAP_CORRUPTION] = {"HeapError", ALL(PROBABLY), CRASH},
	[SAN_STACK_SMASHING] = {"StackGuard", ALL(PROBABLY), CRASH},
	[SAN_FORTIFY] = {"SafeFunctionCheck", ALL(NOT), CRASH},

	/* A write is DestAv, a read SourceAv, and a signal that does not say
	 * AccessViolation: access_reason(). */
	[SAN_SEGV] = {"AccessViolation", {NOT, NOT, EXPLOITABLE}, CRASH},
	[SAN_NULL_DEREFERENCE] = {"AccessViolation", {NOT, NOT, PROBABLY}, CRASH},
	[SAN_BUS] = {"AccessViolation", {NOT, NOT, EXPLOITABLE}, CRASH},
	[SAN_ILL] = {"BadInstruction", ALL(PROBABLY), CRASH},
	[SAN_FPE] = {"FPE", ALL(NOT), CRASH},
	[SAN_ABRT] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_DEADLY_SIGNAL] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_STACK_OVERFLOW] = {"StackOverflow", ALL(NOT), CRASH},
	[SAN_GO_STACK] = {"StackOverflow", ALL(NOT), CRASH},

	[SAN_ASSERT] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_CHECK] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_SECURITY_CHECK] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_FATAL_ERROR] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_FATAL_EXIT] = {"fuzz target exited", ALL(NOT), CRASH},
	[SAN_UNEXPECTED_EXIT] = {"fuzz target exited", ALL(NOT), CRASH},
	[SAN_UNCAUGHT_EXCEPTION] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_GO_INDEX] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_GO_SLICE] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_GO_DIVIDE] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_GO_NIL] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_GO_MAKESLICE] = {"AbortSignal", ALL(NOT), CRASH},
	[SAN_DCHECK] = {"AbortSignal", ALL(NOT), GOES_ON}, /* debug builds only */
	[SAN_SECURITY_DCHECK] = {"AbortSignal", ALL(NOT), GOES_ON},

	[SAN_OUT_OF_MEMORY] = {NULL, ALL(NOT), CRASH},
	[SAN_ALLOCATION_TOO_BIG] = {NULL, ALL(NOT), CRASH},
	[SAN_TIMEOUT] = {NULL, ALL(NOT), GOES_ON},
	[SAN_DIRECT_LEAK] = {"memory-leaks", ALL(NOT), GOES_ON},
	[SAN_INDIRECT_LEAK] = {"memory-leaks", ALL(NOT), GOES_ON},

	/* Ours: CASR has no such class. A trap is mostly the compiler's own check. */
	[SAN_DYNAMIC_STACK_BUFFER_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_INTRA_OBJECT_OVERFLOW] = {NULL, MEMORY, CRASH},
	[SAN_TAG_MISMATCH] = {NULL, MEMORY, CRASH},
	[SAN_UNKNOWN_CRASH] = {NULL, MEMORY, CRASH},
	[SAN_TAIL_OVERWRITTEN] = {NULL, ALL(EXPLOITABLE), CRASH},
	[SAN_TRAP] = {"BadInstruction", ALL(NOT), CRASH},
	[SAN_INDEX_OUT_OF_BOUNDS] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_OBJECT_SIZE] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_BAD_CAST] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_FUNCTION_TYPE] = {NULL, ALL(PROBABLY), GOES_ON},
	[SAN_VLA_BOUND] = {NULL, ALL(PROBABLY), CRASH},
	[SAN_POINTER_OVERFLOW] = {NULL, ALL(PROBABLY), GOES_ON},
	[SAN_DIVIDE_BY_ZERO] = {"FPE", ALL(NOT), CRASH},
	[SAN_UNREACHABLE] = {NULL, ALL(NOT), CRASH},
	[SAN_COMMAND_INJECTION] = {NULL, ALL(EXPLOITABLE), GOES_ON},
	[SAN_FILE_OPEN] = {NULL, ALL(PROBABLY), GOES_ON},
};

/* Signals by what was done where: CASR's words for operands. */
static const char *access_reason(const struct san_report *r)
{
	bool is_near_null = r->kind == SAN_NULL_DEREFERENCE;

	switch (r->access) {
	case SAN_ACCESS_WRITE:
		return is_near_null ? "DestAvNearNull" : "DestAv";
	case SAN_ACCESS_READ:
		return is_near_null ? "SourceAvNearNull" : "SourceAv";
	default:
		return is_near_null ? "AccessViolationNearNull" : "AccessViolation";
	}
}

/* The address that could not be accessed is that of the instruction: it went there. */
static bool is_jump(const struct san_report *r)
{
	const struct san_stack *s = san_report_stack(r, SAN_STACK_CRASH);

	return r->has_address && s && s->count > 0 && s->frames[0].pc == r->address;
}

static void judge_signal(const struct san_report *r, struct triage_severity *out)
{
	bool is_near_null = r->kind == SAN_NULL_DEREFERENCE;
	const char *reason = access_reason(r);

	if (is_jump(r)) {
		out->class = is_near_null ? PROBABLY : EXPLOITABLE;
		reason = is_near_null ? "SegFaultOnPcNearNull" : "SegFaultOnPc";
	}
	snprintf(out->reason, sizeof out->reason, "%s", reason);
}

static void name_by_kind(
	const struct san_report *r, const struct row *row, struct triage_severity *out)
{
	static const char *const access[ACCESSES] = {"", "(read)", "(write)"};
	/* Where an access makes no difference none is told. */
	bool is_about_access =
		row->classes[0] != row->classes[1] || row->classes[0] != row->classes[2];

	snprintf(out->reason, sizeof out->reason, "%s%s",
		row->reason ? row->reason : san_kind_name(r->kind),
		is_about_access ? access[r->access] : "");
}

void triage_severity_of(const struct san_report *report, struct triage_severity *severity)
{
	const struct row *row = &rows[report->kind];

	*severity = (struct triage_severity){
		.class = row->classes[report->access],
		.is_security = report->is_security,
		.is_crash = row->is_crash,
	};
	if (report->kind == SAN_SEGV || report->kind == SAN_NULL_DEREFERENCE ||
		report->kind == SAN_BUS)
		judge_signal(report, severity);
	else
		name_by_kind(report, row, severity);
}

void triage_severity_of_exit(const struct iw_exit *exit, struct triage_severity *severity)
{
	struct san_report report = {.kind = SAN_UNEXPECTED_EXIT};

	if (exit->class == IW_EXIT_TIMEOUT)
		report.kind = SAN_TIMEOUT;
	else if (exit->class == IW_EXIT_OOM)
		report.kind = SAN_OUT_OF_MEMORY;
	else if (exit->class == IW_EXIT_SIGNALED)
		report.kind = exit->code == SIGSEGV ? SAN_SEGV
			: exit->code == SIGFPE	    ? SAN_FPE
			: exit->code == SIGILL	    ? SAN_ILL
						    : SAN_ABRT;
	triage_severity_of(&report, severity);
}

static const char *const words[] = {
	"NOT_EXPLOITABLE", "PROBABLY_EXPLOITABLE", "EXPLOITABLE"};

const char *triage_severity_word(enum triage_severity_class class)
{
	return words[class];
}

const char *triage_severity_literal(const char *word)
{
	size_t i;

	for (i = 0; word && i < IW_COUNT(words); i++)
		if (strcmp(word, words[i]) == 0)
			return words[i];
	return NULL;
}

const char *triage_severity_brief(const char *word, bool is_remote)
{
	if (!word)
		return "-";
	if (strcmp(word, words[TRIAGE_EXPLOITABLE]) == 0)
		return is_remote ? "exploitable, remote" : "exploitable";
	if (strcmp(word, words[TRIAGE_PROBABLY_EXPLOITABLE]) == 0)
		return is_remote ? "probable, remote" : "probable";
	return is_remote ? "remote crash" : "low";
}
