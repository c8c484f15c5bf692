/* A job let go by one owner and taken over by the next, under the real keeper. */
#include <string.h>
#include <unistd.h>

#include "tests/lib/jobs.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"

struct taking {
	int calls, core, gones;
};

static void want(void *ctx, struct iw_job *job)
{
	(void)ctx;
	iw_job_grant(job, 0);
}

static void gone(void *ctx, struct iw_job *job)
{
	struct taking *t = ctx;

	(void)job;
	t->gones++;
}

static void taken(void *ctx, struct iw_job *job, int core)
{
	struct taking *t = ctx;

	(void)job;
	t->calls++;
	t->core = core;
}

static void gate(struct jobs_test *j, struct taking *t)
{
	iw_jobs_gate(j->jobs,
		&(struct iw_job_gate){
			.ctx = t, .want = want, .gone = gone, .taken = taken});
}

static void turn(struct jobs_test *j)
{
	uv_run(&j->loop.uv, UV_RUN_NOWAIT);
	usleep(10000);
}

/* Starts the script, waits until it has written work/ready and lets it go. The caller
 * frees the folder's name. */
static char *start_and_let_go(
	struct jobs_test *j, struct jobs_end *end, const char *script)
{
	struct iw_job *job = jobs_shell(j, NULL, script);
	char *dir = iw_strdup(iw_job_dir(job));
	_auto_free_ char *ready = iw_path_join(iw_job_work(job), "ready");
	int turns;

	iw_job_submit(job, jobs_done, end);
	for (turns = 0; turns < 1000 && !iw_file_exists(ready); turns++)
		turn(j);
	assert_true(iw_job_is_running(job));
	iw_job_let_go(job);
	iw_loop_run(&j->loop);
	assert_int_equal(end->calls, 0);
	return dir;
}

static struct iw_job *adopt(struct jobs_test *j, const char *dir, struct jobs_end *end)
{
	struct iw_job *job;

	temp_ok(&j->t.err,
		iw_job_adopt(
			&job, j->jobs, dir, IW_PURPOSE_FUZZ, jobs_done, end, &j->t.err));
	return job;
}

static void test_goes_on_and_is_adopted(void **state)
{
	struct jobs_test j;
	struct taking t = {.core = -2};
	struct jobs_end first = {.calls = 0}, second = {.calls = 0};
	_auto_free_ char *dir = NULL;
	int64_t began = iw_time_wall_ms();
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	gate(&j, &t);
	dir = start_and_let_go(&j, &first, "touch ready; sleep 0.5; echo told; exit 7");
	assert_int_equal(t.gones, 1);
	usleep(100000);
	job = adopt(&j, dir, &second);
	/* It has run since it was started, not since it was adopted. */
	assert_in_range(iw_job_since_ms(job), began - 20, iw_time_wall_ms() - 100);
	assert_string_equal(iw_job_what(job), "");
	iw_job_set_what(job, "demo/addrman, libfuzzer");
	assert_string_equal(iw_job_what(job), "demo/addrman, libfuzzer");
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.core, 0);
	assert_true(iw_job_is_running(job));
	assert_int_equal(iw_job_purpose(job), IW_PURPOSE_FUZZ);
	iw_loop_run(&j.loop);
	assert_int_equal(first.calls, 0);
	jobs_expect(&second, IW_EXIT_FAILED, 7, NULL);
	assert_int_equal(t.gones, 2);
	iw_job_free(job);
	assert_false(iw_file_exists(dir));
	jobs_close(&j);
}

static void test_ended_in_the_outage(void **state)
{
	struct jobs_test j;
	struct jobs_end first = {.calls = 0}, second = {.calls = 0};
	_auto_free_ char *dir = NULL, *record = NULL;
	struct iw_job *job;
	int turns;

	(void)state;
	jobs_open(&j, NULL);
	dir = start_and_let_go(&j, &first, "touch ready; sleep 0.1; exit 3");
	record = iw_path_join(dir, IW_KEEPER_EXIT);
	for (turns = 0; turns < 1000 && !iw_file_exists(record); turns++)
		usleep(10000);
	usleep(100000); /* the keeper itself */
	gate(&j, &(struct taking){.calls = 0});
	job = adopt(&j, dir, &second);
	assert_int_equal(second.calls, 0);
	iw_loop_run(&j.loop);
	jobs_expect(&second, IW_EXIT_FAILED, 3, NULL);
	iw_job_free(job);
	jobs_close(&j);
}

static void test_adopted_can_be_stopped(void **state)
{
	struct jobs_test j;
	struct taking t = {.calls = 0};
	struct jobs_end first = {.calls = 0}, second = {.calls = 0};
	_auto_free_ char *dir = NULL;
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	gate(&j, &t);
	dir = start_and_let_go(&j, &first, "touch ready; exec sleep 100");
	job = adopt(&j, dir, &second);
	iw_job_stop(job);
	iw_loop_run(&j.loop);
	jobs_expect(&second, IW_EXIT_STOPPED, -1, NULL);
	iw_job_free(job);
	jobs_close(&j);
}

/* What its children took that have ended counts, too. */
#define BURN "(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done)"

static void test_what_it_has_used_so_far(void **state)
{
	struct jobs_test j;
	struct taking t = {.calls = 0};
	struct jobs_end first = {.calls = 0}, second = {.calls = 0};
	_auto_free_ char *dir = NULL;
	struct iw_job *job;
	int64_t used;

	(void)state;
	jobs_open(&j, NULL);
	gate(&j, &t);
	dir = start_and_let_go(
		&j, &first, BURN "; " BURN "; touch ready; exec sleep 100");
	job = adopt(&j, dir, &second);
	used = iw_job_cpu_ms(job);
	assert_true(used > 0);
	iw_job_stop(job);
	iw_loop_run(&j.loop);
	assert_int_equal(iw_job_cpu_ms(job), -1);
	/* A tick is 10 ms, and each of them may be cut off or the keeper's. */
	assert_in_range(used, iw_exit_cpu_us(&second.exit) / 2000,
		iw_exit_cpu_us(&second.exit) / 1000 + 50);
	iw_job_free(job);
	jobs_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on_and_is_adopted),
		cmocka_unit_test(test_ended_in_the_outage),
		cmocka_unit_test(test_adopted_can_be_stopped),
		cmocka_unit_test(test_what_it_has_used_so_far),
	};

	return cmocka_run_group_tests_name("base_job_adopt", tests, NULL, NULL);
}
