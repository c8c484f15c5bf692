#include "cli/local.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "programs.h"

#include "base/banned.h"

int cli_local_open_bare(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err)
{
	_auto_free_ char *keeper = NULL;
	struct iw_jobs_config config = {.sandbox = {.kind = IW_SANDBOX_OFF}};
	int rc;

	*local = (struct cli_local){0};
	rc = iw_programs_find(&keeper, &local->driver, err);
	if (rc == 0 && !no_sandbox)
		rc = iw_sandbox_probe(&config.sandbox, err);
	if (rc == 0)
		rc = iw_loop_init(&local->loop, err);
	if (rc < 0)
		return rc;
	local->has_loop = true;
	if (!jobs_dir) {
		jobs_dir = local->dir = iw_dir_make_temp("ironworks", err);
		if (!jobs_dir)
			return err->code;
	}
	config.dir = jobs_dir;
	config.keeper = keeper;
	return iw_jobs_open(&local->jobs, &local->loop, &config, err);
}

static void on_stopped(void *ctx)
{
	struct cli_local *local = ctx;

	san_symbolizer_free(iw_steal(&local->symbolizer));
}

static void start_symbolizer(struct cli_local *local)
{
	if (local->tools.symbolizer)
		local->symbolizer = san_symbolizer_new(&(struct san_symbolizer_config){
			.jobs = local->jobs,
			.program = local->tools.symbolizer,
			.major = local->tools.major,
		});
}

int cli_local_open_named(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err)
{
	int rc = cli_local_open_bare(local, jobs_dir, no_sandbox, err);

	if (rc < 0)
		return rc;
	local->tools.symbolizer = san_toolchain_symbolizer();
	start_symbolizer(local);
	return 0;
}

int cli_local_open(struct cli_local *local, const char *jobs_dir, bool no_sandbox,
	struct iw_err *err)
{
	int rc = cli_local_open_bare(local, jobs_dir, no_sandbox, err);

	if (rc == 0)
		rc = san_toolchain_find_any(&local->tools, err);
	if (rc == 0)
		start_symbolizer(local);
	return rc;
}

void cli_local_close(struct cli_local *local)
{
	if (local->symbolizer) {
		san_symbolizer_stop(local->symbolizer, on_stopped, local);
		iw_loop_run(&local->loop);
	}
	iw_jobs_close(local->jobs);
	if (local->dir)
		iw_dir_remove(local->dir, NULL);
	if (local->has_loop) {
		iw_loop_run(&local->loop); /* closes what is being closed */
		iw_loop_fini(&local->loop);
	}
	san_toolchain_fini(&local->tools);
	free(local->dir);
	free(local->driver);
}
