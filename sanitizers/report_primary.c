/* Which of a text's failures identifies the crash. */
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

static bool is_leak(enum san_kind kind)
{
	return kind == SAN_DIRECT_LEAK || kind == SAN_INDIRECT_LEAK;
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
	if (is_leak(r->kind) && !is_leak(best->kind))
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
