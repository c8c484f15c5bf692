/* The tables crash and bug: what is written is read, filtered and counted. */
#include "tests/lib/rows.h"

#include "triage/bug_db.h"
#include "triage/crash_db.h"

#include "base/banned.h"

static int64_t add_crash(struct rows *r, int target, int build, const char *input)
{
	struct iw_sha256 hash = iw_sha256(input, strlen(input)),
			 report = iw_sha256("r", 1);
	int64_t id = -1;

	temp_ok(&r->t.err,
		crash_db_add(r->dbc, r->targets[target], r->builds[build], "crash", &hash,
			(int64_t)strlen(input), &report, &id, &r->t.err));
	return id;
}

static int64_t add_bug(struct rows *r, const char *type)
{
	struct bug_row row = {.adapter_id = r->adapter,
		.target_id = r->targets[0],
		.build_id = r->builds[1],
		.is_security = true,
		.frames = "[\"f\",\"g\"]",
		.best = iw_sha256("best", 4),
		.report = iw_sha256("report", 6),
		.best_size = 4,
		.first_size = 40,
		.runs = 10,
		.hits = 9};

	snprintf(row.type, sizeof row.type, "%s", type);
	snprintf(row.flavour, sizeof row.flavour, "libfuzzer+asan+ubsan");
	temp_ok(&r->t.err, bug_db_add(r->dbc, &row, &r->t.err));
	assert_int_equal(row.found_ms, ROWS_NOW);
	return row.id;
}

/* Ids in the order they came, and the last row. */
struct crashes {
	int64_t ids[16];
	size_t count, stop_at;
	struct triage_crash_row last;
};

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	struct crashes *c = ctx;

	c->ids[c->count++] = row->id;
	c->last = *row;
	return c->count == c->stop_at ? 7 : 0;
}

static struct crashes list_crashes(struct rows *r, const struct crash_filter *filter)
{
	struct crashes c = {.count = 0};

	assert_int_equal(crash_db_list(r->dbc, filter, take_crash, &c, &r->t.err), 0);
	return c;
}

static void test_crash_round_trip(void **state)
{
	struct iw_sha256 input = iw_sha256("input", 5);
	struct crashes c;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	id = add_crash(&r, 1, 0, "input");
	rows_reopen(&r);
	c = list_crashes(&r, &(struct crash_filter){.id = id});
	assert_int_equal(c.count, 1);
	assert_int_equal(c.last.id, id);
	assert_int_equal(c.last.target_id, r.targets[1]);
	assert_int_equal(c.last.build_id, r.builds[0]);
	assert_int_equal(c.last.bug_id, -1);
	assert_string_equal(c.last.adapter, "demo");
	assert_string_equal(c.last.target, "message");
	assert_string_equal(c.last.flavour, "libfuzzer");
	assert_string_equal(c.last.kind, "crash");
	assert_string_equal(c.last.state, "new");
	assert_string_equal(c.last.type, "");
	assert_true(iw_sha256_equal(&c.last.input, &input));
	assert_int_equal(c.last.size, 5);
	assert_int_equal(c.last.found_ms, ROWS_NOW);
	rows_close(&r);
}

static void test_crash_is_known_by_target_build_and_input(void **state)
{
	struct iw_sha256 hash = iw_sha256("a", 1);
	struct rows r;
	int64_t id, again;

	(void)state;
	rows_open(&r);
	id = add_crash(&r, 0, 0, "a");
	assert_int_equal(crash_db_add(r.dbc, r.targets[0], r.builds[0], "timeout", &hash,
				 1, &hash, &again, &r.t.err),
		1);
	assert_int_equal(again, id);
	assert_int_not_equal(add_crash(&r, 0, 1, "a"), id);
	assert_int_not_equal(add_crash(&r, 1, 0, "a"), id);
	assert_int_not_equal(add_crash(&r, 0, 0, "b"), id);
	assert_int_equal(rows_int(&r, "SELECT count(*) FROM crash"), 4);
	rows_close(&r);
}

static void test_crash_of_nobody_is_refused(void **state)
{
	struct iw_sha256 hash = iw_sha256("a", 1);
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	assert_int_equal(crash_db_add(r.dbc, 99, r.builds[0], "crash", &hash, 1, &hash,
				 &id, &r.t.err),
		IW_EDB);
	assert_string_equal(r.t.err.msg, "database: FOREIGN KEY constraint failed");
	rows_close(&r);
}

static void test_crash_verdicts_and_filters(void **state)
{
	struct crash_verdict judged = {.state = "judged",
		.runs = 10,
		.hits = 3,
		.type = "Heap-buffer-overflow READ 1",
		.frames = "[\"f\"]"};
	struct crash_verdict gone = {.state = "unreproducible", .runs = 10, .bug_id = -1};
	struct crash_verdict wrong = {.state = "perhaps", .bug_id = -1};
	int64_t a, b, c, bug;
	struct crashes found;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_crash(&r, 0, 0, "a");
	b = add_crash(&r, 0, 0, "b");
	c = add_crash(&r, 0, 0, "c");
	judged.bug_id = bug = add_bug(&r, "Heap-buffer-overflow");
	temp_ok(&r.t.err, crash_db_judge(r.dbc, a, &judged, &r.t.err));
	temp_ok(&r.t.err, crash_db_judge(r.dbc, b, &gone, &r.t.err));
	assert_int_equal(crash_db_judge(r.dbc, c, &wrong, &r.t.err), IW_EDB);
	found = list_crashes(&r, &(struct crash_filter){.limit = 0});
	assert_int_equal(found.count, 3);
	assert_int_equal(found.ids[0], c); /* newest first */
	assert_int_equal(found.ids[2], a);
	assert_int_equal(found.last.runs, 10);
	assert_int_equal(found.last.hits, 3);
	assert_int_equal(found.last.bug_id, bug);
	assert_string_equal(found.last.type, "Heap-buffer-overflow READ 1");
	found = list_crashes(&r, &(struct crash_filter){.state = "new"});
	assert_int_equal(found.count, 1);
	assert_int_equal(found.ids[0], c);
	found = list_crashes(&r, &(struct crash_filter){.bug_id = bug});
	assert_int_equal(found.count, 1);
	found = list_crashes(&r, &(struct crash_filter){.limit = 2});
	assert_int_equal(found.count, 2);
	found = list_crashes(&r, &(struct crash_filter){.id = 999});
	assert_int_equal(found.count, 0);
	found = list_crashes(&r, &(struct crash_filter){.id = b});
	assert_int_equal(found.count, 1);
	assert_int_equal(found.ids[0], b);
	/* each filter also beside the others */
	found = list_crashes(&r, &(struct crash_filter){.id = b, .state = "judged"});
	assert_int_equal(found.count, 0);
	found = list_crashes(&r,
		&(struct crash_filter){.bug_id = bug, .state = "judged", .before = c});
	assert_int_equal(found.count, 1);
	found = list_crashes(&r, &(struct crash_filter){.bug_id = bug, .before = a});
	assert_int_equal(found.count, 0);
	rows_close(&r);
}

static int note_row(void *ctx, const struct bug_row *row)
{
	*(int64_t *)ctx = *(int64_t *)ctx * 10 + row->id;
	return 0;
}

static void note_brought(void *ctx, const char *adapter, int64_t pr, int64_t bug_id)
{
	assert_string_equal(adapter, "demo");
	*(int64_t *)ctx = *(int64_t *)ctx * 1000 + pr * 10 + bug_id;
}

/* What a start goes on with: only what waits, only of the target. */
static void test_unfinished(void **state)
{
	struct crash_verdict gone = {.state = "unreproducible", .runs = 10, .bug_id = -1};
	struct crashes found = {.count = 0};
	int64_t a, ids = 0, brought = 0, staged = 0, i;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = add_crash(&r, 0, 0, "a");
	add_crash(&r, 1, 0, "b");
	temp_ok(&r.t.err,
		crash_db_judge(r.dbc, add_crash(&r, 0, 0, "c"), &gone, &r.t.err));
	temp_ok(&r.t.err,
		crash_db_unjudged(r.dbc, r.targets[0], take_crash, &found, &r.t.err));
	assert_int_equal(found.count, 1);
	assert_int_equal(found.ids[0], a);
	for (i = 1; i <= 4; i++)
		assert_int_equal(add_bug(&r, "Abrt"), i);
	temp_ok(&r.t.err,
		bug_db_set_outcome(r.dbc, 1, "interaction", "[12,14]", "{}", &r.t.err));
	temp_ok(&r.t.err, bug_db_set_outcome(r.dbc, 2, "staged", "[15]", "{}", &r.t.err));
	temp_ok(&r.t.err,
		bug_db_set_outcome(r.dbc, 3, "pre-existing", "[]", "{}", &r.t.err));
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, 2, "open", "demo/2.md", &r.t.err));
	temp_ok(&r.t.err,
		bug_db_of_target(r.dbc, r.targets[0], note_row, &ids, &r.t.err));
	assert_int_equal(ids, 1234);
	ids = 0;
	temp_ok(&r.t.err,
		bug_db_of_target(r.dbc, r.targets[1], note_row, &ids, &r.t.err));
	assert_int_equal(ids, 0);
	temp_ok(&r.t.err, bug_db_brought(r.dbc, false, note_brought, &brought, &r.t.err));
	assert_int_equal(brought, 152121141);
	temp_ok(&r.t.err, bug_db_brought(r.dbc, true, note_brought, &staged, &r.t.err));
	assert_int_equal(staged, 152);
	rows_close(&r);
}

static struct crashes unreproduced(struct rows *r, int64_t build)
{
	struct crashes found = {.count = 0};

	temp_ok(&r->t.err,
		crash_db_unreproduced(
			r->dbc, r->targets[0], build, take_crash, &found, &r->t.err));
	return found;
}

/* Kept for newer builds: the newest first, some at once, each a few times. */
static void test_what_did_not_reproduce_is_tried_again(void **state)
{
	struct crash_verdict gone = {.state = "unreproducible",
		.why = "fails in 0 of 29 runs",
		.bug_id = -1,
		.tried_build = 70};
	struct crash_verdict needs = gone;
	struct crashes found;
	int64_t ids[CRASH_RETRIED_AT_ONCE + 2];
	struct rows r;
	size_t i;

	(void)state;
	rows_open(&r);
	needs.state = "environment";
	for (i = 0; i < IW_COUNT(ids); i++) {
		const char name[] = {(char)('a' + i), '\0'};

		ids[i] = add_crash(&r, 0, 0, name);
		temp_ok(&r.t.err,
			crash_db_judge(r.dbc, ids[i], i % 2 ? &needs : &gone, &r.t.err));
	}
	add_crash(&r, 0, 0, "not judged yet");
	assert_int_equal(unreproduced(&r, 70).count, 0);
	found = unreproduced(&r, 71);
	assert_int_equal(found.count, CRASH_RETRIED_AT_ONCE);
	assert_int_equal(found.ids[0], ids[IW_COUNT(ids) - 1]);
	for (i = 0; i < CRASH_RETRIES; i++) {
		int64_t build = 71 + (int64_t)i;

		assert_int_equal(unreproduced(&r, build).ids[0], found.ids[0]);
		temp_ok(&r.t.err, crash_db_retried(r.dbc, found.ids[0], build, &r.t.err));
		assert_int_equal(unreproduced(&r, build).ids[0], found.ids[1]);
	}
	assert_int_equal(unreproduced(&r, 99).ids[0], found.ids[1]);
	found = list_crashes(&r, &(struct crash_filter){.id = found.ids[0]});
	assert_int_equal(found.last.retries, CRASH_RETRIES);
	assert_string_equal(found.last.why, "fails in 0 of 29 runs");
	rows_close(&r);
}

static void test_list_stops_when_told(void **state)
{
	struct crashes c = {.stop_at = 2};
	struct crash_filter all = {.limit = 0};
	struct rows r;

	(void)state;
	rows_open(&r);
	add_crash(&r, 0, 0, "a");
	add_crash(&r, 0, 0, "b");
	add_crash(&r, 0, 0, "c");
	assert_int_equal(crash_db_list(r.dbc, &all, take_crash, &c, &r.t.err), 7);
	assert_int_equal(c.count, 2);
	rows_close(&r);
}

static void test_sightings(void **state)
{
	static const struct {
		int target, build;
		const char *input;
	} seen[] = {{1, 0, "a"}, {0, 1, "b"}, {0, 1, "c"}, {0, 0, "d"}};
	struct crash_verdict judged = {.state = "judged", .runs = 1, .hits = 1};
	struct crash_sighting out[8];
	struct rows r;
	size_t i, count;

	(void)state;
	rows_open(&r);
	judged.bug_id = add_bug(&r, "Abrt");
	for (i = 0; i < IW_COUNT(seen); i++) {
		iw_time_set(ROWS_NOW + (int64_t)i, -1);
		temp_ok(&r.t.err,
			crash_db_judge(r.dbc,
				add_crash(
					&r, seen[i].target, seen[i].build, seen[i].input),
				&judged, &r.t.err));
	}
	add_crash(&r, 0, 0, "of no bug");
	temp_ok(&r.t.err,
		crash_db_sightings(r.dbc, judged.bug_id, out, 8, &count, &r.t.err));
	assert_int_equal(count, 3);
	assert_string_equal(out[0].target, "message");
	assert_string_equal(out[1].flavour, "libfuzzer+asan+ubsan");
	assert_int_equal(out[1].count, 2);
	assert_int_equal(out[1].first_ms, ROWS_NOW + 1);
	assert_string_equal(out[2].flavour, "libfuzzer");
	temp_ok(&r.t.err,
		crash_db_sightings(r.dbc, judged.bug_id, out, 2, &count, &r.t.err));
	assert_int_equal(count, 2);
	temp_ok(&r.t.err, crash_db_sightings(r.dbc, 999, out, 8, &count, &r.t.err));
	assert_int_equal(count, 0);
	rows_close(&r);
}

/* A copy of what a callback sees: rows are borrowed. */
struct bugs {
	int64_t ids[8];
	size_t count;
	int rc;
	char outcome[20], prs[20], proof[20], issue[20], frames[20], snapshot[20];
	struct bug_row last;
};

static void keep(char *to, const char *from)
{
	snprintf(to, 20, "%s", from ? from : "(null)");
}

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct bugs *b = ctx;

	b->ids[b->count++] = row->id;
	b->last = *row;
	keep(b->outcome, row->outcome);
	keep(b->prs, row->prs);
	keep(b->proof, row->proof);
	keep(b->issue, row->issue);
	keep(b->frames, row->frames);
	keep(b->snapshot, row->snapshot);
	return b->rc;
}

static struct bugs list_bugs(struct rows *r, int64_t id)
{
	struct bugs b = {.count = 0};

	assert_int_equal(bug_db_list(r->dbc, id, take_bug, &b, &r->t.err), 0);
	return b;
}

static void test_bug_round_trip(void **state)
{
	struct iw_sha256 best = iw_sha256("best", 4), report = iw_sha256("report", 6);
	struct bugs b;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "c0ffee", false, &r.t.err));
	id = add_bug(&r, "Abrt");
	rows_reopen(&r);
	b = list_bugs(&r, id);
	assert_int_equal(b.count, 1);
	assert_string_equal(b.last.state, "new");
	assert_string_equal(b.last.type, "Abrt");
	assert_string_equal(b.last.adapter, "demo");
	assert_string_equal(b.last.target, "block");
	assert_string_equal(b.last.flavour, "libfuzzer+asan+ubsan");
	assert_string_equal(b.last.closure, "b");
	assert_true(b.last.is_security);
	assert_false(b.last.is_minimized);
	assert_true(iw_sha256_equal(&b.last.best, &best));
	assert_true(iw_sha256_equal(&b.last.report, &report));
	assert_int_equal(b.last.best_size, 4);
	assert_int_equal(b.last.first_size, 40);
	assert_int_equal(b.last.runs, 10);
	assert_int_equal(b.last.hits, 9);
	assert_int_equal(b.last.sightings, 0);
	assert_string_equal(b.frames, "[\"f\",\"g\"]");
	assert_string_equal(b.snapshot, "c0ffee");
	assert_string_equal(b.outcome, "(null)");
	assert_string_equal(b.issue, "(null)");
	rows_close(&r);
}

static void test_bug_life(void **state)
{
	struct crash_verdict judged = {.state = "judged", .runs = 1, .hits = 1};
	struct iw_sha256 smaller = iw_sha256("s", 1);
	struct bugs b;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	judged.bug_id = id = add_bug(&r, "Abrt");
	temp_ok(&r.t.err,
		crash_db_judge(r.dbc, add_crash(&r, 0, 1, "a"), &judged, &r.t.err));
	temp_ok(&r.t.err,
		bug_db_set_best(r.dbc, id, &smaller, 1, 20, 15, true, &r.t.err));
	temp_ok(&r.t.err,
		bug_db_set_outcome(r.dbc, id, "staged", "[12]", "{}", &r.t.err));
	temp_ok(&r.t.err, bug_db_set_issue(r.dbc, id, "open", "demo/1.md", &r.t.err));
	b = list_bugs(&r, id);
	assert_true(iw_sha256_equal(&b.last.best, &smaller));
	assert_int_equal(b.last.best_size, 1);
	assert_int_equal(b.last.first_size, 40);
	assert_int_equal(b.last.runs, 20);
	assert_int_equal(b.last.hits, 15);
	assert_true(b.last.is_minimized);
	assert_int_equal(b.last.sightings, 1);
	assert_string_equal(b.outcome, "staged");
	assert_string_equal(b.prs, "[12]");
	assert_string_equal(b.proof, "{}");
	assert_string_equal(b.issue, "demo/1.md");
	assert_string_equal(b.last.state, "open");
	assert_false(b.last.is_merged);
	rows_close(&r);
}

static int count_bug(void *ctx, const struct bug_row *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

/* On a main branch a pull request that is named is in what people run. */
static void test_bug_of_a_main_branch(void **state)
{
	struct bug_filter filter = {.is_staged = true};
	int64_t brought = 0;
	int count = 0;
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, project_db_set_snapshot(r.dbc, r.adapter, "c", true, &r.t.err));
	id = add_bug(&r, "Abrt");
	temp_ok(&r.t.err,
		bug_db_set_outcome(r.dbc, id, "staged", "[12]", "{}", &r.t.err));
	/* Whatever the branch is later. */
	temp_ok(&r.t.err,
		project_db_set_snapshot(r.dbc, r.adapter, "d", false, &r.t.err));
	assert_true(list_bugs(&r, id).last.is_merged);
	temp_ok(&r.t.err, bug_db_find(r.dbc, &filter, count_bug, &count, &r.t.err));
	temp_ok(&r.t.err, bug_db_brought(r.dbc, true, note_brought, &brought, &r.t.err));
	assert_int_equal(count, 0);
	assert_int_equal(brought, 0);
	filter.is_staged = false;
	temp_ok(&r.t.err, bug_db_find(r.dbc, &filter, count_bug, &count, &r.t.err));
	assert_int_equal(count, 1);
	rows_close(&r);
}

static void test_bug_words_are_checked(void **state)
{
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	id = add_bug(&r, "Abrt");
	assert_int_equal(
		bug_db_set_outcome(r.dbc, id, "guilty", NULL, NULL, &r.t.err), IW_EDB);
	assert_int_equal(bug_db_set_issue(r.dbc, id, "closed", NULL, &r.t.err), IW_EDB);
	rows_close(&r);
}

static void test_bugs_oldest_first_until_told(void **state)
{
	struct bugs b;
	struct rows r;

	(void)state;
	rows_open(&r);
	add_bug(&r, "Abrt");
	add_bug(&r, "Timeout");
	b = list_bugs(&r, 0);
	assert_int_equal(b.count, 2);
	assert_true(b.ids[0] < b.ids[1]);
	b = (struct bugs){.rc = 5};
	assert_int_equal(bug_db_list(r.dbc, 0, take_bug, &b, &r.t.err), 5);
	assert_int_equal(b.count, 1);
	b = list_bugs(&r, 999);
	assert_int_equal(b.count, 0);
	rows_close(&r);
}

static int64_t waiting(struct rows *r)
{
	int64_t count;

	temp_ok(&r->t.err, bug_db_waiting(r->dbc, &count, &r->t.err));
	return count;
}

static int expect_waits(void *ctx, const struct bug_row *row)
{
	const char *words = ctx;

	if (words)
		assert_string_equal(row->waits, words);
	else
		assert_null(row->waits);
	return 0;
}

static void test_a_bug_that_waits(void **state)
{
	static char words[] = "no room";
	struct rows r;
	int64_t id;

	(void)state;
	rows_open(&r);
	id = add_bug(&r, "Abrt");
	assert_int_equal(waiting(&r), 0);
	iw_time_set(ROWS_NOW + 1, -1);
	temp_ok(&r.t.err, bug_db_set_waits(r.dbc, id, NULL, &r.t.err));
	assert_int_equal(rows_int(&r, "SELECT changed_ms FROM bug"), ROWS_NOW);
	temp_ok(&r.t.err, bug_db_set_waits(r.dbc, id, words, &r.t.err));
	assert_int_equal(rows_int(&r, "SELECT changed_ms FROM bug"), ROWS_NOW + 1);
	assert_int_equal(waiting(&r), 1);
	temp_ok(&r.t.err, bug_db_list(r.dbc, id, expect_waits, words, &r.t.err));
	temp_ok(&r.t.err, bug_db_set_waits(r.dbc, id + 1, NULL, &r.t.err));
	assert_int_equal(waiting(&r), 1);
	temp_ok(&r.t.err, bug_db_set_waits(r.dbc, 0, NULL, &r.t.err));
	assert_int_equal(waiting(&r), 0);
	temp_ok(&r.t.err, bug_db_list(r.dbc, id, expect_waits, NULL, &r.t.err));
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bug_that_waits),
		cmocka_unit_test(test_crash_round_trip),
		cmocka_unit_test(test_crash_is_known_by_target_build_and_input),
		cmocka_unit_test(test_crash_of_nobody_is_refused),
		cmocka_unit_test(test_crash_verdicts_and_filters),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_what_did_not_reproduce_is_tried_again),
		cmocka_unit_test(test_list_stops_when_told),
		cmocka_unit_test(test_sightings),
		cmocka_unit_test(test_bug_round_trip),
		cmocka_unit_test(test_bug_life),
		cmocka_unit_test(test_bug_of_a_main_branch),
		cmocka_unit_test(test_bug_words_are_checked),
		cmocka_unit_test(test_bugs_oldest_first_until_told),
	};

	return cmocka_run_group_tests_name("triage_db", tests, NULL, NULL);
}
