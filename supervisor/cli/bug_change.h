/* `ironworks bug wontfix|expected|mute|close|reopen`: what people decide about bugs. */
#ifndef IW_CLI_BUG_CHANGE_H
#define IW_CLI_BUG_CHANGE_H

#include "cli/cli.h"

/* Returns the exit status. */
int cli_bug_decide(const struct cli_common *common, const char *verb, int64_t bug_id,
	const char *why);

#endif
