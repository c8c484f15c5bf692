/* Batches as the driver reads them, and results as a target may have left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/driver_batch.h"
#include "engine/driver_format.h"

#include "base/banned.h"

#define UNITS 4

struct fixture {
	char dir[64];
	struct iw_buf result;
	struct engine_results results;
	enum engine_batch_end end;
	char why[512];
	struct iw_err err;
};

static void setup(struct fixture *f)
{
	struct iw_driver_result_header head = {.magic = IW_DRIVER_RESULT_MAGIC,
		.version = IW_DRIVER_VERSION,
		.units = UNITS,
		.counters = 100};

	*f = (struct fixture){.dir = "/tmp/ironworks-test-XXXXXX"};
	assert_non_null(mkdtemp(f->dir));
	iw_buf_add(&f->result, &head, sizeof head);
}

static void teardown(struct fixture *f)
{
	iw_buf_fini(&f->result);
	engine_results_fini(&f->results);
	assert_int_equal(iw_dir_remove(f->dir, NULL), 0);
}

static void put(struct fixture *f, const char *name, const void *data, size_t len)
{
	_auto_free_ char *path = iw_path_join(f->dir, name);

	assert_int_equal(iw_file_write(path, data, len, 0644, &f->err), 0);
}

static void record(struct fixture *f, uint8_t kind, uint32_t index, uint32_t count,
	const void *payload, size_t len)
{
	struct iw_driver_record r = {.kind = kind,
		.index = index,
		.microseconds = 7,
		.status = 6,
		.count = count,
		.bytes = (uint32_t)len};

	iw_buf_add(&f->result, &r, sizeof r);
	iw_buf_add(&f->result, payload, len);
}

static int parse(struct fixture *f)
{
	put(f, IW_DRIVER_RESULT, f->result.data, f->result.len);
	engine_results_fini(&f->results);
	engine_results_init(&f->results, UNITS);
	return engine_batch_read(f->dir, &f->results, &f->end, f->why, &f->err);
}

static void test_whole_result(void **state)
{
	struct fixture f;
	const struct engine_unit_result *unit;

	(void)state;
	setup(&f);
	put(&f, "death-1.txt", "it died", 7);
	record(&f, IW_DRIVER_MEASURED, 0, 2, "\x05\x03", 2);
	record(&f, IW_DRIVER_LEAK, 1, 0, "", 0);
	record(&f, IW_DRIVER_MEASURED, 2, 0, "", 0);
	record(&f, IW_DRIVER_SKIPPED, 3, 1, "", 0);
	record(&f, IW_DRIVER_END, 0, 0, "", 0);
	assert_int_equal(parse(&f), 0);
	assert_int_equal(f.end, ENGINE_BATCH_WHOLE);
	unit = f.results.units;
	assert_int_equal(unit[0].outcome, ENGINE_PASSED);
	assert_int_equal(unit[0].feature_count, 2);
	assert_memory_equal(engine_features(&f.results, unit), "\x05\x03", 2);
	assert_int_equal(unit[1].outcome, ENGINE_DIED);
	assert_int_equal(unit[1].death, ENGINE_DEATH_LEAK);
	assert_string_equal(unit[1].report, "it died");
	assert_int_equal(unit[1].status, 6);
	assert_int_equal(unit[2].outcome, ENGINE_PASSED);
	assert_int_equal(unit[3].outcome, ENGINE_NOT_RUN);
	teardown(&f);
}

/* For every length of what a killed driver leaves: the records that are whole count. */
static void test_cut_anywhere(void **state)
{
	struct fixture f;
	size_t len, whole, i;

	(void)state;
	setup(&f);
	for (i = 0; i < UNITS; i++)
		record(&f, IW_DRIVER_MEASURED, (uint32_t)i, 1, "\x05", 1);
	whole = f.result.len;
	for (len = 0; len <= whole; len++) {
		size_t head = sizeof(struct iw_driver_result_header);
		size_t each = sizeof(struct iw_driver_record) + 1;
		size_t known = len < head ? 0 : (len - head) / each;

		f.result.len = len;
		assert_int_equal(parse(&f), 0);
		assert_int_equal(f.end, ENGINE_BATCH_CUT);
		for (i = 0; i < UNITS; i++)
			assert_int_equal(f.results.units[i].outcome,
				i < known ? ENGINE_PASSED : ENGINE_NOT_RUN);
	}
	teardown(&f);
}

static void test_unfit_and_failed(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	record(&f, IW_DRIVER_UNFIT, 0, 0, "no symbols", 10);
	assert_int_equal(parse(&f), 0);
	assert_int_equal(f.end, ENGINE_BATCH_UNFIT);
	assert_string_equal(f.why, "no symbols");
	teardown(&f);

	setup(&f);
	record(&f, IW_DRIVER_FAILED, 0, 0, "disk full", 9);
	assert_int_equal(parse(&f), IW_EJOB);
	teardown(&f);

	setup(&f);
	put(&f, IW_DRIVER_DEATH_INIT, "cannot open display", 19);
	assert_int_equal(parse(&f), 0);
	assert_int_equal(f.end, ENGINE_BATCH_INIT);
	assert_string_equal(f.why, "cannot open display");
	teardown(&f);
}

static void test_no_result(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	engine_results_init(&f.results, UNITS);
	assert_int_equal(engine_batch_read(f.dir, &f.results, &f.end, f.why, &f.err), 0);
	assert_int_equal(f.end, ENGINE_BATCH_ABSENT);
	teardown(&f);
}

static void test_scribbled_results_are_refused(void **state)
{
	static const struct {
		const char *what;
		uint8_t kind;
		uint32_t index, count;
		const char *payload;
		size_t len;
	} cases[] = {
		{"a unit out of order", IW_DRIVER_MEASURED, 1, 1, "\x05", 1},
		{"a unit out of range", IW_DRIVER_DIED, 4000000000u, 0, "", 0},
		{"a feature out of range", IW_DRIVER_MEASURED, 0, 1, "\xa0\x06", 2},
		{"features twice", IW_DRIVER_MEASURED, 0, 2, "\x05\x00", 2},
		{"more features than bytes", IW_DRIVER_MEASURED, 0, 4000000000u, "\x05",
			1},
		{"skipped out of range", IW_DRIVER_SKIPPED, 0, 4294967295u, "", 0},
		{"unknown kind", 99, 0, 0, "", 0},
		{"kind 0", 0, 0, 0, "", 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(cases); i++) {
		struct fixture f;

		setup(&f);
		record(&f, cases[i].kind, cases[i].index, cases[i].count,
			cases[i].payload, cases[i].len);
		if (parse(&f) != IW_EINVAL)
			fail_msg("%s was taken", cases[i].what);
		assert_int_equal(f.results.units[0].outcome, ENGINE_NOT_RUN);
		teardown(&f);
	}
}

/* The job could lay a link to a file of ours where its result should be. */
static void test_links_are_not_followed(void **state)
{
	struct fixture f;
	_auto_free_ char *path = NULL, *report = NULL;

	(void)state;
	setup(&f);
	record(&f, IW_DRIVER_DIED, 0, 0, "", 0);
	report = iw_path_join(f.dir, "death-0.txt");
	assert_int_equal(symlink("/etc/passwd", report), 0);
	assert_int_equal(parse(&f), 0);
	assert_int_equal(f.results.units[0].outcome, ENGINE_DIED);
	assert_null(f.results.units[0].report);

	path = iw_path_join(f.dir, IW_DRIVER_RESULT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	engine_results_fini(&f.results);
	engine_results_init(&f.results, UNITS);
	assert_int_equal(
		engine_batch_read(f.dir, &f.results, &f.end, f.why, &f.err), IW_EINVAL);
	teardown(&f);
}

static int load(void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	static const char *const units[] = {"one", "", "three"};

	if (ctx && i == 1)
		return iw_err_set(err, IW_EIO, "cannot load");
	*data = units[i];
	*len = strlen(units[i]);
	return 0;
}

static void test_batch(void **state)
{
	static const char wanted[] =
		"IWBATCH\0\1\0\0\0\3\0\0\0\3\0\0\0one\0\0\0\0\5\0\0\0three";
	struct engine_units units = {.count = 3, .load = load};
	struct engine_driver_spec spec = {.leaks = true, .timeout_ms = 1500};
	struct fixture f;
	_auto_free_ char *path = NULL, *keys = NULL, *data = NULL, *text = NULL;
	size_t len;

	(void)state;
	setup(&f);
	assert_int_equal(engine_batch_write(f.dir, &spec, &units, &f.err), 0);
	path = iw_path_join(f.dir, IW_DRIVER_BATCH);
	assert_int_equal(iw_file_read(path, 1000, &data, &len, &f.err), 0);
	assert_int_equal(len, sizeof wanted - 1);
	assert_memory_equal(data, wanted, len);
	keys = iw_path_join(f.dir, IW_DRIVER_SPEC);
	assert_int_equal(iw_file_read(keys, 1000, &text, &len, &f.err), 0);
	assert_memory_equal(text, "features=0\0timeout_ms=1500\0leaks=1\0", 35);
	units.ctx = &units;
	assert_int_equal(engine_batch_write(f.dir, &spec, &units, &f.err), IW_EIO);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_result),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_unfit_and_failed),
		cmocka_unit_test(test_no_result),
		cmocka_unit_test(test_scribbled_results_are_refused),
		cmocka_unit_test(test_links_are_not_followed),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
