#include "triage/fault.h"

#include <string.h>

#include "base/mem.h"
#include "sanitizers/frames.h"
#include "triage/artifact.h"

#include "base/banned.h"

const struct san_report *triage_fault_report(
	const struct san_report *reports, size_t count, const char *type)
{
	const struct san_report *primary = san_report_primary(reports, count);
	size_t i;

	for (i = count; i-- > 0;) {
		if (!primary || strcmp(primary->crash_type, type) == 0)
			break;
		primary = &reports[i];
	}
	if (primary && strcmp(primary->crash_type, type) != 0)
		return san_report_primary(reports, count);
	return primary;
}

static bool is_own_verdict(const struct san_report *report)
{
	return report->kind == SAN_ABRT || report->kind == SAN_TRAP ||
		(report->kind >= SAN_ASSERT && report->kind <= SAN_UNCAUGHT_EXCEPTION);
}

const struct san_stack *triage_fault_stack(const struct san_report *report)
{
	const struct san_stack *stack = san_report_stack(report, SAN_STACK_CRASH);

	return stack || report->stack_count == 0 ? stack : &report->stacks[0];
}

static char *file_in(const char *text, size_t len, const char *type)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	const struct san_report *report;
	const struct san_stack *stack;
	struct san_report *reports;
	size_t count, i;

	if (san_report_parse(arena, text, len, &reports, &count, NULL) < 0)
		return NULL;
	report = triage_fault_report(reports, count, type);
	stack = report ? triage_fault_stack(report) : NULL;
	if (!stack || is_own_verdict(report))
		return NULL;
	for (i = 0; i < stack->count; i++) {
		const struct san_frame *frame = &stack->frames[i];

		if (frame->file && !san_frame_is_plumbing(frame))
			return iw_strdup(frame->file);
	}
	return NULL;
}

char *triage_fault_file_of(
	const char *artifacts_dir, const struct iw_sha256 *report, const char *type)
{
	_auto_free_ char *text = NULL;
	size_t len;

	if (triage_artifact_get(artifacts_dir, report, &text, &len, NULL) < 0)
		return NULL;
	return file_in(text, len, type);
}
