/* Jobs that are stopped: before they start, at once, twice, gently, and by losing their
 * keeper. */
#include "tests/lib/jobs.h"

#include <signal.h>

#include "base/time.h"

#include "base/banned.h"

#define POLITE                                                                           \
	"trap 'echo asked > asked; exit 5' TERM; echo ready; while :; do sleep 0.05; "   \
	"done"
#define STUBBORN "trap '' TERM; echo ready; while :; do sleep 0.05; done"

static void stop_once(struct jobs_watch *w)
{
	assert_true(iw_job_is_running(w->job));
	iw_job_stop(w->job);
}

static void stop_twice(struct jobs_watch *w)
{
	iw_job_stop(w->job);
	iw_job_stop(w->job);
}

static void kill_keeper(struct jobs_watch *w)
{
	kill(jobs_keeper_pid(iw_job_dir(w->job)), SIGKILL);
}

/* Runs until ready, acts, and tells how it ended and in what time. */
static struct jobs_end run_and_act(struct jobs_test *j, const struct iw_job_spec *spec,
	const char *script, void (*act)(struct jobs_watch *), const char *left_in_work)
{
	struct jobs_watch w = {.job = jobs_shell(j, spec, script), .act = act};
	struct jobs_end end = {.calls = 0};

	iw_job_submit(w.job, jobs_done, &end);
	jobs_watch(j, &w);
	iw_loop_run(&j->loop);
	if (left_in_work) {
		_auto_free_ char *path = iw_path_join(iw_job_work(w.job), left_in_work);

		assert_true(iw_file_exists(path));
	}
	iw_job_free(w.job);
	return end;
}

static void test_stops(struct jobs_test *j)
{
	static const struct iw_job_spec patient = {.grace_ms = 60000},
					short_ = {.grace_ms = 200};
	int64_t start = iw_time_mono_ms();
	struct jobs_end end;

	end = run_and_act(j, &patient, POLITE, stop_once, "asked");
	jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped");
	end = run_and_act(j, &short_, STUBBORN, stop_once, NULL);
	jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped");
	end = run_and_act(j, &patient, STUBBORN, stop_twice, NULL);
	jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped");
	assert_true(iw_time_mono_ms() - start < 40000);
}

static void test_stop(void **state)
{
	struct iw_sandbox sandbox;
	struct jobs_test j;

	(void)state;
	jobs_open(&j, NULL);
	test_stops(&j);
	jobs_close(&j);
	if (!jobs_probe(&sandbox))
		return;
	jobs_open(&j, &sandbox);
	test_stops(&j);
	jobs_close(&j);
}

/* Right after the start the keeper may not even have read its spec. */
static void test_stop_at_once(void **state)
{
	struct jobs_test j;
	int i;

	(void)state;
	jobs_open(&j, NULL);
	for (i = 0; i < 20; i++) {
		struct iw_job *job = jobs_shell(&j, NULL, "sleep 60");
		struct jobs_end end = {.calls = 0};

		iw_job_submit(job, jobs_done, &end);
		iw_job_stop(job);
		iw_loop_run(&j.loop);
		jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped");
		iw_job_free(job);
	}
	jobs_close(&j);
}

static void test_keeper_killed(void **state)
{
	struct jobs_test j;
	struct jobs_end end;

	(void)state;
	jobs_open(&j, NULL);
	end = run_and_act(&j, NULL, STUBBORN, kill_keeper, NULL);
	jobs_expect(&end, IW_EXIT_LOST, -1, "its keeper was killed");
	jobs_close(&j);
}

static void freeze_keeper_and_stop(struct jobs_watch *w)
{
	kill(jobs_keeper_pid(iw_job_dir(w->job)), SIGSTOP);
	iw_job_stop(w->job);
}

/* SIGSTOP keeps a keeper from its SIGTERM; a stop wakes it. */
static void test_stop_wakes_the_keeper(void **state)
{
	static const struct iw_job_spec patient = {.grace_ms = 60000};
	int64_t start = iw_time_mono_ms();
	struct jobs_test j;
	struct jobs_end end;

	(void)state;
	jobs_open(&j, NULL);
	end = run_and_act(&j, &patient, POLITE, freeze_keeper_and_stop, "asked");
	jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped");
	assert_true(iw_time_mono_ms() - start < 15000);
	jobs_close(&j);
}

/* A gate that lets nobody in until it is told to. */
struct gate {
	int wants, gones;
	struct iw_job *waiting;
};

static void gate_want(void *ctx, struct iw_job *job)
{
	struct gate *g = ctx;

	g->wants++;
	g->waiting = job;
}

static void gate_gone(void *ctx, struct iw_job *job)
{
	struct gate *g = ctx;

	assert_ptr_equal(job, g->waiting);
	g->gones++;
}

static void test_stop_before_start(void **state)
{
	struct gate g = {.wants = 0};
	struct jobs_test j;
	struct jobs_end end = {.calls = 0};
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	iw_jobs_gate(j.jobs,
		&(struct iw_job_gate){.ctx = &g, .want = gate_want, .gone = gate_gone});
	job = jobs_shell(&j, NULL, "touch started");
	iw_job_submit(job, jobs_done, &end);
	assert_int_equal(g.wants, 1);
	assert_false(iw_job_is_running(job));
	iw_job_stop(job);
	assert_int_equal(g.gones, 1); /* at once, or it might still be granted */
	iw_job_stop(job);
	assert_int_equal(end.calls, 0);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_STOPPED, -1, "stopped before it started");
	assert_int_equal(g.gones, 1);
	iw_job_free(job);
	jobs_close(&j);
}

static void test_gate_grants(void **state)
{
	struct gate g = {.wants = 0};
	struct jobs_test j;
	struct jobs_end end = {.calls = 0};
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	iw_jobs_gate(j.jobs,
		&(struct iw_job_gate){.ctx = &g, .want = gate_want, .gone = gate_gone});
	job = jobs_shell(&j, NULL, "exit 0");
	iw_job_submit(job, jobs_done, &end);
	iw_loop_run(&j.loop);
	assert_int_equal(end.calls, 0);
	assert_true(iw_loop_held(&j.loop));
	iw_job_grant(job, 0);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
	assert_int_equal(g.gones, 1);
	iw_job_free(job);
	jobs_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_at_once),
		cmocka_unit_test(test_keeper_killed),
		cmocka_unit_test(test_stop_wakes_the_keeper),
		cmocka_unit_test(test_stop_before_start),
		cmocka_unit_test(test_gate_grants),
	};

	return cmocka_run_group_tests_name("base_job_stop", tests, NULL, NULL);
}
