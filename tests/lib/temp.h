/* A temporary folder of one test, and what most tests say of errors. Includes cmocka. */
#ifndef TESTS_LIB_TEMP_H
#define TESTS_LIB_TEMP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

struct temp {
	char dir[40];
	struct iw_err err;
};

static inline void temp_open(struct temp *t)
{
	*t = (struct temp){.dir = "/tmp/ironworks-test-XXXXXX"};
	assert_non_null(mkdtemp(t->dir));
}

static inline void temp_close(struct temp *t)
{
	assert_int_equal(iw_dir_remove(t->dir, NULL), 0);
}

/* "<folder>/name"; the caller frees. */
static inline char *temp_path(const struct temp *t, const char *name)
{
	return iw_path_join(t->dir, name);
}

static inline void temp_write(const struct temp *t, const char *name, const char *text)
{
	_auto_free_ char *path = temp_path(t, name);

	assert_int_equal(iw_file_write(path, text, strlen(text), 0644, NULL), 0);
}

static inline void temp_expect(const struct temp *t, const char *name, const char *text)
{
	_auto_free_ char *path = temp_path(t, name);
	_auto_free_ char *found = NULL;
	size_t len;

	assert_int_equal(iw_file_read(path, 1 << 20, &found, &len, NULL), 0);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
}

static inline int temp_count_one(void *count, const char *name)
{
	(void)name;
	++*(int *)count;
	return 0;
}

/* How many entries the folder has: nothing temporary may stay behind. */
static inline int temp_entries(const char *dir)
{
	int count = 0;

	assert_int_equal(iw_dir_each(dir, temp_count_one, &count, NULL), 0);
	return count;
}

/* A call that must succeed; says why it did not. */
static inline void temp_ok(const struct iw_err *err, int rc)
{
	if (rc < 0)
		print_error("%s\n", err->msg);
	assert_true(rc >= 0);
}

/* A call that must fail, with this code and this sentence. */
static inline void temp_fails(
	const struct iw_err *err, int rc, int code, const char *words)
{
	assert_int_equal(rc, code);
	assert_int_equal(err->code, code);
	assert_string_equal(err->msg, words);
}

#endif
