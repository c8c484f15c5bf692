/* What a keeper leaves behind: exits put into words, logs put together, jobs of an
 * earlier supervisor stopped, swept and removed. */
#include "tests/lib/jobs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/job_record.h"
#include "base/log.h"

#include "base/banned.h"

#define NUMBERS "\"user_us\":7,\"sys_us\":5,\"wall_ms\":3,\"maxrss_kb\":2"

static const struct {
	const char *record, *status_text; /* record NULL: there is none */
	bool was_stopped;
	enum iw_exit_class class;
	int code;
	const char *words;
} rows[] = {
	{"{\"reason\":\"exited\",\"status\":0," NUMBERS "}", "ok\n", false, IW_EXIT_CLEAN,
		0, "exit code 0"},
	{"{\"reason\":\"exited\",\"status\":19712}", "ok\n", false, IW_EXIT_FAILED, 77,
		"exit code 77"},
	{"{\"reason\":\"exited\",\"status\":11}", "ok\n", false, IW_EXIT_SIGNALED, 11,
		"killed by SIGSEGV"},
	{"{\"reason\":\"exited\",\"status\":64}", "ok\n", false, IW_EXIT_SIGNALED, 64,
		"killed by signal 64"},
	/* 139 is a signal only where bubblewrap says so */
	{"{\"reason\":\"exited\",\"status\":35584,\"bwrap_exit\":null}", "ok\n", false,
		IW_EXIT_FAILED, 139, "exit code 139"},
	{"{\"reason\":\"exited\",\"status\":35584,\"bwrap_exit\":139}", "ok\n", false,
		IW_EXIT_SIGNALED, 11, "killed by SIGSEGV"},
	{"{\"reason\":\"exited\",\"status\":19712,\"bwrap_exit\":77}", "ok\n", false,
		IW_EXIT_FAILED, 77, "exit code 77"},
	{"{\"reason\":\"timeout\",\"status\":15}", "ok\n", false, IW_EXIT_TIMEOUT, -1,
		"ran longer than allowed"},
	{"{\"reason\":\"rss\",\"status\":9}", "ok\n", false, IW_EXIT_OOM, -1,
		"used more memory than allowed"},
	{"{\"reason\":\"stopped\",\"status\":15}", "ok\n", true, IW_EXIT_STOPPED, -1,
		"stopped"},
	{"{\"reason\":\"killed\",\"status\":9}", "ok\n", true, IW_EXIT_STOPPED, -1,
		"stopped"},
	{"{\"reason\":\"exited\",\"status\":0}", "ok\n", true, IW_EXIT_STOPPED, -1,
		"stopped"},
	{"{\"reason\":\"exec-failed\",\"status\":-1,\"error\":\"exec '/x': gone\"}",
		"exec '/x': gone", false, IW_EXIT_SPAWN_FAILED, -1, "exec '/x': gone"},
	{"{\"reason\":\"exec-failed\",\"status\":-1}", "", false, IW_EXIT_SPAWN_FAILED,
		-1, "cannot be executed"},
	{"{\"reason\":\"sandbox-failed\",\"status\":256}", "ok\n", false,
		IW_EXIT_SANDBOX_FAILED, -1, "the sandbox could not be set up"},
	{"{\"status\":0}", "ok\n", false, IW_EXIT_LOST, -1, "its exit record is damaged"},
	{"[]", "ok\n", false, IW_EXIT_LOST, -1, "its exit record is damaged"},
	{"{\"reason\":", "ok\n", false, IW_EXIT_LOST, -1, "its keeper was killed"},
	{NULL, "ok\n", false, IW_EXIT_LOST, -1, "its keeper was killed"},
	{NULL, "", false, IW_EXIT_LOST, -1, "its keeper was killed"},
	{NULL, "", true, IW_EXIT_STOPPED, -1, "stopped"},
	{NULL, "'keeper.lock' is held by another keeper", false, IW_EXIT_SPAWN_FAILED, -1,
		"'keeper.lock' is held by another keeper"},
};

static void test_exits(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		struct iw_exit exit;
		struct temp t;

		temp_open(&t);
		if (rows[i].record)
			temp_write(&t, IW_KEEPER_EXIT, rows[i].record);
		iw_job_record_read(
			t.dir, rows[i].status_text, rows[i].was_stopped, &exit);
		assert_string_equal(exit.words, rows[i].words);
		assert_int_equal(exit.class, rows[i].class);
		assert_int_equal(exit.code, rows[i].code);
		if (i == 0) {
			assert_int_equal(iw_exit_cpu_us(&exit), 12);
			assert_int_equal(exit.wall_ms, 3);
			assert_int_equal(exit.maxrss_kb, 2);
		}
		temp_close(&t);
	}
}

static void test_log_segments_by_number(void **state)
{
	static const struct {
		size_t max;
		const char *text;
	} reads[] = {{100, "headnineten-eleven"}, {9, "en-eleven"}, {0, ""}};
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_write(&t, "log", "head");
	temp_write(&t, "log.11", "eleven");
	temp_write(&t, "log.9", "nine");
	temp_write(&t, "log.10", "ten-");
	temp_write(&t, "log.x", "no");
	temp_write(&t, "log.0", "no");
	temp_write(&t, "log.-1", "no");
	temp_write(&t, "logs", "no");
	for (size_t i = 0; i < IW_COUNT(reads); i++) {
		_auto_free_ char *log = NULL;
		size_t len;

		temp_ok(&t.err,
			iw_job_record_log(t.dir, reads[i].max, &log, &len, &t.err));
		assert_int_equal(len, strlen(reads[i].text));
		assert_memory_equal(log, reads[i].text, len + 1);
	}
	temp_close(&t);
}

/* What found was told. */
struct finds {
	int calls, rc;
	enum iw_exit_class class;
	char about[64], name[64];
};

static int found(void *ctx, const char *dir, const char *about)
{
	struct finds *f = ctx;
	struct iw_exit exit;

	f->calls++;
	iw_job_record_read(dir, "", false, &exit);
	f->class = exit.class;
	snprintf(f->about, sizeof f->about, "%s", about ? about : "(null)");
	snprintf(f->name, sizeof f->name, "%s", iw_path_base(dir));
	return f->rc;
}

static void vanish(struct jobs_watch *w)
{
	(void)w;
	_exit(0);
}

/* A supervisor that starts a job and is gone without a word. */
static void start_and_vanish(struct jobs_test *j, const char *script)
{
	static const struct iw_job_spec spec = {
		.about = "{\"target\":\"one\"}", .grace_ms = 300};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct jobs_watch w = {.act = vanish};
		struct jobs_end end = {.calls = 0};

		/* The loop of before the fork is not ours to run. */
		if (iw_loop_init(&j->loop, NULL) < 0)
			_exit(1);
		w.job = jobs_shell(j, &spec, script);
		iw_job_submit(w.job, jobs_done, &end);
		jobs_watch(j, &w);
		iw_loop_run(&j->loop);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void recover_living(const char *script)
{
	struct finds f = {.calls = 0};
	struct jobs_test j;

	jobs_open(&j, NULL);
	start_and_vanish(&j, script);
	assert_int_equal(temp_entries(j.dir), 1);
	temp_ok(&j.t.err,
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err));
	assert_int_equal(f.calls, 1);
	/* Its record is there, so it had ended, and because we asked. */
	assert_int_equal(f.class, IW_EXIT_STOPPED);
	assert_string_equal(f.about, "{\"target\":\"one\"}");
	assert_int_equal(temp_entries(j.dir), 0);
	jobs_close(&j);
}

static void test_recover_stops_a_living_keeper(void **state)
{
	(void)state;
	recover_living("echo ready; exec sleep 600");
	recover_living("trap '' TERM; echo ready; while :; do sleep 0.05; done");
}

/* A keeper that holds its lock but has not yet said who it is. */
static void test_recover_waits_for_a_young_keeper(void **state)
{
	struct finds f = {.calls = 0};
	_auto_free_ char *dir = NULL, *lock = NULL, *record = NULL;
	int ready[2], status;
	struct jobs_test j;
	pid_t pid;
	char c;

	(void)state;
	jobs_open(&j, NULL);
	dir = iw_path_join(j.dir, "fuzz-1");
	lock = iw_path_join(dir, IW_KEEPER_LOCK);
	record = iw_path_join(dir, IW_KEEPER_RECORD);
	temp_ok(&j.t.err, iw_dir_make(dir, &j.t.err));
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		_auto_free_ char *text = NULL, *stat = NULL;
		int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644), field = 2;
		size_t len;
		char *p;

		if (flock(fd, LOCK_EX) < 0 || write(ready[1], "x", 1) < 0)
			_exit(1);
		usleep(300 * 1000);
		if (iw_file_read("/proc/self/stat", 4096, &stat, &len, NULL) < 0)
			_exit(1);
		for (p = strrchr(stat, ')'); field < 22; field++)
			p = strchr(p + 1, ' ');
		text = iw_fmt("{\"pid\":%d,\"starttime\":%lld,\"boot_id\":\"x\"}",
			(int)getpid(), strtoll(p, NULL, 10));
		if (iw_file_replace(record, text, strlen(text), NULL) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	temp_ok(&j.t.err,
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(f.calls, 1);
	close(ready[0]);
	close(ready[1]);
	jobs_close(&j);
}

/* The pid of a record may long belong to somebody else: whoever holds no lock is spared.
 */
static void test_recover_spares_strangers(void **state)
{
	struct finds f = {.calls = 0};
	_auto_free_ char *dir = NULL, *path = NULL, *text = NULL;
	struct jobs_test j;

	(void)state;
	jobs_open(&j, NULL);
	dir = iw_path_join(j.dir, "fuzz-1");
	path = iw_path_join(dir, IW_KEEPER_RECORD);
	temp_ok(&j.t.err, iw_dir_make(dir, &j.t.err));
	text = iw_fmt("{\"pid\":%d,\"starttime\":1,\"boot_id\":\"x\"}", (int)getpid());
	temp_ok(&j.t.err, iw_file_write(path, text, strlen(text), 0644, &j.t.err));
	temp_ok(&j.t.err,
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err));
	assert_int_equal(f.calls, 1);
	assert_int_equal(f.class, IW_EXIT_LOST);
	assert_string_equal(f.about, "(null)");
	jobs_close(&j);
}

static void test_recover_keeps_what_could_not_be_swept(void **state)
{
	struct finds f = {.rc = -1};
	struct jobs_test j;
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(&j, NULL, "exit 0");
	iw_job_leave(job);
	iw_log_level(IW_LOG_NONE);
	temp_ok(&j.t.err,
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err));
	iw_log_level(IW_LOG_WARN);
	assert_int_equal(f.calls, 1);
	assert_int_equal(temp_entries(j.dir), 1);
	f.rc = 0;
	temp_ok(&j.t.err,
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err));
	assert_int_equal(temp_entries(j.dir), 0);
	jobs_close(&j);
}

/* Whose findings are in there? Nobody knows, so nobody may throw them away. */
static void test_recover_keeps_what_it_cannot_name(void **state)
{
	struct finds f = {.rc = 0};
	struct jobs_test j;
	char *about;

	(void)state;
	jobs_open(&j, NULL);
	about = iw_path_join(j.dir, "fuzz-1/about");
	temp_ok(&j.t.err, iw_dir_make(about, &j.t.err));
	assert_int_equal(
		iw_jobs_recover(j.dir,
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &j.t.err),
		IW_EIO);
	assert_non_null(strstr(j.t.err.msg, about));
	assert_int_equal(f.calls, 0);
	assert_true(iw_file_exists(about));
	free(about);
	jobs_close(&j);
}

static void test_recover_of_nothing(void **state)
{
	struct finds f = {.calls = 0};
	struct iw_err err = IW_ERR_INIT;

	(void)state;
	temp_ok(&err,
		iw_jobs_recover("/nowhere/jobs",
			&(struct iw_jobs_recovery){.ctx = &f, .found = found}, &err));
	assert_int_equal(f.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_log_segments_by_number),
		cmocka_unit_test(test_recover_stops_a_living_keeper),
		cmocka_unit_test(test_recover_waits_for_a_young_keeper),
		cmocka_unit_test(test_recover_spares_strangers),
		cmocka_unit_test(test_recover_keeps_what_could_not_be_swept),
		cmocka_unit_test(test_recover_keeps_what_it_cannot_name),
		cmocka_unit_test(test_recover_of_nothing),
	};

	return cmocka_run_group_tests_name("base_job_record", tests, NULL, NULL);
}
