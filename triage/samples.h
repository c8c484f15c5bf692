/*
 * What a report holds beside the failure itself where the process was watched: stacks of
 * its main thread, taken while it hung (engine/driver_format.h).
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_SAMPLES_H
#define TRIAGE_SAMPLES_H

#include <stddef.h>

#include "sanitizers/report.h"
#include "triage/signature.h"

/* Folds each of them into sig, and the stack of report behind them, if there is one (NULL:
 * nothing was reported): what all of them share is where it loops. */
void triage_samples_fold(const char *text, size_t len, const struct san_report *report,
	struct triage_signature *sig);

/* The text without its samples, and a sentence at its end about what they have shown, for
 * people. The caller frees. */
char *triage_samples_sum_up(const char *text, size_t len,
	const struct triage_signature *sig, size_t *out_len);

/* The stacks of one more run into those of earlier ones. */
void triage_samples_join(
	struct triage_signature *into, const struct triage_signature *run);

#endif
