#include "triage/reproduce.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/driver_format.h"
#include "engine/engine.h"
#include "engine/program.h"
#include "sanitizers/flavour.h"
#include "sanitizers/report.h"
#include "triage/rate.h"
#include "triage/samples.h"

#include "base/banned.h"

/* Head and tail of a report that matter are far below this. */
#define LOG_MAX ((size_t)512 << 10)
/* What a process may take to start and to report beyond the target's own timeout. */
#define START_MS 15000

struct triage_reproduce {
	const struct triage_world *world;
	struct triage_reproduce_spec spec;
	char *binary;
	struct iw_job *job;
	struct san_naming *naming; /* of the run that has ended */
	struct iw_exit exit;
	struct triage_reproduce_result result;
	struct iw_err err;
	struct iw_timer *later;
	bool is_stopped;
	triage_reproduce_cb done;
	void *ctx;
};

bool triage_read_report(const char *text, size_t len, const struct iw_exit *exit,
	struct triage_signature *sig, struct triage_severity *severity)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	const struct san_report *primary;
	struct san_report *reports;
	size_t count;
	int status = exit && exit->class != IW_EXIT_SIGNALED ? exit->code : -1;

	if (san_report_parse(arena, text, len, &reports, &count, NULL) < 0)
		return false;
	primary = san_report_of_exit(reports, count, status);
	if (!primary)
		return false;
	triage_signature_init(sig, primary->crash_type, primary->title);
	if (triage_signature_is_hang(sig))
		triage_samples_fold(text, len, primary, sig);
	/* Of a hang only when nothing of it has a name. */
	if (sig->frames.count == 0)
		triage_signature_add_report(sig, arena, primary);
	if (severity)
		triage_severity_of(primary, severity);
	return true;
}

char *triage_named_report(struct san_naming *naming, size_t *len)
{
	char *text = san_naming_take(naming, len);
	const char *why = san_naming_why(naming);

	if (why) {
		struct iw_buf whole = {.data = text, .len = *len, .cap = *len + 1};

		iw_buf_addf(&whole, "\nironworks: some frames have no name: %s\n", why);
		*len = whole.len;
		text = iw_buf_steal(&whole);
	}
	san_naming_free(naming);
	return text;
}

static void start_run(struct triage_reproduce *op);

static void finish(struct triage_reproduce *op)
{
	op->done(op, op->err.code ? &op->err : NULL, op->ctx);
}

static bool is_enough(const struct triage_reproduce *op)
{
	const struct triage_reproduce_result *r = &op->result;
	const struct triage_reproduce_spec *s = &op->spec;
	unsigned runs = s->had_runs + r->runs;
	int64_t ms = s->had_ms + r->ms;
	int64_t price_ms = s->is_for_rate ? TRIAGE_RATE_MS : s->price_ms;

	if (price_ms && triage_rate_is_spent(runs, ms, price_ms))
		return true;
	if (s->is_for_rate)
		return runs >= s->runs &&
			!triage_rate_wants_more(
				s->had_hits + r->hits, runs, ms, s->is_hang);
	return r->runs >= s->runs || (s->stop_hits && r->hits >= s->stop_hits);
}

static void take_hit(struct triage_reproduce *op, struct triage_signature *sig,
	const struct triage_severity *severity, char **text, size_t len)
{
	struct triage_reproduce_result *r = &op->result;
	const struct triage_signature *same = op->spec.same ? op->spec.same
		: r->hits				    ? &r->signature
							    : NULL;
	bool is_sample = triage_signature_is_hang(sig);

	/* Each run of a hang is interrupted elsewhere: two samples of one input may look
	 * different, and what they share names it. */
	if (same && !(is_sample && !op->spec.same && triage_signature_is_hang(same)) &&
		!triage_signature_same(same, sig)) {
		if (r->others++ == 0)
			triage_signature_copy(&r->other, sig);
		return;
	}
	if (r->hits++ > 0) {
		if (is_sample)
			triage_samples_join(&r->signature, sig);
		return;
	}
	triage_signature_copy(&r->signature, sig);
	r->severity = *severity;
	if (is_sample) {
		r->report = triage_samples_sum_up(*text, len, sig, &r->report_len);
		return;
	}
	r->report = iw_steal(text);
	r->report_len = len;
}

/* A failure without any report still is one: named by how the process ended. */
static void name_by_exit(const struct iw_exit *exit, struct triage_signature *sig)
{
	switch (exit->class) {
	case IW_EXIT_TIMEOUT:
		triage_signature_init(sig, "Timeout", NULL);
		break;
	case IW_EXIT_OOM:
		triage_signature_init(sig, "Out-of-memory", NULL);
		break;
	case IW_EXIT_SIGNALED:
		triage_signature_init(sig, "Fatal-signal", exit->words);
		break;
	default:
		triage_signature_init(sig, "Unexpected-exit", exit->words);
	}
}

static void go_on(struct triage_reproduce *op)
{
	if (op->err.code || is_enough(op))
		finish(op);
	else
		start_run(op);
}

/* Takes text. */
static void judge_run(struct triage_reproduce *op, char *text, size_t len)
{
	struct triage_signature sig = {0};
	struct triage_severity severity;

	if (triage_read_report(text, len, &op->exit, &sig, &severity)) {
		take_hit(op, &sig, &severity, &text, len);
	} else if (!op->spec.target->spec->args || op->exit.class != IW_EXIT_FAILED) {
		/* Without a report a program's exit status only says what it thinks of its
		 * input; all else is a failure. */
		name_by_exit(&op->exit, &sig);
		if (triage_signature_is_hang(&sig))
			triage_samples_fold(text, len, NULL, &sig);
		triage_severity_of_exit(&op->exit, &severity);
		take_hit(op, &sig, &severity, &text, len);
	}
	triage_signature_fini(&sig);
	free(text);
}

static void on_named(struct san_naming *naming, void *ctx)
{
	struct triage_reproduce *op = ctx;
	size_t len;
	char *text = triage_named_report(naming, &len);

	op->naming = NULL;
	if (op->is_stopped) {
		/* Half a report is no answer. */
		iw_err_set(&op->err, IW_ECANCELED, "stopped");
		free(text);
	} else {
		judge_run(op, text, len);
	}
	go_on(op);
}

/* A run that ended by itself or was ended by its keeper. True: the answer comes later. */
static bool look_at_run(struct triage_reproduce *op)
{
	struct san_naming_spec spec = {.dir = op->spec.build->dir, .binary = op->binary};
	_auto_free_ char *text = NULL;

	op->result.runs++;
	if (op->exit.class == IW_EXIT_CLEAN)
		return false;
	if (iw_job_log_read(op->job, LOG_MAX, &text, &spec.len, NULL) < 0)
		text = iw_strdup("");
	if (!op->world->symbolizer) {
		judge_run(op, iw_steal(&text), spec.len);
		return false;
	}
	spec.text = text;
	op->naming = san_naming_start(op->world->symbolizer, &spec, on_named, op);
	return true;
}

static void on_run(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct triage_reproduce *op = ctx;
	bool is_later = false;

	op->exit = *exit;
	op->result.cpu_us += iw_exit_cpu_us(exit);
	op->result.ms += exit->wall_ms;
	switch (exit->class) {
	case IW_EXIT_STOPPED:
		iw_err_set(&op->err, IW_ECANCELED, "stopped");
		break;
	case IW_EXIT_SPAWN_FAILED:
	case IW_EXIT_SANDBOX_FAILED:
	case IW_EXIT_LOST:
		iw_err_set(&op->err, IW_EJOB, "cannot run '%s': %s", op->binary,
			exit->words);
		break;
	default:
		is_later = look_at_run(op);
	}
	iw_job_free(job);
	op->job = NULL;
	if (!is_later)
		go_on(op);
}

/* A hang, while each of its runs hangs: whoever waits for a signal or a time may be woken by
 * a sample, and is run without them then. */
static bool is_sampled(const struct triage_reproduce *op)
{
	const struct triage_reproduce_spec *s = &op->spec;

	return op->world->driver && !s->target->spec->args &&
		op->result.hits == op->result.runs &&
		(s->is_hang || (s->same && triage_signature_is_hang(s->same)));
}

/* By env(1), inside the sandbox: bubblewrap itself must not be sampled. */
static void add_sampler(struct triage_reproduce *op)
{
	const struct adapter_target *t = op->spec.target->spec;

	iw_job_read(op->job, op->world->driver);
	iw_job_arg(op->job, "/usr/bin/env");
	iw_job_argf(op->job, "LD_PRELOAD=%s", op->world->driver);
	iw_job_argf(op->job, IW_SAMPLE_ENV "=%lld",
		(long long)target_timeout_s(op->spec.build, t) * 1000);
}

static int make_run(struct triage_reproduce *op, struct iw_err *err)
{
	const struct adapter_target *t = op->spec.target->spec;
	const struct san_flavour *flavour = san_flavour_find(op->spec.build->flavour);
	const char *reads[] = {op->spec.build->dir, NULL};
	_auto_free_ char *what =
		triage_what(&op->spec.subject, op->spec.target, op->spec.build);
	struct iw_job_spec job_spec = {
		.purpose = op->spec.purpose,
		.what = what,
		.reads = reads,
		.timeout_ms = target_timeout_s(op->spec.build, t) * 2000 + START_MS,
		/* The target's own limit speaks first; sanitizers need room above it. */
		.rss_limit_mb = target_rss_limit_mb(op->spec.build, t) * 2 + 2048,
		.disk_limit_mb = t->disk_limit_mb,
		.log_limit = LOG_MAX,
		.no_aslr = flavour->no_aslr,
	};
	struct engine_slice slice = {
		.binary = op->binary,
		.timeout_s = target_timeout_s(op->spec.build, t),
		.rss_limit_mb = target_rss_limit_mb(op->spec.build, t),
		.malloc_limit_mb = t->rss_limit_mb,
		.repeat = op->spec.repeat,
		.check_leaks = t->check_leaks,
	};
	_auto_free_ char *path = NULL;
	int rc;

	if (t->args) {
		/* It has no limits of its own. */
		job_spec.timeout_ms = slice.timeout_s * 1000;
		job_spec.rss_limit_mb = slice.rss_limit_mb;
	}
	rc = iw_job_new(&op->job, op->world->jobs, &job_spec, err);
	if (rc < 0)
		return rc;
	path = iw_path_join(iw_job_work(op->job), "input");
	if (is_sampled(op))
		add_sampler(op);
	if (t->args)
		engine_program_command(op->job, op->binary, t->args, path,
			target_is_silent(op->spec.build, t) ? op->world->driver : NULL);
	else
		engine_libfuzzer.reproduce(op->job, &slice, path);
	target_add_env(op->job, op->spec.build,
		op->spec.as_engine ? SAN_USE_FUZZ : target_use(t),
		op->world->symbolizer_path);
	return iw_file_write(path, op->spec.input, op->spec.len, 0644, err);
}

static void on_failed(void *ctx)
{
	struct triage_reproduce *op = ctx;

	iw_timer_free(op->later);
	op->later = NULL;
	if (op->job)
		iw_job_free(op->job);
	op->job = NULL;
	finish(op);
}

static void start_run(struct triage_reproduce *op)
{
	int rc = 0;

	if (op->is_stopped)
		rc = iw_err_set(&op->err, IW_ECANCELED, "stopped");
	else if (!op->binary)
		rc = iw_err_set(&op->err, IW_ENOENT, "the build has no '%s'",
			op->spec.target->spec->binary);
	else
		rc = make_run(op, &op->err);
	if (rc == 0) {
		iw_job_submit(op->job, on_run, op);
		return;
	}
	op->later = iw_timer_new(op->world->loop, on_failed, op);
	iw_timer_start(op->later, 0, 0);
}

struct triage_reproduce *triage_reproduce_start(const struct triage_world *world,
	const struct triage_reproduce_spec *spec, triage_reproduce_cb done, void *ctx)
{
	struct triage_reproduce *op = iw_calloc(1, sizeof *op);

	op->world = world;
	op->spec = *spec;
	op->done = done;
	op->ctx = ctx;
	op->binary = target_binary(spec->build, spec->target->spec);
	start_run(op);
	return op;
}

void triage_reproduce_stop(struct triage_reproduce *op)
{
	op->is_stopped = true;
	if (op->job)
		iw_job_stop(op->job);
	if (op->naming)
		san_naming_stop(op->naming);
}

struct triage_reproduce_result *triage_reproduce_result(struct triage_reproduce *op)
{
	return &op->result;
}

void triage_reproduce_free(struct triage_reproduce *op)
{
	if (!op)
		return;
	triage_signature_fini(&op->result.signature);
	triage_signature_fini(&op->result.other);
	free(op->result.report);
	free(op->binary);
	free(op);
}
