/* The loop: it ends when nothing is left, and counts what must not be torn down under
 * way. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

static void open_loop(struct iw_loop *loop)
{
	struct iw_err err = IW_ERR_INIT;

	assert_int_equal(iw_loop_init(loop, &err), 0);
}

static void test_nothing_to_do(void **state)
{
	struct iw_loop loop;

	(void)state;
	open_loop(&loop);
	iw_loop_run(&loop);
	assert_false(iw_loop_held(&loop));
	iw_loop_fini(&loop);
}

static void test_holds_are_counted(void **state)
{
	struct iw_loop loop;

	(void)state;
	open_loop(&loop);
	iw_loop_hold(&loop);
	iw_loop_hold(&loop);
	iw_loop_release(&loop);
	assert_true(iw_loop_held(&loop));
	iw_loop_release(&loop);
	assert_false(iw_loop_held(&loop));
	iw_loop_fini(&loop);
}

struct task {
	struct iw_work work; /* first, so that the callbacks find the rest */
	pthread_t loop_thread;
	atomic_int ran;
	int done;
	bool was_held;
};

static void run_task(struct iw_work *work)
{
	struct task *t = (struct task *)work;

	assert_false(pthread_equal(pthread_self(), t->loop_thread));
	atomic_fetch_add(&t->ran, 1);
}

static void task_done(struct iw_work *work)
{
	struct task *t = (struct task *)work;

	assert_true(pthread_equal(pthread_self(), t->loop_thread));
	t->done++;
	t->was_held = iw_loop_held(work->loop);
}

static void test_work_is_done_later_and_once(void **state)
{
	struct task tasks[20];
	struct iw_loop loop;
	size_t i;

	(void)state;
	open_loop(&loop);
	for (i = 0; i < IW_COUNT(tasks); i++) {
		tasks[i] = (struct task){.loop_thread = pthread_self()};
		iw_work_submit(&loop, &tasks[i].work, run_task, task_done);
		assert_int_equal(tasks[i].done, 0);
	}
	assert_true(iw_loop_held(&loop));
	iw_loop_run(&loop);
	for (i = 0; i < IW_COUNT(tasks); i++) {
		assert_int_equal(atomic_load(&tasks[i].ran), 1);
		assert_int_equal(tasks[i].done, 1);
	}
	assert_false(iw_loop_held(&loop));
	iw_loop_fini(&loop);
}

/* The request is free again in done: it may go out once more from there. */
static void submit_again(struct iw_work *work)
{
	struct task *t = (struct task *)work;

	t->was_held = iw_loop_held(work->loop);
	if (++t->done < 3)
		iw_work_submit(work->loop, work, run_task, submit_again);
}

static void test_work_may_be_submitted_again_from_done(void **state)
{
	struct task t = {.loop_thread = pthread_self()};
	struct iw_loop loop;

	(void)state;
	open_loop(&loop);
	iw_work_submit(&loop, &t.work, run_task, submit_again);
	iw_loop_run(&loop);
	assert_int_equal(t.done, 3);
	assert_int_equal(atomic_load(&t.ran), 3);
	assert_false(t.was_held); /* released before done, which may be the last */
	iw_loop_fini(&loop);
}

struct ticker {
	struct iw_timer *timer;
	int ticks, stop_after;
	enum { STOP, FREE, RESTART } then;
};

static void tick(void *ctx)
{
	struct ticker *t = ctx;

	if (++t->ticks < t->stop_after)
		return;
	if (t->then == STOP) {
		iw_timer_stop(t->timer);
	} else if (t->then == FREE) {
		iw_timer_free(t->timer);
		t->timer = NULL;
	} else {
		t->then = STOP;
		t->stop_after++;
		iw_timer_start(t->timer, 1, 0);
	}
}

static void run_ticker(struct ticker *t, uint64_t ms, uint64_t repeat_ms)
{
	struct iw_loop loop;

	open_loop(&loop);
	t->timer = iw_timer_new(&loop, tick, t);
	iw_timer_start(t->timer, ms, repeat_ms);
	iw_loop_run(&loop);
	iw_timer_free(t->timer);
	iw_loop_run(&loop); /* closing takes a turn */
	iw_loop_fini(&loop);
}

static void test_timer_fires_once(void **state)
{
	struct ticker t = {.stop_after = 10};
	int64_t start = iw_time_mono_ms();

	(void)state;
	run_ticker(&t, 20, 0);
	assert_int_equal(t.ticks, 1);
	assert_true(iw_time_mono_ms() - start >= 19);
}

static void test_timer_repeats_until_stopped(void **state)
{
	struct ticker t = {.stop_after = 4, .then = STOP};

	(void)state;
	run_ticker(&t, 1, 1);
	assert_int_equal(t.ticks, 4);
}

static void test_timer_may_be_freed_in_its_callback(void **state)
{
	struct ticker t = {.stop_after = 2, .then = FREE};

	(void)state;
	run_ticker(&t, 1, 1);
	assert_int_equal(t.ticks, 2);
}

static void test_timer_may_be_restarted_in_its_callback(void **state)
{
	struct ticker t = {.stop_after = 1, .then = RESTART};

	(void)state;
	run_ticker(&t, 1, 0);
	assert_int_equal(t.ticks, 2);
}

/* The loop's idea of now is old after a slow callback; a timer must wait its time even
 * so. */
static void test_timer_after_a_slow_callback(void **state)
{
	struct ticker t = {.stop_after = 10};
	struct iw_loop loop;
	int64_t start;

	(void)state;
	open_loop(&loop);
	t.timer = iw_timer_new(&loop, tick, &t);
	usleep(60 * 1000);
	start = iw_time_mono_ms();
	iw_timer_start(t.timer, 50, 0);
	iw_loop_run(&loop);
	assert_true(iw_time_mono_ms() - start >= 49);
	iw_timer_free(t.timer);
	iw_loop_run(&loop);
	iw_loop_fini(&loop);
}

static void test_free_no_timer(void **state)
{
	(void)state;
	iw_timer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_holds_are_counted),
		cmocka_unit_test(test_work_is_done_later_and_once),
		cmocka_unit_test(test_work_may_be_submitted_again_from_done),
		cmocka_unit_test(test_timer_fires_once),
		cmocka_unit_test(test_timer_repeats_until_stopped),
		cmocka_unit_test(test_timer_may_be_freed_in_its_callback),
		cmocka_unit_test(test_timer_may_be_restarted_in_its_callback),
		cmocka_unit_test(test_timer_after_a_slow_callback),
		cmocka_unit_test(test_free_no_timer),
	};

	return cmocka_run_group_tests_name("base_loop", tests, NULL, NULL);
}
