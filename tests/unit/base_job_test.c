/* Jobs under the real keeper: every way to end by itself, with the sandbox and without.
 */
#include "tests/lib/jobs.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/time.h"

#include "base/banned.h"

#define STUBBORN "trap '' TERM; echo ready; while :; do sleep 0.05; done"
#define HUNGRY "{ head -c 150000000 /dev/zero; sleep 60; } | tail -n 1"

static struct jobs_end run(
	struct jobs_test *j, const struct iw_job_spec *spec, const char *script)
{
	struct iw_job *job = jobs_shell(j, spec, script);
	struct jobs_end end = {.calls = 0};

	iw_job_submit(job, jobs_done, &end);
	assert_int_equal(end.calls, 0);
	iw_loop_run(&j->loop);
	iw_job_free(job);
	return end;
}

static const struct {
	const char *script;
	enum iw_exit_class class;
	int code;
	const char *words;
	int64_t timeout_ms, rss_limit_mb;
} ends[] = {
	{"exit 0", IW_EXIT_CLEAN, 0, "exit code 0", 0, 0},
	{"exit 1", IW_EXIT_FAILED, 1, "exit code 1", 0, 0},
	{"exit 77", IW_EXIT_FAILED, 77, "exit code 77", 0, 0},
	{"kill -SEGV $$; sleep 9", IW_EXIT_SIGNALED, SIGSEGV, "killed by SIGSEGV", 0, 0},
	{"kill -ABRT $$; sleep 9", IW_EXIT_SIGNALED, SIGABRT, "killed by SIGABRT", 0, 0},
	{"kill -KILL $$; sleep 9", IW_EXIT_SIGNALED, SIGKILL, "killed by SIGKILL", 0, 0},
	{"sleep 60", IW_EXIT_TIMEOUT, -1, "ran longer than allowed", 300, 0},
	{STUBBORN, IW_EXIT_TIMEOUT, -1, "ran longer than allowed", 300, 0},
	{HUNGRY, IW_EXIT_OOM, -1, "used more memory than allowed", 0, 60},
};

static void test_ends(struct jobs_test *j)
{
	for (size_t i = 0; i < IW_COUNT(ends); i++) {
		struct iw_job_spec spec = {.timeout_ms = ends[i].timeout_ms,
			.rss_limit_mb = ends[i].rss_limit_mb,
			.grace_ms = 300};
		struct jobs_end end = run(j, &spec, ends[i].script);

		jobs_expect(&end, ends[i].class, ends[i].code, ends[i].words);
		assert_true(end.exit.wall_ms >= ends[i].timeout_ms);
		assert_true(end.exit.maxrss_kb > 0);
	}
	assert_int_equal(temp_entries(j->dir), 0);
}

static void test_ends_without_sandbox(void **state)
{
	struct jobs_test j;

	(void)state;
	jobs_open(&j, NULL);
	test_ends(&j);
	jobs_close(&j);
}

static void test_ends_in_the_sandbox(void **state)
{
	struct iw_sandbox sandbox;
	struct jobs_test j;

	(void)state;
	if (!jobs_probe(&sandbox))
		skip();
	jobs_open(&j, &sandbox);
	test_ends(&j);
	jobs_close(&j);
}

static void test_what_it_sees(void **state)
{
	struct jobs_test j;
	struct jobs_end end = {.calls = 0};
	struct iw_job *job;
	_auto_free_ char *log = NULL, *expected = NULL;
	size_t len;

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(&j, NULL, "pwd; env | grep -v ^_= | sort; cat; ls");
	iw_job_env(job, "ZERO", "a b");
	iw_job_argf(job, "%s-%d", "ignored", 1);
	expected = iw_path_join(iw_job_work(job), "input");
	temp_ok(&j.t.err, iw_file_write(expected, "x", 1, 0644, &j.t.err));
	iw_freep(&expected);
	iw_job_submit(job, jobs_done, &end);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
	expected = iw_fmt("%s\nPATH=/usr/bin:/bin\nPWD=%s\nZERO=a b\ninput\n",
		iw_job_work(job), iw_job_work(job));
	temp_ok(&j.t.err, iw_job_log_read(job, 4096, &log, &len, &j.t.err));
	assert_string_equal(log, expected);
	iw_job_free(job);
	jobs_close(&j);
}

/* The walls of a job are those of its spec; a trusted one has none. */
static void test_reads_and_writes_in_the_sandbox(void **state)
{
	_auto_free_ char *shared = NULL, *script = NULL;
	struct iw_sandbox sandbox;
	struct jobs_test j;
	struct jobs_end end;

	(void)state;
	if (!jobs_probe(&sandbox))
		skip();
	jobs_open(&j, &sandbox);
	shared = temp_path(&j.t, "shared");
	script = iw_fmt("cat %s/f && echo changed > %s/f", shared, shared);
	temp_ok(&j.t.err, iw_dir_make(shared, &j.t.err));
	temp_write(&j.t, "shared/f", "as it was");
	{
		const char *const paths[] = {shared, NULL};
		struct iw_job_spec none = {0}, reads = {.reads = paths};
		struct iw_job_spec writes = {.writes = paths},
				   trusted = {.is_trusted = true};

		end = run(&j, &none, script);
		assert_int_equal(end.exit.class, IW_EXIT_FAILED);
		end = run(&j, &reads, script);
		assert_int_equal(end.exit.class, IW_EXIT_FAILED);
		temp_expect(&j.t, "shared/f", "as it was");
		end = run(&j, &writes, script);
		jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
		temp_expect(&j.t, "shared/f", "changed\n");
		end = run(&j, &trusted, script);
		jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
	}
	jobs_close(&j);
}

static void test_sandbox_that_cannot_be_made(void **state)
{
	const char *const nowhere[] = {"/nowhere/at/all", NULL};
	struct iw_job_spec spec = {.reads = nowhere};
	struct iw_sandbox sandbox;
	struct jobs_test j;
	struct jobs_end end;

	(void)state;
	if (!jobs_probe(&sandbox))
		skip();
	jobs_open(&j, &sandbox);
	end = run(&j, &spec, "exit 0");
	jobs_expect(&end, IW_EXIT_SANDBOX_FAILED, -1, "the sandbox could not be set up");
	jobs_close(&j);
}

static void test_no_such_program(void **state)
{
	static const struct iw_job_spec spec;
	struct jobs_end end = {.calls = 0};
	struct jobs_test j;
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	temp_ok(&j.t.err, iw_job_new(&job, j.jobs, &spec, &j.t.err));
	iw_job_arg(job, "/nowhere/program");
	iw_job_submit(job, jobs_done, &end);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_SPAWN_FAILED, -1, NULL);
	assert_non_null(strstr(end.exit.words, "/nowhere/program"));
	assert_non_null(strstr(end.exit.words, "No such file or directory"));
	iw_job_free(job);
	jobs_close(&j);
}

static void test_no_keeper(void **state)
{
	struct jobs_test j;
	struct iw_jobs_config config;
	_auto_free_ char *keeper = NULL, *words = NULL;
	struct iw_jobs *jobs;
	struct iw_job *job;
	struct jobs_end end = {.calls = 0};

	(void)state;
	jobs_open(&j, NULL);
	keeper = temp_path(&j.t, "keeper");
	config = (struct iw_jobs_config){.dir = j.dir, .keeper = keeper};
	words = iw_fmt("the job keeper '%s' is missing; build or install Ironworks whole",
		keeper);
	temp_fails(&j.t.err, iw_jobs_open(&jobs, &j.loop, &config, &j.t.err), IW_ETOOL,
		words);
	/* There at first, gone when a job starts: an upgrade under our feet. */
	assert_int_equal(symlink(TEST_KEEPER, keeper), 0);
	iw_jobs_close(j.jobs);
	temp_ok(&j.t.err, iw_jobs_open(&j.jobs, &j.loop, &config, &j.t.err));
	unlink(keeper);
	job = jobs_shell(&j, NULL, "exit 0");
	iw_job_submit(job, jobs_done, &end);
	assert_int_equal(end.calls, 0);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_SPAWN_FAILED, -1,
		"cannot start the keeper: no such file or directory");
	iw_job_free(job);
	jobs_close(&j);
}

static void test_no_folder_to_start_in(void **state)
{
	struct jobs_end end = {.calls = 0};
	struct jobs_test j;
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(&j, NULL, "exit 0");
	temp_ok(&j.t.err, iw_dir_remove(iw_job_dir(job), &j.t.err));
	iw_job_submit(job, jobs_done, &end);
	assert_int_equal(end.calls, 0); /* later, as always */
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_SPAWN_FAILED, -1, NULL);
	iw_job_free(job);
	jobs_close(&j);
}

/* The newest of a long output, over all segments that are left of it. */
static void test_log_over_segments(void **state)
{
	static const struct iw_job_spec spec = {.log_limit = 16 << 10};
	static const size_t reads[] = {1, 100, 4096, 6000, 8192};
	struct jobs_end end = {.calls = 0};
	struct jobs_test j;
	struct iw_job *job;
	char whole[8 * 20001 + 1];
	size_t i, len;

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(&j, &spec, "seq -f %07.0f 0 20000");
	iw_job_submit(job, jobs_done, &end);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
	for (i = 0; i <= 20000; i++)
		snprintf(whole + 8 * i, 9, "%07zu\n", i);
	for (i = 0; i < IW_COUNT(reads); i++) {
		_auto_free_ char *log = NULL;

		temp_ok(&j.t.err, iw_job_log_read(job, reads[i], &log, &len, &j.t.err));
		assert_int_equal(len, reads[i]);
		assert_memory_equal(log, whole + sizeof whole - 1 - len, len);
		assert_int_equal(log[len], '\0');
	}
	{
		_auto_free_ char *log = NULL;

		temp_ok(&j.t.err, iw_job_log_read(job, 1 << 20, &log, &len, &j.t.err));
		assert_true(len <= 16 << 10);
		assert_memory_equal(log, whole, 4096); /* the head stays */
	}
	iw_job_free(job);
	jobs_close(&j);
}

static void test_nothing_printed_is_empty(void **state)
{
	struct jobs_test j;
	struct iw_job *job;
	_auto_free_ char *log = NULL;
	size_t len;

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(&j, NULL, "exit 0");
	temp_ok(&j.t.err, iw_job_log_read(job, 10, &log, &len, &j.t.err));
	assert_string_equal(log, "");
	assert_int_equal(len, 0);
	iw_job_free(job);
	jobs_close(&j);
}

/* A folder that was left must not become that of another job, even if the clock stands.
 */
static void test_names_are_never_used_twice(void **state)
{
	struct iw_jobs_config config;
	struct jobs_test j;
	struct iw_job *first, *second;
	_auto_free_ char *kept = NULL;

	(void)state;
	iw_time_set(1000, -1);
	jobs_open(&j, NULL);
	first = jobs_shell(&j, NULL, "exit 0");
	kept = iw_strdup(iw_job_dir(first));
	iw_job_leave(first);
	assert_true(iw_file_exists(kept));
	iw_jobs_close(j.jobs);
	config = (struct iw_jobs_config){.dir = j.dir, .keeper = TEST_KEEPER};
	temp_ok(&j.t.err, iw_jobs_open(&j.jobs, &j.loop, &config, &j.t.err));
	second = jobs_shell(&j, NULL, "exit 0");
	assert_string_not_equal(iw_job_dir(second), kept);
	iw_job_free(second);
	assert_true(iw_file_exists(kept));
	iw_time_set(-1, -1);
	jobs_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_without_sandbox),
		cmocka_unit_test(test_ends_in_the_sandbox),
		cmocka_unit_test(test_what_it_sees),
		cmocka_unit_test(test_reads_and_writes_in_the_sandbox),
		cmocka_unit_test(test_sandbox_that_cannot_be_made),
		cmocka_unit_test(test_no_such_program),
		cmocka_unit_test(test_no_keeper),
		cmocka_unit_test(test_no_folder_to_start_in),
		cmocka_unit_test(test_log_over_segments),
		cmocka_unit_test(test_nothing_printed_is_empty),
		cmocka_unit_test(test_names_are_never_used_twice),
	};

	return cmocka_run_group_tests_name("base_job", tests, NULL, NULL);
}
