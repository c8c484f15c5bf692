/* What a farm tells of its slots and of itself: what runs and why, what it took, what was
 * said. Real slots and real jobs; the targets are made up. */
#include "tests/lib/jobs.h"

#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

struct watching_test {
	struct jobs_test j;
	struct farm farm;
};

static void open_farm(struct watching_test *w, int cores)
{
	struct iw_job_gate gate;

	*w = (struct watching_test){0};
	jobs_open(&w->j, NULL);
	w->farm.world.slots = iw_slots_new(cores);
	gate = iw_slots_gate(w->farm.world.slots);
	iw_jobs_gate(w->j.jobs, &gate);
}

static void close_farm(struct watching_test *w)
{
	jobs_close(&w->j);
	iw_slots_free(w->farm.world.slots);
	free(w->farm.view_slots);
}

static const struct farm_view *look(struct watching_test *w)
{
	w->farm.view = (struct farm_view){.slots = iw_slots_count(w->farm.world.slots)};
	farm_look_at_work(&w->farm, &w->farm.view);
	return &w->farm.view;
}

static struct iw_job *submit(struct watching_test *w, struct jobs_end *end,
	enum iw_purpose purpose, const char *what, const char *script)
{
	struct iw_job_spec spec = {.purpose = purpose, .what = what, .grace_ms = 500};
	struct iw_job *job = jobs_shell(&w->j, &spec, script);

	iw_job_submit(job, jobs_done, end);
	return job;
}

static void test_slots_say_what_runs_and_why(void **state)
{
	struct jobs_end ends[3] = {{.calls = 0}};
	struct iw_job *fuzz, *front, *waits;
	const struct farm_view *view;
	struct watching_test w;
	char what[] = "demo/addrman, libfuzzer";

	(void)state;
	open_farm(&w, 1);
	view = look(&w);
	assert_false(view->slot_views[0].engine.is_running);
	assert_false(view->slot_views[0].front.is_running);
	iw_time_set(1234567, -1);
	fuzz = submit(&w, &ends[0], IW_PURPOSE_FUZZ, what, "exec sleep 600");
	what[0] = '?'; /* it was copied */
	front = submit(&w, &ends[1], IW_PURPOSE_BISECT, NULL, "exec sleep 600");
	waits = submit(&w, &ends[2], IW_PURPOSE_BUILD, "demo, msan", "true");
	view = look(&w);
	assert_int_equal(view->slot_views[0].core, iw_slots_core(w.farm.world.slots, 0));
	assert_true(view->slot_views[0].engine.is_running);
	assert_int_equal(view->slot_views[0].engine.purpose, IW_PURPOSE_FUZZ);
	assert_int_equal(view->slot_views[0].engine.since_ms, 1234567);
	assert_string_equal(view->slot_views[0].engine.what, "demo/addrman, libfuzzer");
	assert_int_equal(view->slot_views[0].front.purpose, IW_PURPOSE_BISECT);
	assert_string_equal(view->slot_views[0].front.what, "");
	assert_non_null(strstr(view->slot_views[0].front.why, "to blame"));
	assert_int_equal(view->waiting, 1);
	assert_int_equal(iw_job_since_ms(waits), 0);
	iw_time_set(-1, -1);
	iw_slots_stop_all(w.farm.world.slots);
	iw_loop_run(&w.j.loop);
	assert_false(look(&w)->slot_views[0].engine.is_running);
	assert_int_equal(look(&w)->waiting, 0);
	iw_job_free(fuzz);
	iw_job_free(front);
	iw_job_free(waits);
	close_farm(&w);
}

#define BURN "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done"

static void test_core_time_goes_to_its_purpose(void **state)
{
	struct jobs_end ends[2] = {{.calls = 0}};
	struct iw_job *burns, *stopped;
	const struct farm_view *view;
	struct watching_test w;
	int64_t took;

	(void)state;
	open_farm(&w, 1);
	burns = submit(&w, &ends[0], IW_PURPOSE_MINIMIZE, NULL, BURN);
	stopped = submit(&w, &ends[1], IW_PURPOSE_REPLAY, NULL, BURN);
	assert_int_equal(look(&w)->core_ms[IW_PURPOSE_MINIMIZE], 0);
	iw_job_stop(stopped); /* while it waits */
	iw_loop_run(&w.j.loop);
	view = look(&w);
	took = iw_exit_cpu_us(&ends[0].exit) / 1000;
	assert_true(took > 0);
	assert_int_equal(view->core_ms[IW_PURPOSE_MINIMIZE], took);
	assert_int_equal(view->core_ms[IW_PURPOSE_REPLAY], 0);
	assert_int_equal(view->core_ms[IW_PURPOSE_FUZZ], 0);
	iw_job_free(burns);
	iw_job_free(stopped);
	close_farm(&w);
}

static void test_last_messages_stay(void **state)
{
	const struct farm_view *view;
	struct watching_test w;
	int i;

	(void)state;
	open_farm(&w, 1);
	assert_int_equal(look(&w)->message_count, 0);
	for (i = 0; i < FARM_MESSAGES + 7; i++) {
		iw_time_set(1000 + i, -1);
		farm_say(&w.farm, "message %d", i);
	}
	iw_time_set(-1, -1);
	view = look(&w);
	assert_int_equal(view->message_count, FARM_MESSAGES);
	assert_string_equal(view->messages[0].text, "message 7");
	assert_int_equal(view->messages[0].at_ms, 1007);
	assert_string_equal(view->messages[FARM_MESSAGES - 1].text, "message 56");
	assert_int_equal(view->messages[FARM_MESSAGES - 1].at_ms, 1056);
	close_farm(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_say_what_runs_and_why),
		cmocka_unit_test(test_core_time_goes_to_its_purpose),
		cmocka_unit_test(test_last_messages_stay),
	};

	return cmocka_run_group_tests_name("farm_watching", tests, NULL, NULL);
}
