/*
 * The database: SQLite in WAL mode with one writer thread.
 *
 * Statements live in `<table>_db.c` files of the rooms as plain synchronous functions on
 * a struct iw_dbc: tests and offline commands call them directly, the farm sends them to
 * the writer thread with iw_db_submit(). A request is one transaction: `run` returns 0
 * and it commits (with a full fsync), or fails and everything it wrote is rolled back.
 *
 * Text timestamps never: integer ms UTC.
 */
#ifndef IW_BASE_DB_H
#define IW_BASE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/queue.h"

/* One step of the schema: number = its place, starting at 1. */
struct iw_db_step {
	const char *name; /* "0001_first" */
	const char *sql;
};

/* A connection. Thread: one at a time. */
struct iw_dbc {
	sqlite3 *sql;
	/* below: private */
	struct iw_db_stmt *stmts;
};

enum iw_db_mode { IW_DB_WRITE, IW_DB_READ };

/*
 * Opens path (made when IW_DB_WRITE), checks that its schema is not newer than ours
 * (IW_EVERSION) and with IW_DB_WRITE applies the missing steps in one transaction.
 */
int iw_dbc_open(struct iw_dbc **out, const char *path, enum iw_db_mode mode,
	const struct iw_db_step *steps, size_t step_count, struct iw_err *err);
void iw_dbc_close(struct iw_dbc *dbc);

/* Shows on a copy beside path that the steps that it lacks can be applied and leave a
 * sound database. path itself is only read. Nothing to do when it is up to date. */
int iw_db_rehearse(const char *path, const struct iw_db_step *steps, size_t count,
	struct iw_err *err);

/*
 * A prepared statement with its parameters bound in order, by a format of one letter
 * each: 'i' int64_t, 'n' int64_t where negative means NULL, 's' const char * (NULL is
 * NULL), 'b' const void * then size_t, 'f' double. Statements are cached by their text,
 * which must be a literal. Ends with iw_stmt_done(); nested use of one text is an error
 * of ours.
 */
sqlite3_stmt *iw_stmt(struct iw_dbc *dbc, const char *sql, const char *fmt, ...);
/* 1 a row, 0 no more rows, negative failed. */
int iw_stmt_step(struct iw_dbc *dbc, sqlite3_stmt *stmt, struct iw_err *err);
void iw_stmt_done(struct iw_dbc *dbc, sqlite3_stmt *stmt);
/* Runs a statement that returns no rows. */
int iw_db_exec(
	struct iw_dbc *dbc, struct iw_err *err, const char *sql, const char *fmt, ...);
/* The first column of the first row as a number, or fallback when there is none. */
int iw_db_int(struct iw_dbc *dbc, int64_t fallback, int64_t *value, struct iw_err *err,
	const char *sql, const char *fmt, ...);
int64_t iw_db_last_id(struct iw_dbc *dbc);
/* Whether it can be read at all. */
int iw_db_check(struct iw_dbc *dbc, struct iw_err *err);

/* Columns by name; strings and blobs are borrowed until the next step. A NULL column
 * reads as 0, NULL or -1 (iw_col_id). */
int64_t iw_col_int(sqlite3_stmt *stmt, const char *name);
int64_t iw_col_id(sqlite3_stmt *stmt, const char *name);
double iw_col_real(sqlite3_stmt *stmt, const char *name);
const char *iw_col_str(sqlite3_stmt *stmt, const char *name);
const void *iw_col_blob(sqlite3_stmt *stmt, const char *name, size_t *len);

/* Runs fn inside one transaction (savepoints when nested). */
typedef int (*iw_db_fn)(struct iw_dbc *dbc, void *ctx, struct iw_err *err);
int iw_db_tx(struct iw_dbc *dbc, iw_db_fn fn, void *ctx, struct iw_err *err);

/*
 * The writer thread. A request is the caller's, lives until done, and done fires exactly
 * once on the loop, with err.code 0 or the failure.
 */
struct iw_db;
struct iw_db_req;
typedef void (*iw_db_done_cb)(struct iw_db_req *req);

struct iw_db_req {
	iw_db_fn run; /* on the writer thread, in a transaction */
	void *ctx;
	iw_db_done_cb done; /* on the loop; NULL: nobody waits, failures are logged */
	struct iw_err err;
	/* below: private */
	struct iw_queue_item item;
};

/* Starts the thread; takes dbc. */
int iw_db_start(
	struct iw_db **out, struct iw_loop *loop, struct iw_dbc *dbc, struct iw_err *err);
void iw_db_submit(struct iw_db *db, struct iw_db_req *req);
/* Requests submitted before are still run; stopped fires after their done callbacks. */
void iw_db_stop(struct iw_db *db, void (*stopped)(void *ctx), void *ctx);

#endif
