/* Which of a text's failures identifies the crash. */
#include "sanitizers/flavour.h"
#include "sanitizers/report_parse.h"

#include "base/banned.h"

const struct san_stack *san_report_stack(
	const struct san_report *report, enum san_stack_role role)
{
	for (size_t i = 0; i < report->stack_count; i++)
		if (report->stacks[i].role == role)
			return &report->stacks[i];
	return NULL;
}

static bool is_leak(const struct san_report *r)
{
	return r->kind == SAN_DIRECT_LEAK || r->kind == SAN_INDIRECT_LEAK;
}

/* Whether r identifies the crash rather than best, which stands before it. */
static bool is_better(const struct san_report *r, const struct san_report *best)
{
	const struct san_kind_row *row = san_kind_row(r->kind);
	const struct san_kind_row *old = san_kind_row(best->kind);

	if (row->rank != old->rank)
		return row->rank > old->rank;
	/* What is reachable from a leak is reported too; the leak is the bug. */
	if (r->kind == SAN_DIRECT_LEAK && best->kind == SAN_INDIRECT_LEAK)
		return true;
	/* What a broken program did not free, it was not able to. */
	if (is_leak(r) && !is_leak(best))
		return false;
	/* The signal that an access ended in says less than the access. */
	if (r->kind == best->kind && !r->access && best->access)
		return false;
	if (row->is_first && old->is_first)
		return false;
	return row->rank != SAN_RANK_END;
}

const struct san_report *san_report_primary(
	const struct san_report *reports, size_t count)
{
	const struct san_report *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (!best || is_better(&reports[i], best))
			best = &reports[i];
	return best;
}

static bool is_sanitizer(const struct san_report *r)
{
	switch (r->dialect) {
	case SAN_BY_ASAN:
	case SAN_BY_HWASAN:
	case SAN_BY_MSAN:
	case SAN_BY_TSAN:
	case SAN_BY_LSAN:
	case SAN_BY_UBSAN:
		return true;
	default:
		return false;
	}
}

/* Whether the one that ended the process with this status may have written a report. */
static bool may_have_ended(const struct san_report *r, int status)
{
	switch (status) {
	case SAN_EXIT_ASAN:
	case SAN_EXIT_MSAN:
	case SAN_EXIT_TSAN:
	case SAN_EXIT_UBSAN:
		return is_sanitizer(r);
	case SAN_EXIT_TIMEOUT:
		return r->dialect == SAN_BY_LIBFUZZER && r->kind == SAN_TIMEOUT;
	case SAN_EXIT_OOM:
		return r->dialect == SAN_BY_LIBFUZZER && r->kind == SAN_OUT_OF_MEMORY;
	case SAN_EXIT_LIBFUZZER:
		return r->dialect == SAN_BY_LIBFUZZER || is_leak(r);
	default:
		return false;
	}
}

/* Whether what a program said before it gave up may have led to this end: assertions abort
 * or trap, some by writing to NULL. A report of a sanitizer is an end itself, and none that
 * stands before another can be real. */
static bool may_be_cause(const struct san_report *r, const struct san_report *end)
{
	if (is_sanitizer(r) || r->dialect == SAN_BY_LIBFUZZER)
		return false;
	switch (end->kind) {
	case SAN_ABRT:
	case SAN_TRAP:
	case SAN_ILL:
	case SAN_DEADLY_SIGNAL:
	case SAN_UNEXPECTED_EXIT:
		return true;
	case SAN_NULL_DEREFERENCE:
		return r->dialect == SAN_BY_LOG;
	default:
		return false;
	}
}

const struct san_report *san_report_of_exit(
	const struct san_report *reports, size_t count, int status)
{
	const struct san_report *end = NULL, *best;

	for (size_t i = 0; i < count; i++)
		if (may_have_ended(&reports[i], status) &&
			(!end || !is_leak(&reports[i]) || is_better(&reports[i], end)))
			end = &reports[i];
	if (!end)
		return san_report_primary(reports, count);
	best = end;
	for (const struct san_report *r = reports; r < end; r++)
		if (may_be_cause(r, end) && (best == end || is_better(r, best)) &&
			is_better(r, end))
			best = r;
	return best;
}
