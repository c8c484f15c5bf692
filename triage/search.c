/*
 * The happy path, until the time is used up:
 *
 *	HANDOUT (pool: corpus and input into the folder) --> FUZZ (job) --> JUDGE (each
 *	artifact in fresh processes) --> found, or HANDOUT again with another seed
 *
 * The failures: a job that cannot start ends the search with its error; an artifact that
 * cannot be read or shows another bug is passed over. An engine that ends early without
 * any artifact would end early again, so that is the end.
 */
#include "triage/search.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"
#include "corpus/handout.h"
#include "engine/engine.h"
#include "sanitizers/flavour.h"
#include "triage/artifact.h"
#include "triage/reproduce.h"

#include "base/banned.h"

/* What a process may take to start and to read its corpus. */
#define OVERTIME_MS 20000
#define ARTIFACTS engine_libfuzzer.artifact_dirs[0]
/* It leaves one artifact; a target may leave anything. */
#define ENTRIES_MAX 4096

struct triage_search {
	const struct triage_world *world;
	struct triage_search_spec spec;
	char *binary, *corpus_dir;
	struct corpus_handout handout;
	struct iw_work work;
	struct iw_job *job;
	uint32_t seed;
	int64_t left_ms; /* of the engine's time */
	int64_t cpu_us;
	bool is_running, has_artifact;
	struct triage_reproduce *judging;
	char *candidate, *found;
	size_t candidate_len, found_len;
	struct iw_err err;
	bool is_stopped;
	triage_search_cb done;
	void *ctx;
};

static void start_round(struct triage_search *s);

static void finish(struct triage_search *s)
{
	if (s->is_stopped && !s->err.code)
		iw_err_set(&s->err, IW_ECANCELED, "stopped");
	s->done(s, s->err.code ? &s->err : NULL, s->ctx);
}

static void end_round(struct triage_search *s)
{
	if (s->job)
		iw_job_free(iw_steal(&s->job));
	free(iw_steal(&s->corpus_dir));
	if (s->is_stopped || s->found || !s->has_artifact || s->err.code ||
		s->left_ms <= 0)
		finish(s);
	else
		start_round(s);
}

static void on_judged(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_search *s = ctx;

	if (err)
		s->err = *err;
	s->cpu_us += triage_reproduce_result(run)->cpu_us;
	if (triage_reproduce_result(run)->hits > 0) {
		s->found = iw_steal(&s->candidate);
		s->found_len = s->candidate_len;
	}
	triage_reproduce_free(run);
	s->judging = NULL;
	end_round(s);
}

/* The engine ends at its first finding, so there is one artifact; more are not ours. */
static int take_artifact(void *ctx, const char *name)
{
	struct triage_search *s = ctx;
	_auto_close_ int dir = -1;

	if (engine_libfuzzer.artifact(ARTIFACTS, name) == ENGINE_ARTIFACT_NONE)
		return 0;
	free(iw_steal(&s->candidate));
	dir = iw_dir_open_below(iw_job_work(s->job), ARTIFACTS, NULL);
	return dir >= 0 &&
		iw_file_read_foreign_at(dir, name, TRIAGE_ARTIFACT_MAX, &s->candidate,
			&s->candidate_len, NULL) == 0;
}

static void on_fuzzed(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct triage_search *s = ctx;
	struct triage_reproduce_spec judge = {
		.build = s->spec.build,
		.target = s->spec.target,
		.runs = 3,
		.stop_hits = 1,
		.purpose = IW_PURPOSE_BISECT,
		.subject = s->spec.subject,
		.same = s->spec.signature,
	};

	s->is_running = false;
	s->cpu_us += iw_exit_cpu_us(exit);
	/* Each round costs something, or a target that dies at once would go on for ever.
	 */
	s->left_ms -= exit->wall_ms > 1000 ? exit->wall_ms : 1000;
	if (exit->class == IW_EXIT_SPAWN_FAILED || exit->class == IW_EXIT_SANDBOX_FAILED)
		iw_err_set(
			&s->err, IW_EJOB, "cannot run '%s': %s", s->binary, exit->words);
	s->has_artifact = iw_dir_each_below(iw_job_work(job), ARTIFACTS, ENTRIES_MAX,
				  take_artifact, s, NULL) == 1;
	if (!s->has_artifact || s->is_stopped) {
		end_round(s);
		return;
	}
	judge.input = s->candidate;
	judge.len = s->candidate_len;
	s->judging = triage_reproduce_start(s->world, &judge, on_judged, s);
}

static int add_seed(struct triage_search *s, const char *name, const void *input,
	size_t len, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(s->corpus_dir, name);

	return iw_file_write(path, input, len, 0644, err);
}

static void hand_out(struct iw_work *work)
{
	struct triage_search *s = (struct triage_search *)((char *)work -
		offsetof(struct triage_search, work));
	const struct triage_search_spec *spec = &s->spec;

	if (s->err.code)
		return;
	if (spec->is_alone ? iw_dir_make(s->corpus_dir, &s->err) < 0
			   : corpus_handout(&s->handout, &s->err) < 0)
		return;
	if (add_seed(s, "input", spec->input, spec->len, &s->err) == 0 && spec->other)
		add_seed(s, "other", spec->other, spec->other_len, &s->err);
}

static void on_handed_out(struct iw_work *work)
{
	struct triage_search *s = (struct triage_search *)((char *)work -
		offsetof(struct triage_search, work));
	const struct adapter_target *t = s->spec.target->spec;
	struct engine_slice slice = {
		.binary = s->binary,
		.seconds = (s->left_ms + 999) / 1000,
		.max_len = t->max_len,
		.timeout_s = target_timeout_s(s->spec.build, t),
		.rss_limit_mb = target_rss_limit_mb(s->spec.build, t),
		.malloc_limit_mb = t->rss_limit_mb,
		.check_leaks = t->check_leaks,
		.seed = ++s->seed,
	};

	if (s->err.code || s->is_stopped) {
		end_round(s);
		return;
	}
	engine_libfuzzer.command(s->job, &slice);
	target_add_env(s->job, s->spec.build, SAN_USE_FUZZ, s->world->symbolizer_path);
	s->is_running = true;
	iw_job_submit(s->job, on_fuzzed, s);
}

static int make_job(struct triage_search *s, struct iw_err *err)
{
	const struct adapter_target *t = s->spec.target->spec;
	const char *reads[] = {s->spec.build->dir, NULL};
	_auto_free_ char *what =
		triage_what(&s->spec.subject, s->spec.target, s->spec.build);
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_BISECT,
		.what = what,
		.reads = reads,
		.timeout_ms =
			(s->spec.seconds + target_timeout_s(s->spec.build, t)) * 1000 +
			OVERTIME_MS,
		.rss_limit_mb = target_rss_limit_mb(s->spec.build, t) * 2 + 2048,
		.disk_limit_mb = t->disk_limit_mb,
		.no_aslr = san_flavour_find(s->spec.build->flavour)->no_aslr,
	};
	_auto_free_ char *artifacts = NULL;
	int rc = iw_job_new(&s->job, s->world->jobs, &spec, err);

	if (rc < 0)
		return rc;
	s->corpus_dir = iw_path_join(iw_job_work(s->job), engine_libfuzzer.corpus_dir);
	artifacts = iw_path_join(iw_job_work(s->job), ARTIFACTS);
	return iw_dir_make(artifacts, err);
}

/* An error in making the job is met in on_handed_out, so that done always comes later. */
static void start_round(struct triage_search *s)
{
	s->has_artifact = false;
	if (!s->err.code && make_job(s, &s->err) == 0)
		s->handout = (struct corpus_handout){
			.db_path = s->world->db_path,
			.packs = s->world->packs,
			.build_id = s->spec.target->reference_id,
			.target_id = s->spec.target->id,
			.dir = s->corpus_dir,
		};
	iw_work_submit(s->world->loop, &s->work, hand_out, on_handed_out);
}

struct triage_search *triage_search_start(const struct triage_world *world,
	const struct triage_search_spec *spec, triage_search_cb done, void *ctx)
{
	struct triage_search *s = iw_calloc(1, sizeof *s);

	s->world = world;
	s->spec = *spec;
	s->binary = target_binary(spec->build, spec->target->spec);
	s->left_ms = spec->seconds * 1000;
	s->done = done;
	s->ctx = ctx;
	if (!s->binary)
		iw_err_set(&s->err, IW_ENOENT, "the build has no '%s'",
			spec->target->spec->binary);
	start_round(s);
	return s;
}

void triage_search_stop(struct triage_search *s)
{
	s->is_stopped = true;
	if (s->judging)
		triage_reproduce_stop(s->judging);
	else if (s->is_running)
		iw_job_stop(s->job);
}

const char *triage_search_found(const struct triage_search *s, size_t *len)
{
	*len = s->found_len;
	return s->found;
}

int64_t triage_search_spent_ms(const struct triage_search *s)
{
	return s->spec.seconds * 1000 - (s->left_ms > 0 ? s->left_ms : 0);
}

int64_t triage_search_cpu_us(const struct triage_search *s)
{
	return s->cpu_us;
}

void triage_search_free(struct triage_search *s)
{
	if (!s)
		return;
	free(s->binary);
	free(s->candidate);
	free(s->found);
	free(s);
}
