/* Schema steps, tried on a copy first. */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"

#include "base/banned.h"

#define BUSY_TIMEOUT_MS 10000

static int fail(sqlite3 *sql, struct iw_err *err)
{
	return iw_err_set(err, IW_EIO, "cannot copy it: %s", sqlite3_errmsg(sql));
}

/* 0: unknown. */
static int64_t read_version(sqlite3 *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t version = 0;

	if (sqlite3_prepare_v2(sql, "PRAGMA user_version", -1, &stmt, NULL) ==
			SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static int write_copy(sqlite3 *sql, const char *copy, struct iw_err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(sql, "VACUUM INTO ?", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, copy, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : fail(sql, err);
}

static int migrate(const char *copy, const struct iw_db_step *steps, size_t count,
	struct iw_err *err)
{
	struct iw_dbc *dbc = NULL;
	int64_t is_ok = 0;
	int rc = iw_dbc_open(&dbc, copy, IW_DB_WRITE, steps, count, err);

	if (rc == 0)
		rc = iw_db_int(dbc, 0, &is_ok, err,
			"SELECT quick_check = 'ok' FROM pragma_quick_check LIMIT 1", "");
	if (rc == 0 && !is_ok)
		rc = iw_err_set(err, IW_EIO, "its check fails");
	iw_dbc_close(dbc);
	return rc;
}

static void remove_copy(const char *copy)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	size_t i;

	for (i = 0; i < IW_COUNT(ends); i++) {
		_auto_free_ char *path = iw_fmt("%s%s", copy, ends[i]);

		unlink(path);
	}
}

int iw_db_rehearse(const char *path, const struct iw_db_step *steps, size_t count,
	struct iw_err *err)
{
	_auto_free_ char *copy = iw_fmt("%s.rehearsal", path);
	sqlite3 *old = NULL;
	int64_t version = 0;
	int rc = 0;

	remove_copy(copy); /* of one that was killed */
	/* What cannot be read at all, whoever opens it says better. */
	if (sqlite3_open_v2(path, &old, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(old, BUSY_TIMEOUT_MS);
		version = read_version(old);
	}
	if (version > 0 && version < (int64_t)count) {
		rc = write_copy(old, copy, err);
		if (rc == 0)
			rc = migrate(copy, steps, count, err);
	}
	sqlite3_close(old);
	remove_copy(copy);
	return rc;
}
