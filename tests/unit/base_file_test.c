/* Files: bounded reads, and replacement that is whole or not at all. */
#include "tests/lib/temp.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static void test_read_is_bounded(void **state)
{
	_auto_free_ char *path = NULL, *data = NULL, *words = NULL;
	struct temp t;
	size_t len;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "f");
	temp_write(&t, "f", "0123456789");
	temp_ok(&t.err, iw_file_read(path, 10, &data, &len, &t.err));
	assert_string_equal(data, "0123456789");
	assert_int_equal(len, 10);
	words = iw_fmt("'%s' has 10 bytes, more than the 9 allowed", path);
	{
		char *none = NULL;

		temp_fails(&t.err, iw_file_read(path, 9, &none, &len, &t.err), IW_EINVAL,
			words);
		assert_null(none);
	}
	temp_close(&t);
}

static void test_read_of_files_without_a_size(void **state)
{
	_auto_free_ char *data = NULL;
	struct iw_err err = IW_ERR_INIT;
	size_t len;

	(void)state;
	temp_ok(&err, iw_file_read("/proc/self/status", 1 << 20, &data, &len, &err));
	assert_true(len > 0);
	assert_int_equal(data[len], '\0');
	assert_int_equal(iw_file_read("/dev/zero", 100000, &data, &len, &err), IW_EINVAL);
}

static void test_read_tail(void **state)
{
	static const struct {
		size_t max;
		const char *tail;
	} rows[] = {{3, "789"}, {10, "0123456789"}, {99, "0123456789"}, {0, ""}};
	_auto_free_ char *path = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "f");
	temp_write(&t, "f", "0123456789");
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		_auto_free_ char *data = NULL;
		size_t len;

		temp_ok(&t.err,
			iw_file_read_tail(path, rows[i].max, &data, &len, &t.err));
		assert_string_equal(data, rows[i].tail);
		assert_int_equal(len, strlen(rows[i].tail));
	}
	temp_close(&t);
}

static void expect_foreign(struct temp *t, const char *name, const char *words)
{
	_auto_free_ char *path = temp_path(t, name);
	_auto_free_ char *sentence = iw_fmt("'%s' %s", path, words);
	char *data = NULL;
	size_t len;

	temp_fails(&t->err, iw_file_read_foreign(path, 100, &data, &len, &t->err),
		IW_EINVAL, sentence);
	assert_null(data);
}

/* A job may leave anything where a file is expected; a pipe must not hold us up. */
static void test_foreign_files(void **state)
{
	_auto_free_ char *link = NULL, *pipe = NULL, *folder = NULL, *path = NULL;
	_auto_free_ char *data = NULL;
	struct temp t;
	size_t len;

	(void)state;
	temp_open(&t);
	temp_write(&t, "f", "x");
	path = temp_path(&t, "f");
	link = temp_path(&t, "link");
	pipe = temp_path(&t, "pipe");
	folder = temp_path(&t, "folder");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mkfifo(pipe, 0644), 0);
	assert_int_equal(mkdir(folder, 0755), 0);
	temp_ok(&t.err, iw_file_read_foreign(path, 100, &data, &len, &t.err));
	assert_string_equal(data, "x");
	expect_foreign(&t, "link", "is a link");
	expect_foreign(&t, "pipe", "is no regular file");
	expect_foreign(&t, "folder", "is no regular file");
	temp_close(&t);
}

static void test_replace(void **state)
{
	_auto_free_ char *path = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "f");
	temp_ok(&t.err, iw_file_replace(path, "old", 3, &t.err));
	temp_expect(&t, "f", "old");
	temp_ok(&t.err, iw_file_replace(path, "new one", 7, &t.err));
	temp_expect(&t, "f", "new one");
	assert_int_equal(iw_file_size(path), 7);
	assert_int_equal(temp_entries(t.dir), 1);
	temp_close(&t);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that fills up at any byte: the old file stays whole, nothing lies beside it. */
static void test_replace_that_fails_leaves_the_old(void **state)
{
	static const char content[1000];
	_auto_free_ char *path = NULL;
	struct temp t;
	rlim_t room;
	int rc;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "f");
	temp_ok(&t.err, iw_file_replace(path, "old", 3, &t.err));
	signal(SIGXFSZ, SIG_IGN);
	for (room = 0; room < sizeof content; room += 111) {
		limit_files(room);
		rc = iw_file_replace(path, content, sizeof content, &t.err);
		limit_files(RLIM_INFINITY);
		assert_int_equal(rc, IW_EIO);
		assert_non_null(strstr(t.err.msg, "cannot write '"));
		temp_expect(&t, "f", "old");
		assert_int_equal(temp_entries(t.dir), 1);
	}
	temp_close(&t);
}

static void test_replace_of_a_folder_fails(void **state)
{
	_auto_free_ char *path = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "folder");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_true(iw_file_replace(path, "x", 1, &t.err) < 0);
	assert_int_equal(temp_entries(t.dir), 1);
	temp_close(&t);
}

struct racer {
	pthread_t thread;
	const char *path;
	int failures;
};

static void *race(void *ctx)
{
	static const char content[4096];
	struct racer *r = ctx;
	int i;

	for (i = 0; i < 30; i++)
		r->failures +=
			iw_file_replace(r->path, content, sizeof content, NULL) < 0;
	return NULL;
}

/* Pool threads may store one and the same artifact at once. */
static void test_replace_by_many_threads(void **state)
{
	struct racer racers[4];
	_auto_free_ char *path = NULL;
	struct temp t;
	size_t i;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "f");
	for (i = 0; i < IW_COUNT(racers); i++) {
		racers[i] = (struct racer){.path = path};
		assert_int_equal(
			pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (i = 0; i < IW_COUNT(racers); i++) {
		pthread_join(racers[i].thread, NULL);
		assert_int_equal(racers[i].failures, 0);
	}
	assert_int_equal(iw_file_size(path), 4096);
	assert_int_equal(temp_entries(t.dir), 1);
	temp_close(&t);
}

static void test_paths(void **state)
{
	_auto_free_ char *joined = iw_path_join("/a/b", "c");

	(void)state;
	assert_string_equal(joined, "/a/b/c");
	assert_string_equal(iw_path_base("/a/b"), "b");
	assert_string_equal(iw_path_base("b"), "b");
	assert_string_equal(iw_path_base("/a/"), "");
	assert_int_equal(iw_file_size("/nowhere"), -1);
	assert_false(iw_file_exists("/nowhere"));
	assert_true(iw_disk_free("/tmp") >= 0);
	assert_int_equal(iw_disk_free("/nowhere"), -1);
	assert_true(iw_path_ends("a.cc", ".cc"));
	assert_false(iw_path_ends("a.cc.o", ".cc"));
	assert_false(iw_path_ends("c", ".cc"));
}

/* Only a whole path in $TMPDIR counts; where it is no folder the error names it. */
static void test_temporary_folders(void **state)
{
	_auto_free_ char *before = getenv("TMPDIR") ? iw_strdup(getenv("TMPDIR")) : NULL;
	_auto_free_ char *dir = NULL;
	struct iw_err err = IW_ERR_INIT;
	struct stat st;

	(void)state;
	setenv("TMPDIR", "here", 1);
	dir = iw_dir_make_temp("ironworks-test", &err);
	assert_int_equal(strncmp(dir, "/tmp/ironworks-test-", 20), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(iw_dir_remove(dir, &err), 0);
	setenv("TMPDIR", "/nowhere", 1);
	assert_null(iw_dir_make_temp("ironworks-test", &err));
	assert_non_null(strstr(err.msg, "'/nowhere'"));
	if (before)
		setenv("TMPDIR", before, 1);
	else
		unsetenv("TMPDIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_is_bounded),
		cmocka_unit_test(test_read_of_files_without_a_size),
		cmocka_unit_test(test_read_tail),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_replace_that_fails_leaves_the_old),
		cmocka_unit_test(test_replace_of_a_folder_fails),
		cmocka_unit_test(test_replace_by_many_threads),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_temporary_folders),
	};

	return cmocka_run_group_tests_name("base_file", tests, NULL, NULL);
}
