/* `ironworks crash add`: inputs from elsewhere become crashes of a farm. */
#ifndef IW_CLI_CRASH_ADD_H
#define IW_CLI_CRASH_ADD_H

#include "cli/cli.h"

struct crash_add_wish {
	const struct cli_common *common;
	const char *target, *kind, *flavour; /* NULL: not said */
	char **paths;			     /* files and folders of files */
	int path_count;
};

/* Returns the exit status. */
int cli_crash_add(const struct crash_add_wish *wish);

#endif
