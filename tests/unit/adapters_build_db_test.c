/* The table build: answers replaced, what is kept and what stays. And what its logs say. */
#include "adapters/build_log.h"
#include "tests/lib/rows.h"

#include "base/banned.h"

struct builds {
	struct iw_build list[8];
	int count;
};

static void take_build(void *ctx, const struct iw_build *build)
{
	struct builds *b = ctx;

	b->list[b->count++] = *build;
}

static void test_builds(void **state)
{
	struct iw_build failed = {.closure = "c",
		.tree = "t",
		.flavour = "plain",
		.error = "main.c:1: no such thing"};
	struct builds b = {.count = 0};
	struct rows r;
	int64_t first_id;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, build_db_put(r.dbc, r.adapter, &failed, &r.t.err));
	first_id = failed.id;
	temp_ok(&r.t.err, build_db_list(r.dbc, r.adapter, take_build, &b, &r.t.err));
	assert_int_equal(b.count, 3);
	assert_string_equal(b.list[0].closure, "a");
	assert_true(b.list[0].is_ok);
	assert_string_equal(b.list[0].error, "");
	assert_int_equal(b.list[2].id, failed.id);
	assert_string_equal(b.list[2].flavour, "plain");
	assert_false(b.list[2].is_ok);
	assert_string_equal(b.list[2].error, "main.c:1: no such thing");
	assert_null(b.list[2].dir);
	/* The same closure again: a newer answer, the same row. */
	failed.is_ok = true;
	failed.id = -1;
	temp_ok(&r.t.err, build_db_put(r.dbc, r.adapter, &failed, &r.t.err));
	assert_int_equal(failed.id, first_id);
	b.count = 0;
	temp_ok(&r.t.err, build_db_list(r.dbc, r.adapter, take_build, &b, &r.t.err));
	assert_int_equal(b.count, 3);
	assert_true(b.list[2].is_ok);
	assert_string_equal(b.list[2].error, "");
	rows_close(&r);
}

struct kept_list {
	char order[64]; /* closures, in their order; a pinned one with a star */
};

static void take_kept(void *ctx, const struct build_kept *kept)
{
	struct kept_list *list = ctx;
	size_t len = strlen(list->order);

	snprintf(list->order + len, sizeof list->order - len, "%s%s ", kept->closure,
		kept->is_pinned ? "*" : "");
	assert_string_equal(kept->adapter, "demo");
}

static void expect_kept(struct rows *r, const char *order)
{
	struct kept_list list = {.order = ""};

	temp_ok(&r->t.err, build_db_kept(r->dbc, take_kept, &list, &r->t.err));
	assert_string_equal(list.order, order);
}

static void add_bug(struct rows *r, int64_t build, const char *state)
{
	temp_ok(&r->t.err,
		iw_db_exec(r->dbc, &r->t.err,
			"INSERT INTO bug (adapter_id, target_id, state, type, "
			"is_security, frames, flavour, build_id, best, best_size, "
			"first_size, runs, hits, report, found_ms, changed_ms) VALUES "
			"(?, ?, ?, 'Abrt', 0, '[]', 'x', ?, x'00', 1, 1, 1, 1, x'00', 1, "
			"1)",
			"iisi", r->adapter, r->targets[0], state, build));
}

static void add_crash(struct rows *r, int64_t build, const char *state)
{
	temp_ok(&r->t.err,
		iw_db_exec(r->dbc, &r->t.err,
			"INSERT INTO crash (target_id, build_id, kind, input, size, "
			"state, "
			"found_ms) VALUES (?, ?, 'crash', zeroblob(32), 1, ?, 1)",
			"iis", r->targets[0], build, state));
}

static void test_what_stays(void **state)
{
	struct rows r;
	int64_t c, d;

	(void)state;
	rows_open(&r);
	c = rows_build(&r, "c", "plain");
	d = rows_build(&r, "d", "libfuzzer+msan");
	expect_kept(&r, "a b c d ");
	/* A use within ten minutes changes nothing, a later one does. */
	iw_time_set(ROWS_NOW + 1000, -1);
	temp_ok(&r.t.err, build_db_used(r.dbc, r.builds[0], &r.t.err));
	expect_kept(&r, "a b c d ");
	iw_time_set(ROWS_NOW + 3600000, -1);
	temp_ok(&r.t.err, build_db_used(r.dbc, r.builds[0], &r.t.err));
	expect_kept(&r, "b c d a ");
	add_bug(&r, r.builds[1], "open");
	temp_ok(&r.t.err,
		iw_db_exec(r.dbc, &r.t.err, "UPDATE bug SET waits = 'no room'", ""));
	expect_kept(&r, "b c d a ");
	temp_ok(&r.t.err, iw_db_exec(r.dbc, &r.t.err, "UPDATE bug SET waits = NULL", ""));
	expect_kept(&r, "b* c d a ");
	add_bug(&r, c, "flaky");
	add_crash(&r, d, "new");
	add_crash(&r, r.builds[0], "judged");
	expect_kept(&r, "b* c d* a ");
	temp_ok(&r.t.err, build_db_left(r.dbc, c, &r.t.err));
	expect_kept(&r, "b* d* a ");
	/* It comes back with the same row. */
	assert_int_equal(rows_build(&r, "c", "plain"), c);
	expect_kept(&r, "b* d* a c ");
	rows_close(&r);
}

static void test_totals(void **state)
{
	struct build_totals t;
	struct rows r;

	(void)state;
	rows_open(&r);
	temp_ok(&r.t.err, build_db_totals(r.dbc, &t, &r.t.err));
	assert_int_equal(t.count, 2);
	assert_int_equal(t.budget, 0);
	temp_ok(&r.t.err, build_db_measured(r.dbc, r.builds[0], 700, &r.t.err));
	temp_ok(&r.t.err, build_db_measured(r.dbc, r.builds[1], 40, &r.t.err));
	temp_ok(&r.t.err, build_db_left(r.dbc, r.builds[1], &r.t.err));
	temp_ok(&r.t.err, build_db_set_budget(r.dbc, 1000, &r.t.err));
	temp_ok(&r.t.err, build_db_totals(r.dbc, &t, &r.t.err));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.bytes, 700);
	assert_int_equal(t.left, 1);
	assert_int_equal(t.budget, 1000);
	temp_ok(&r.t.err, build_db_set_budget(r.dbc, 0, &r.t.err));
	temp_ok(&r.t.err, build_db_totals(r.dbc, &t, &r.t.err));
	assert_int_equal(t.budget, 0);
	rows_close(&r);
}

static void test_log(void **state)
{
	static const char text[] = "cc a.c\nx.c:1:2: error: no\nmake: *** Error 1\n";
	_auto_free_ char *path = NULL, *back = NULL;
	struct temp t;
	char error[64];
	size_t len;

	(void)state;
	temp_open(&t);
	path = build_log_path(t.dir, "abc");
	assert_int_equal(build_log_read(path, &back, &len, &t.err), IW_ENOENT);
	temp_ok(&t.err, build_log_keep(path, text, strlen(text), &t.err));
	temp_ok(&t.err, build_log_read(path, &back, &len, &t.err));
	assert_int_equal(len, strlen(text));
	assert_string_equal(back, text);
	build_log_first_error(text, error, sizeof error);
	assert_string_equal(error, "x.c:1:2: error: no");
	build_log_first_error("killed\n\n", error, sizeof error);
	assert_string_equal(error, "killed");
	build_log_first_error("", error, sizeof error);
	assert_string_equal(error, "the build command printed nothing");
	assert_string_equal(build_log_tail(text, len, 1), "make: *** Error 1\n");
	assert_string_equal(
		build_log_tail(text, len, 2), "x.c:1:2: error: no\nmake: *** Error 1\n");
	assert_string_equal(build_log_tail(text, len, 9), text);
	assert_string_equal(build_log_tail("", 0, 9), "");
	/* Not what we wrote. */
	assert_int_equal(iw_file_write(path, "nonsense", 8, 0644, NULL), 0);
	free(iw_steal(&back));
	assert_true(build_log_read(path, &back, &len, &t.err) < 0);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
