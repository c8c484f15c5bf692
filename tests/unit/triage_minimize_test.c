/*
 * Minimizers on a host with few cores. Sessions are played here: each keeps its core from
 * its first batch until it is closed, and of those that wait the one that came last is
 * served first, which is the worst for whoever needs his first session to go on.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"
#include "tests/lib/temp.h"
#include "triage/minimize.h"

#include "base/banned.h"

#define SESSIONS_MAX 16
#define BUGS 2
#define REPORT                                                                           \
	"==1==ERROR: AddressSanitizer: SEGV on unknown address 0x10 (pc 0x1 T0)\n"       \
	"    #0 0x1 in fail /src/a.c:1:1\n    #1 0x2 in parse /src/a.c:2:1\n"            \
	"    #2 0x3 in LLVMFuzzerTestOneInput /src/a.c:3:1\n"                            \
	"SUMMARY: AddressSanitizer: SEGV /src/a.c:1:1 in fail\n"

struct host {
	struct iw_loop loop;
	int cores;
	struct engine_session *waiting[SESSIONS_MAX]; /* the last is served first */
	size_t waiting_count;
	int open;
};

struct engine_session {
	struct host *host;
	bool has_core;
	struct engine_units units;
	engine_session_done_cb done;
	engine_session_closed_cb closed;
	void *ctx;
	struct iw_err err;
	struct engine_results results;
	struct iw_timer *later;
};

/* -- sessions ------------------------------------------------------------------------ */

static void answer(void *ctx)
{
	struct engine_session *s = ctx;

	iw_timer_free(iw_steal(&s->later));
	s->done(s, s->err.code ? &s->err : NULL, s->ctx);
}

static void later(struct engine_session *s, iw_timer_cb cb)
{
	iw_timer_free(s->later);
	s->later = iw_timer_new(&s->host->loop, cb, s);
	iw_timer_start(s->later, 0, 0);
}

static void run_units(struct engine_session *s)
{
	size_t i, len;

	engine_results_fini(&s->results);
	engine_results_init(&s->results, s->units.count);
	for (i = 0; i < s->units.count; i++) {
		struct engine_unit_result *unit = &s->results.units[i];
		const void *data;

		assert_int_equal(s->units.load(s->units.ctx, i, &data, &len, NULL), 0);
		unit->outcome = memmem(data, len, "!", 1) ? ENGINE_DIED : ENGINE_PASSED;
		unit->us = 10;
		if (unit->outcome != ENGINE_DIED)
			continue;
		unit->report = iw_strdup(REPORT);
		unit->report_len = strlen(REPORT);
	}
	later(s, answer);
}

static void grant(struct host *host)
{
	while (host->cores > 0 && host->waiting_count > 0) {
		struct engine_session *s = host->waiting[--host->waiting_count];

		host->cores--;
		s->has_core = true;
		run_units(s);
	}
}

/* When all who ask in one turn of the loop have asked. */
static void on_asked(void *ctx)
{
	struct engine_session *s = ctx;

	iw_timer_free(iw_steal(&s->later));
	grant(s->host);
}

struct engine_session *engine_session_new(
	struct iw_jobs *jobs, const struct engine_driver_spec *spec)
{
	struct engine_session *s = iw_calloc(1, sizeof *s);

	(void)spec;
	s->host = (struct host *)jobs;
	s->host->open++;
	return s;
}

void engine_session_run(struct engine_session *s, const struct engine_units *units,
	engine_session_done_cb done, void *ctx)
{
	s->units = *units;
	s->done = done;
	s->ctx = ctx;
	if (s->has_core) {
		run_units(s);
		return;
	}
	assert_true(s->host->waiting_count < SESSIONS_MAX);
	s->host->waiting[s->host->waiting_count++] = s;
	later(s, on_asked);
}

void engine_session_set_cpu(struct engine_session *s, int64_t ms)
{
	(void)s;
	(void)ms;
}

/* One that waits gives up its place; one that runs is done with the next turn. */
void engine_session_stop(struct engine_session *s)
{
	struct host *host = s->host;
	size_t i = 0;

	while (i < host->waiting_count && host->waiting[i] != s)
		i++;
	if (i == host->waiting_count)
		return;
	host->waiting_count--;
	memmove(&host->waiting[i], &host->waiting[i + 1],
		(host->waiting_count - i) * sizeof *host->waiting);
	iw_err_set(&s->err, IW_ECANCELED, "stopped");
	later(s, answer);
}

const struct engine_results *engine_session_results(const struct engine_session *s)
{
	return &s->results;
}

int64_t engine_session_cpu_us(const struct engine_session *s)
{
	(void)s;
	return 1000;
}

static void on_closed(void *ctx)
{
	struct engine_session *s = ctx;
	struct host *host = s->host;

	s->closed(s->ctx);
	host->cores += s->has_core;
	host->open--;
	iw_timer_free(s->later);
	engine_results_fini(&s->results);
	free(s);
	grant(host);
}

void engine_session_close(
	struct engine_session *s, engine_session_closed_cb closed, void *ctx)
{
	s->closed = closed;
	s->ctx = ctx;
	later(s, on_closed);
}

/* -- the test ------------------------------------------------------------------------ */

static void on_minimized(struct triage_minimize *op, const struct iw_err *err, void *ctx)
{
	size_t len;
	const uint8_t *best = triage_minimize_best(op, &len);

	assert_null(err);
	assert_int_equal(len, 1);
	assert_int_equal(best[0], '!');
	++*(int *)ctx;
}

static void minimize(struct temp *t, int cores)
{
	static const char input[] = "a long way to go until ! is all that is left";
	_auto_free_ char *program = temp_path(t, "parser");
	struct host host = {.cores = cores};
	struct triage_world world = {
		.loop = &host.loop, .jobs = (struct iw_jobs *)&host, .driver = "driver"};
	struct iw_build build = {.flavour = "libfuzzer+asan+ubsan", .dir = t->dir};
	struct adapter_target spec = adapter_target_defaults;
	struct triage_target target = {.spec = &spec};
	struct triage_signature sig;
	struct triage_minimize *ops[BUGS];
	int done = 0, i;

	spec.name = spec.binary = "parser";
	assert_int_equal(iw_file_write(program, "x", 1, 0755, &t->err), 0);
	assert_int_equal(iw_loop_init(&host.loop, &t->err), 0);
	triage_signature_init(&sig, "UNKNOWN READ", NULL);
	for (i = 0; i < BUGS; i++) {
		struct triage_minimize_spec m = {
			.build = &build,
			.target = &target,
			.signature = &sig,
			.input = input,
			.len = strlen(input),
			.hits = 5,
			.runs = 5,
			.width = 2,
			.budget_ms = 60000,
		};

		ops[i] = triage_minimize_start(&world, &m, on_minimized, &done);
	}
	/* Returns when nobody has anything left to wait for but a core. */
	iw_loop_run(&host.loop);
	assert_int_equal(done, BUGS);
	assert_int_equal(host.open, 0);
	assert_int_equal(host.cores, cores);
	for (i = 0; i < BUGS; i++)
		triage_minimize_free(ops[i]);
	triage_signature_fini(&sig);
	iw_loop_fini(&host.loop);
}

static void nobody_waits_for_a_core_of_his_own(void **state)
{
	struct temp t;
	int cores;

	(void)state;
	temp_open(&t);
	for (cores = 1; cores <= 2 * BUGS; cores++)
		minimize(&t, cores);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_for_a_core_of_his_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
