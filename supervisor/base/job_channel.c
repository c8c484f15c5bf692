/* A job that is asked and answers: two fifos, whose other ends its keeper hands it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job_room.h"
#include "base/keeper_format.h"
#include "base/mem.h"

#include "base/banned.h"

/* Open for both directions: opening never waits for the other side then, a command that
 * has not started yet can be asked already, and its end is told by its exit alone. */
static int open_fifo(
	const struct iw_job *job, const char *name, int *fd, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(job->dir, name);

	if (mkfifo(path, 0600) < 0)
		return iw_err_errno(err, errno, "cannot make '%s'", path);
	*fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return *fd < 0 ? iw_err_errno(err, errno, "cannot open '%s'", path) : 0;
}

int iw_job_channel(struct iw_job *job, int *ask, int *answer, struct iw_err *err)
{
	int rc;

	assert(job->state == NEW && !job->has_channel);
	rc = open_fifo(job, IW_KEEPER_ASK, ask, err);
	if (rc < 0)
		return rc;
	rc = open_fifo(job, IW_KEEPER_ANSWER, answer, err);
	if (rc < 0)
		close(*ask);
	else
		job->has_channel = true;
	return rc;
}
