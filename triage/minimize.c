/*
 * The happy path: the start is looked at, then batches of candidates are dealt to the
 * lanes, each with a driver of its own; when the last lane has answered, what died is
 * compared with the start, the answers are fed, and the next batch is asked for.
 *
 *	start --> LOOK --> DEAL --> all lanes back --> COMPARE --> feed --+
 *	                    ^                                             |
 *	                    +---------------------------------------------+--> CLOSE --> done
 */
#include "triage/minimize.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/session.h"
#include "triage/bisect.h"
#include "triage/reproduce.h"
#include "triage/shrink.h"

#include "base/banned.h"

#define LANES_MAX 64
/* A batch of one lane; lanes have as much each. */
#define LANE_BATCH 64
#define BATCH_MAX 256
/* So many innermost frames of the raw stacks must agree. */
#define RAW_FRAMES 3
/* A recursion is caught at another depth and instruction each time: of so many inner frames
 * all must be of the start's but the innermost and that of a helper. */
#define CYCLE_FRAMES 9
#define CYCLE_MISSES 2
#define CYCLE_WITHIN 48
/* A candidate that hangs costs its whole timeout, so fewer are tried. */
#define HANG_BATCH 8
/* A candidate need not run much longer than the start did until it died. */
#define CPU_FACTOR 10
#define CPU_MIN_MS 50
/* What never ends is told from the rest after a part of the time that it is given; the
 * confirmation gives it all. */
#define HANG_PART 8
#define HANG_MIN_MS 200
/* Of a program it is no CPU time: a machine that is busy must not look like a hang. */
#define PROGRAM_PART 4
#define PROGRAM_MIN_MS 1000
#define FAILURES_MAX 5
#define HANG_CANDIDATES 400
#define FLAKY_CANDIDATES 400

enum likeness {
	LIKE_PLACE, /* raw stacks */
	LIKE_CYCLE, /* raw stacks of a recursion */
	LIKE_NAMES, /* where it is caught differs from run to run: only names tell */
	LIKE_HANG,  /* a program that says nothing when it is ended: that it never ends */
};

struct lane {
	struct triage_minimize *op;
	struct engine_session *session;
	bool is_up;   /* it has had a core */
	bool is_busy; /* with a share, or getting up */
	size_t count; /* candidates of its share: first, first + step, … */
	size_t first, step;
};

struct triage_minimize {
	const struct triage_world *world;
	struct triage_minimize_spec spec;
	struct target_driver driver_spec;
	struct triage_shrink *shrink;
	enum likeness likeness;
	struct triage_signature raw; /* of the start, without names */
	bool has_start;		     /* it has failed here, too */
	struct triage_candidate batch[BATCH_MAX];
	size_t batch_size, batch_max;
	unsigned repeat; /* how often each candidate runs: more than once when flaky */
	int64_t deadline, cpu_us;
	struct lane lanes[LANES_MAX];
	size_t lane_count, pending, open;
	/* Of the batch that has run: */
	bool same[BATCH_MAX];
	size_t looked_lane, looked_at;
	struct san_naming *naming;
	struct iw_timer *later;
	unsigned failures; /* of drivers, one after the other */
	struct iw_err err;
	bool is_stopped, is_closing;
	triage_minimize_cb done;
	void *ctx;
};

/* -- is it the same bug? ------------------------------------------------------------- */

/* Both come from the same build, so the same place is the same offset. That two bugs
 * share three of them and the type is possible; the caller's confirmation would see it.
 */
static bool is_same_place(
	const struct triage_signature *a, const struct triage_signature *b)
{
	size_t i;

	for (i = 0; i < RAW_FRAMES && i < a->frames.count; i++)
		if (i >= b->frames.count ||
			strcmp(a->frames.names[i], b->frames.names[i]) != 0)
			return false;
	return true;
}

static bool is_in_cycle(const struct triage_signature *a, const char *frame)
{
	size_t i;

	for (i = 0; i < CYCLE_WITHIN && i < a->frames.count; i++)
		if (strcmp(a->frames.names[i], frame) == 0)
			return true;
	return false;
}

static bool is_same_cycle(
	const struct triage_signature *a, const struct triage_signature *b)
{
	size_t i, hits = 0, misses = 0;

	for (i = 0; i < CYCLE_FRAMES && i < b->frames.count; i++) {
		if (is_in_cycle(a, b->frames.names[i]))
			hits++;
		else
			misses++;
	}
	return hits > 0 && misses <= CYCLE_MISSES;
}

static bool has_report(const struct engine_unit_result *unit)
{
	return unit->outcome == ENGINE_DIED && unit->report;
}

static bool is_hang(const struct engine_unit_result *unit)
{
	return unit->outcome == ENGINE_DIED && unit->death == ENGINE_DEATH_TIMEOUT;
}

static bool is_same_bug(const struct triage_minimize *op, const char *report, size_t len)
{
	struct triage_signature sig = {0};
	bool is_same;

	if (!triage_read_report(report, len, NULL, &sig, NULL))
		return false;
	if (op->likeness == LIKE_NAMES)
		is_same = triage_signature_same(op->spec.signature, &sig);
	else
		is_same = strcmp(op->raw.type, sig.type) == 0 &&
			(op->likeness == LIKE_CYCLE ? is_same_cycle(&op->raw, &sig)
						    : is_same_place(&op->raw, &sig));
	triage_signature_fini(&sig);
	return is_same;
}

/* -- the end ------------------------------------------------------------------------- */

static void on_end(void *ctx)
{
	struct triage_minimize *op = ctx;

	iw_timer_free(iw_steal(&op->later));
	op->done(op, op->err.code ? &op->err : NULL, op->ctx);
}

static void end_later(struct triage_minimize *op)
{
	op->later = iw_timer_new(op->world->loop, on_end, op);
	iw_timer_start(op->later, 0, 0);
}

static void on_lane_closed(void *ctx)
{
	struct lane *lane = ctx;
	struct triage_minimize *op = lane->op;

	op->cpu_us += engine_session_cpu_us(lane->session);
	lane->session = NULL;
	if (--op->open == 0)
		on_end(op);
}

/* Those that are getting up close when they hear of it. */
static void close_lane(struct lane *lane)
{
	if (lane->is_busy)
		engine_session_stop(lane->session);
	else
		engine_session_close(lane->session, on_lane_closed, lane);
}

static void close_lanes(struct triage_minimize *op)
{
	size_t i;

	op->is_closing = true;
	op->open = op->lane_count;
	for (i = 0; i < op->lane_count; i++)
		close_lane(&op->lanes[i]);
}

/* -- batches ------------------------------------------------------------------------- */

static void step(struct triage_minimize *op);

static void look_on(struct triage_minimize *op);

static void on_named(struct san_naming *naming, void *ctx)
{
	struct triage_minimize *op = ctx;
	struct lane *lane = &op->lanes[op->looked_lane];
	size_t len, i = op->looked_at++ / op->repeat;
	_auto_free_ char *report = triage_named_report(naming, &len);

	op->naming = NULL;
	op->same[lane->first + i * lane->step] |= is_same_bug(op, report, len);
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

/* The deaths of a lane; false: goes on when one has a name. */
static bool look_at_lane(struct triage_minimize *op, struct lane *lane)
{
	const struct engine_results *results = engine_session_results(lane->session);

	for (; lane->count > 0 && op->looked_at < results->count; op->looked_at++) {
		const struct engine_unit_result *unit = &results->units[op->looked_at];
		size_t i = op->looked_at / op->repeat;
		bool *same = &op->same[lane->first + i * lane->step];

		if (op->likeness == LIKE_HANG) {
			*same |= is_hang(unit);
			continue;
		}
		if (*same || op->is_stopped || !has_report(unit))
			continue;
		if (op->likeness == LIKE_NAMES && op->world->symbolizer) {
			name(op, unit);
			return false;
		}
		*same = is_same_bug(op, unit->report, unit->report_len);
	}
	return true;
}

static void feed(struct triage_minimize *op)
{
	size_t before, after;

	triage_shrink_best(op->shrink, &before);
	triage_shrink_feed(op->shrink, op->same, op->batch_size);
	triage_shrink_best(op->shrink, &after);
	if (after < before && op->spec.gained)
		op->spec.gained(op, op->spec.ctx);
}

static void look_on(struct triage_minimize *op)
{
	for (; op->looked_lane < op->lane_count; op->looked_lane++) {
		if (!look_at_lane(op, &op->lanes[op->looked_lane]))
			return;
		op->lanes[op->looked_lane].count = 0;
		op->looked_at = 0;
	}
	feed(op);
	step(op);
}

static void on_share(struct engine_session *session, const struct iw_err *err, void *ctx)
{
	struct lane *lane = ctx;
	struct triage_minimize *op = lane->op;

	(void)session;
	lane->is_busy = false;
	/* A candidate may have taken the driver with it: what was not run is not the bug,
	 * and the next batch has a new one. */
	op->failures = err ? op->failures + 1 : 0;
	if (err && (err->code != IW_EJOB || op->failures >= FAILURES_MAX))
		iw_err_copy(&op->err, err);
	if (--op->pending > 0)
		return;
	memset(op->same, 0, sizeof op->same);
	op->looked_lane = op->looked_at = 0;
	look_on(op);
}

static int load_candidate(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	const struct lane *lane = ctx;
	const struct triage_candidate *candidate =
		&lane->op->batch[lane->first + i / lane->op->repeat * lane->step];

	(void)err;
	*data = candidate->data;
	*len = candidate->len;
	return 0;
}

/* Like cards, because candidates that lie side by side die alike. */
static void deal(struct triage_minimize *op)
{
	size_t i, up = 0, n = 0;

	for (i = 0; i < op->lane_count; i++)
		up += op->lanes[i].is_up;
	if (up > op->batch_size)
		up = op->batch_size;
	op->pending = up;
	for (i = 0; i < op->lane_count && n < up; i++) {
		struct lane *lane = &op->lanes[i];
		struct engine_units units = {.load = load_candidate, .ctx = lane};

		if (!lane->is_up)
			continue;
		lane->first = n++;
		lane->step = up;
		lane->count = (op->batch_size - lane->first + up - 1) / up;
		lane->is_busy = true;
		units.count = lane->count * op->repeat;
		engine_session_run(lane->session, &units, on_share, lane);
	}
}

static size_t batch_max(const struct triage_minimize *op)
{
	size_t i, max = 0;

	for (i = 0; i < op->lane_count; i++)
		max += op->lanes[i].is_up ? op->batch_max : 0;
	return max < BATCH_MAX ? max : BATCH_MAX;
}

static void step(struct triage_minimize *op)
{
	if (!op->is_stopped && !op->err.code && iw_time_mono_ms() < op->deadline)
		op->batch_size = triage_shrink_next(op->shrink, op->batch, batch_max(op));
	else
		op->batch_size = 0;
	if (op->batch_size == 0)
		close_lanes(op);
	else
		deal(op);
}

/* -- the start ----------------------------------------------------------------------- */

static int load_start(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	const struct lane *lane = ctx;

	(void)i;
	(void)err;
	*data = lane->op->spec.input;
	*len = lane->op->spec.len;
	return 0;
}

static int64_t at_least(int64_t ms, int64_t min_ms)
{
	return ms < min_ms ? min_ms : ms;
}

/* Of one candidate. */
static void bound_cpu(struct triage_minimize *op, int64_t ms)
{
	size_t i;

	for (i = 0; i < op->lane_count; i++)
		engine_session_set_cpu(op->lanes[i].session, ms);
}

static void open_lane(struct triage_minimize *op, size_t i, engine_session_done_cb up)
{
	struct lane *lane = &op->lanes[i];
	struct engine_units units = {
		.count = i ? 1 : op->repeat, .load = load_start, .ctx = lane};

	*lane = (struct lane){.op = op, .is_busy = true};
	lane->session = engine_session_new(op->world->jobs, &op->driver_spec.spec);
	engine_session_run(lane->session, &units, up, lane);
}

/* A further lane has a core, or will get none any more. */
static void on_up(struct engine_session *session, const struct iw_err *err, void *ctx)
{
	struct lane *lane = ctx;

	(void)session;
	lane->is_busy = false;
	if (lane->op->is_closing)
		engine_session_close(lane->session, on_lane_closed, lane);
	else
		lane->is_up = !err;
}

/* Only when the first is up: each keeps its core, and on a host with one core another that
 * came first would wait for the first for ever. */
static void open_further_lanes(struct triage_minimize *op)
{
	size_t width = op->spec.width < LANES_MAX ? op->spec.width : LANES_MAX;

	for (; op->lane_count < width; op->lane_count++)
		open_lane(op, op->lane_count, on_up);
}

/* What the start has shown, once: its raw stack. */
static bool take_start(struct triage_minimize *op, const struct engine_unit_result *unit)
{
	if (op->likeness == LIKE_HANG)
		return is_hang(unit);
	return has_report(unit) &&
		triage_read_report(unit->report, unit->report_len, NULL, &op->raw, NULL);
}

/* The start by itself. */
static void on_start(struct engine_session *session, const struct iw_err *err, void *ctx)
{
	struct lane *lane = ctx;
	struct triage_minimize *op = lane->op;
	const struct engine_results *results = engine_session_results(session);
	int64_t us = 0;
	size_t i;

	lane->is_busy = false;
	lane->is_up = true;
	/* Nobody's time is up before it has a core. */
	op->deadline = iw_time_mono_ms() + op->spec.budget_ms;
	for (i = 0; i < results->count; i++)
		if (results->units[i].us > us)
			us = results->units[i].us;
	for (i = 0; i < results->count && !op->has_start; i++)
		op->has_start = take_start(op, &results->units[i]);
	if (err && !op->err.code)
		iw_err_copy(&op->err, err);
	else if (!op->has_start)
		iw_err_set(&op->err, IW_EJOB,
			"it fails only in a process of its own; smaller inputs are not "
			"tried there");
	if (!op->err.code && !op->is_stopped)
		open_further_lanes(op);
	if (op->likeness == LIKE_PLACE || op->likeness == LIKE_CYCLE)
		bound_cpu(op, at_least(CPU_FACTOR * us / 1000, CPU_MIN_MS));
	step(op);
}

static void open_first_lane(struct triage_minimize *op)
{
	struct engine_driver_spec *driver = &op->driver_spec.spec;

	if (op->likeness == LIKE_NAMES)
		driver->cpu_ms = at_least(driver->timeout_ms / HANG_PART, HANG_MIN_MS);
	else if (op->likeness == LIKE_HANG)
		driver->timeout_ms =
			at_least(driver->timeout_ms / PROGRAM_PART, PROGRAM_MIN_MS);
	op->lane_count = 1;
	open_lane(op, 0, on_start);
}

/* What looks for other kinds of bugs costs time in every candidate. */
static void look_for_it_alone(struct triage_minimize *op, const char *type)
{
	struct target_driver *d = &op->driver_spec;

	d->spec.wants_features = false;
	if (strstr(type, "leak") == NULL) {
		d->spec.leaks = false;
		target_driver_add_option(
			d, "ASAN_OPTIONS", "detect_leaks=0:malloc_context_size=1");
	}
	if (strstr(type, "use-after-return") == NULL)
		target_driver_add_option(
			d, "ASAN_OPTIONS", "detect_stack_use_after_return=0");
}

struct triage_minimize *triage_minimize_start(const struct triage_world *world,
	const struct triage_minimize_spec *spec, triage_minimize_cb done, void *ctx)
{
	struct triage_minimize *op = iw_calloc(1, sizeof *op);
	bool never_ends = triage_signature_is_hang(spec->signature);
	struct triage_shrink_limits limits = {
		.candidates = spec->candidates, .chances = spec->chances};

	op->world = world;
	op->spec = *spec;
	op->spec.input = iw_memdup(spec->input, spec->len);
	op->done = done;
	op->ctx = ctx;
	op->repeat =
		spec->hits < spec->runs ? triage_bisect_runs(spec->hits, spec->runs) : 1;
	if (never_ends)
		op->likeness = spec->target->spec->args ? LIKE_HANG : LIKE_NAMES;
	else if (strcmp(spec->signature->type, "Stack-overflow") == 0)
		op->likeness = LIKE_CYCLE;
	if (!limits.candidates && never_ends)
		limits.candidates = HANG_CANDIDATES;
	else if (!limits.candidates && op->repeat > 1)
		limits.candidates = FLAKY_CANDIDATES;
	op->batch_max = never_ends ? HANG_BATCH : LANE_BATCH;
	op->shrink = triage_shrink_new(spec->input, spec->len, &limits);
	if (target_driver_init(&op->driver_spec, spec->build, spec->target->spec,
		    IW_PURPOSE_MINIMIZE, world->driver, world->symbolizer_path,
		    &op->err) < 0) {
		end_later(op);
		return op;
	}
	look_for_it_alone(op, spec->signature->type);
	target_driver_set_what(
		&op->driver_spec, triage_what(&spec->subject, spec->target, spec->build));
	open_first_lane(op);
	return op;
}

void triage_minimize_stop(struct triage_minimize *op)
{
	size_t i;

	if (op->is_stopped)
		return;
	op->is_stopped = true;
	if (op->naming)
		san_naming_stop(op->naming);
	for (i = 0; i < op->lane_count; i++)
		if (op->lanes[i].is_busy)
			engine_session_stop(op->lanes[i].session);
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
	free((void *)op->spec.input);
	free(op);
}
