/*
 * An adapter's source, brought here to be looked at: does what adapter.json says of it
 * hold? Nothing of it stays.
 */
#ifndef IW_CLI_ADAPTER_FETCH_H
#define IW_CLI_ADAPTER_FETCH_H

#include <jansson.h>

#include "adapters/adapter.h"
#include "base/err.h"

/* {"commit", "base_commit", "staged", "misfits": [sentence…]}. An error: it cannot be
 * brought, or does not have the branches. */
int adapter_fetch(const struct adapter *adapter, json_t **answer, struct iw_err *err);
/* The same for people. */
void adapter_fetch_print(const struct adapter *adapter, const json_t *answer);

#endif
