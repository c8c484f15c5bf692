/* libFuzzer as the farm sees it: its numbers, its artifacts, its end, its command line.
 */
#include "tests/lib/jobs.h"

#include "engine/engine.h"

#include "base/banned.h"

#define INITED "#2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb\n"
#define NEW                                                                              \
	"#4096\tNEW    cov: 12 ft: 34 corp: 5/6b lim: 40 exec/s: 2048 rss: 31Mb L: "     \
	"1/1\n"
#define PULSE "#8192\tpulse  cov: 12 ft: 34 corp: 5/6b lim: 80 exec/s: 2730 rss: 31Mb\n"
#define STATS                                                                            \
	"stat::number_of_executed_units: 9001\nstat::average_exec_per_sec:     3000\n"

static const struct {
	const char *log;
	int64_t executions, per_second; /* -1: untouched */
} rows[] = {
	{"", -1, -1},
	{"INFO: Seed: 1\n", -1, -1},
	{"INFO: Seed: 1\n" INITED, 2, 0},
	{"INFO: x\n" INITED NEW, 4096, 2048},
	{"INFO: x\n" INITED NEW PULSE, 8192, 2730},
	{"INFO: x\n" NEW "Done 9001 runs in 3 second(s)\n" STATS, 9001, 2048},
	/* the tail of a log begins anywhere, and its last line may be half written */
	{"96\tNEW cov: 1 exec/s: 7 rss: 1Mb\n#8192\tpul", 8192, 7},
	{"x\n" NEW "#", 4096, 2048},
	{"x\n" NEW "#81", 4096, 2048},
	{"x\n" NEW "#8192\tpulse exec/s: 27", 8192, 2048},
	/* stacks are indented, and what a target prints is not a status line */
	{"x\n" NEW "==1==ERROR\n    #0 0x1234 in f\n    #7 0x99 in g\n", 4096, 2048},
	/* what a hostile target says must not become our books */
	{"x\n#99999999999999999999999\tNEW exec/s: 5\n", -1, 5},
	{"x\n" NEW "stat::number_of_executed_units: 9223372036854775807\n", 4096, 2048},
	{"x\n#-5\tNEW exec/s: -7\n", -1, -1},
};

static void say(const char *log, size_t len, struct engine_progress *p)
{
	struct engine_said said = {.log = log, .log_len = len};

	engine_libfuzzer.progress(&said, p);
}

static void test_progress(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		struct engine_progress p = {.executions = -1, .per_second = -1};

		say(rows[i].log, strlen(rows[i].log), &p);
		if (p.executions != rows[i].executions ||
			p.per_second != rows[i].per_second)
			print_error("row %zu\n", i);
		assert_int_equal(p.executions, rows[i].executions);
		assert_int_equal(p.per_second, rows[i].per_second);
	}
}

static void test_progress_survives_nul_bytes(void **state)
{
	static const char log[] = "\0\n" NEW "\0";
	struct engine_progress p = {.executions = -1};

	(void)state;
	say(log, sizeof log - 1, &p);
	assert_int_equal(p.executions, 4096);
}

#define LINE(n, what, units)                                                             \
	"#" n "\t" what " cov: 1 ft: 2 corp: " units "/9b exec/s: 1\n"

/* What a reload brought, each line counted once however often the tail is read. */
static void test_kept(void **state)
{
	static const char first[] = LINE("2", "INITED", "5") LINE("10", "NEW   ", "6")
		LINE("20", "RELOAD", "9");
	static const char second[] = LINE("10", "NEW   ", "6") LINE("20", "RELOAD", "9")
		LINE("30", "REDUCE", "8") LINE("40", "RELOAD", "10") "#50\tRELOAD cov";
	struct engine_progress p = engine_progress_none;

	(void)state;
	say(first, sizeof first - 1, &p);
	assert_int_equal(p.kept, 3);
	say(first, sizeof first - 1, &p);
	assert_int_equal(p.kept, 3);
	say(second, sizeof second - 1, &p);
	assert_int_equal(p.kept, 5);
}

static const struct {
	const char *name;
	enum engine_artifact kind;
} artifacts[] = {
	{"crash-da39a3ee5e6b4b0d3255bfef95601890afd80709", ENGINE_ARTIFACT_CRASH},
	{"timeout-da39a3", ENGINE_ARTIFACT_TIMEOUT},
	{"oom-da39a3", ENGINE_ARTIFACT_OOM},
	{"leak-da39a3", ENGINE_ARTIFACT_LEAK},
	{"slow-unit-da39a3", ENGINE_ARTIFACT_NONE},
	{"crash", ENGINE_ARTIFACT_NONE},
	{"Crash-1", ENGINE_ARTIFACT_NONE},
	{"xcrash-1", ENGINE_ARTIFACT_NONE},
	{"", ENGINE_ARTIFACT_NONE},
	{".crash-1.tmp", ENGINE_ARTIFACT_NONE},
};

static void test_artifacts(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(artifacts); i++)
		assert_int_equal(
			engine_libfuzzer.artifact("artifacts", artifacts[i].name),
			artifacts[i].kind);
	assert_string_equal(engine_artifact_name(ENGINE_ARTIFACT_OOM), "oom");
	assert_string_equal(engine_artifact_name(ENGINE_ARTIFACT_TIMEOUT), "timeout");
}

static const struct {
	enum iw_exit_class class;
	enum engine_end without;
} ends[] = {
	{IW_EXIT_CLEAN, ENGINE_END_SLICE},
	{IW_EXIT_STOPPED, ENGINE_END_SLICE},
	{IW_EXIT_TIMEOUT, ENGINE_END_SLICE},
	{IW_EXIT_FAILED, ENGINE_END_FAILED},
	{IW_EXIT_SIGNALED, ENGINE_END_FAILED},
	{IW_EXIT_OOM, ENGINE_END_FAILED},
	{IW_EXIT_SPAWN_FAILED, ENGINE_END_FAILED},
	{IW_EXIT_SANDBOX_FAILED, ENGINE_END_FAILED},
	{IW_EXIT_LOST, ENGINE_END_FAILED},
};

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(ends); i++) {
		struct iw_exit exit = {.class = ends[i].class};

		assert_int_equal(engine_libfuzzer.end(&exit, false), ends[i].without);
		assert_int_equal(engine_libfuzzer.end(&exit, true), ENGINE_END_FOUND);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(engine_find("libfuzzer"), &engine_libfuzzer);
	assert_null(engine_find("libFuzzer"));
	assert_null(engine_find(""));
}

/* What is run is read from the spec that the keeper would get. Returns whether
 * there are more. */
static bool expect_first_args(
	struct jobs_test *j, struct iw_job *job, const char *const *args)
{
	struct jobs_end end = {.calls = 0};
	_auto_free_ char *path = iw_path_join(iw_job_dir(job), IW_KEEPER_SPEC);
	_auto_free_ char *spec = NULL;
	const char *p;
	size_t len;

	iw_job_submit(job, jobs_done, &end);
	iw_loop_run(&j->loop);
	assert_int_equal(iw_file_read(path, 1 << 20, &spec, &len, NULL), 0);
	for (p = spec; *args; args++, p += strlen(p) + 1) {
		assert_memory_equal(p, "arg=", 4);
		assert_string_equal(p + 4, *args);
	}
	iw_job_free(job);
	return strncmp(p, "arg=", 4) == 0;
}

static void expect_args(struct jobs_test *j, struct iw_job *job, const char *const *args)
{
	assert_false(expect_first_args(j, job, args));
}

static void test_commands(void **state)
{
	static const struct iw_job_spec spec;
	const struct engine_slice full = {.binary = "/nowhere/t",
		.dictionary = "/d",
		.seconds = 60,
		.max_len = 9,
		.timeout_s = 5,
		.rss_limit_mb = 99,
		.check_leaks = true,
		.seed = 7};
	const struct engine_slice bare = {.binary = "/nowhere/t", .seconds = 1};
	const struct engine_slice shielded = {.binary = "/nowhere/t",
		.driver = "/nowhere/driver.so",
		.has_shield = true};
	_auto_free_ char *prefix = NULL, *corpus = NULL, *shield = NULL;
	struct jobs_test j;
	struct iw_job *job;

	(void)state;
	jobs_open(&j, NULL);
	temp_ok(&j.t.err, iw_job_new(&job, j.jobs, &spec, &j.t.err));
	prefix = iw_fmt("-artifact_prefix=%s/artifacts/", iw_job_work(job));
	corpus = iw_fmt("%s/corpus", iw_job_work(job));
	engine_libfuzzer.command(job, &full);
	expect_args(&j, job,
		(const char *const[]){"/nowhere/t", prefix, "-max_total_time=60",
			"-seed=7", "-max_len=9", "-dict=/d", "-timeout=5",
			"-rss_limit_mb=99", "-detect_leaks=1",
			"-report_slow_units=1000000", "-print_final_stats=1", corpus,
			NULL});
	temp_ok(&j.t.err, iw_job_new(&job, j.jobs, &spec, &j.t.err));
	shield = iw_fmt("IRONWORKS_SHIELD=%s/shield", iw_job_work(job));
	engine_libfuzzer.command(job, &shielded);
	expect_first_args(&j, job,
		(const char *const[]){"/usr/bin/env", "LD_PRELOAD=/nowhere/driver.so",
			shield, "/nowhere/t", NULL});
	temp_ok(&j.t.err, iw_job_new(&job, j.jobs, &spec, &j.t.err));
	engine_libfuzzer.reproduce(job, &bare, "/nowhere/input");
	expect_args(&j, job,
		(const char *const[]){
			"/nowhere/t", "-detect_leaks=0", "/nowhere/input", NULL});
	jobs_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_survives_nul_bytes),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_artifacts),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests_name("engine_libfuzzer", tests, NULL, NULL);
}
