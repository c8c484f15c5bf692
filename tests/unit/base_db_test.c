/* The database: steps in order, all or nothing, and every value as it was. */
#include "tests/lib/temp.h"

#include "base/db.h"

#include "base/banned.h"

static const struct iw_db_step steps[] = {
	{"0001_first",
		"CREATE TABLE log (n INTEGER PRIMARY KEY, text TEXT, real REAL,"
		" data BLOB) STRICT; INSERT INTO log (text) VALUES ('first')"},
	{"0002_second", "INSERT INTO log (text) VALUES ('second')"},
	{"0003_third",
		"CREATE TABLE child (n INTEGER REFERENCES log(n)) STRICT;"
		"INSERT INTO log (text) VALUES ('third')"},
};

struct db_test {
	struct temp t;
	char *path;
	struct iw_dbc *dbc;
};

static int open_steps(struct db_test *d, size_t count, enum iw_db_mode mode)
{
	return iw_dbc_open(&d->dbc, d->path, mode, steps, count, &d->t.err);
}

static void open_db(struct db_test *d)
{
	temp_open(&d->t);
	d->path = temp_path(&d->t, "db");
	temp_ok(&d->t.err, open_steps(d, IW_COUNT(steps), IW_DB_WRITE));
}

static void close_db(struct db_test *d)
{
	iw_dbc_close(d->dbc);
	free(d->path);
	temp_close(&d->t);
}

static int64_t number(struct db_test *d, const char *sql)
{
	int64_t value;

	temp_ok(&d->t.err, iw_db_int(d->dbc, -1, &value, &d->t.err, sql, ""));
	return value;
}

static void expect_texts(struct db_test *d, const char *all)
{
	sqlite3_stmt *stmt = iw_stmt(d->dbc,
		"SELECT group_concat(text) AS t FROM (SELECT text FROM log ORDER BY n)",
		"");

	assert_int_equal(iw_stmt_step(d->dbc, stmt, &d->t.err), 1);
	assert_string_equal(iw_col_str(stmt, "t"), all);
	iw_stmt_done(d->dbc, stmt);
}

static void test_steps_in_order_and_once(void **state)
{
	struct db_test d;

	(void)state;
	open_db(&d);
	expect_texts(&d, "first,second,third");
	assert_int_equal(number(&d, "PRAGMA user_version"), 3);
	iw_dbc_close(d.dbc);
	temp_ok(&d.t.err, open_steps(&d, IW_COUNT(steps), IW_DB_WRITE));
	expect_texts(&d, "first,second,third");
	close_db(&d);
}

static void test_missing_steps_only(void **state)
{
	struct db_test d;

	(void)state;
	temp_open(&d.t);
	d.path = temp_path(&d.t, "db");
	temp_ok(&d.t.err, open_steps(&d, 1, IW_DB_WRITE));
	expect_texts(&d, "first");
	iw_dbc_close(d.dbc);
	temp_ok(&d.t.err, open_steps(&d, 3, IW_DB_WRITE));
	expect_texts(&d, "first,second,third");
	close_db(&d);
}

/* A step that fails takes those before it back with it. */
static void test_failing_step_changes_nothing(void **state)
{
	const struct iw_db_step broken[] = {
		steps[0], steps[1], {"0003_broken", "INSERT INTO nowhere VALUES (1)"}};
	_auto_free_ char *words = NULL;
	struct iw_dbc *none = NULL;
	struct db_test d;

	(void)state;
	temp_open(&d.t);
	d.path = temp_path(&d.t, "db");
	temp_ok(&d.t.err, open_steps(&d, 1, IW_DB_WRITE));
	iw_dbc_close(d.dbc);
	words = iw_fmt("database '%s': schema step 0003_broken: database: no such table: "
		       "nowhere",
		d.path);
	temp_fails(&d.t.err, iw_dbc_open(&none, d.path, IW_DB_WRITE, broken, 3, &d.t.err),
		IW_EDB, words);
	assert_null(none);
	temp_ok(&d.t.err, open_steps(&d, 1, IW_DB_WRITE));
	expect_texts(&d, "first");
	assert_int_equal(number(&d, "PRAGMA user_version"), 1);
	close_db(&d);
}

static void test_newer_schema_is_refused(void **state)
{
	_auto_free_ char *words = NULL;
	struct db_test d;
	enum iw_db_mode mode;

	(void)state;
	open_db(&d);
	iw_dbc_close(d.dbc);
	d.dbc = NULL;
	words = iw_fmt(
		"database '%s': it was written by a newer Ironworks (schema 3, this "
		"program knows 2); use that version or another --state folder",
		d.path);
	for (mode = IW_DB_WRITE; mode <= IW_DB_READ; mode++) {
		temp_fails(&d.t.err, open_steps(&d, 2, mode), IW_EVERSION, words);
		/* Those who want only the code get the same one. */
		assert_int_equal(
			iw_dbc_open(&d.dbc, d.path, mode, steps, 2, NULL), IW_EVERSION);
	}
	close_db(&d);
}

static void test_reader_does_not_migrate(void **state)
{
	_auto_free_ char *words = NULL;
	struct db_test d;

	(void)state;
	temp_open(&d.t);
	d.path = temp_path(&d.t, "db");
	temp_ok(&d.t.err, open_steps(&d, 1, IW_DB_WRITE));
	iw_dbc_close(d.dbc);
	words = iw_fmt("database '%s': it has an older schema (1, this program has 3); "
		       "'ironworks run' brings it up to date",
		d.path);
	temp_fails(&d.t.err, open_steps(&d, 3, IW_DB_READ), IW_EVERSION, words);
	temp_ok(&d.t.err, open_steps(&d, 1, IW_DB_READ));
	assert_true(
		iw_db_exec(d.dbc, &d.t.err, "INSERT INTO log (n) VALUES (9)", "") < 0);
	close_db(&d);
}

static void test_other_files_are_no_database(void **state)
{
	struct db_test d;

	(void)state;
	temp_open(&d.t);
	d.path = temp_path(&d.t, "none");
	assert_int_equal(open_steps(&d, 3, IW_DB_READ), IW_EDB);
	assert_false(iw_file_exists(d.path));
	free(d.path);
	d.path = temp_path(&d.t, "text");
	temp_write(&d.t, "text", "this is a text, and long enough to be taken for one");
	assert_int_equal(open_steps(&d, 3, IW_DB_WRITE), IW_EDB);
	assert_non_null(strstr(d.t.err.msg, "file is not a database"));
	temp_expect(&d.t, "text", "this is a text, and long enough to be taken for one");
	free(d.path);
	temp_close(&d.t);
}

static void test_parameters_and_columns(void **state)
{
	sqlite3_stmt *stmt;
	struct db_test d;
	size_t len;

	(void)state;
	open_db(&d);
	temp_ok(&d.t.err,
		iw_db_exec(d.dbc, &d.t.err,
			"INSERT INTO log (n, text, real, data) VALUES (?, ?, ?, ?)",
			"isfb", INT64_C(1) << 40, "a", 1.5, "\0x", (size_t)2));
	assert_int_equal(iw_db_last_id(d.dbc), INT64_C(1) << 40);
	stmt = iw_stmt(d.dbc, "SELECT n, text, real, data FROM log WHERE n = ?", "i",
		INT64_C(1) << 40);
	assert_int_equal(iw_stmt_step(d.dbc, stmt, &d.t.err), 1);
	assert_int_equal(iw_col_int(stmt, "n"), INT64_C(1) << 40);
	assert_string_equal(iw_col_str(stmt, "text"), "a");
	assert_true(iw_col_real(stmt, "real") == 1.5);
	assert_memory_equal(iw_col_blob(stmt, "data", &len), "\0x", 2);
	assert_int_equal(len, 2);
	assert_int_equal(iw_stmt_step(d.dbc, stmt, &d.t.err), 0);
	iw_stmt_done(d.dbc, stmt);
	close_db(&d);
}

static void test_nulls(void **state)
{
	sqlite3_stmt *stmt;
	struct db_test d;
	int64_t value;
	size_t len;

	(void)state;
	open_db(&d);
	temp_ok(&d.t.err,
		iw_db_exec(d.dbc, &d.t.err,
			"INSERT INTO log (text, real, data, n) VALUES (?, NULL, ?, ?)",
			"sbn", NULL, NULL, (size_t)0, INT64_C(-1)));
	stmt = iw_stmt(d.dbc,
		"SELECT n, text, real, data, NULL AS none FROM log WHERE text IS NULL",
		"");
	assert_int_equal(iw_stmt_step(d.dbc, stmt, &d.t.err), 1);
	assert_int_equal(iw_col_int(stmt, "n"), 4); /* the next id: NULL was bound */
	assert_null(iw_col_str(stmt, "text"));
	assert_true(iw_col_real(stmt, "real") == 0);
	assert_int_equal(iw_col_int(stmt, "none"), 0);
	assert_int_equal(iw_col_id(stmt, "none"), -1);
	iw_col_blob(stmt, "data", &len);
	assert_int_equal(len, 0);
	iw_stmt_done(d.dbc, stmt);
	temp_ok(&d.t.err,
		iw_db_int(d.dbc, 42, &value, &d.t.err, "SELECT n FROM log WHERE 0", ""));
	assert_int_equal(value, 42);
	temp_ok(&d.t.err, iw_db_int(d.dbc, 42, &value, &d.t.err, "SELECT NULL", ""));
	assert_int_equal(value, 42);
	close_db(&d);
}

static void test_rules_are_on(void **state)
{
	struct db_test d;

	(void)state;
	open_db(&d);
	assert_int_equal(
		iw_db_exec(d.dbc, &d.t.err, "INSERT INTO child VALUES (99)", ""), IW_EDB);
	assert_string_equal(d.t.err.msg, "database: FOREIGN KEY constraint failed");
	assert_int_equal(
		iw_db_exec(d.dbc, &d.t.err, "INSERT INTO child VALUES ('text')", ""),
		IW_EDB);
	assert_int_equal(number(&d, "PRAGMA synchronous"), 2);
	assert_int_equal(number(&d, "SELECT count(*) FROM child"), 0);
	close_db(&d);
}

struct deed {
	const char *text;
	int rc;
	struct deed *inner;
	bool forgives;
};

static int do_deed(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct deed *deed = ctx;
	int rc = iw_db_exec(
		dbc, err, "INSERT INTO log (text) VALUES (?)", "s", deed->text);

	if (rc == 0 && deed->inner)
		rc = iw_db_tx(dbc, do_deed, deed->inner, err);
	if (rc < 0 && !deed->forgives)
		return rc;
	return deed->rc < 0 ? iw_err_set(err, deed->rc, "'%s' fails", deed->text)
			    : deed->rc;
}

static void test_failure_rolls_back(void **state)
{
	struct deed bad = {.text = "bad", .rc = IW_EBUSY},
		    good = {.text = "good", .rc = 1};
	struct db_test d;

	(void)state;
	open_db(&d);
	temp_fails(&d.t.err, iw_db_tx(d.dbc, do_deed, &bad, &d.t.err), IW_EBUSY,
		"'bad' fails");
	expect_texts(&d, "first,second,third");
	assert_int_equal(iw_db_tx(d.dbc, do_deed, &good, &d.t.err), 1);
	expect_texts(&d, "first,second,third,good");
	close_db(&d);
}

static void test_nested_failure_rolls_back_itself(void **state)
{
	struct deed inner = {.text = "inner", .rc = IW_EBUSY};
	struct deed outer = {.text = "outer", .inner = &inner, .forgives = true};
	struct db_test d;

	(void)state;
	open_db(&d);
	temp_ok(&d.t.err, iw_db_tx(d.dbc, do_deed, &outer, &d.t.err));
	expect_texts(&d, "first,second,third,outer");
	outer.forgives = false;
	assert_int_equal(iw_db_tx(d.dbc, do_deed, &outer, &d.t.err), IW_EBUSY);
	expect_texts(&d, "first,second,third,outer");
	inner.rc = 0;
	temp_ok(&d.t.err, iw_db_tx(d.dbc, do_deed, &outer, &d.t.err));
	expect_texts(&d, "first,second,third,outer,outer,inner");
	close_db(&d);
}

static int write_much(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	int64_t *rows = ctx, i;
	int rc = 0;

	for (i = 0; rc == 0 && i < *rows; i++)
		rc = iw_db_exec(dbc, err,
			"INSERT INTO log (text, data) VALUES ('much', zeroblob(4000))",
			"");
	return rc;
}

/* A full disk at any page: the code says so, nothing is half written, and when there is
 * room again the same request goes through. */
static void test_full_disk(void **state)
{
	int64_t rows = 12, pages, room;
	struct db_test d;

	(void)state;
	open_db(&d);
	pages = number(&d, "PRAGMA page_count");
	for (room = 0; room < 8; room++) {
		_auto_free_ char *limit =
			iw_fmt("PRAGMA max_page_count = %lld", (long long)(pages + room));

		assert_int_equal(
			sqlite3_exec(d.dbc->sql, limit, NULL, NULL, NULL), SQLITE_OK);
		temp_fails(&d.t.err, iw_db_tx(d.dbc, write_much, &rows, &d.t.err),
			IW_ENOSPC, "database: database or disk is full");
		expect_texts(&d, "first,second,third");
	}
	sqlite3_exec(d.dbc->sql, "PRAGMA max_page_count = 100000", NULL, NULL, NULL);
	temp_ok(&d.t.err, iw_db_tx(d.dbc, write_much, &rows, &d.t.err));
	assert_int_equal(number(&d, "SELECT count(*) FROM log"), 3 + rows);
	close_db(&d);
}

static int deny(
	void *ctx, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)ctx;
	(void)action;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return SQLITE_DENY;
}

/* Preparing can fail for reasons that are not ours, as when the schema cannot be read:
 * that is an error like any other, and the next time the same statement works. */
static void test_failing_prepare(void **state)
{
	const char *sql = "SELECT count(*) FROM log";
	int64_t value;
	struct db_test d;

	(void)state;
	open_db(&d);
	sqlite3_set_authorizer(d.dbc->sql, deny, NULL);
	temp_fails(&d.t.err, iw_db_int(d.dbc, -1, &value, &d.t.err, sql, ""), IW_EDB,
		"database: not authorized");
	temp_fails(&d.t.err,
		iw_db_exec(d.dbc, &d.t.err, "INSERT INTO log (text, real) VALUES (?, ?)",
			"sf", "x", 1.5),
		IW_EDB, "database: not authorized");
	sqlite3_set_authorizer(d.dbc->sql, NULL, NULL);
	temp_ok(&d.t.err, iw_db_int(d.dbc, -1, &value, &d.t.err, sql, ""));
	assert_int_equal(value, 3);
	close_db(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_in_order_and_once),
		cmocka_unit_test(test_missing_steps_only),
		cmocka_unit_test(test_failing_step_changes_nothing),
		cmocka_unit_test(test_newer_schema_is_refused),
		cmocka_unit_test(test_reader_does_not_migrate),
		cmocka_unit_test(test_other_files_are_no_database),
		cmocka_unit_test(test_parameters_and_columns),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_rules_are_on),
		cmocka_unit_test(test_failure_rolls_back),
		cmocka_unit_test(test_nested_failure_rolls_back_itself),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_failing_prepare),
	};

	return cmocka_run_group_tests_name("base_db", tests, NULL, NULL);
}
