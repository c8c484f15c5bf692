#include "cli/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "programs.h"

#include "base/banned.h"

int cli_local_open_bare(struct cli_local *local, bool no_sandbox, struct iw_err *err)
{
	_auto_free_ char *keeper = NULL;
	struct iw_jobs_config config = {.sandbox = {.kind = IW_SANDBOX_OFF}};
	const char *tmp = getenv("TMPDIR");
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
	local->dir = iw_fmt("%s/ironworks-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (!mkdtemp(local->dir))
		return iw_err_errno(
			err, errno, "cannot make a folder in '%s'", tmp ? tmp : "/tmp");
	config.dir = local->dir;
	config.keeper = keeper;
	rc = iw_jobs_open(&local->jobs, &local->loop, &config, err);
	if (rc == 0 && local->tools.symbolizer)
		local->symbolizer = san_symbolizer_new(&(struct san_symbolizer_config){
			.jobs = local->jobs,
			.program = local->tools.symbolizer,
			.major = local->tools.major,
		});
	return rc;
}

static void on_stopped(void *ctx)
{
	struct cli_local *local = ctx;

	san_symbolizer_free(iw_steal(&local->symbolizer));
}

int cli_local_open(struct cli_local *local, bool no_sandbox, struct iw_err *err)
{
	int rc = cli_local_open_bare(local, no_sandbox, err);

	return rc < 0 ? rc : san_toolchain_find(&local->tools, err);
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
	if (local->has_loop)
		iw_loop_fini(&local->loop);
	san_toolchain_fini(&local->tools);
	free(local->dir);
	free(local->driver);
}
