/* The numbered steps of the schema, with rows in the tables: a state folder of any age is
 * brought to today's model with everything that was in it. */
#include "tests/lib/temp.h"

#include "base/db.h"
#include "base/schema.h"

#include "base/banned.h"

/* What every step has: the tables of the first one. */
static const char old_rows[] =
	"INSERT INTO adapter (id, name, dir, parameters) VALUES (1, 'demo', '/d', '');"
	"INSERT INTO target (id, adapter_id, name, executions) VALUES (1, 1, 't', 55);"
	"INSERT INTO build (id, closure, adapter_id, tree, flavour, is_ok, core_ms, "
	"made_ms) VALUES (1, 'c', 1, 'tree', 'libfuzzer', 1, 5, 6);"
	"INSERT INTO bug (id, adapter_id, target_id, state, type, is_security, frames, "
	"flavour, build_id, best, best_size, first_size, runs, hits, report, found_ms, "
	"changed_ms) VALUES (1, 1, 1, 'open', 'Abort', 0, '[]', 'libfuzzer', 1, x'62', "
	"1, "
	"1, 4, 4, x'72', 77, 78);";

static struct iw_dbc *open_at(struct temp *t, size_t steps)
{
	_auto_free_ char *path = temp_path(t, "db");
	struct iw_dbc *dbc;

	temp_ok(&t->err,
		iw_dbc_open(&dbc, path, IW_DB_WRITE, iw_schema_steps, steps, &t->err));
	return dbc;
}

static int64_t number(struct temp *t, struct iw_dbc *dbc, const char *sql)
{
	int64_t value;

	temp_ok(&t->err, iw_db_int(dbc, -1, &value, &t->err, sql, ""));
	return value;
}

static void migrate_from(size_t steps)
{
	struct iw_dbc *dbc;
	struct temp t;

	temp_open(&t);
	dbc = open_at(&t, steps);
	assert_int_equal(sqlite3_exec(dbc->sql, old_rows, NULL, NULL, NULL), SQLITE_OK);
	iw_dbc_close(dbc);
	dbc = open_at(&t, iw_schema_step_count);
	assert_int_equal(number(&t, dbc, "SELECT executions FROM target"), 55);
	assert_int_equal(number(&t, dbc, "SELECT found_ms FROM bug"), 77);
	assert_int_equal(number(&t, dbc, "SELECT core_ms FROM bug"), 0);
	assert_int_equal(number(&t, dbc, "SELECT count(*) FROM target_history"), 0);
	assert_int_equal(
		number(&t, dbc, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(number(&t, dbc,
				 "SELECT count(*) FROM pragma_integrity_check "
				 "WHERE integrity_check = 'ok'"),
		1);
	iw_dbc_close(dbc);
	temp_close(&t);
}

static void test_every_age_is_migrated(void **state)
{
	size_t steps;

	(void)state;
	for (steps = 1; steps <= iw_schema_step_count; steps++)
		migrate_from(steps);
}

/* A bug that is older than the records of bugs' lives has one that begins with its find.
 */
static void test_old_bugs_have_a_life(void **state)
{
	struct iw_dbc *dbc;
	struct temp t;

	(void)state;
	temp_open(&t);
	dbc = open_at(&t, 1);
	assert_int_equal(sqlite3_exec(dbc->sql, old_rows, NULL, NULL, NULL), SQLITE_OK);
	iw_dbc_close(dbc);
	dbc = open_at(&t, iw_schema_step_count);
	assert_int_equal(number(&t, dbc, "SELECT count(*) FROM bug_event"), 1);
	assert_int_equal(number(&t, dbc,
				 "SELECT at_ms FROM bug_event WHERE bug_id = 1 AND "
				 "what = 'found'"),
		77);
	iw_dbc_close(dbc);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_age_is_migrated),
		cmocka_unit_test(test_old_bugs_have_a_life),
	};

	return cmocka_run_group_tests_name("base_schema", tests, NULL, NULL);
}
