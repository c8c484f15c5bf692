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

int iw_job_adopt(struct iw_job **out, struct iw_jobs *jobs, const char *dir,
	enum iw_purpose purpose, iw_job_done_cb done, void *ctx, struct iw_err *err)
{
	struct iw_job *job = iw_calloc(1, sizeof *job);
	int rc = 0;

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
	job->next = jobs->list;
	jobs->list = job;
	if (job->pidfd >= 0)
		rc = iw_job_watch_keeper(job);
	if (rc < 0) {
		iw_job_leave(job);
		return iw_err_set(err, IW_EIO, "cannot watch the keeper of '%s': %s", dir,
			uv_strerror(rc));
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
	uv_close((uv_handle_t *)&job->poll, iw_job_on_handle_closed);
	if (job->keeper && !uv_is_closing((uv_handle_t *)&job->status))
		uv_close((uv_handle_t *)&job->status, iw_job_on_handle_closed);
}
