/* What crashes cost engines, from the end of a slice to the rows of its bugs, and how long
 * a build that gets nowhere rests. */
#include "tests/lib/rows.h"

#include "slice_shield.h"
#include "triage/bug_db.h"
#include "triage/burn_db.h"
#include "triage/crash_db.h"

#include "base/banned.h"

static int64_t add_crash(struct rows *r, int build, const char *kind, const char *input)
{
	struct iw_sha256 hash = iw_sha256(input, strlen(input)),
			 report = iw_sha256("", 0);
	int64_t id = -1;

	assert_true(crash_db_add(r->dbc, r->targets[0], r->builds[build], kind, &hash,
			    (int64_t)strlen(input), &report, &id, &r->t.err) >= 0);
	return id;
}

static struct slice_death death_of(const char *input, bool is_hang)
{
	return (struct slice_death){.sha = iw_sha256(input, strlen(input)),
		.input = iw_shield_hash(0, input, strlen(input)),
		.is_hang = is_hang};
}

/* A slice of libFuzzer on the first target and build. */
static void end_slice(struct rows *r, const struct engine_shield *shield,
	const struct slice_death *deaths, size_t count, int64_t cpu_us)
{
	struct slice_bill bill = {.target_id = r->targets[0],
		.build_id = r->builds[0],
		.engine = &engine_libfuzzer,
		.shield = shield,
		.deaths = deaths,
		.death_count = count,
		.timeout_us = 5000000,
		.cpu_us = cpu_us};

	temp_ok(&r->t.err, slice_bill_store(r->dbc, &bill, &r->t.err));
}

static struct burn_known known_of(struct rows *r, int build)
{
	struct burn_known known;

	temp_ok(&r->t.err,
		burn_db_known(
			r->dbc, r->targets[0], r->builds[build], 48, &known, &r->t.err));
	return known;
}

static int64_t number(struct rows *r, const char *sql)
{
	int64_t n = -1;

	temp_ok(&r->t.err, iw_db_int(r->dbc, -1, &n, &r->t.err, sql, ""));
	return n;
}

static void judge(struct rows *r, int64_t crash, const char *state, int64_t bug)
{
	struct crash_verdict v = {.state = state, .bug_id = bug};

	temp_ok(&r->t.err, crash_db_judge(r->dbc, crash, &v, &r->t.err));
}

static int64_t add_bug(struct rows *r)
{
	struct bug_row row = {.adapter_id = r->adapter,
		.target_id = r->targets[0],
		.build_id = r->builds[0],
		.frames = "[]"};

	temp_ok(&r->t.err, bug_db_add(r->dbc, &row, &r->t.err));
	return row.id;
}

static int take_bug(void *ctx, const struct bug_row *row)
{
	int64_t *burned = ctx;

	burned[0] = row->burned_ms;
	burned[1] = row->swallowed;
	return 0;
}

static const struct engine_shield first = {.works = true,
	.warm_us = 40000,
	.places = {{.key = 7, .deaths = 1, .us = 10}},
	.count = 1};
static const struct engine_shield later = {
	.works = true, .places = {{.key = 7, .swallowed = 1000, .us = 3000}}, .count = 1};

static struct engine_shield first_with(const char *input)
{
	struct engine_shield shield = first;

	shield.places[0].input = iw_shield_hash(0, input, strlen(input));
	return shield;
}

/* The place is known from the moment that its crash is stored, on that build. */
static void test_life(void **state)
{
	struct slice_death death = death_of("boom", false);
	struct engine_shield shield = first_with("boom");
	int64_t burned[2], crash, bug;
	struct burn_known known;
	struct rows r;

	(void)state;
	rows_open(&r);
	assert_int_equal(known_of(&r, 0).count, 0);
	crash = add_crash(&r, 0, "crash", "boom");
	end_slice(&r, &shield, &death, 1, 100000);
	known = known_of(&r, 0);
	assert_int_equal(known.count, 1);
	assert_int_equal(known.places[0], 7);
	assert_false(known.has_hang);
	assert_int_equal(known_of(&r, 1).count, 0);

	end_slice(&r, &later, NULL, 0, 100000);
	bug = add_bug(&r);
	judge(&r, crash, "judged", bug);
	assert_int_equal(known_of(&r, 0).count, 1);
	temp_ok(&r.t.err, bug_db_list(r.dbc, bug, take_bug, burned, &r.t.err));
	/* The unit and reading the corpus again; then those that were swallowed. */
	assert_int_equal(burned[0], (10 + 40000 + 3000) / 1000);
	assert_int_equal(burned[1], 1000);
	rows_close(&r);
}

static void test_what_is_not_believed(void **state)
{
	struct rows r;
	char input[8];
	int i;

	(void)state;
	rows_open(&r);
	for (i = 0; i < BURN_DOUBTED_MAX; i++) {
		struct slice_death death;
		struct engine_shield shield;

		assert_int_equal(known_of(&r, 0).count, 0);
		snprintf(input, sizeof input, "%d", i);
		death = death_of(input, false);
		shield = first_with(input);
		judge(&r, add_crash(&r, 0, "crash", input), "unreproducible", -1);
		end_slice(&r, &shield, &death, 1, 100000);
	}
	/* It does not end engines for ever. */
	assert_int_equal(known_of(&r, 0).count, 1);
	rows_close(&r);
}

static void test_hang(void **state)
{
	struct slice_death death = death_of("slow", true);
	struct engine_shield shield = {.warm_us = 1000};
	int64_t crash;
	struct rows r;

	(void)state;
	rows_open(&r);
	crash = add_crash(&r, 0, "timeout", "slow");
	end_slice(&r, &shield, &death, 1, 60000000);
	assert_int_equal(number(&r, "SELECT us FROM crash_burn"), 5001000);
	assert_int_equal(number(&r, "SELECT place IS NULL FROM crash_burn"), 1);
	assert_false(known_of(&r, 0).has_hang);
	judge(&r, crash, "judged", add_bug(&r));
	assert_true(known_of(&r, 0).has_hang);
	assert_false(known_of(&r, 1).has_hang);
	rows_close(&r);
}

/* It says that it burned more than there was, at places that nobody knows. */
static void test_hostile(void **state)
{
	struct slice_death death = death_of("boom", false);
	struct engine_shield shield = first_with("boom");
	size_t i;
	struct rows r;

	(void)state;
	rows_open(&r);
	add_crash(&r, 0, "crash", "boom");
	shield.warm_us = shield.places[0].us = (int64_t)1 << 40;
	for (i = 1; i < IW_SHIELD_SLOTS; i++)
		shield.places[shield.count++] = (struct engine_shield_place){
			.key = 100 + i, .swallowed = 1 << 20, .us = (int64_t)1 << 40};
	end_slice(&r, &shield, &death, 1, 2000);
	assert_int_equal(number(&r, "SELECT sum(us) FROM crash_burn"), 2000);
	assert_int_equal(number(&r, "SELECT count(*) FROM crash_burn"), 1);
	/* What it names as an artifact is not there. */
	death = death_of("never stored", false);
	end_slice(&r, &shield, &death, 1, 2000);
	assert_int_equal(number(&r, "SELECT count(*) FROM crash_burn"), 1);
	rows_close(&r);
}

static void test_rest(void **state)
{
	int i;

	(void)state;
	for (i = 0; i <= 4; i++)
		assert_int_equal(slice_rest_ms(i), 0);
	for (; i < 100; i++) {
		assert_true(slice_rest_ms(i) >= 2000);
		assert_true(slice_rest_ms(i) >= slice_rest_ms(i - 1));
		assert_true(slice_rest_ms(i) <= 300000);
	}
	assert_int_equal(slice_rest_ms(99), 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_what_is_not_believed),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
