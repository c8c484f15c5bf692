#include "engine/target_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/driver_format.h"

#include "base/banned.h"

/* The driver bounds units by itself; the keeper's bounds only catch a driver that was
 * scribbled over, so they are wide: parent and child share pages, but both count. */
#define START_MS 120000
#define RSS_FACTOR 3
#define RSS_EXTRA_MB 1024

static void add_env(struct iw_job *job, const char *pair)
{
	const char *eq = strchr(pair, '=');
	_auto_free_ char *name = NULL;

	if (!eq)
		return;
	name = iw_strndup(pair, (size_t)(eq - pair));
	iw_job_env(job, name, eq + 1);
}

int engine_target_job(struct iw_job **out, struct iw_jobs *jobs,
	const struct engine_driver_spec *spec, size_t units, struct iw_err *err)
{
	struct iw_job_spec job_spec = {
		.purpose = spec->purpose,
		.about = spec->about,
		.what = spec->what,
		.reads = spec->reads,
		.disk_limit_mb = spec->disk_limit_mb,
		.no_aslr = spec->no_aslr,
		.is_urgent = spec->is_urgent,
	};
	struct iw_job *job;
	size_t i;
	int rc;

	if (spec->args) {
		/* Nobody else bounds a program. */
		job_spec.timeout_ms = spec->timeout_ms;
		job_spec.rss_limit_mb = spec->rss_limit_mb;
	} else {
		if (spec->timeout_ms && units)
			job_spec.timeout_ms =
				START_MS + (int64_t)units * spec->timeout_ms;
		if (spec->rss_limit_mb)
			job_spec.rss_limit_mb =
				RSS_FACTOR * spec->rss_limit_mb + RSS_EXTRA_MB;
	}
	rc = iw_job_new(&job, jobs, &job_spec, err);
	if (rc < 0)
		return rc;
	iw_job_read(job, spec->binary);
	for (i = 0; spec->env && spec->env[i]; i++)
		add_env(job, spec->env[i]);
	*out = job;
	return 0;
}

/* The two variables are set by env(1) inside the sandbox: bubblewrap itself must not be
 * taken over by the driver. */
void engine_target_command(struct iw_job *job, const struct engine_driver_spec *spec)
{
	iw_job_read(job, spec->driver);
	iw_job_arg(job, "/usr/bin/env");
	iw_job_argf(job, "LD_PRELOAD=%s", spec->driver);
	iw_job_argf(job, IW_DRIVER_ENV "=%s", iw_job_work(job));
	iw_job_arg(job, spec->binary);
	iw_job_arg(job, "-runs=0");
}

static const char *const *copy_words(const char *const *words)
{
	size_t count = 0, i;
	char **copy;

	if (!words)
		return NULL;
	while (words[count])
		count++;
	copy = iw_calloc(count + 1, sizeof *copy);
	for (i = 0; i < count; i++)
		copy[i] = iw_strdup(words[i]);
	return (const char *const *)copy;
}

static void free_words(const char *const *words)
{
	size_t i;

	for (i = 0; words && words[i]; i++)
		free((char *)words[i]);
	free((void *)words);
}

void engine_spec_copy(
	struct engine_driver_spec *to, const struct engine_driver_spec *from)
{
	*to = *from;
	to->binary = iw_strdup(from->binary);
	to->driver = iw_strdup(from->driver);
	to->about = from->about ? iw_strdup(from->about) : NULL;
	to->what = from->what ? iw_strdup(from->what) : NULL;
	to->env = copy_words(from->env);
	to->args = copy_words(from->args);
	to->reads = copy_words(from->reads);
}

void engine_spec_fini(struct engine_driver_spec *spec)
{
	free((char *)spec->binary);
	free((char *)spec->driver);
	free((char *)spec->about);
	free((char *)spec->what);
	free_words(spec->env);
	free_words(spec->args);
	free_words(spec->reads);
	*spec = (struct engine_driver_spec){0};
}
