/* The bugs of a state folder, as a run ends with them. */
#ifndef IW_CLI_SUMMARY_H
#define IW_CLI_SUMMARY_H

#include <jansson.h>

#include "base/err.h"
#include "cli/table.h"
#include "daemon.h"
#include "triage/bug_db.h"

/* A table on stdout, or with targets (borrowed) one JSON object of both. */
int cli_print_bugs(
	const struct iw_daemon_result *result, json_t *targets, struct iw_err *err);

/* One bug as a row of cli_bug_table(). */
struct cli_table *cli_bug_table(void);
void cli_bug_row(struct cli_table *table, const struct bug_row *row, const char *outbox);
/* "#12", "#12 + #14", "commit 1a2b3c4d5e6f", "pre-existing", "suspect #12", "not yet". The
 * caller frees it, and prs and commits may be NULL. */
char *cli_bug_blame(const char *outcome, const json_t *prs, const json_t *commits);
/* "Heap-use-after-free in close_block"; likewise. */
char *cli_bug_name(const char *type, const json_t *frames);

/* "builds: 4, 31 MiB of a budget of 8.0 GiB; 2 have left": a line of answer_disk(). The
 * caller frees. */
char *cli_disk_words(const json_t *disk);

#endif
