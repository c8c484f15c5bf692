/* `ironworks bug wontfix|expected|mute|close|reopen` and `merge|unmerge|split`: what people
 * decide about bugs. */
#ifndef IW_CLI_BUG_CHANGE_H
#define IW_CLI_BUG_CHANGE_H

#include "cli/cli.h"

/* Returns the exit status. */
int cli_bug_decide(const struct cli_common *common, const char *verb, int64_t bug_id,
	const char *why);
/* ids: of a bug, then by the verb another bug, nothing, or crashes. */
int cli_bug_regroup(const struct cli_common *common, const char *verb, char **ids,
	int count, const char *why);

#endif
