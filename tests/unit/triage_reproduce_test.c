/*
 * When runs of an input end. The keeper of their jobs is played by a script: it starts
 * nothing, and records that the run failed or passed and how long it held its slot.
 */
#include <stdlib.h>

#include "tests/lib/jobs.h"
#include "triage/rate.h"
#include "triage/reproduce.h"

#include "base/banned.h"

/* A run of a fork bomb on two cores; a hang with the default timeout; any other. */
#define BOMB_MS 9400
#define HANG_MS 10500
#define CHEAP_MS 200

/* Counts its runs in a file. Of each fails_at (0: none) the last one fails; 256 is the wait
 * status of exit code 1. */
#define KEEPER                                                                           \
	"#!/bin/sh\n"                                                                    \
	"read -r n < %s/runs\n"                                                          \
	"n=$((n + 1)) status=0 ms=%lld\n"                                                \
	"echo $n > %s/runs\n"                                                            \
	"if [ $((n %% %u)) = 0 ]; then status=256 ms=%lld; fi\n"                         \
	"echo \"{\\\"reason\\\": \\\"exited\\\", \\\"status\\\": $status, "              \
	"\\\"wall_ms\\\": $ms}\" > $1/exit\n"

struct runs {
	unsigned fails_at;
	int64_t pass_ms, fail_ms;
};

struct outcome {
	unsigned hits, runs;
	int64_t ms;
	bool is_done;
};

static void on_done(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	const struct triage_reproduce_result *r = triage_reproduce_result(op);

	temp_ok(err, err ? err->code : 0);
	*(struct outcome *)ctx = (struct outcome){r->hits, r->runs, r->ms, true};
}

static void write_keeper(const struct temp *t, const char *path, struct runs runs)
{
	_auto_free_ char *script = iw_fmt(KEEPER, t->dir, (long long)runs.pass_ms, t->dir,
		runs.fails_at ? runs.fails_at : 1000000, (long long)runs.fail_ms);

	temp_write(t, "runs", "0\n");
	assert_int_equal(iw_file_write(path, script, strlen(script), 0755, NULL), 0);
}

/* how says when it ends. */
static struct outcome reproduce(struct runs runs, struct triage_reproduce_spec how)
{
	struct temp t;
	struct iw_loop loop;
	struct iw_build build = {.flavour = "libfuzzer+asan+ubsan"};
	struct adapter_target spec = adapter_target_defaults;
	struct triage_target target = {.spec = &spec};
	struct triage_world world = {.loop = &loop};
	struct triage_reproduce *op;
	struct outcome outcome = {0};

	temp_open(&t);
	{
		_auto_free_ char *keeper = temp_path(&t, "keeper");
		_auto_free_ char *dir = temp_path(&t, "jobs");
		struct iw_jobs_config config = {.keeper = keeper, .dir = dir};

		write_keeper(&t, keeper, runs);
		temp_write(&t, "parser", "x");
		temp_ok(&t.err, iw_loop_init(&loop, &t.err));
		temp_ok(&t.err, iw_jobs_open(&world.jobs, &loop, &config, &t.err));
	}
	build.dir = t.dir;
	spec.name = spec.binary = "parser";
	how.build = &build;
	how.target = &target;
	how.input = "";
	op = triage_reproduce_start(&world, &how, on_done, &outcome);
	iw_loop_run(&loop);
	assert_true(outcome.is_done);
	triage_reproduce_free(op);
	iw_jobs_close(world.jobs);
	iw_loop_fini(&loop);
	temp_close(&t);
	return outcome;
}

static struct outcome rate(struct runs runs, bool is_hang)
{
	return reproduce(runs,
		(struct triage_reproduce_spec){.is_for_rate = true, .is_hang = is_hang});
}

static void test_dear_rates_take_few_runs(void **state)
{
	struct outcome o = rate((struct runs){3, BOMB_MS, BOMB_MS}, false);

	(void)state;
	assert_int_equal(o.runs, 7);
	assert_int_equal(o.hits, 2);
	assert_in_range(o.ms, TRIAGE_RATE_MS, TRIAGE_RATE_MS + BOMB_MS - 1);
	assert_true(rate((struct runs){3, CHEAP_MS, CHEAP_MS}, false).runs > 30);
	/* Nobody knew that it hangs: it passes in other runs. */
	assert_int_equal(rate((struct runs){2, CHEAP_MS, HANG_MS}, false).hits, 6);
	assert_int_equal(
		rate((struct runs){1, 0, HANG_MS}, true).runs, TRIAGE_RATE_HANG_STABLE);
	/* However dear, one run is no rate. */
	o = rate((struct runs){1, 0, 5 * TRIAGE_RATE_MS}, false);
	assert_int_equal(o.runs, TRIAGE_RATE_FEWEST);
	assert_int_equal(o.hits, TRIAGE_RATE_FEWEST);
	/* The run in which the price was passed had begun, and it failed. */
	o = rate((struct runs){4, CHEAP_MS, 2 * TRIAGE_RATE_MS}, false);
	assert_int_equal(o.hits, 1);
	assert_int_equal(o.runs, 4);
}

static void test_what_was_before_counts(void **state)
{
	struct triage_reproduce_spec how = {.is_for_rate = true,
		.had_hits = 1,
		.had_runs = 2,
		.had_ms = TRIAGE_RATE_MS - BOMB_MS};

	(void)state;
	assert_int_equal(reproduce((struct runs){0, BOMB_MS, 0}, how).runs, 1);
	how.had_ms = TRIAGE_RATE_MS - 2 * BOMB_MS;
	assert_int_equal(reproduce((struct runs){0, BOMB_MS, 0}, how).runs, 2);
}

static void test_other_runs_have_the_price_that_they_are_given(void **state)
{
	struct triage_reproduce_spec how = {
		.runs = TRIAGE_RATE_MISSES, .stop_hits = 1, .price_ms = TRIAGE_RATE_MS};

	(void)state;
	assert_int_equal(reproduce((struct runs){0, BOMB_MS, 0}, how).runs, 7);
	assert_int_equal(
		reproduce((struct runs){0, CHEAP_MS, 0}, how).runs, TRIAGE_RATE_MISSES);
	assert_int_equal(reproduce((struct runs){5, BOMB_MS, BOMB_MS}, how).runs, 5);
	how.runs = 200;
	how.price_ms = TRIAGE_RATE_GONE_MS;
	assert_int_equal(reproduce((struct runs){0, BOMB_MS, 0}, how).runs, 64);
	how.price_ms = 0;
	assert_int_equal(reproduce((struct runs){0, BOMB_MS, 0}, how).runs, 200);
	/* At least so many are made of a rate, unless they are dear. */
	how = (struct triage_reproduce_spec){.runs = 8, .is_for_rate = true};
	assert_int_equal(reproduce((struct runs){1, 0, CHEAP_MS}, how).runs, 8);
	assert_int_equal(reproduce((struct runs){1, 0, 2 * BOMB_MS}, how).runs, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dear_rates_take_few_runs),
		cmocka_unit_test(test_what_was_before_counts),
		cmocka_unit_test(test_other_runs_have_the_price_that_they_are_given),
	};

	return cmocka_run_group_tests_name("triage_reproduce", tests, NULL, NULL);
}
