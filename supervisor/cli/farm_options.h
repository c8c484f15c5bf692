/* The words behind `run` and `serve`. */
#ifndef IW_CLI_FARM_OPTIONS_H
#define IW_CLI_FARM_OPTIONS_H

#include <stdbool.h>

#include "daemon.h"

/*
 * Reads adapters, --cores, --state, --no-sandbox and --help, and with json (that of
 * `run`)
 * --for and --json as well. What config points to is argv's. Returns -1 to go on, or the
 * exit status.
 */
int cli_farm_options(int argc, char **argv, const char *help,
	struct iw_daemon_config *config, bool *json);

#endif
