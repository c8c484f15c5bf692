/* A bug in the database of rows.h, of which nothing matters but what the test says. */
#ifndef TESTS_LIB_BUG_ROWS_H
#define TESTS_LIB_BUG_ROWS_H

#include "tests/lib/rows.h"

#include "triage/bug_db.h"

/* Of that target, found in the second build. */
static inline int64_t rows_bug(struct rows *r, int target, const char *type)
{
	struct bug_row row = {.adapter_id = r->adapter,
		.target_id = r->targets[target],
		.build_id = r->builds[1],
		.flavour = "libfuzzer",
		.frames = "[]"};

	snprintf(row.type, sizeof row.type, "%s", type);
	temp_ok(&r->t.err, bug_db_add(r->dbc, &row, &r->t.err));
	return row.id;
}

#endif
