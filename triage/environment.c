#include "triage/environment.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sanitizers/flavour.h"
#include "triage/reproduce.h"

#include "base/banned.h"

#define REPEATED_RUNS 2
#define FRESH_RUNS 4

struct triage_environment {
	const struct triage_world *world;
	struct triage_environment_spec spec;
	struct iw_buf options; /* of fuzzing, that a reproduction does not have */
	struct triage_reproduce *repeated, *fresh;
	struct triage_environment_result result;
	char *why;
	bool is_stopped;
	triage_environment_cb done;
	void *ctx;
};

static struct triage_reproduce *start(struct triage_environment *op,
	const struct triage_reproduce_spec *how, triage_reproduce_cb on_run)
{
	struct triage_reproduce_spec spec = *how;
	struct triage_reproduce *run;

	spec.build = op->spec.build;
	spec.target = op->spec.target;
	spec.input = op->spec.input;
	spec.len = op->spec.len;
	spec.stop_hits = 1;
	spec.as_engine = true;
	spec.purpose = IW_PURPOSE_REPRODUCE;
	spec.subject = op->spec.subject;
	run = triage_reproduce_start(op->world, &spec, on_run, op);
	if (op->is_stopped)
		triage_reproduce_stop(run);
	return run;
}

static void count(struct triage_environment *op, struct triage_reproduce *run)
{
	const struct triage_reproduce_result *r = triage_reproduce_result(run);

	op->result.runs += r->runs;
	op->result.hits += r->hits;
	op->result.cpu_us += r->cpu_us;
}

/* It fails as the engine runs it: in a fresh process too, or only behind itself. */
static void conclude(struct triage_environment *op, bool is_fresh)
{
	op->why = is_fresh
		? iw_fmt("fails with the runtime options of fuzzing only: %s",
			  op->options.data)
		: iw_fmt("fails only in a process that has run it before, as engines "
			 "do: what one unit leaves behind meets the next (%d times in "
			 "a row)",
			  TRIAGE_ENVIRONMENT_REPEAT);
	op->result.why = op->why;
	op->result.signature = &triage_reproduce_result(op->repeated)->signature;
	op->done(op, NULL, op->ctx);
}

static void on_fresh(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_environment *op = ctx;

	if (err) {
		op->done(op, err, op->ctx);
		return;
	}
	count(op, run);
	conclude(op, triage_reproduce_result(run)->hits > 0);
}

static void on_repeated(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_environment *op = ctx;
	const struct triage_reproduce_result *r = triage_reproduce_result(run);
	struct triage_reproduce_spec how = {.runs = FRESH_RUNS, .same = &r->signature};

	if (err) {
		op->done(op, err, op->ctx);
		return;
	}
	count(op, run);
	if (r->hits == 0)
		op->done(op, NULL, op->ctx);
	else if (op->options.len)
		op->fresh = start(op, &how, on_fresh);
	else
		conclude(op, false);
}

struct triage_environment *triage_environment_start(const struct triage_world *world,
	const struct triage_environment_spec *spec, triage_environment_cb done, void *ctx)
{
	struct triage_environment *op = iw_calloc(1, sizeof *op);
	struct triage_reproduce_spec how = {
		.runs = REPEATED_RUNS, .repeat = TRIAGE_ENVIRONMENT_REPEAT};

	op->world = world;
	op->spec = *spec;
	op->done = done;
	op->ctx = ctx;
	san_flavour_only(san_flavour_find(spec->build->flavour), SAN_USE_FUZZ,
		SAN_USE_REPRODUCE, &op->options);
	op->repeated = start(op, &how, on_repeated);
	return op;
}

void triage_environment_stop(struct triage_environment *op)
{
	op->is_stopped = true;
	triage_reproduce_stop(op->fresh ? op->fresh : op->repeated);
}

const struct triage_environment_result *triage_environment_result(
	const struct triage_environment *op)
{
	return &op->result;
}

void triage_environment_free(struct triage_environment *op)
{
	if (!op)
		return;
	triage_reproduce_free(op->repeated);
	triage_reproduce_free(op->fresh);
	iw_buf_fini(&op->options);
	free(op->why);
	free(op);
}
