/* AFL++ as the farm sees it: its numbers, its files' names, its end. All of them are
 * written in a folder that the target can write to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/engine.h"

#include "base/banned.h"

#define HEAD                                                                             \
	"# relative_time, cycles_done, cur_item, corpus_count, pending_total, "          \
	"pending_favs, map_size, saved_crashes, saved_hangs, max_depth, execs_per_sec, " \
	"total_execs, edges_found\n"
#define PLOT "10, 58, 0, 3, 0, 0, 60.00%, 0, 0, 2, 11804.15, 132511, 6\n"
#define LATER "15, 60, 0, 3, 0, 0, 60.00%, 0, 0, 2, 9000.99, 200000, 6\n"
#define STATS                                                                            \
	"cycles_done       : 61\nexecs_done        : 210000\n"                           \
	"execs_per_sec     : 13222.01\nstability         : 97.53%\n"

static const struct {
	const char *plot, *stats;
	int64_t executions, per_second, stability, cycles;
} rows[] = {
	{NULL, NULL, 0, 0, -1, -1},
	{"", "", 0, 0, -1, -1},
	{HEAD, NULL, 0, 0, -1, -1},
	{HEAD PLOT, NULL, 132511, 11804, -1, 58},
	{HEAD PLOT LATER, NULL, 200000, 9000, -1, 60},
	{PLOT, NULL, 132511, 11804, -1, 58},
	/* the newest line is half written */
	{HEAD PLOT "15, 60, 0, 3, 0, 0, 60", NULL, 132511, 11804, -1, 58},
	{NULL, STATS, 210000, 13222, 97, 61},
	/* stats are a minute old while it runs, and the newest at the end */
	{HEAD LATER, STATS, 210000, 9000, 97, 60},
	{HEAD LATER, "execs_done        : 5\n", 200000, 9000, -1, 60},
	{NULL, "execs_done        : 21", 0, 0, -1, -1},
	{NULL, "stability         : 100.00%\n", 0, 0, 100, -1},
	/* what a hostile target writes must not become our books */
	{HEAD "1, 2\n", NULL, 0, 0, -1, -1},
	{HEAD ",,,,,,,,,,,,,\n", NULL, 0, 0, -1, -1},
	{HEAD "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -5, -7, 1\n", NULL, 0, 0, -1, -1},
	{HEAD "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 99999999999999999999999, 1\n", NULL, 0, 0,
		-1, -1},
	{"\n\n\n", "\n:\n", 0, 0, -1, -1},
	{NULL, "stability         : 900%\nexecs_done        : 9223372036854775807\n", 0,
		0, -1, -1},
};

static void test_progress(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(rows); i++) {
		struct engine_progress p = engine_progress_none;
		struct engine_said said = {.log = "",
			.files = {{rows[i].plot, rows[i].plot ? strlen(rows[i].plot) : 0},
				{rows[i].stats,
					rows[i].stats ? strlen(rows[i].stats) : 0}}};

		engine_aflpp.progress(&said, &p);
		if (p.executions != rows[i].executions || p.cycles != rows[i].cycles)
			print_error("row %zu\n", i);
		assert_int_equal(p.executions, rows[i].executions);
		assert_int_equal(p.per_second, rows[i].per_second);
		assert_int_equal(p.stability, rows[i].stability);
		assert_int_equal(p.cycles, rows[i].cycles);
	}
}

/* The text need not end where a string does. */
static void test_progress_stays_in_bounds(void **state)
{
	static const char text[] = HEAD PLOT LATER;
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof text - 1; len++) {
		_auto_free_ char *copy = iw_calloc(len + 1, 1);
		struct engine_progress p = engine_progress_none;
		struct engine_said said = {
			.log = "", .files = {{copy, len}, {copy, len}}};

		memcpy(copy, text, len);
		engine_aflpp.progress(&said, &p);
		assert_true(p.executions == 0 || p.executions == 132511 ||
			p.executions == 200000);
	}
}

static const struct {
	const char *dir, *name;
	enum engine_artifact kind;
} artifacts[] = {
	{"default/crashes", "id:000000,sig:06,src:000001,time:9,execs:8,op:havoc,rep:2",
		ENGINE_ARTIFACT_CRASH},
	{"default/hangs", "id:000000,src:000001,time:9,execs:8,op:havoc,rep:2",
		ENGINE_ARTIFACT_TIMEOUT},
	{"default/crashes", "README.txt", ENGINE_ARTIFACT_NONE},
	{"default/crashes", "", ENGINE_ARTIFACT_NONE},
	{"default/hangs", "id", ENGINE_ARTIFACT_NONE},
	{"default/hangs", ".id:000000", ENGINE_ARTIFACT_NONE},
};

static void test_artifacts(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(artifacts); i++)
		assert_int_equal(
			engine_aflpp.artifact(artifacts[i].dir, artifacts[i].name),
			artifacts[i].kind);
}

#define SHA "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static const struct {
	const char *name;
	enum engine_unit unit;
} units[] = {
	{"id:000005,src:000001,time:1,execs:22,op:havoc,rep:16,+cov", ENGINE_UNIT_FOUND},
	{"id:000007,src:000005+000002,time:1,execs:2,op:splice,rep:2", ENGINE_UNIT_FOUND},
	{"id:000000,time:0,execs:0,orig:" SHA, ENGINE_UNIT_GIVEN},
	{"id:000003,src:000001,time:1,execs:2,inbox:libfuzzer-" SHA ",+cov",
		ENGINE_UNIT_KEPT},
	/* of an earlier slice: numbered anew, and counted then */
	{"id:000003,time:0,execs:0,orig:id:000009,src:000001,time:1,execs:2,op:havoc,rep:"
	 "2",
		ENGINE_UNIT_GIVEN},
	{"id:000003,time:0,execs:0,orig:id:000009,src:1,time:1,execs:2,inbox:"
	 "libfuzzer-" SHA,
		ENGINE_UNIT_GIVEN},
	/* handed out anew after a restart: nobody knows whether it had that before */
	{"id:000003,src:000001,time:1,execs:2,inbox:" SHA ",+cov", ENGINE_UNIT_GIVEN},
	/* whatever else a target puts there is none of AFL++'s finds */
	{"first", ENGINE_UNIT_GIVEN},
	{"", ENGINE_UNIT_GIVEN},
	{"../../id:0", ENGINE_UNIT_GIVEN},
};

static void test_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(units); i++)
		assert_int_equal(engine_aflpp.unit(units[i].name), units[i].unit);
}

static void test_ends(void **state)
{
	static const struct {
		enum iw_exit_class class;
		enum engine_end end;
	} ends[] = {
		{IW_EXIT_CLEAN, ENGINE_END_SLICE},
		{IW_EXIT_STOPPED, ENGINE_END_SLICE},
		{IW_EXIT_TIMEOUT, ENGINE_END_SLICE},
		{IW_EXIT_FAILED, ENGINE_END_FAILED},
		{IW_EXIT_SIGNALED, ENGINE_END_FAILED},
		{IW_EXIT_OOM, ENGINE_END_FAILED},
		{IW_EXIT_LOST, ENGINE_END_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(ends); i++) {
		struct iw_exit exit = {.class = ends[i].class};

		/* A crash it found does not excuse that it died. */
		assert_int_equal(engine_aflpp.end(&exit, true), ends[i].end);
		assert_int_equal(engine_aflpp.end(&exit, false), ends[i].end);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(engine_find("aflpp"), &engine_aflpp);
	/* Its builds say nothing that triage could read. */
	assert_null(engine_aflpp.reproduce);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_stays_in_bounds),
		cmocka_unit_test(test_artifacts),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("engine_aflpp", tests, NULL, NULL);
}
