/* The writer thread of the database: requests in order, each with its own outcome. */
#include "tests/lib/temp.h"

#include "base/db.h"
#include "base/log.h"

#include "base/banned.h"

static const struct iw_db_step steps[] = {
	{"0001_first",
		"CREATE TABLE log (n INTEGER PRIMARY KEY, text TEXT) STRICT;"
		"CREATE TABLE child (n INTEGER REFERENCES log(n)) STRICT"},
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

/* One row, and then success or this failure. */
struct deed {
	const char *text;
	int rc;
};

static int do_deed(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct deed *deed = ctx;
	int rc = iw_db_exec(
		dbc, err, "INSERT INTO log (text) VALUES (?)", "s", deed->text);

	if (rc < 0)
		return rc;
	return deed->rc < 0 ? iw_err_set(err, deed->rc, "'%s' fails", deed->text) : 0;
}

struct request {
	struct iw_db_req req; /* first */
	struct deed deed;
	int *order;
	int place;
};

static void request_done(struct iw_db_req *req)
{
	struct request *r = (struct request *)req;

	r->place = ++*r->order;
}

static void count_stop(void *ctx)
{
	++*(int *)ctx;
}

static void test_requests_in_order_with_their_errors(void **state)
{
	struct request requests[50] = {0};
	int order = 0, stopped = 0;
	struct iw_loop loop;
	struct db_test d;
	struct iw_db *db;
	size_t i;

	(void)state;
	open_db(&d);
	temp_ok(&d.t.err, iw_loop_init(&loop, &d.t.err));
	temp_ok(&d.t.err, iw_db_start(&db, &loop, d.dbc, &d.t.err));
	for (i = 0; i < IW_COUNT(requests); i++) {
		requests[i].deed = (struct deed){.text = i % 5 == 3 ? "bad" : "good",
			.rc = i % 5 == 3 ? IW_EJOB : 0};
		requests[i].order = &order;
		requests[i].req = (struct iw_db_req){
			.run = do_deed, .ctx = &requests[i].deed, .done = request_done};
		iw_db_submit(db, &requests[i].req);
	}
	assert_int_equal(order, 0);
	assert_true(iw_loop_held(&loop));
	/* Stopping runs what was submitted before. */
	iw_db_stop(db, count_stop, &stopped);
	iw_loop_run(&loop);
	assert_int_equal(stopped, 1);
	assert_false(iw_loop_held(&loop));
	iw_loop_fini(&loop);
	for (i = 0; i < IW_COUNT(requests); i++) {
		assert_int_equal(requests[i].place, i + 1);
		assert_int_equal(requests[i].req.err.code, i % 5 == 3 ? IW_EJOB : 0);
		if (i % 5 == 3)
			assert_string_equal(requests[i].req.err.msg, "'bad' fails");
	}
	temp_ok(&d.t.err, open_steps(&d, IW_COUNT(steps), IW_DB_WRITE));
	assert_int_equal(number(&d, "SELECT count(*) FROM log WHERE text = 'good'"), 40);
	assert_int_equal(number(&d, "SELECT count(*) FROM log WHERE text = 'bad'"), 0);
	close_db(&d);
}

static int forgive(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	(void)dbc;
	(void)ctx;
	iw_err_set(err, IW_ENOENT, "not there, and that is fine");
	return 0;
}

static int fail_silently(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	(void)ctx;
	(void)err;
	return iw_db_exec(dbc, NULL, "INSERT INTO child VALUES (99)", "");
}

/* What run returns decides, not what it left in err on its way. */
static void test_the_return_value_decides(void **state)
{
	int order = 0, stopped = 0;
	struct request fine = {
		.order = &order, .req = {.run = forgive, .done = request_done}};
	struct request silent = {
		.order = &order, .req = {.run = fail_silently, .done = request_done}};
	struct request nobody = {.req = {.run = fail_silently}};
	struct iw_loop loop;
	struct db_test d;
	struct iw_db *db;

	(void)state;
	open_db(&d);
	temp_ok(&d.t.err, iw_loop_init(&loop, &d.t.err));
	temp_ok(&d.t.err, iw_db_start(&db, &loop, d.dbc, &d.t.err));
	iw_log_level(IW_LOG_NONE);
	iw_db_submit(db, &fine.req);
	iw_db_submit(db, &silent.req);
	iw_db_submit(db, &nobody.req);
	iw_db_stop(db, count_stop, &stopped);
	iw_loop_run(&loop);
	iw_log_level(IW_LOG_WARN);
	assert_int_equal(fine.req.err.code, 0);
	assert_int_equal(silent.req.err.code, IW_EDB);
	assert_int_equal(order, 2);
	assert_int_equal(stopped, 1);
	iw_loop_fini(&loop);
	d.dbc = NULL;
	close_db(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_in_order_with_their_errors),
		cmocka_unit_test(test_the_return_value_decides),
	};

	return cmocka_run_group_tests_name("base_db_writer", tests, NULL, NULL);
}
