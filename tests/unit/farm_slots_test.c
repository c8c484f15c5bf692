/* Slots: who starts first, how many run at once, and that all can be stopped. */
#include "tests/lib/jobs.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/time.h"
#include "slots.h"

#include "base/banned.h"

#define LASTING "echo ready; exec sleep 600"

struct slots_test {
	struct jobs_test j;
	struct iw_slots *slots;
};

static void open_slots(struct slots_test *s, int cores)
{
	struct iw_job_gate gate;

	jobs_open(&s->j, NULL);
	s->slots = iw_slots_new(cores);
	gate = iw_slots_gate(s->slots);
	iw_jobs_gate(s->j.jobs, &gate);
}

static void close_slots(struct slots_test *s)
{
	jobs_close(&s->j);
	iw_slots_free(s->slots);
}

/* One job of the test, submitted, with how it ended. */
struct entry {
	struct iw_job *job;
	struct jobs_end end;
};

static void submit(struct slots_test *s, struct entry *e, enum iw_purpose purpose,
	const char *script)
{
	struct iw_job_spec spec = {.purpose = purpose, .grace_ms = 500};

	*e = (struct entry){.job = jobs_shell(&s->j, &spec, script)};
	iw_job_submit(e->job, jobs_done, &e->end);
}

static void free_entries(struct entry *entries, size_t count)
{
	while (count > 0)
		iw_job_free(entries[--count].job);
}

static void test_count(void **state)
{
	struct iw_slots *all = iw_slots_new(0), *one = iw_slots_new(1);
	struct iw_slots *many = iw_slots_new(100000), *wrong = iw_slots_new(-3);
	cpu_set_t set;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
	assert_int_equal(iw_slots_count(all), CPU_COUNT(&set));
	assert_int_equal(iw_slots_count(one), 1);
	assert_int_equal(iw_slots_count(many), CPU_COUNT(&set));
	assert_int_equal(iw_slots_count(wrong), CPU_COUNT(&set));
	iw_slots_free(all);
	iw_slots_free(one);
	iw_slots_free(many);
	iw_slots_free(wrong);
	iw_slots_free(NULL);
}

/* Behind one running job, the rest start in the order in which their patience ends and
 * not of their coming, and those of equal patience in the order of their coming. */
static void test_grants_by_patience(void **state)
{
	static const enum iw_purpose purposes[] = {IW_PURPOSE_DISTIL, IW_PURPOSE_BUILD,
		IW_PURPOSE_REPLAY, IW_PURPOSE_MEASURE, IW_PURPOSE_BISECT,
		IW_PURPOSE_BUILD, IW_PURPOSE_MINIMIZE, IW_PURPOSE_FETCH,
		IW_PURPOSE_REPRODUCE};
	static const char order[] = "7 8 4 1 5 6 3 0 2 ";
	struct entry first, entries[IW_COUNT(purposes)];
	_auto_free_ char *list = NULL;
	struct slots_test s;
	size_t i;

	(void)state;
	open_slots(&s, 1);
	iw_time_set(-1, 1000);
	list = temp_path(&s.j.t, "order");
	submit(&s, &first, IW_PURPOSE_DISTIL, "sleep 0.2");
	for (i = 0; i < IW_COUNT(purposes); i++) {
		_auto_free_ char *script = iw_fmt("printf '%zu ' >> %s", i, list);

		submit(&s, &entries[i], purposes[i], script);
	}
	assert_int_equal(iw_slots_waiting(s.slots), IW_COUNT(purposes));
	assert_int_equal(iw_slots_busy(s.slots), IW_COUNT(purposes) + 1);
	iw_loop_run(&s.j.loop);
	temp_expect(&s.j.t, "order", order);
	assert_int_equal(iw_slots_busy(s.slots), 0);
	iw_time_set(-1, -1);
	free_entries(entries, IW_COUNT(entries));
	iw_job_free(first.job);
	close_slots(&s);
}

/* Who has waited long goes before the urgent one that has only just come. */
static void test_nobody_starves(void **state)
{
	struct entry first, old, urgent;
	_auto_free_ char *old_script = NULL, *urgent_script = NULL;
	struct slots_test s;

	(void)state;
	open_slots(&s, 1);
	old_script = iw_fmt("printf 'old ' >> %s/order", s.j.t.dir);
	urgent_script = iw_fmt("printf 'urgent ' >> %s/order", s.j.t.dir);
	iw_time_set(-1, 1000);
	submit(&s, &first, IW_PURPOSE_REPRODUCE, "sleep 0.2");
	submit(&s, &old, IW_PURPOSE_DISTIL, old_script);
	iw_time_set(-1, 1000 + 3600 * 1000);
	submit(&s, &urgent, IW_PURPOSE_REPRODUCE, urgent_script);
	iw_loop_run(&s.j.loop);
	iw_time_set(-1, -1);
	temp_expect(&s.j.t, "order", "old urgent ");
	iw_job_free(first.job);
	iw_job_free(old.job);
	iw_job_free(urgent.job);
	close_slots(&s);
}

static void test_one_front_and_one_engine_a_slot(void **state)
{
	struct entry fuzz[2], front[2];
	struct slots_test s;

	(void)state;
	open_slots(&s, 1);
	assert_int_equal(iw_slots_fuzz_room(s.slots), 1);
	submit(&s, &fuzz[0], IW_PURPOSE_FUZZ, LASTING);
	assert_int_equal(iw_slots_fuzz_room(s.slots), 0);
	submit(&s, &fuzz[1], IW_PURPOSE_FUZZ, LASTING);
	submit(&s, &front[0], IW_PURPOSE_DISTIL, LASTING);
	submit(&s, &front[1], IW_PURPOSE_REPRODUCE, LASTING);
	assert_true(iw_job_is_running(fuzz[0].job));
	assert_false(iw_job_is_running(fuzz[1].job));
	assert_true(iw_job_is_running(front[0].job)); /* nobody is thrown off */
	assert_false(iw_job_is_running(front[1].job));
	assert_ptr_equal(iw_slots_job(s.slots, 0, true), fuzz[0].job);
	assert_ptr_equal(iw_slots_job(s.slots, 0, false), front[0].job);
	assert_int_equal(iw_slots_fuzz_room(s.slots), 0);
	assert_int_equal(iw_slots_waiting(s.slots), 1); /* engines do not count */
	assert_int_equal(iw_slots_busy(s.slots), 2);
	iw_slots_stop_all(s.slots);
	iw_loop_run(&s.j.loop);
	assert_null(iw_slots_job(s.slots, 0, true));
	assert_null(iw_slots_job(s.slots, 0, false));
	free_entries(fuzz, 2);
	free_entries(front, 2);
	close_slots(&s);
}

/* Its core is somebody's already, and it starts all the same; but no two of its kind. */
static void test_an_urgent_job_waits_for_nobody(void **state)
{
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_REPLAY, .is_urgent = true, .grace_ms = 500};
	struct entry front[2], urgent[2];
	struct slots_test s;
	size_t i;

	(void)state;
	open_slots(&s, 1);
	submit(&s, &front[0], IW_PURPOSE_BUILD, LASTING);
	submit(&s, &front[1], IW_PURPOSE_REPRODUCE, LASTING);
	for (i = 0; i < 2; i++) {
		urgent[i] = (struct entry){.job = jobs_shell(&s.j, &spec, LASTING)};
		iw_job_submit(urgent[i].job, jobs_done, &urgent[i].end);
	}
	assert_true(iw_job_is_running(front[0].job));
	assert_false(iw_job_is_running(front[1].job));
	assert_true(iw_job_is_running(urgent[0].job));
	assert_false(iw_job_is_running(urgent[1].job));
	assert_ptr_equal(iw_slots_job(s.slots, 0, false), urgent[0].job);
	assert_int_equal(iw_slots_waiting(s.slots), 2);
	assert_int_equal(iw_slots_busy(s.slots), 4);
	iw_slots_stop_front(s.slots);
	iw_loop_run(&s.j.loop);
	assert_int_equal(iw_slots_busy(s.slots), 0);
	free_entries(front, 2);
	free_entries(urgent, 2);
	close_slots(&s);
}

static void test_work_spreads_before_it_piles_up(void **state)
{
	struct entry fuzz, front;
	struct slots_test s;

	(void)state;
	open_slots(&s, 2);
	if (iw_slots_count(s.slots) < 2) {
		close_slots(&s);
		skip();
	}
	submit(&s, &fuzz, IW_PURPOSE_FUZZ, LASTING);
	submit(&s, &front, IW_PURPOSE_BUILD, LASTING);
	assert_ptr_equal(iw_slots_job(s.slots, 0, true), fuzz.job);
	assert_null(iw_slots_job(s.slots, 0, false));
	assert_ptr_equal(iw_slots_job(s.slots, 1, false), front.job);
	assert_int_equal(iw_slots_fuzz_room(s.slots), 1);
	iw_slots_stop_all(s.slots);
	iw_loop_run(&s.j.loop);
	iw_job_free(fuzz.job);
	iw_job_free(front.job);
	close_slots(&s);
}

/* What is only good to know has no core, waits for all that wait, and holds up nobody. */
static void test_one_last_job_of_all(void **state)
{
	struct entry front[2], fuzz, last[2];
	struct slots_test s;

	(void)state;
	open_slots(&s, 1);
	submit(&s, &front[0], IW_PURPOSE_BUILD, "sleep 0.2");
	submit(&s, &front[1], IW_PURPOSE_DISTIL, LASTING);
	submit(&s, &last[0], IW_PURPOSE_COVER, LASTING);
	submit(&s, &last[1], IW_PURPOSE_COVER, LASTING);
	submit(&s, &fuzz, IW_PURPOSE_FUZZ, LASTING);
	assert_true(iw_job_is_running(fuzz.job));
	assert_null(iw_slots_last(s.slots)); /* somebody waits */
	assert_int_equal(iw_slots_waiting(s.slots), 1);
	while (!iw_job_is_running(front[1].job))
		uv_run(&s.j.loop.uv, UV_RUN_ONCE);
	assert_ptr_equal(iw_slots_last(s.slots), last[0].job);
	assert_true(iw_job_is_running(last[0].job));
	assert_ptr_equal(iw_slots_job(s.slots, 0, false), front[1].job);
	iw_job_stop(last[0].job);
	while (!iw_job_is_running(last[1].job))
		uv_run(&s.j.loop.uv, UV_RUN_ONCE);
	assert_ptr_equal(iw_slots_last(s.slots), last[1].job);
	iw_slots_stop_all(s.slots);
	iw_loop_run(&s.j.loop);
	assert_null(iw_slots_last(s.slots));
	jobs_expect(&last[1].end, IW_EXIT_STOPPED, -1, NULL);
	free_entries(front, 2);
	free_entries(last, 2);
	iw_job_free(fuzz.job);
	close_slots(&s);
}

/* On a farm that is never done with its crashes. */
static void test_last_job_begins_one_day(void **state)
{
	struct entry front[2], fuzz, last;
	struct slots_test s;

	(void)state;
	open_slots(&s, 1);
	iw_time_set(-1, 1000);
	submit(&s, &front[0], IW_PURPOSE_BUILD, LASTING);
	submit(&s, &front[1], IW_PURPOSE_BUILD, LASTING);
	submit(&s, &last, IW_PURPOSE_COVER, LASTING);
	assert_null(iw_slots_last(s.slots));
	iw_time_set(-1, 1000 + 60000);
	submit(&s, &fuzz, IW_PURPOSE_FUZZ, LASTING);
	assert_ptr_equal(iw_slots_last(s.slots), last.job);
	iw_time_set(-1, -1);
	iw_slots_stop_all(s.slots);
	iw_loop_run(&s.j.loop);
	free_entries(front, 2);
	iw_job_free(last.job);
	iw_job_free(fuzz.job);
	close_slots(&s);
}

/* Running and waiting, engines and others: every one ends, as stopped, exactly once. */
static void test_stop_all(void **state)
{
	static const enum iw_purpose purposes[] = {IW_PURPOSE_FUZZ, IW_PURPOSE_BUILD,
		IW_PURPOSE_FUZZ, IW_PURPOSE_MEASURE, IW_PURPOSE_REPRODUCE,
		IW_PURPOSE_FUZZ, IW_PURPOSE_COVER, IW_PURPOSE_COVER};
	struct entry entries[IW_COUNT(purposes)];
	struct slots_test s;
	size_t i;

	(void)state;
	open_slots(&s, 1);
	for (i = 0; i < IW_COUNT(purposes); i++)
		submit(&s, &entries[i], purposes[i], LASTING);
	iw_slots_stop_all(s.slots);
	assert_int_equal(iw_slots_waiting(s.slots), 0);
	iw_loop_run(&s.j.loop);
	for (i = 0; i < IW_COUNT(purposes); i++)
		jobs_expect(&entries[i].end, IW_EXIT_STOPPED, -1, NULL);
	iw_slots_stop_all(s.slots); /* nobody there is fine */
	free_entries(entries, IW_COUNT(entries));
	close_slots(&s);
}

static void test_a_waiting_job_that_is_stopped_never_starts(void **state)
{
	struct entry first, second, third;
	struct slots_test s;

	(void)state;
	open_slots(&s, 1);
	submit(&s, &first, IW_PURPOSE_BUILD, "sleep 0.2");
	submit(&s, &second, IW_PURPOSE_BUILD, "exit 9");
	submit(&s, &third, IW_PURPOSE_BUILD, "exit 0");
	iw_job_stop(second.job);
	assert_int_equal(iw_slots_waiting(s.slots), 1);
	iw_loop_run(&s.j.loop);
	jobs_expect(&first.end, IW_EXIT_CLEAN, 0, NULL);
	jobs_expect(&second.end, IW_EXIT_STOPPED, -1, "stopped before it started");
	jobs_expect(&third.end, IW_EXIT_CLEAN, 0, NULL);
	iw_job_free(first.job);
	iw_job_free(second.job);
	iw_job_free(third.job);
	close_slots(&s);
}

static void test_jobs_run_on_their_core(void **state)
{
	struct entry pinned;
	struct slots_test s;
	_auto_free_ char *log = NULL;
	size_t len;

	(void)state;
	open_slots(&s, 1);
	submit(&s, &pinned, IW_PURPOSE_MEASURE,
		"grep -o 'Cpus_allowed_list:.*' /proc/self/status");
	iw_loop_run(&s.j.loop);
	jobs_expect(&pinned.end, IW_EXIT_CLEAN, 0, NULL);
	temp_ok(&s.j.t.err, iw_job_log_read(pinned.job, 100, &log, &len, &s.j.t.err));
	assert_null(strpbrk(log, ",-")); /* one core, no list of them */
	iw_job_free(pinned.job);
	close_slots(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_grants_by_patience),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_one_front_and_one_engine_a_slot),
		cmocka_unit_test(test_an_urgent_job_waits_for_nobody),
		cmocka_unit_test(test_work_spreads_before_it_piles_up),
		cmocka_unit_test(test_one_last_job_of_all),
		cmocka_unit_test(test_last_job_begins_one_day),
		cmocka_unit_test(test_stop_all),
		cmocka_unit_test(test_a_waiting_job_that_is_stopped_never_starts),
		cmocka_unit_test(test_jobs_run_on_their_core),
	};

	return cmocka_run_group_tests_name("farm_slots", tests, NULL, NULL);
}
