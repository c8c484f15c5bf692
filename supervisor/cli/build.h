/* Builds of an adapter, by the daemon that holds the state folder or by ourselves. */
#ifndef IW_CLI_BUILD_H
#define IW_CLI_BUILD_H

#include "cli/build_alone.h"

/* Waits until they are made. *answer: as order_json() in adapters/order.h; a new reference
 * also after an error. *is_unreachable: a daemon is there and does not answer. */
int build_make(const struct build_wish *wish, json_t **answer, bool *is_unreachable,
	struct iw_err *err);

#endif
