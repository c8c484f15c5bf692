#include "adapters/build_result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_log.h"
#include "adapters/linkage.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

/* The command may have put a link in its place, say to the compiler's cache, which later
 * builds write: then nobody would know what a build holds. */
static bool has_output(const struct build_result *r)
{
	_auto_close_ int fd = iw_dir_open_below(iw_job_work(r->job), "out", NULL);

	return fd >= 0;
}

static int move_output(
	const struct build_result *r, const struct iw_build *build, struct iw_err *err)
{
	_auto_free_ char *out = iw_path_join(iw_job_work(r->job), "out");
	int rc = iw_dir_remove(build->dir, err);

	if (rc < 0)
		return rc;
	if (rename(out, build->dir) < 0)
		return iw_err_errno(err, errno, "cannot keep build '%s'", build->dir);
	return iw_dir_sync(r->builds_dir, err);
}

/* What the tree, or the recipe, is to blame for. */
static int judge_failure(const struct build_result *r, const char *log,
	struct iw_build *build, struct iw_err *err)
{
	build->is_ok = false;
	if (strstr(log, "No space left on device"))
		return iw_err_set(err, IW_ENOSPC,
			"building '%s' (%s): no space left on the disk", r->adapter->name,
			build->flavour);
	if (r->exit->class == IW_EXIT_TIMEOUT)
		snprintf(build->error, sizeof build->error, "took longer than %lld s",
			(long long)r->adapter->build.timeout_s);
	else
		build_log_first_error(log, build->error, sizeof build->error);
	return 0;
}

static int judge_success(
	const struct build_result *r, struct iw_build *build, struct iw_err *err)
{
	build->is_ok = has_output(r);
	*build->error = '\0';
	if (build->is_ok)
		return move_output(r, build, err);
	snprintf(build->error, sizeof build->error,
		"the build command left no folder where $OUT was");
	return 0;
}

static int judge(const struct build_result *r, const char *log, struct iw_build *build,
	struct iw_err *err)
{
	switch (r->exit->class) {
	case IW_EXIT_CLEAN:
		return judge_success(r, build, err);
	case IW_EXIT_FAILED:
	case IW_EXIT_SIGNALED:
	case IW_EXIT_TIMEOUT:
		return judge_failure(r, log, build, err);
	case IW_EXIT_STOPPED:
		return iw_err_set(err, IW_ECANCELED, "the build was stopped");
	default:
		return iw_err_set(err, IW_EJOB, "building '%s' (%s): %s",
			r->adapter->name, build->flavour, r->exit->words);
	}
}

int build_result_take(
	const struct build_result *r, struct iw_build *build, struct iw_err *err)
{
	struct iw_err lost = IW_ERR_INIT;
	_auto_free_ char *log = NULL;
	size_t len;
	int rc;

	if (iw_job_log_read(r->job, BUILD_LOG_MAX, &log, &len, NULL) < 0) {
		log = iw_strdup("");
		len = 0;
	}
	rc = judge(r, log, build, err);
	if (rc < 0)
		return rc;
	/* A build without its log is a build. */
	if (build_log_keep(build->log, log, len, &lost) < 0)
		iw_warn("a build's log is lost", S("adapter", r->adapter->name),
			S("error", lost.msg));
	*build->uninstrumented = '\0';
	if (build->is_ok && linkage_matters(build))
		linkage_uninstrumented(
			build->dir, build->uninstrumented, sizeof build->uninstrumented);
	build->bytes = iw_dir_size(build->dir);
	if (iw_file_exists(build->log))
		build->bytes += iw_file_size(build->log);
	return 0;
}
