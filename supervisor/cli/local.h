/*
 * A few jobs without a farm: a loop, a jobs folder (one of its own in $TMPDIR, so a
 * running farm on the same state is not disturbed; or that of a state folder which the
 * caller has locked), the sandbox, the toolchain.
 */
#ifndef IW_CLI_LOCAL_H
#define IW_CLI_LOCAL_H

#include <stdbool.h>

#include "base/job.h"
#include "base/loop.h"
#include "sanitizers/symbolizer.h"
#include "sanitizers/toolchain.h"

struct cli_local {
	struct iw_loop loop;
	struct iw_jobs *jobs;
	struct san_toolchain tools;
	struct san_symbolizer *symbolizer; /* NULL: there is no llvm-symbolizer */
	char *driver;
	/* below: private */
	char *dir; /* of its own */
	bool has_loop;
};

/* jobs_dir NULL: one of its own. */
int cli_local_open(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err);
/* The same without a compiler, which takes a while to be found: only names for reports,
 * whoever built the programs. */
int cli_local_open_named(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err);
/* Without those either. */
int cli_local_open_bare(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err);
/* No job may be left but the symbolizer's. */
void cli_local_close(struct cli_local *local);

#endif
