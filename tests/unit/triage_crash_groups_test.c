/* Crashes that tell the same are one line, however many they are. */
#include "tests/lib/bug_rows.h"

#include "triage/crash_db.h"

#include "base/banned.h"

static int64_t add_crash(struct rows *r, int build, const char *input)
{
	struct iw_sha256 hash = iw_sha256(input, strlen(input));
	int64_t id = -1;

	temp_ok(&r->t.err,
		crash_db_add(r->dbc, r->targets[0], r->builds[build], "crash", &hash, 1,
			&hash, &id, &r->t.err));
	return id;
}

static int take_group(void *ctx, const struct crash_group *group)
{
	struct crash_group **at = ctx;

	*(*at)++ = *group;
	return 0;
}

static void test_groups(void **state)
{
	struct crash_verdict judged = {.state = "judged", .runs = 1, .hits = 1};
	struct crash_group groups[8], *end = groups;
	int64_t last = 0, waiting;
	struct rows r;
	int i;

	(void)state;
	rows_open(&r);
	judged.bug_id = rows_bug(&r, 0, "Abrt");
	for (i = 0; i < 5; i++) {
		char input[2] = {(char)('a' + i), 0};

		iw_time_set(ROWS_NOW + i, -1);
		last = add_crash(&r, i == 4, input);
		temp_ok(&r.t.err, crash_db_judge(r.dbc, last, &judged, &r.t.err));
	}
	add_crash(&r, 0, "waits");
	add_crash(&r, 0, "waits too");
	temp_ok(&r.t.err, crash_db_groups(r.dbc, take_group, &end, &r.t.err));
	assert_int_equal(end - groups, 3);
	assert_int_equal(groups[0].count, 2);
	assert_int_equal(groups[0].newest.bug_id, -1);
	assert_string_equal(groups[0].newest.state, "new");
	assert_int_equal(groups[1].newest.id, last);
	assert_int_equal(groups[1].count, 1);
	assert_string_equal(groups[1].newest.flavour, "libfuzzer+asan+ubsan");
	assert_int_equal(groups[2].count, 4);
	assert_int_equal(groups[2].newest.bug_id, judged.bug_id);
	assert_int_equal(groups[2].first_ms, ROWS_NOW);
	assert_int_equal(groups[2].last_ms, ROWS_NOW + 3);
	temp_ok(&r.t.err, crash_db_waiting(r.dbc, r.targets[0], &waiting, &r.t.err));
	assert_int_equal(waiting, 2);
	temp_ok(&r.t.err, crash_db_waiting(r.dbc, r.targets[1], &waiting, &r.t.err));
	assert_int_equal(waiting, 0);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests_name("triage_crash_groups", tests, NULL, NULL);
}
