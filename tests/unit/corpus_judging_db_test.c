/* What waits for a flavour, asked without looking at every unit: as true as if one had. */
#include "tests/lib/corpus_store.h"

#include "base/time.h"
#include "corpus/judging_db.h"

#include "base/banned.h"

#define ASAN "libfuzzer+asan+ubsan"
#define WITHIN 1000

static int64_t open_with(struct store *s, int64_t build, int64_t now)
{
	struct corpus_judge judge = {
		.flavour = ASAN, .build_id = build, .within_ms = WITHIN};

	store_ok(s, corpus_judging_open(s->dbc, 1, &judge, 1, now, &s->err));
	return judge.since_ms;
}

static int64_t add(struct store *s, const char *text, int64_t at)
{
	int64_t id;

	iw_time_set(at, -1);
	id = store_add(s, 1, text);
	iw_time_set(-1, -1);
	return id;
}

static void run_on(struct store *s, int64_t build, int64_t id)
{
	struct corpus_measure_row row = {.unit_id = id, .outcome = ENGINE_PASSED};

	store_ok(s, corpus_measures_add(s->dbc, build, 1, &row, 1, &s->err));
	store_ok(s, corpus_judging_advance(s->dbc, 1, build, &s->err));
}

/* Also that a round selects exactly those, the oldest first. */
static void expect(
	struct store *s, int64_t now, int64_t units, int64_t oldest, int64_t late)
{
	struct corpus_waiting w;
	struct corpus_unit *list;
	size_t count, i;

	store_ok(s, corpus_judging_look(s->dbc, 1, ASAN, now, &w, &s->err));
	assert_int_equal(w.units, units);
	assert_int_equal(w.oldest_ms, oldest);
	assert_int_equal(w.late, late);
	store_ok(s, corpus_units_waiting(s->dbc, 2, 1, 100, &list, &count, &s->err));
	assert_int_equal(count, units);
	for (i = 1; i < count; i++)
		assert_true(list[i - 1].added_ms <= list[i].added_ms);
	free(list);
}

static void test_units_wait_since_they_came(void **state)
{
	struct store s;
	int64_t a, b, c;

	(void)state;
	store_open(&s);
	assert_int_equal(open_with(&s, 2, 5000), 5000);
	expect(&s, 5000, 0, 0, 0);
	a = add(&s, "a", 6000);
	b = add(&s, "b", 6500);
	c = add(&s, "c", 6500);
	expect(&s, 6900, 3, 6000, 0);
	expect(&s, 7001, 3, 6000, 1);
	expect(&s, 7501, 3, 6000, 3);
	/* The middle one alone: nothing is passed over because of it. */
	run_on(&s, 2, b);
	expect(&s, 7501, 2, 6000, 2);
	run_on(&s, 2, a);
	expect(&s, 7501, 1, 6500, 1);
	run_on(&s, 2, c);
	expect(&s, 9000, 0, 0, 0);
	/* One that came in the same moment as those that were seen. */
	add(&s, "d", 6500);
	expect(&s, 7000, 1, 6500, 0);
	store_close(&s);
}

/* Whoever sets a clock back hides nothing. */
static void test_the_clock_goes_back(void **state)
{
	struct store s;

	(void)state;
	store_open(&s);
	open_with(&s, 2, 10);
	run_on(&s, 2, add(&s, "a", 90000));
	expect(&s, 90000, 0, 0, 0);
	add(&s, "b", 70000);
	expect(&s, 70500, 1, 70000, 0);
	store_close(&s);
}

/* Before a build was there nobody could wait for it; after a restart it has been there. */
static void test_another_build_begins_anew(void **state)
{
	struct store s;
	int64_t a;

	(void)state;
	store_open(&s);
	assert_int_equal(open_with(&s, 1, 1000), 1000);
	a = add(&s, "a", 2000);
	run_on(&s, 1, a);
	add(&s, "b", 2100);
	assert_int_equal(open_with(&s, 1, 3000), 1000);
	assert_int_equal(open_with(&s, 2, 4000), 4000);
	expect(&s, 4500, 2, 4000, 0);
	expect(&s, 5500, 2, 4000, 2);
	store_close(&s);
}

static void test_no_build(void **state)
{
	struct store s;

	(void)state;
	store_open(&s);
	open_with(&s, -1, 1000);
	add(&s, "a", 2000);
	expect(&s, 3500, 1, 2000, 1);
	store_close(&s);
}

/* Quarantined units wait for nobody. */
static void test_quarantined(void **state)
{
	struct store s;
	int64_t a;

	(void)state;
	store_open(&s);
	open_with(&s, 2, 1000);
	a = add(&s, "a", 2000);
	add(&s, "b", 2200);
	store_ok(&s, corpus_unit_quarantine(s.dbc, 1, a, &s.err));
	expect(&s, 2300, 1, 2200, 0);
	store_close(&s);
}

static int count_judge(
	void *ctx, const struct corpus_judge *judge, const struct corpus_waiting *waiting)
{
	(void)waiting;
	assert_string_not_equal(judge->flavour, "libfuzzer");
	++*(int *)ctx;
	return 0;
}

/* Flavours that an adapter has no more are forgotten; the reference has no deadline. */
static void test_who_judges(void **state)
{
	struct corpus_judge two[] = {
		{.flavour = ASAN, .build_id = 2, .within_ms = WITHIN},
		{.flavour = "libfuzzer+msan", .build_id = -1, .within_ms = WITHIN}};
	struct corpus_judge other[] = {{.flavour = "libfuzzer", .build_id = 1},
		{.flavour = "libfuzzer+msan", .build_id = -1, .within_ms = WITHIN}};
	struct store s;
	int count = 0;

	(void)state;
	store_open(&s);
	store_ok(&s, corpus_judging_open(s.dbc, 1, two, 2, 10, &s.err));
	store_ok(&s, corpus_judging_each(s.dbc, 1, 20, count_judge, &count, &s.err));
	assert_int_equal(count, 2);
	store_ok(&s, corpus_judging_open(s.dbc, 1, other, 2, 30, &s.err));
	store_ok(&s, corpus_judging_each(s.dbc, 1, 40, count_judge, &count, &s.err));
	assert_int_equal(count, 3);
	assert_int_equal(other[1].since_ms, 10);
	store_close(&s);
}

/* The answer of the short way is that of the long one, whatever happens. */
static void test_as_if_one_had_looked(void **state)
{
	int64_t ids[200], now = 1000, wanted;
	uint32_t seed = 7;
	struct corpus_waiting w;
	struct store s;
	size_t count = 0, i;

	(void)state;
	store_open(&s);
	sqlite3_exec(s.dbc->sql, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	open_with(&s, 2, 1);
	for (i = 0; i < 300; i++) {
		char text[24];

		seed = seed * 1103515245 + 12345;
		now += seed / 65536 % 7 - 2;
		snprintf(text, sizeof text, "%zu", count);
		if (count < 200 && (count == 0 || seed / 4096 % 3 == 0))
			ids[count++] = add(&s, text, now);
		else if (seed / 4096 % 3 == 1)
			run_on(&s, 2, ids[seed / 256 % count]);
		else if (seed / 65536 % 9 == 0)
			store_ok(&s,
				corpus_unit_quarantine(
					s.dbc, 1, ids[seed / 256 % count], &s.err));
		store_ok(&s, corpus_judging_look(s.dbc, 1, ASAN, now, &w, &s.err));
		store_ok(&s,
			iw_db_int(s.dbc, -1, &wanted, &s.err,
				"SELECT count(*) FROM target_unit t WHERE state = 'good' "
				"AND NOT EXISTS (SELECT 1 FROM measure m WHERE "
				"m.build_id = 2 AND m.unit_id = t.unit_id)",
				""));
		assert_int_equal(w.units, wanted);
	}
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_wait_since_they_came),
		cmocka_unit_test(test_the_clock_goes_back),
		cmocka_unit_test(test_another_build_begins_anew),
		cmocka_unit_test(test_no_build),
		cmocka_unit_test(test_quarantined),
		cmocka_unit_test(test_who_judges),
		cmocka_unit_test(test_as_if_one_had_looked),
	};

	return cmocka_run_group_tests_name("corpus_judging_db", tests, NULL, NULL);
}
