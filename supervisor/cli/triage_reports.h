/* `ironworks triage` without a program: the files are reports, which are read and joined. */
#ifndef IW_CLI_TRIAGE_REPORTS_H
#define IW_CLI_TRIAGE_REPORTS_H

#include <stdbool.h>

/* Returns the exit status. */
int cli_triage_reports(char *const *paths, int count, bool is_json);

#endif
