/*
 * Jobs that outlive a supervisor. A keeper is known by its record and watched through a
 * pidfd; how its job ended stands in the exit record, whoever started it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/job_record.h"
#include "base/job_room.h"
#include "base/keeper_format.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

/* Which core the job was given, from the order that its keeper got; -1: any. */
static int core_of(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_SPEC);
	_auto_free_ char *spec = NULL;
	const char *word;
	size_t len;

	if (iw_file_read(path, IW_KEEPER_SPEC_MAX, &spec, &len, NULL) < 0)
		return -1;
	for (word = spec; word < spec + len; word += strlen(word) + 1)
		if (strncmp(word, "cpu=", 4) == 0)
			return (int)strtol(word + 4, NULL, 10);
	return -1;
}

/* It was started when its keeper got the order. */
static int64_t began_ms(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, IW_KEEPER_SPEC);
	struct stat st;

	if (stat(path, &st) < 0)
		return iw_time_wall_ms();
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

static void on_ended_before(void *ctx)
{
	struct iw_job *job = ctx;

	iw_job_record_read(job->dir, "", false, &job->exit);
	iw_job_finish(job);
}

static void on_keeper_end(uv_poll_t *poll, int status, int events)
{
	struct iw_job *job = poll->data;

	(void)status;
	(void)events;
	job->has_exited = true;
	uv_close((uv_handle_t *)poll, iw_job_on_handle_closed);
}

static int watch_keeper(struct iw_job *job, struct iw_err *err)
{
	int rc = uv_poll_init(&job->jobs->loop->uv, &job->poll, job->pidfd);

	if (rc < 0)
		return iw_err_set(err, IW_EIO, "cannot watch the keeper of '%s': %s",
			job->dir, uv_strerror(rc));
	job->poll.data = job;
	job->open_handles = 1;
	/* One that has ended meanwhile is readable at once. */
	uv_poll_start(&job->poll, UV_READABLE, on_keeper_end);
	return 0;
}

int iw_job_adopt(struct iw_job **out, struct iw_jobs *jobs, const char *dir,
	enum iw_purpose purpose, iw_job_done_cb done, void *ctx, struct iw_err *err)
{
	struct iw_job *job = iw_calloc(1, sizeof *job);

	job->jobs = jobs;
	job->spec = (struct iw_job_spec){.purpose = purpose};
	snprintf(job->id, sizeof job->id, "%s", iw_path_base(dir));
	job->dir = iw_strdup(dir);
	job->work = iw_path_join(dir, "work");
	job->core = core_of(dir);
	job->since_ms = began_ms(dir);
	iw_job_set_what(job, "");
	job->done = done;
	job->ctx = ctx;
	job->pidfd = iw_job_record_keeper(dir);
	jobs->count++;
	if (job->pidfd >= 0 && watch_keeper(job, err) < 0) {
		iw_job_leave(job);
		return err->code;
	}
	iw_info("job adopted", S("job", job->id), I("core", job->core),
		S("keeper", job->pidfd < 0 ? "has ended" : "lives"));
	iw_loop_hold(jobs->loop);
	job->state = RUNNING;
	if (jobs->has_gate)
		jobs->gate.taken(jobs->gate.ctx, job, job->core);
	if (job->pidfd < 0) {
		job->state = ENDING;
		job->later = iw_timer_new(jobs->loop, on_ended_before, job);
		iw_timer_start(job->later, 0, 0);
	}
	*out = job;
	return 0;
}

void iw_job_let_go(struct iw_job *job)
{
	iw_info("job let go", S("job", job->id));
	job->is_let_go = true;
	iw_timer_free(iw_steal(&job->overdue));
	iw_timer_free(iw_steal(&job->later));
	iw_job_leave_gate(job);
	if (job->pidfd >= 0) {
		uv_close((uv_handle_t *)&job->poll, iw_job_on_handle_closed);
		return;
	}
	uv_close((uv_handle_t *)&job->process, iw_job_on_handle_closed);
	if (!uv_is_closing((uv_handle_t *)&job->status))
		uv_close((uv_handle_t *)&job->status, iw_job_on_handle_closed);
}
