/*
 * What a bug's report says of the place that failed.
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_FAULT_H
#define TRIAGE_FAULT_H

#include <stddef.h>

#include "base/hash.h"
#include "sanitizers/report.h"

/* The report that gave a bug its type: how the process ended, which decides, is known no
 * longer. NULL when there is none at all. */
const struct san_report *triage_fault_report(
	const struct san_report *reports, size_t count, const char *type);

/* The stack that a report is about; NULL: it has none. */
const struct san_stack *triage_fault_stack(const struct san_report *report);

/* The source file of the innermost function that is the project's own, or the target's;
 * NULL: not known, or it was no accident there but the program's own verdict, as that of a
 * target which compares two results, or the artifact is lost. The caller frees. Reads a
 * file. */
char *triage_fault_file_of(
	const char *artifacts_dir, const struct iw_sha256 *report, const char *type);

#endif
