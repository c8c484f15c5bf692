/* The disk budget: room for builds that nobody fuzzes, made, waited for and refused. */
#include "tests/lib/rows.h"

#include "adapters/budget.h"
#include "base/loop.h"

#include "base/banned.h"

#define KB 1024
/* Builds get three quarters of it: three of 10 KB, and a half. */
#define BUDGET (INT64_C(35) * KB * 4 / 3)

struct world {
	struct rows r;
	struct iw_loop loop;
	struct iw_db *db;
	struct budget *budget;
	char *dir;
	enum budget_use uses[26]; /* of the builds "aaa…", "bbb…" and so on */
	bool has_rested, is_stopped;
	int said, told;
	char last[512];
};

struct asker {
	struct budget_room room;
	struct world *w;
	bool is_told;
	int code;
	int builds; /* that were there when it was told */
	char why[512];
};

static enum budget_use use(void *ctx, const char *closure)
{
	const struct world *w = ctx;

	return w->uses[*closure - 'a'];
}

static void forget(void *ctx, const char *closure)
{
	(void)ctx;
	(void)closure;
}

static void say(void *ctx, const char *text)
{
	struct world *w = ctx;

	w->said++;
	snprintf(w->last, sizeof w->last, "%s", text);
}

static void has_room(void *ctx)
{
	struct world *w = ctx;

	w->told++;
}

static void rested(void *ctx)
{
	struct world *w = ctx;

	w->has_rested = true;
}

static char *name_of(char letter)
{
	char *name = iw_calloc(1, IW_SHA256_HEX);

	memset(name, letter, IW_SHA256_HEX - 1);
	return name;
}

/* 10 KB on disk, used at second `used`. */
static void put_build(struct world *w, char letter, int used)
{
	_auto_free_ char *name = name_of(letter);
	_auto_free_ char *dir = iw_path_join(w->dir, name);
	int64_t id;

	iw_time_set(ROWS_NOW + used * INT64_C(1000), -1);
	id = rows_build(&w->r, name, "libfuzzer");
	temp_ok(&w->r.t.err, build_db_measured(w->r.dbc, id, 10 * KB, &w->r.t.err));
	temp_ok(&w->r.t.err, iw_dir_make(dir, &w->r.t.err));
}

static void open_world(struct world *w, const char *builds)
{
	struct budget_config config = {.loop = &w->loop,
		.bytes = BUDGET,
		.ctx = w,
		.use = use,
		.forget = forget,
		.say = say,
		.has_room = has_room,
		.rested = rested};
	int i;

	*w = (struct world){.said = 0};
	rows_open(&w->r);
	temp_ok(&w->r.t.err, iw_db_exec(w->r.dbc, &w->r.t.err, "DELETE FROM build", ""));
	w->dir = temp_path(&w->r.t, "builds");
	temp_ok(&w->r.t.err, iw_dir_make(w->dir, &w->r.t.err));
	for (i = 0; builds[i]; i++)
		put_build(w, builds[i], i);
	temp_ok(&w->r.t.err, iw_loop_init(&w->loop, &w->r.t.err));
	temp_ok(&w->r.t.err, iw_db_start(&w->db, &w->loop, w->r.dbc, &w->r.t.err));
	config.db = w->db;
	config.builds_dir = w->dir;
	w->budget = budget_new(&config);
}

/* Rounds until none is under way. */
static void settle(struct world *w)
{
	while (!budget_rests(w->budget)) {
		w->has_rested = false;
		iw_loop_run_until(&w->loop, &w->has_rested);
	}
}

static void on_stopped(void *ctx)
{
	struct world *w = ctx;

	w->is_stopped = true;
}

static void close_world(struct world *w)
{
	settle(w);
	budget_free(w->budget);
	iw_db_stop(w->db, on_stopped, w);
	iw_loop_run(&w->loop);
	assert_true(w->is_stopped);
	iw_loop_fini(&w->loop);
	free(w->dir);
	iw_time_set(-1, -1);
	temp_close(&w->r.t);
}

/* Letters of the builds that are there, in their order. */
static void expect_builds(const struct world *w, const char *letters)
{
	char found[27] = "", *at = found;
	char letter;

	for (letter = 'a'; letter <= 'z'; letter++) {
		_auto_free_ char *name = name_of(letter);
		_auto_free_ char *dir = iw_path_join(w->dir, name);

		if (iw_file_exists(dir))
			*at++ = letter;
	}
	*at = '\0';
	assert_string_equal(found, letters);
}

static void on_told(struct budget_room *room, const struct iw_err *err)
{
	struct asker *a = room->ctx;

	assert_false(a->is_told);
	a->is_told = true;
	a->code = err ? err->code : 0;
	a->builds = temp_entries(a->w->dir);
	snprintf(a->why, sizeof a->why, "%.500s", err ? err->msg : "");
}

static bool ask(struct world *w, struct asker *a)
{
	*a = (struct asker){
		.w = w, .room = {.bytes = 10 * KB, .done = on_told, .ctx = a}};
	return budget_room_ask(w->budget, &a->room);
}

static void test_what_was_not_used_for_longest_makes_room(void **state)
{
	struct asker a, b;
	struct world w;

	(void)state;
	open_world(&w, "abc");
	/* Nobody knows yet what will be used. */
	assert_false(ask(&w, &a));
	assert_true(budget_rests(w.budget));
	w.uses[0] = BUDGET_USED;
	budget_begin(w.budget);
	settle(&w);
	assert_true(a.is_told && a.code == 0);
	assert_int_equal(a.builds, 2); /* it was gone by then */
	expect_builds(&w, "ac");
	/* That room is kept: the next one needs more. */
	assert_false(ask(&w, &b));
	settle(&w);
	assert_true(b.is_told && b.code == 0);
	expect_builds(&w, "a");
	budget_room_end(w.budget, &a.room);
	budget_room_end(w.budget, &b.room);
	assert_true(ask(&w, &a));
	budget_room_end(w.budget, &a.room);
	assert_int_equal(w.told, 0);
	close_world(&w);
}

static void test_what_is_lent_is_waited_for(void **state)
{
	struct asker a, b;
	struct world w;

	(void)state;
	open_world(&w, "abc");
	w.uses[0] = w.uses[1] = BUDGET_USED;
	w.uses[2] = BUDGET_LENT;
	budget_begin(w.budget);
	assert_false(ask(&w, &a));
	assert_false(ask(&w, &b));
	settle(&w);
	assert_false(a.is_told);
	w.uses[2] = BUDGET_FREE;
	budget_returned(w.budget);
	settle(&w);
	assert_true(a.is_told && a.code == 0);
	expect_builds(&w, "ab");
	/* And so is room that turns out not to be needed. */
	assert_false(b.is_told);
	budget_room_end(w.budget, &a.room);
	settle(&w);
	assert_true(b.is_told && b.code == 0);
	budget_room_end(w.budget, &b.room);
	assert_int_equal(w.said, 1);
	close_world(&w);
}

static void test_who_was_refused_is_told_of_room(void **state)
{
	struct asker a, b;
	struct world w;

	(void)state;
	open_world(&w, "abc");
	w.uses[0] = w.uses[1] = w.uses[2] = BUDGET_USED;
	iw_time_set(-1, 1000);
	budget_begin(w.budget);
	assert_false(ask(&w, &a));
	settle(&w);
	assert_int_equal(a.code, IW_EBUDGET);
	assert_string_equal(a.why,
		"no room for a build of about 10 KiB: builds take 30 KiB, the disk "
		"budget of 47 KiB leaves them 35 KiB, and all are in use or needed for "
		"open bugs; raise --disk-budget");
	assert_non_null(strstr(w.last, "blame waits, there is no room for a build"));
	/* Said once, and looked at now and then. */
	assert_false(ask(&w, &b));
	settle(&w);
	assert_int_equal(b.code, IW_EBUDGET);
	assert_int_equal(w.said, 1);
	w.uses[1] = BUDGET_FREE;
	iw_time_set(-1, 5999);
	budget_tick(w.budget);
	assert_true(budget_rests(w.budget));
	iw_time_set(-1, 6000);
	budget_tick(w.budget);
	settle(&w);
	assert_int_equal(w.told, 1);
	expect_builds(&w, "ac");
	assert_true(ask(&w, &a));
	budget_room_end(w.budget, &a.room);
	close_world(&w);
}

static void test_nothing_leaves_in_vain(void **state)
{
	struct asker a;
	struct world w;

	(void)state;
	open_world(&w, "abc");
	w.uses[0] = w.uses[1] = BUDGET_USED;
	budget_begin(w.budget);
	settle(&w);
	a = (struct asker){
		.w = &w, .room = {.bytes = 16 * KB, .done = on_told, .ctx = &a}};
	assert_false(budget_room_ask(w.budget, &a.room));
	settle(&w);
	assert_int_equal(a.code, IW_EBUDGET);
	expect_builds(&w, "abc");
	close_world(&w);
}

static void test_an_end_answers_everybody(void **state)
{
	struct asker a, b, c;
	struct world w;

	(void)state;
	open_world(&w, "abcd");
	assert_false(ask(&w, &a));
	assert_false(ask(&w, &b));
	/* One that changed its mind is not told. */
	budget_room_end(w.budget, &b.room);
	budget_end(w.budget);
	settle(&w);
	assert_int_equal(a.code, IW_ECANCELED);
	assert_false(b.is_told);
	assert_false(ask(&w, &c));
	settle(&w);
	assert_int_equal(c.code, IW_ECANCELED);
	expect_builds(&w, "abcd");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_not_used_for_longest_makes_room),
		cmocka_unit_test(test_what_is_lent_is_waited_for),
		cmocka_unit_test(test_who_was_refused_is_told_of_room),
		cmocka_unit_test(test_nothing_leaves_in_vain),
		cmocka_unit_test(test_an_end_answers_everybody),
	};

	return cmocka_run_group_tests_name("adapters_budget", tests, NULL, NULL);
}
