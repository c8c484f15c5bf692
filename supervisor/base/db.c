/*
 * The happy path: submit puts a request on a queue, the writer thread runs it inside
 * BEGIN IMMEDIATE … COMMIT and puts it on the finished queue, an async handle wakes the
 * loop, and done is called there.
 *
 * The failures: a statement that fails makes run return negative and the transaction is
 * rolled back; a COMMIT that fails (disk full) rolls back too, and either way the request
 * carries the error to its owner. Nothing is ever half written.
 */
#include "base/db.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

/* A reader of pages may hold a lock for a moment; a writer in another process is stopped
 * by the state lock long before this. */
#define BUSY_TIMEOUT_MS 5000

struct iw_db_stmt {
	struct iw_db_stmt *next;
	const char *text;
	sqlite3_stmt *stmt;
	bool is_used;
};

static int db_fail(struct iw_dbc *dbc, struct iw_err *err, const char *what)
{
	int full = sqlite3_extended_errcode(dbc->sql) & 0xff;

	return iw_err_set(err, full == SQLITE_FULL ? IW_ENOSPC : IW_EDB, "%s: %s", what,
		sqlite3_errmsg(dbc->sql));
}

static int exec_raw(struct iw_dbc *dbc, const char *sql, struct iw_err *err)
{
	if (sqlite3_exec(dbc->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(dbc, err, "database");
	return 0;
}

static int schema_version(struct iw_dbc *dbc, int64_t *version, struct iw_err *err)
{
	return iw_db_int(dbc, 0, version, err, "PRAGMA user_version", "");
}

static int apply_steps(struct iw_dbc *dbc, const struct iw_db_step *steps, size_t count,
	int64_t from, struct iw_err *err)
{
	_auto_free_ char *pragma = iw_fmt("PRAGMA user_version = %zu", count);
	size_t i;
	int rc;

	rc = exec_raw(dbc, "BEGIN IMMEDIATE", err);
	for (i = (size_t)from; rc == 0 && i < count; i++) {
		rc = exec_raw(dbc, steps[i].sql, err);
		if (rc < 0)
			iw_err_wrap(err, "schema step %s", steps[i].name);
	}
	if (rc == 0)
		rc = exec_raw(dbc, pragma, err);
	if (rc == 0)
		rc = exec_raw(dbc, "COMMIT", err);
	if (rc < 0)
		exec_raw(dbc, "ROLLBACK", NULL);
	return rc;
}

static int prepare_schema(struct iw_dbc *dbc, enum iw_db_mode mode,
	const struct iw_db_step *steps, size_t count, struct iw_err *err)
{
	int64_t version;
	int rc;

	rc = schema_version(dbc, &version, err);
	if (rc < 0)
		return rc;
	if (version > (int64_t)count)
		return iw_err_set(err, IW_EVERSION,
			"it was written by a newer Ironworks (schema %lld, this program "
			"knows %zu); use that version or another --state folder",
			(long long)version, count);
	if (version == (int64_t)count)
		return 0;
	if (mode == IW_DB_READ)
		return iw_err_set(err, IW_EVERSION,
			"it has an older schema (%lld, this program has %zu); "
			"'ironworks run' brings it up to date",
			(long long)version, count);
	return apply_steps(dbc, steps, count, version, err);
}

int iw_dbc_open(struct iw_dbc **out, const char *path, enum iw_db_mode mode,
	const struct iw_db_step *steps, size_t step_count, struct iw_err *err)
{
	int flags = mode == IW_DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					: SQLITE_OPEN_READONLY;
	struct iw_dbc *dbc = iw_calloc(1, sizeof *dbc);
	int rc = 0;

	if (sqlite3_open_v2(path, &dbc->sql, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		rc = db_fail(dbc, err, "cannot open");
	if (rc == 0) {
		sqlite3_busy_timeout(dbc->sql, BUSY_TIMEOUT_MS);
		sqlite3_extended_result_codes(dbc->sql, 1);
		rc = exec_raw(dbc, "PRAGMA foreign_keys = ON", err);
	}
	if (rc == 0 && mode == IW_DB_WRITE)
		/* FULL: a committed finding survives a power cut, not just a kill. */
		rc = exec_raw(
			dbc, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err);
	if (rc == 0)
		rc = prepare_schema(dbc, mode, steps, step_count, err);
	if (rc < 0) {
		iw_dbc_close(dbc);
		iw_err_wrap(err, "database '%s'", path);
		return rc;
	}
	*out = dbc;
	return 0;
}

void iw_dbc_close(struct iw_dbc *dbc)
{
	struct iw_db_stmt *s, *next;

	if (!dbc)
		return;
	for (s = dbc->stmts; s; s = next) {
		next = s->next;
		sqlite3_finalize(s->stmt);
		free(s);
	}
	sqlite3_close(dbc->sql);
	free(dbc);
}

/* Statements are few (one per call site), so a list will do. */
static struct iw_db_stmt *find_stmt(struct iw_dbc *dbc, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	struct iw_db_stmt *s;

	for (s = dbc->stmts; s; s = s->next)
		if (s->text == text && !s->is_used)
			return s;
	if (sqlite3_prepare_v3(dbc->sql, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
		    NULL) == SQLITE_ERROR) {
		/* Our own SQL is wrong, or the schema is not what it says it is. */
		iw_error("statement cannot be prepared", S("sql", text),
			S("error", sqlite3_errmsg(dbc->sql)));
		abort();
	}
	/* Preparing reads the schema, so the disk may fail it. Whoever steps is told. */
	if (!stmt)
		return NULL;
	s = iw_calloc(1, sizeof *s);
	s->stmt = stmt;
	s->text = text;
	s->next = dbc->stmts;
	dbc->stmts = s;
	return s;
}

static sqlite3_stmt *bind_all(
	struct iw_dbc *dbc, const char *sql, const char *fmt, va_list ap)
{
	struct iw_db_stmt *s = find_stmt(dbc, sql);
	int at = 1;

	if (!s)
		return NULL;
	s->is_used = true;
	for (; *fmt; fmt++, at++) {
		int64_t i;
		const char *str;
		const void *blob;

		switch (*fmt) {
		case 'i':
			sqlite3_bind_int64(s->stmt, at, va_arg(ap, int64_t));
			break;
		case 'n':
			i = va_arg(ap, int64_t);
			if (i >= 0)
				sqlite3_bind_int64(s->stmt, at, i);
			break;
		case 's':
			str = va_arg(ap, const char *);
			sqlite3_bind_text(s->stmt, at, str, -1, SQLITE_TRANSIENT);
			break;
		case 'b':
			blob = va_arg(ap, const void *);
			sqlite3_bind_blob64(s->stmt, at, blob ? blob : "",
				va_arg(ap, size_t), SQLITE_TRANSIENT);
			break;
		case 'f':
			sqlite3_bind_double(s->stmt, at, va_arg(ap, double));
			break;
		default:
			assert(!"unknown parameter letter");
		}
	}
	assert(at - 1 == sqlite3_bind_parameter_count(s->stmt));
	return s->stmt;
}

sqlite3_stmt *iw_stmt(struct iw_dbc *dbc, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	va_start(ap, fmt);
	stmt = bind_all(dbc, sql, fmt, ap);
	va_end(ap);
	return stmt;
}

int iw_stmt_step(struct iw_dbc *dbc, sqlite3_stmt *stmt, struct iw_err *err)
{
	if (!stmt)
		return db_fail(dbc, err, "database");
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_fail(dbc, err, "database");
	}
}

static void release(struct iw_dbc *dbc, sqlite3_stmt *stmt)
{
	struct iw_db_stmt *s;

	if (!stmt)
		return;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	for (s = dbc->stmts; s; s = s->next)
		if (s->stmt == stmt)
			s->is_used = false;
}

void iw_stmt_done(struct iw_dbc *dbc, sqlite3_stmt *stmt)
{
	release(dbc, stmt);
}

int iw_db_exec(
	struct iw_dbc *dbc, struct iw_err *err, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	stmt = bind_all(dbc, sql, fmt, ap);
	va_end(ap);
	rc = iw_stmt_step(dbc, stmt, err);
	release(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int iw_db_int(struct iw_dbc *dbc, int64_t fallback, int64_t *value, struct iw_err *err,
	const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	stmt = bind_all(dbc, sql, fmt, ap);
	va_end(ap);
	rc = iw_stmt_step(dbc, stmt, err);
	*value = fallback;
	if (rc == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		*value = sqlite3_column_int64(stmt, 0);
	release(dbc, stmt);
	return rc < 0 ? rc : 0;
}

int64_t iw_db_last_id(struct iw_dbc *dbc)
{
	return sqlite3_last_insert_rowid(dbc->sql);
}

int iw_db_check(struct iw_dbc *dbc, struct iw_err *err)
{
	int64_t tables;

	return iw_db_int(dbc, 0, &tables, err, "SELECT count(*) FROM sqlite_schema", "");
}

/* Rows are mostly read in the order of their columns, so the next one is tried first. */
static int column(sqlite3_stmt *stmt, const char *name)
{
	static _Thread_local int next;
	int i, at, n = sqlite3_column_count(stmt);

	for (i = 0; i < n; i++) {
		at = (next + i) % n;
		if (strcmp(sqlite3_column_name(stmt, at), name) == 0) {
			next = at + 1;
			return at;
		}
	}
	iw_error("statement has no such column", S("column", name),
		S("sql", sqlite3_sql(stmt)));
	abort();
}

int64_t iw_col_int(sqlite3_stmt *stmt, const char *name)
{
	return sqlite3_column_int64(stmt, column(stmt, name));
}

int64_t iw_col_id(sqlite3_stmt *stmt, const char *name)
{
	int at = column(stmt, name);

	return sqlite3_column_type(stmt, at) == SQLITE_NULL
		? -1
		: sqlite3_column_int64(stmt, at);
}

double iw_col_real(sqlite3_stmt *stmt, const char *name)
{
	return sqlite3_column_double(stmt, column(stmt, name));
}

const char *iw_col_str(sqlite3_stmt *stmt, const char *name)
{
	return (const char *)sqlite3_column_text(stmt, column(stmt, name));
}

const void *iw_col_blob(sqlite3_stmt *stmt, const char *name, size_t *len)
{
	int at = column(stmt, name);
	const void *data = sqlite3_column_blob(stmt, at);

	*len = (size_t)sqlite3_column_bytes(stmt, at);
	return data;
}

int iw_db_tx(struct iw_dbc *dbc, iw_db_fn fn, void *ctx, struct iw_err *err)
{
	bool is_outer = sqlite3_get_autocommit(dbc->sql) != 0;
	int rc;

	rc = exec_raw(dbc, is_outer ? "BEGIN IMMEDIATE" : "SAVEPOINT nested", err);
	if (rc < 0)
		return rc;
	rc = fn(dbc, ctx, err);
	if (rc >= 0) {
		int committed =
			exec_raw(dbc, is_outer ? "COMMIT" : "RELEASE nested", err);

		if (committed == 0)
			return rc;
		rc = committed;
	}
	if (is_outer)
		exec_raw(dbc, "ROLLBACK", NULL);
	else
		exec_raw(dbc, "ROLLBACK TO nested; RELEASE nested", NULL);
	return rc;
}

struct iw_db {
	struct iw_dbc *dbc;
	struct iw_queue *queue;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

static struct iw_db_req *req_of(struct iw_queue_item *item)
{
	return (struct iw_db_req *)((char *)item - offsetof(struct iw_db_req, item));
}

static void run_request(void *ctx, struct iw_queue_item *item)
{
	struct iw_db *db = ctx;
	struct iw_db_req *req = req_of(item);
	int rc;

	req->err.code = 0;
	/* A ROLLBACK that failed would make this request a part of a transaction that
	 * nobody commits. */
	if (!sqlite3_get_autocommit(db->dbc->sql))
		exec_raw(db->dbc, "ROLLBACK", NULL);
	rc = iw_db_tx(db->dbc, req->run, req->ctx, &req->err);
	/* What run returned is the outcome; err may hold what it coped with. */
	if (rc >= 0)
		req->err.code = 0;
	else if (req->err.code == 0)
		iw_err_set(&req->err, rc, "the database request failed");
}

static void end_request(void *ctx, struct iw_queue_item *item)
{
	struct iw_db_req *req = req_of(item);

	(void)ctx;
	if (req->done)
		req->done(req);
	else if (req->err.code)
		iw_error("database write failed", S("error", req->err.msg));
}

static void on_ended(void *ctx)
{
	struct iw_db *db = ctx;
	void (*stopped)(void *) = db->stopped;
	void *stopped_ctx = db->stopped_ctx;

	iw_dbc_close(db->dbc);
	free(db);
	if (stopped)
		stopped(stopped_ctx);
}

int iw_db_start(
	struct iw_db **out, struct iw_loop *loop, struct iw_dbc *dbc, struct iw_err *err)
{
	struct iw_db *db = iw_calloc(1, sizeof *db);
	struct iw_queue_ops ops = {
		.ctx = db,
		.name = "database",
		.run = run_request,
		.done = end_request,
		.ended = on_ended,
	};
	int rc;

	db->dbc = dbc;
	rc = iw_queue_start(&db->queue, loop, &ops, err);
	if (rc == 0)
		*out = db;
	return rc;
}

void iw_db_submit(struct iw_db *db, struct iw_db_req *req)
{
	iw_queue_submit(db->queue, &req->item);
}

void iw_db_stop(struct iw_db *db, void (*stopped)(void *ctx), void *ctx)
{
	db->stopped = stopped;
	db->stopped_ctx = ctx;
	iw_queue_stop(db->queue);
}
