/* An adapter's source, brought here without a farm. */
#ifndef IW_CLI_FETCH_H
#define IW_CLI_FETCH_H

#include "adapters/adapter.h"
#include "base/err.h"
#include "cli/local.h"

/* Brings it to the folder repo, or what is new where it is there; runs the loop meanwhile.
 * A signal ends it: IW_ECANCELED. */
int cli_fetch(struct cli_local *local, const struct adapter *adapter, const char *repo,
	struct iw_err *err);

#endif
