/* The words behind `run` and `serve`. */
#ifndef IW_CLI_FARM_OPTIONS_H
#define IW_CLI_FARM_OPTIONS_H

#include <stdbool.h>

#include "daemon.h"

/*
 * Reads adapters, --cores, --state, --http, --no-sandbox, --json and --help; where the
 * farm has an end --for as well, and where it has none --follow, and --config instead of
 * adapters. What config points to is argv's. Returns -1 to go on, or the exit status.
 */
int cli_farm_options(int argc, char **argv, const char *help, bool has_end,
	struct iw_daemon_config *config, bool *json);

#endif
