/*
 * The sections of an issue by which its reader sees the bug for himself: commands, and the
 * input. Private to the issue. Thread: any.
 */
#ifndef TRIAGE_ISSUE_REPRO_H
#define TRIAGE_ISSUE_REPRO_H

#include "base/buf.h"
#include "triage/issue.h"

/* uid stands for a bug that has no number. */
void issue_commands_add(
	struct iw_buf *out, const struct triage_issue *issue, const char *uid);
/* So that out gets no longer than room. */
void issue_input_add(struct iw_buf *out, const struct triage_issue *issue, size_t room);

#endif
