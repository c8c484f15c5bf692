/*
 * Why a bug that was mended is back: what mended it was taken out again, or the pull request
 * that brings it was landed once more. The staging branch says so itself; who causes the bug
 * is the bisection's to say, with a proof, and another question.
 *
 * Pure. Thread: any.
 */
#ifndef TRIAGE_BACK_H
#define TRIAGE_BACK_H

#include "adapters/staging.h"

/* "PR #20, which reverts PR #19, which had mended it"; NULL: the branch does not tell. mend
 * and proof are the columns of the bug as it was fixed, or NULL. The caller frees. */
char *triage_back_words(
	const struct staging_snapshot *snapshot, const char *mend, const char *proof);

#endif
