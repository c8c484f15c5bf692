/* A store in a temporary folder, with one target and one build, for tests of the corpus.
 */
#ifndef TESTS_CORPUS_STORE_H
#define TESTS_CORPUS_STORE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/schema.h"
#include "corpus/pack.h"
#include "corpus/unit_db.h"

struct store {
	char dir[64];
	char *units_dir;
	struct iw_dbc *dbc;
	struct corpus_packs *packs;
	struct corpus_encoder *encoder;
	struct iw_err err;
};

#define STORE_TARGET 1
#define STORE_BUILD 1

static inline void store_ok(struct store *s, int rc)
{
	if (rc < 0)
		print_error("%s\n", s->err.msg);
	assert_true(rc >= 0);
}

/* Opens it again, as after a restart. */
static inline void store_reopen(struct store *s)
{
	char *db = iw_path_join(s->dir, "db");

	corpus_packs_close(s->packs);
	iw_dbc_close(s->dbc);
	store_ok(s,
		iw_dbc_open(&s->dbc, db, IW_DB_WRITE, iw_schema_steps,
			iw_schema_step_count, &s->err));
	store_ok(s, corpus_packs_open(&s->packs, s->units_dir, &s->err));
	store_ok(s, corpus_units_begin(s->dbc, s->packs, &s->err));
	free(db);
}

static inline void store_open(struct store *s)
{
	*s = (struct store){.dir = "/tmp/ironworks-test-XXXXXX"};
	assert_non_null(mkdtemp(s->dir));
	s->units_dir = iw_path_join(s->dir, "units");
	s->encoder = corpus_encoder_new();
	store_reopen(s);
	assert_int_equal(
		sqlite3_exec(s->dbc->sql,
			"INSERT INTO adapter (id, name, dir, parameters) "
			"VALUES (1, 'test', '/nowhere', '');"
			"INSERT INTO target (id, adapter_id, name) "
			"VALUES (1, 1, 'one'), (2, 1, 'two');"
			"INSERT INTO build (id, closure, adapter_id, tree, flavour,"
			" is_ok, core_ms, made_ms) VALUES"
			" (1, 'a', 1, 't', 'libfuzzer', 1, 0, 0),"
			" (2, 'b', 1, 't', 'libfuzzer+asan+ubsan', 1, 0, 0)",
			NULL, NULL, NULL),
		SQLITE_OK);
}

static inline void store_close(struct store *s)
{
	corpus_packs_close(s->packs);
	iw_dbc_close(s->dbc);
	corpus_encoder_free(s->encoder);
	assert_int_equal(iw_dir_remove(s->dir, NULL), 0);
	free(s->units_dir);
}

/* A unit on its way in; its record is freed by the caller. */
static inline struct corpus_new_unit store_unit(
	struct store *s, const void *data, size_t len)
{
	struct corpus_new_unit unit = {
		.sha = iw_sha256(data, len), .size = (uint32_t)len};
	struct iw_buf record = {0};

	corpus_encode(s->encoder, data, len, &unit.sha, &record);
	unit.record_len = record.len;
	unit.record = iw_buf_steal(&record);
	return unit;
}

/* Adds one text to a target; returns its id. */
static inline int64_t store_add(struct store *s, int64_t target, const char *text)
{
	struct corpus_new_unit unit = store_unit(s, text, strlen(text));

	store_ok(s,
		corpus_units_add(
			s->dbc, s->packs, target, CORPUS_ORIGIN_FUZZ, &unit, 1, &s->err));
	free((char *)unit.record);
	return unit.id;
}

#endif
