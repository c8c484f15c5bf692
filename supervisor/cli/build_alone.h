/* Builds without a daemon: the state folder is locked for so long. */
#ifndef IW_CLI_BUILD_ALONE_H
#define IW_CLI_BUILD_ALONE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct build_wish {
	const char *adapter;	     /* "PATH_OR_NAME[:param=value,…]" */
	const char *commit;	     /* NULL: the newest snapshot */
	const char *const *flavours; /* NULL: all that the adapter declares */
	size_t flavour_count;
	const char *state;   /* NULL: the user's */
	int64_t disk_budget; /* as of config.h; 0: the default */
	int cores;	     /* 0: all */
	bool no_sandbox;
	/* Of a change that nobody has reviewed: the compiler cache stays out of it. The
	 * commit is here, and nothing is fetched. */
	bool is_apart;
};

/* *answer: as order_json() in adapters/order.h, and "error"; a new reference. Says on
 * stderr what it does; SIGINT and SIGTERM end it in peace. */
int build_alone(const struct build_wish *wish, json_t **answer, struct iw_err *err);

#endif
