/* The log: one JSON object a line whatever the values hold, and levels that drop lines.
 */
#include "tests/lib/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#include "base/log.h"

#include "base/banned.h"

/* stderr goes into a file while a test writes lines. */
struct log_test {
	struct temp t;
	char *err_path, *log_path;
	int kept;
};

static void open_log(struct log_test *l)
{
	int fd;

	temp_open(&l->t);
	l->err_path = temp_path(&l->t, "stderr");
	l->log_path = temp_path(&l->t, "log");
	l->kept = dup(STDERR_FILENO);
	fd = open(l->err_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && l->kept >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void close_log(struct log_test *l)
{
	dup2(l->kept, STDERR_FILENO);
	close(l->kept);
	iw_log_level(IW_LOG_WARN);
	free(l->err_path);
	free(l->log_path);
	temp_close(&l->t);
}

/* The lines of a file, each of them one JSON object. */
static size_t read_lines(const char *path, json_t **lines, size_t max)
{
	_auto_free_ char *text = NULL;
	size_t len, count = 0;
	char *line, *end;

	assert_int_equal(iw_file_read(path, 1 << 20, &text, &len, NULL), 0);
	for (line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(count < max);
		lines[count] = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_non_null(lines[count++]);
	}
	return count;
}

static const char *text_of(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static void free_lines(json_t **lines, size_t count)
{
	while (count > 0)
		json_decref(lines[--count]);
}

static void test_fields(void **state)
{
	struct log_test l;
	json_t *lines[4];
	size_t count;

	(void)state;
	open_log(&l);
	iw_log_level(IW_LOG_INFO);
	iw_info("job started", S("job", "fuzz-1"), I("pid", 42));
	iw_warn("nothing more");
	count = read_lines(l.err_path, lines, 4);
	assert_int_equal(count, 2);
	assert_string_equal(text_of(lines[0], "level"), "info");
	assert_string_equal(text_of(lines[0], "what"), "job started");
	assert_string_equal(text_of(lines[0], "job"), "fuzz-1");
	assert_int_equal(json_integer_value(json_object_get(lines[0], "pid")), 42);
	assert_int_equal(
		strlen(text_of(lines[0], "time")), strlen("2026-01-31T12:00:00.000Z"));
	assert_int_equal(json_object_size(lines[1]), 3);
	free_lines(lines, count);
	close_log(&l);
}

static const char *const hostile[] = {"", "quote \" backslash \\", "new\nline", "\x1b[2J",
	"\",\"level\":\"error", "\xff\xfe", "\xe2\x80\xae reversed", "a\r\nb",
	"}\n{\"level\":\"error\"}"};

static void test_hostile_values_stay_in_their_line(void **state)
{
	json_t *lines[IW_COUNT(hostile)];
	struct log_test l;
	_auto_free_ char *raw = NULL;
	size_t i, count, len;

	(void)state;
	open_log(&l);
	for (i = 0; i < IW_COUNT(hostile); i++)
		iw_warn("a target said", S("text", hostile[i]));
	count = read_lines(l.err_path, lines, IW_COUNT(hostile));
	assert_int_equal(count, IW_COUNT(hostile));
	for (i = 0; i < count; i++) {
		assert_string_equal(text_of(lines[i], "level"), "warn");
		assert_int_equal(json_object_size(lines[i]), 4);
	}
	assert_string_equal(text_of(lines[1], "text"), hostile[1]);
	assert_string_equal(text_of(lines[2], "text"), hostile[2]);
	assert_string_equal(text_of(lines[8], "text"), hostile[8]);
	assert_int_equal(iw_file_read(l.err_path, 1 << 20, &raw, &len, NULL), 0);
	assert_null(memchr(raw, 0x1b, len));
	free_lines(lines, count);
	close_log(&l);
}

static void test_levels(void **state)
{
	struct log_test l;
	json_t *lines[8];
	size_t count;

	(void)state;
	open_log(&l);
	iw_log_level(IW_LOG_ERROR);
	iw_debug("no");
	iw_info("no");
	iw_warn("no");
	iw_error("yes");
	iw_log_level(IW_LOG_NONE);
	iw_error("no");
	count = read_lines(l.err_path, lines, 8);
	assert_int_equal(count, 1);
	assert_string_equal(text_of(lines[0], "what"), "yes");
	free_lines(lines, count);
	close_log(&l);
}

static void test_errno_survives(void **state)
{
	struct log_test l;

	(void)state;
	open_log(&l);
	errno = ENOSPC;
	iw_warn("something");
	assert_int_equal(errno, ENOSPC);
	close_log(&l);
}

static void test_missing_folder_is_an_error(void **state)
{
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	temp_fails(&err, iw_log_to("/nowhere/log", NULL, &err), IW_ENOENT,
		"cannot open log '/nowhere/log': No such file or directory");
}

/* Last: the file stays open for the rest of the process. */
static void test_file_gets_every_level(void **state)
{
	struct log_test l;
	json_t *lines[4];
	size_t count;

	(void)state;
	open_log(&l);
	temp_write(&l.t, "log", "{\"earlier\": 1}\n");
	temp_ok(&l.t.err, iw_log_to(l.log_path, NULL, &l.t.err));
	iw_debug("why", S("text", "\x07"));
	iw_error("act");
	count = read_lines(l.log_path, lines, 4);
	assert_int_equal(count, 3);
	assert_non_null(json_object_get(lines[0], "earlier"));
	assert_string_equal(text_of(lines[1], "level"), "debug");
	assert_string_equal(text_of(lines[2], "level"), "error");
	free_lines(lines, count);
	count = read_lines(l.err_path, lines, 4);
	assert_int_equal(count, 1);
	free_lines(lines, count);
	close_log(&l);
}

#define ROTATED_BYTES 2000
#define ROTATED_FILES 3
#define ROTATED_THREADS 4
#define ROTATED_LINES 15

static void *write_lines(void *thread)
{
	int i;

	for (i = 0; i < ROTATED_LINES; i++)
		iw_debug("line", I("n", *(int *)thread * ROTATED_LINES + i));
	return NULL;
}

/* Counts the lines of a file by their number; each is whole. */
static void count_lines(const char *path, int seen[])
{
	json_t *lines[ROTATED_THREADS * ROTATED_LINES];
	size_t i, count = read_lines(path, lines, IW_COUNT(lines));

	assert_true(iw_file_size(path) <= ROTATED_BYTES);
	for (i = 0; i < count; i++)
		seen[json_integer_value(json_object_get(lines[i], "n"))]++;
	free_lines(lines, count);
}

/* Last: the file stays open for the rest of the process. Few enough lines that none is
 * thrown away: each must be in exactly one file. */
static void test_full_file_is_followed_by_another(void **state)
{
	struct iw_log_limits limits = {.bytes = ROTATED_BYTES, .files = ROTATED_FILES};
	int numbers[ROTATED_THREADS], seen[ROTATED_THREADS * ROTATED_LINES] = {0}, i;
	pthread_t threads[ROTATED_THREADS];
	struct log_test l;

	(void)state;
	open_log(&l);
	temp_ok(&l.t.err, iw_log_to(l.log_path, &limits, &l.t.err));
	for (i = 0; i < ROTATED_THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
	}
	for (i = 0; i < ROTATED_THREADS; i++)
		pthread_join(threads[i], NULL);
	count_lines(l.log_path, seen);
	for (i = 1; i <= ROTATED_FILES; i++) {
		_auto_free_ char *older = iw_fmt("%s.%d", l.log_path, i);

		assert_true(i > 1 || iw_file_exists(older));
		if (iw_file_exists(older))
			count_lines(older, seen);
	}
	for (i = 0; i < (int)IW_COUNT(seen); i++)
		assert_int_equal(seen[i], 1);
	/* Now more than all files hold: the oldest go, no other file comes. */
	for (i = 0; i < ROTATED_THREADS; i++)
		write_lines(&numbers[i]);
	for (i = 0; i <= ROTATED_FILES + 1; i++) {
		_auto_free_ char *path =
			i ? iw_fmt("%s.%d", l.log_path, i) : iw_strdup(l.log_path);

		assert_int_equal(iw_file_exists(path), i <= ROTATED_FILES);
	}
	close_log(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_hostile_values_stay_in_their_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_errno_survives),
		cmocka_unit_test(test_missing_folder_is_an_error),
		cmocka_unit_test(test_file_gets_every_level),
		cmocka_unit_test(test_full_file_is_followed_by_another),
	};

	return cmocka_run_group_tests_name("base_log", tests, NULL, NULL);
}
