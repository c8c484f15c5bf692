#include "triage/minimize.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/driver.h"
#include "triage/bisect.h"
#include "triage/reproduce.h"
#include "triage/shrink.h"

#include "base/banned.h"

#define BATCH_MAX 32
/* So many innermost frames of the raw stacks must agree. */
#define RAW_FRAMES 3
/* A candidate that hangs costs its whole timeout, so fewer are tried. */
#define HANG_BATCH 8
#define HANG_CANDIDATES 60
#define CANDIDATES 4000

struct triage_minimize {
	const struct triage_world *world;
	struct triage_minimize_spec spec;
	struct target_driver driver_spec;
	struct triage_shrink *shrink;
	struct triage_signature
		raw; /* of the start, unsymbolized; unless is_symbolized */
	bool is_symbolized, has_raw;
	struct triage_candidate batch[BATCH_MAX];
	size_t batch_size, batch_max;
	unsigned repeat; /* how often each candidate runs: more than once when flaky */
	int64_t deadline, cpu_us;
	struct engine_driver *driver;
	/* Of the batch that has run: */
	bool same[BATCH_MAX];
	size_t looked_at;
	struct san_naming *naming;
	struct iw_timer *later;
	struct iw_err err;
	bool is_stopped;
	triage_minimize_cb done;
	void *ctx;
};

static int load_candidate(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	struct triage_minimize *op = ctx;

	(void)err;
	*data = op->batch[i / op->repeat].data;
	*len = op->batch[i / op->repeat].len;
	return 0;
}

/* Both come from the same build, so the same place is the same offset. That two bugs
 * share three of them and the type is possible; the caller's confirmation would see it.
 */
static bool is_same_place(
	const struct triage_signature *a, const struct triage_signature *b)
{
	size_t i;

	if (strcmp(a->type, b->type) != 0)
		return false;
	for (i = 0; i < RAW_FRAMES && i < a->frames.count; i++)
		if (i >= b->frames.count ||
			strcmp(a->frames.names[i], b->frames.names[i]) != 0)
			return false;
	return true;
}

static bool has_report(const struct engine_unit_result *unit)
{
	return unit->outcome == ENGINE_DIED && unit->report;
}

static bool is_same_bug(const struct triage_minimize *op, const char *report, size_t len)
{
	struct triage_signature sig = {0};
	bool is_same;

	if (!triage_read_report(report, len, NULL, &sig, NULL))
		return false;
	is_same = op->is_symbolized ? triage_signature_same(op->spec.signature, &sig)
				    : is_same_place(&op->raw, &sig);
	triage_signature_fini(&sig);
	return is_same;
}

static void step(struct triage_minimize *op);

static void look_on(struct triage_minimize *op);

static void on_named(struct san_naming *naming, void *ctx)
{
	struct triage_minimize *op = ctx;
	size_t len;
	_auto_free_ char *report = triage_named_report(naming, &len);

	op->naming = NULL;
	op->same[op->looked_at++ / op->repeat] |= is_same_bug(op, report, len);
	look_on(op);
}

static void name(struct triage_minimize *op, const struct engine_unit_result *unit)
{
	struct san_naming_spec spec = {
		.dir = op->spec.build->dir,
		.binary = op->driver_spec.spec.binary,
		.text = unit->report,
		.len = unit->report_len,
	};

	op->naming = san_naming_start(op->world->symbolizer, &spec, on_named, op);
}

/* The deaths of the batch, one after the other where they need names. */
static void look_on(struct triage_minimize *op)
{
	const struct engine_results *results = engine_driver_results(op->driver);

	for (; op->looked_at < results->count; op->looked_at++) {
		const struct engine_unit_result *unit = &results->units[op->looked_at];
		bool *same = &op->same[op->looked_at / op->repeat];

		if (*same || op->is_stopped || !has_report(unit))
			continue;
		if (op->is_symbolized && op->world->symbolizer) {
			name(op, unit);
			return;
		}
		*same = is_same_bug(op, unit->report, unit->report_len);
	}
	triage_shrink_feed(op->shrink, op->same, op->batch_size);
	op->cpu_us += engine_driver_cpu_us(op->driver);
	engine_driver_free(iw_steal(&op->driver));
	step(op);
}

static void on_batch(struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct triage_minimize *op = ctx;

	(void)driver;
	if (err)
		op->err = *err;
	memset(op->same, 0, sizeof op->same);
	op->looked_at = 0;
	look_on(op);
}

/* The start by itself: what its raw stack looks like. */
static void on_start(struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct triage_minimize *op = ctx;
	const struct engine_results *results = engine_driver_results(driver);
	size_t i;

	for (i = 0; i < results->count && !op->has_raw; i++)
		op->has_raw = has_report(&results->units[i]) &&
			triage_read_report(results->units[i].report,
				results->units[i].report_len, NULL, &op->raw, NULL);
	if (err)
		op->err = *err;
	else if (!op->has_raw)
		iw_err_set(&op->err, IW_EJOB, "it does not fail among other units");
	op->cpu_us += engine_driver_cpu_us(driver);
	engine_driver_free(driver);
	op->driver = NULL;
	step(op);
}

static int load_start(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	struct triage_minimize *op = ctx;

	(void)i;
	(void)err;
	*data = triage_shrink_best(op->shrink, len);
	return 0;
}

static void look_at_start(struct triage_minimize *op)
{
	struct engine_units units = {.count = op->repeat, .load = load_start, .ctx = op};

	op->driver = engine_driver_new(op->world->jobs, &op->driver_spec.spec);
	engine_driver_start(op->driver, &units, on_start, op);
}

static void on_end(void *ctx)
{
	struct triage_minimize *op = ctx;

	iw_timer_free(op->later);
	op->later = NULL;
	op->done(op, op->err.code ? &op->err : NULL, op->ctx);
}

static void end_later(struct triage_minimize *op)
{
	op->later = iw_timer_new(op->world->loop, on_end, op);
	iw_timer_start(op->later, 0, 0);
}

static void step(struct triage_minimize *op)
{
	struct engine_units units = {.load = load_candidate, .ctx = op};

	if (op->is_stopped || op->err.code || iw_time_mono_ms() >= op->deadline) {
		end_later(op);
		return;
	}
	op->batch_size = triage_shrink_next(op->shrink, op->batch, op->batch_max);
	if (op->batch_size == 0) {
		end_later(op);
		return;
	}
	units.count = op->batch_size * op->repeat;
	op->driver = engine_driver_new(op->world->jobs, &op->driver_spec.spec);
	engine_driver_start(op->driver, &units, on_batch, op);
}

struct triage_minimize *triage_minimize_start(const struct triage_world *world,
	const struct triage_minimize_spec *spec, triage_minimize_cb done, void *ctx)
{
	struct triage_minimize *op = iw_calloc(1, sizeof *op);
	bool is_hang = strcmp(spec->signature->type, "Timeout") == 0;
	/* Where these are caught differs from run to run; only names tell. */
	bool is_symbolized =
		is_hang || strcmp(spec->signature->type, "Stack-overflow") == 0;
	struct triage_shrink_limits limits = {
		.candidates = is_hang ? HANG_CANDIDATES : CANDIDATES};

	op->world = world;
	op->spec = *spec;
	op->done = done;
	op->ctx = ctx;
	op->deadline = iw_time_mono_ms() + spec->budget_ms;
	op->repeat =
		spec->hits < spec->runs ? triage_bisect_runs(spec->hits, spec->runs) : 1;
	if (op->repeat > 1)
		limits.candidates = 400;
	op->is_symbolized = is_symbolized;
	op->batch_max = is_hang ? HANG_BATCH : BATCH_MAX;
	op->shrink = triage_shrink_new(spec->input, spec->len, &limits);
	if (target_driver_init(&op->driver_spec, spec->build, spec->target->spec,
		    IW_PURPOSE_MINIMIZE, world->driver, world->symbolizer_path,
		    &op->err) < 0) {
		end_later(op);
		return op;
	}
	target_driver_set_what(
		&op->driver_spec, triage_what(&spec->subject, spec->target, spec->build));
	if (is_symbolized)
		step(op);
	else
		look_at_start(op);
	return op;
}

void triage_minimize_stop(struct triage_minimize *op)
{
	op->is_stopped = true;
	if (op->naming)
		san_naming_stop(op->naming);
	else if (op->driver)
		engine_driver_stop(op->driver);
}

const uint8_t *triage_minimize_best(const struct triage_minimize *op, size_t *len)
{
	return triage_shrink_best(op->shrink, len);
}

size_t triage_minimize_candidates(const struct triage_minimize *op)
{
	return triage_shrink_candidates(op->shrink);
}

int64_t triage_minimize_cpu_us(const struct triage_minimize *op)
{
	return op->cpu_us;
}

void triage_minimize_free(struct triage_minimize *op)
{
	if (!op)
		return;
	target_driver_fini(&op->driver_spec);
	triage_signature_fini(&op->raw);
	triage_shrink_free(op->shrink);
	free(op);
}
