#include "triage/reach.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "sanitizers/flavour.h"
#include "sanitizers/frames.h"

#include "base/banned.h"

/* A line for each function, of which a large target has a hundred thousand, and each gets
 * its name from a symbolizer. */
#define LOG_MAX ((size_t)64 << 20)
#define TIMEOUT_MS 600000
#define FRAMES_ASKED 2

struct triage_reach_run {
	const struct triage_world *world;
	struct triage_reach_spec spec;
	char *binary;
	struct iw_job *job;
	struct iw_timer *later;
	struct iw_err err;
	triage_reach_cb done;
	void *ctx;
};

/* "UNCOVERED_FUNC: hits: 0 edges: 0/4 name with spaces /src/file.c:12" as a frame; NULL:
 * it is another line. Sets *is_entered. */
static const char *function_of(
	struct iw_arena *arena, const char *line, size_t len, bool *is_entered)
{
	static const char covered[] = "COVERED_FUNC: ", edges[] = " edges: ";
	struct san_frame frame = {0};
	char *text = iw_arena_strndup(arena, line, len), *name, *place, *number;

	*is_entered = strncmp(text, covered, strlen(covered)) == 0;
	if (!*is_entered &&
		(strncmp(text, "UN", 2) != 0 ||
			strncmp(text + 2, covered, strlen(covered)) != 0))
		return NULL;
	name = strstr(text, edges);
	name = name ? strchr(name + strlen(edges), ' ') : NULL;
	place = name ? strrchr(name + 1, ' ') : NULL;
	if (!place)
		return NULL;
	*place = '\0';
	number = strchr(place + 1, ':');
	if (number)
		*number = '\0';
	frame.function = name + 1;
	frame.file = place + 1;
	return san_frame_normalise(arena, &frame);
}

/* Bits of one name of the stack. */
enum { KNOWN = 1, ENTERED = 2 };

static int look_up(const char *text, size_t len, const char *wanted)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	const char *end = text + len, *eol;
	int seen = 0;

	for (; text < end; text = eol + 1) {
		bool is_entered;
		const char *name;

		eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		/* Cheap first: there are many lines, and a name stands in its own. */
		if (!memmem(text, (size_t)(eol - text), "COVERED_FUNC: ", 14))
			continue;
		name = function_of(arena, text, (size_t)(eol - text), &is_entered);
		if (name && strcmp(name, wanted) == 0)
			seen |= is_entered ? KNOWN | ENTERED : KNOWN;
	}
	return seen;
}

enum triage_reach triage_reach_read(
	const char *text, size_t len, const struct triage_frames *frames)
{
	size_t i, asked = 0;

	if (!len || !memmem(text, len, "COVERED_FUNC: ", 14))
		return TRIAGE_REACH_UNKNOWN;
	if (frames->count == 0)
		return TRIAGE_REACH_YES;
	for (i = 0; i < frames->count && asked < FRAMES_ASKED; i++) {
		int seen = look_up(text, len, frames->names[i]);

		if (seen & ENTERED)
			return TRIAGE_REACH_YES;
		asked += seen & KNOWN;
	}
	return TRIAGE_REACH_NOT;
}

static void end(struct triage_reach_run *run, enum triage_reach reach, int64_t cpu_us)
{
	run->done(reach, cpu_us, run->err.code ? &run->err : NULL, run->ctx);
	iw_timer_free(run->later);
	free(run->binary);
	free(run);
}

static void on_run(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct triage_reach_run *run = ctx;
	enum triage_reach reach = TRIAGE_REACH_UNKNOWN;
	_auto_free_ char *text = NULL;
	size_t len;

	/* One that fails now after all has no list behind it, and nothing is known. */
	if (exit->class == IW_EXIT_STOPPED)
		iw_err_set(&run->err, IW_ECANCELED, "stopped");
	else if (exit->class == IW_EXIT_CLEAN &&
		iw_job_log_read(job, LOG_MAX, &text, &len, NULL) == 0)
		reach = triage_reach_read(text, len, run->spec.frames);
	iw_job_free(job);
	run->job = NULL;
	end(run, reach, iw_exit_cpu_us(exit));
}

static int make_run(struct triage_reach_run *run, struct iw_err *err)
{
	const struct triage_reach_spec *s = &run->spec;
	const struct adapter_target *t = s->target->spec;
	const char *reads[] = {s->build->dir, NULL};
	_auto_free_ char *what = triage_what(&s->subject, s->target, s->build);
	struct iw_job_spec job_spec = {
		.purpose = IW_PURPOSE_BISECT,
		.what = what,
		.reads = reads,
		.timeout_ms = TIMEOUT_MS,
		.rss_limit_mb = target_rss_limit_mb(s->build, t) * 2 + 2048,
		.disk_limit_mb = t->disk_limit_mb,
		.log_limit = LOG_MAX,
		.no_aslr = san_flavour_find(s->build->flavour)->no_aslr,
	};
	struct engine_slice slice = {
		.binary = run->binary,
		.timeout_s = target_timeout_s(s->build, t),
		.rss_limit_mb = target_rss_limit_mb(s->build, t),
		.tells_functions = true,
	};
	_auto_free_ char *path = NULL;
	int rc = iw_job_new(&run->job, run->world->jobs, &job_spec, err);

	if (rc < 0)
		return rc;
	path = iw_path_join(iw_job_work(run->job), "input");
	engine_libfuzzer.reproduce(run->job, &slice, path);
	target_add_env_named(
		run->job, s->build, SAN_USE_FUZZ, run->world->symbolizer_path);
	return iw_file_write(path, s->input, s->len, 0644, err);
}

static void on_later(void *ctx)
{
	struct triage_reach_run *run = ctx;

	if (run->job)
		iw_job_free(run->job);
	end(run, TRIAGE_REACH_UNKNOWN, 0);
}

struct triage_reach_run *triage_reach_start(const struct triage_world *world,
	const struct triage_reach_spec *spec, triage_reach_cb done, void *ctx)
{
	struct triage_reach_run *run = iw_calloc(1, sizeof *run);
	bool can_tell = world->symbolizer_path && !spec->target->spec->args;

	run->world = world;
	run->spec = *spec;
	run->done = done;
	run->ctx = ctx;
	run->binary = target_binary(spec->build, spec->target->spec);
	if (can_tell && run->binary && make_run(run, &run->err) == 0) {
		iw_job_submit(run->job, on_run, run);
		return run;
	}
	run->later = iw_timer_new(world->loop, on_later, run);
	iw_timer_start(run->later, 0, 0);
	return run;
}

void triage_reach_stop(struct triage_reach_run *run)
{
	if (run->job && !run->later)
		iw_job_stop(run->job);
}
