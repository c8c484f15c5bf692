/* A database of today's schema in a temporary folder, with one adapter, two targets and
 * two builds: what rows of other tables refer to. */
#ifndef TESTS_LIB_ROWS_H
#define TESTS_LIB_ROWS_H

#include "tests/lib/temp.h"

#include "adapters/build_db.h"
#include "adapters/project_db.h"
#include "base/db.h"
#include "base/schema.h"
#include "base/time.h"

struct rows {
	struct temp t;
	struct iw_dbc *dbc;
	int64_t adapter, targets[2], builds[2];
};

#define ROWS_NOW INT64_C(1700000000000)

static inline int64_t rows_build(struct rows *r, const char *closure, const char *flavour)
{
	struct iw_build build = {.is_ok = true};

	snprintf(build.closure, sizeof build.closure, "%s", closure);
	snprintf(build.tree, sizeof build.tree, "tree");
	snprintf(build.flavour, sizeof build.flavour, "%s", flavour);
	temp_ok(&r->t.err, build_db_put(r->dbc, r->adapter, &build, &r->t.err));
	return build.id;
}

static inline void rows_reopen(struct rows *r)
{
	_auto_free_ char *path = temp_path(&r->t, "db");

	iw_dbc_close(r->dbc);
	temp_ok(&r->t.err,
		iw_dbc_open(&r->dbc, path, IW_DB_WRITE, iw_schema_steps,
			iw_schema_step_count, &r->t.err));
}

/* The clock stands at ROWS_NOW from here to rows_close(). */
static inline void rows_open(struct rows *r)
{
	struct iw_err *err = &r->t.err;

	*r = (struct rows){.dbc = NULL};
	temp_open(&r->t);
	iw_time_set(ROWS_NOW, -1);
	rows_reopen(r);
	temp_ok(err,
		project_db_adapter(r->dbc, "demo", "/demo", "seed=1", &r->adapter, err));
	temp_ok(err, project_db_target(r->dbc, r->adapter, "block", &r->targets[0], err));
	temp_ok(err,
		project_db_target(r->dbc, r->adapter, "message", &r->targets[1], err));
	r->builds[0] = rows_build(r, "a", "libfuzzer");
	r->builds[1] = rows_build(r, "b", "libfuzzer+asan+ubsan");
}

static inline void rows_close(struct rows *r)
{
	iw_time_set(-1, -1);
	iw_dbc_close(r->dbc);
	temp_close(&r->t);
}

static inline int64_t rows_int(struct rows *r, const char *sql)
{
	int64_t value;

	temp_ok(&r->t.err, iw_db_int(r->dbc, -1, &value, &r->t.err, sql, ""));
	return value;
}

#endif
