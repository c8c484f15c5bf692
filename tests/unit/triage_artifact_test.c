/* Artifacts: found again under their hash, and never handed out damaged. */
#include "tests/lib/temp.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "triage/artifact.h"

#include "base/banned.h"

static void test_put_and_get(void **state)
{
	static const char content[] = "bytes\0with a NUL";
	_auto_free_ char *data = NULL, *path = NULL, *expected = NULL;
	char hex[IW_SHA256_HEX];
	struct iw_sha256 hash;
	struct temp t;
	size_t len;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err,
		triage_artifact_put(t.dir, content, sizeof content, &hash, &t.err));
	temp_ok(&t.err, triage_artifact_get(t.dir, &hash, &data, &len, &t.err));
	assert_int_equal(len, sizeof content);
	assert_memory_equal(data, content, sizeof content);
	assert_int_equal(data[len], '\0');
	iw_sha256_hex(&hash, hex);
	expected = iw_fmt("%s/%.2s/%s", t.dir, hex, hex + 2);
	path = triage_artifact_path(t.dir, &hash);
	assert_string_equal(path, expected);
	assert_true(iw_file_exists(path));
	temp_close(&t);
}

static void test_empty_input(void **state)
{
	_auto_free_ char *data = NULL;
	struct iw_sha256 hash;
	struct temp t;
	size_t len;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err, triage_artifact_put(t.dir, "", 0, &hash, &t.err));
	temp_ok(&t.err, triage_artifact_get(t.dir, &hash, &data, &len, &t.err));
	assert_int_equal(len, 0);
	temp_close(&t);
}

static void test_put_twice_is_one_file(void **state)
{
	_auto_free_ char *path = NULL, *folder = NULL;
	struct iw_sha256 first, second;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err, triage_artifact_put(t.dir, "abc", 3, &first, &t.err));
	temp_ok(&t.err, triage_artifact_put(t.dir, "abc", 3, &second, &t.err));
	assert_true(iw_sha256_equal(&first, &second));
	path = triage_artifact_path(t.dir, &first);
	folder = iw_strndup(path, (size_t)(strrchr(path, '/') - path));
	assert_int_equal(temp_entries(folder), 1);
	assert_int_equal(temp_entries(t.dir), 1);
	temp_close(&t);
}

static void expect_damaged(struct temp *t, const struct iw_sha256 *hash, const char *path)
{
	_auto_free_ char *words = iw_fmt(
		"artifact '%s' is damaged: its content does not match its name", path);
	char *data = NULL;
	size_t len;

	temp_fails(&t->err, triage_artifact_get(t->dir, hash, &data, &len, &t->err),
		IW_EIO, words);
	assert_null(data);
}

/* Every single bit, and every length that is not the right one. */
static void test_damage_is_noticed(void **state)
{
	static const char content[] = "0123456789";
	_auto_free_ char *path = NULL;
	struct iw_sha256 hash;
	struct temp t;
	size_t bit, len;

	(void)state;
	temp_open(&t);
	temp_ok(&t.err, triage_artifact_put(t.dir, content, 10, &hash, &t.err));
	path = triage_artifact_path(t.dir, &hash);
	for (bit = 0; bit < 80; bit++) {
		char bad[10];

		memcpy(bad, content, 10);
		bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
		temp_ok(&t.err, iw_file_write(path, bad, 10, 0644, &t.err));
		expect_damaged(&t, &hash, path);
	}
	for (len = 0; len < 10; len++) {
		temp_ok(&t.err, iw_file_write(path, content, len, 0644, &t.err));
		expect_damaged(&t, &hash, path);
	}
	/* A torn file is made whole by whoever brings the content again. */
	temp_ok(&t.err, triage_artifact_put(t.dir, content, 10, &hash, &t.err));
	{
		_auto_free_ char *data = NULL;

		temp_ok(&t.err, triage_artifact_get(t.dir, &hash, &data, &len, &t.err));
		assert_string_equal(data, content);
	}
	temp_close(&t);
}

static void test_missing(void **state)
{
	struct iw_sha256 hash = iw_sha256("x", 1);
	struct temp t;
	char *data = NULL;
	size_t len;

	(void)state;
	temp_open(&t);
	assert_int_equal(
		triage_artifact_get(t.dir, &hash, &data, &len, &t.err), IW_ENOENT);
	assert_null(data);
	temp_close(&t);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk_leaves_nothing_half(void **state)
{
	_auto_free_ char *path = NULL;
	struct iw_sha256 hash;
	struct temp t;
	int rc;

	(void)state;
	temp_open(&t);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(5);
	rc = triage_artifact_put(t.dir, "0123456789", 10, &hash, &t.err);
	limit_files(RLIM_INFINITY);
	assert_int_equal(rc, IW_EIO);
	path = triage_artifact_path(t.dir, &hash);
	assert_false(iw_file_exists(path));
	temp_ok(&t.err, triage_artifact_put(t.dir, "0123456789", 10, &hash, &t.err));
	assert_int_equal(iw_file_size(path), 10);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),
		cmocka_unit_test(test_empty_input),
		cmocka_unit_test(test_put_twice_is_one_file),
		cmocka_unit_test(test_damage_is_noticed),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_full_disk_leaves_nothing_half),
	};

	return cmocka_run_group_tests_name("triage_artifact", tests, NULL, NULL);
}
