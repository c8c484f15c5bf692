/* `ironworks corpus …`: what can be done with units alone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/distil.h"
#include "cli/replay.h"
#include "cli/table.h"
#include "corpus/measure.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks corpus distil --binary ./fuzz_parser --out small ./corpus\n"
	"  ironworks corpus distil --binary ./fuzz_parser --out small --jobs 8 \\\n"
	"      --state ~/.cache/ironworks --json corpus-a corpus-b\n"
	"  ironworks corpus replay ./fuzz_parser_asan ./corpus crash-1\n"
	"\n"
	"usage: ironworks corpus distil --binary BIN --out DIR [--state DIR] [--jobs N]\n"
	"           [--timeout TIME] [--no-sandbox] [--json] IN...\n"
	"       ironworks corpus replay BINARY PATH... …\n"
	"\n"
	"Finds the fewest files of the IN folders that show every feature all of them "
	"show,\n"
	"and writes those to the new folder DIR, named by SHA-1. BIN is a libFuzzer "
	"target.\n"
	"Each file runs once: with the same --state the next time only new ones do.\n"
	"Files that crash, hang or run out of memory are left out and counted.\n"
	"\n"
	"  --binary BIN     the fuzz target\n"
	"  --out DIR        where the chosen files go; new or empty\n"
	"  --state DIR      what was measured before (default: the user's state folder)\n"
	"  --jobs N         processes at once (default: number of cores)\n"
	"  --timeout TIME   of one file (default 60s)\n"
	"  --no-sandbox     run BIN without bubblewrap\n"
	"  --json           print the counts as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 4 failed: one sentence on stderr says why\n"
	"\n"
	"'ironworks corpus replay --help' shows how files are run under a sanitizer.\n";

static void print_answer(const struct cli_distil_answer *a, int64_t ms, bool is_json)
{
	size_t left_out = a->units - a->passed;

	if (is_json) {
		cli_print_json(json_pack("{sI sI sI sI sI sI sI sI sf ss sO}", "units",
			(json_int_t)a->units, "bytes", (json_int_t)a->bytes, "executed",
			(json_int_t)a->executed, "died", (json_int_t)a->died, "left_out",
			(json_int_t)left_out, "features", (json_int_t)a->chosen.features,
			"files", (json_int_t)a->chosen.chosen, "file_bytes",
			(json_int_t)a->chosen.chosen_bytes, "seconds", (double)ms / 1000,
			"measured_by", a->is_fallback ? "libfuzzer" : "driver", "deaths",
			a->deaths));
		return;
	}
	printf("units     %zu\n", a->units);
	printf("executed  %zu\n", a->executed);
	printf("features  %zu\n", a->chosen.features);
	printf("chosen    %zu files, %" PRIu64 " bytes\n", a->chosen.chosen,
		a->chosen.chosen_bytes);
	printf("seconds   %.2f\n", (double)ms / 1000);
	if (left_out)
		fprintf(stderr,
			"%zu files crash, hang or run out of memory and were left out\n",
			left_out);
}

static const char *take_jobs(void *ctx, const char *word)
{
	int64_t *jobs = ctx;

	return cli_number(word, 1, CORPUS_MEASURE_SHARDS_MAX, jobs)
		? NULL
		: "--jobs takes a number from 1 to 64";
}

static const char *take_timeout(void *ctx, const char *word)
{
	int64_t *ms = ctx;

	*ms = iw_time_parse(word);
	return *ms > 0 ? NULL : "--timeout takes a time like 60s or 2m";
}

static int jobs_of(int64_t jobs)
{
	return (int)(jobs > CORPUS_MEASURE_SHARDS_MAX ? CORPUS_MEASURE_SHARDS_MAX : jobs);
}

static int cmd_distil(int argc, char **argv)
{
	struct cli_distil_spec spec = {.timeout_ms = 60000};
	int64_t jobs = sysconf(_SC_NPROCESSORS_ONLN), start = iw_time_mono_ms();
	const struct cli_option more[] = {{"binary", .word = &spec.binary},
		{"out", .word = &spec.out}, {"jobs", .take = take_jobs, .ctx = &jobs},
		{"timeout", .take = take_timeout, .ctx = &spec.timeout_ms}, {0}};
	struct cli_distil_answer answer;
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *binary = NULL;
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	spec.ins = argv + first;
	spec.in_count = argc - first;
	spec.state_dir = common.state;
	spec.no_sandbox = common.no_sandbox;
	spec.jobs = jobs_of(jobs);
	if (!spec.binary || !spec.out)
		return cli_usage("corpus", "--binary and --out are needed");
	if (spec.in_count == 0)
		return cli_usage("corpus", "no IN folder is given");
	binary = realpath(spec.binary, NULL);
	if (!binary) {
		iw_err_errno(&err, errno, "cannot open '%s'", spec.binary);
		return cli_fail(&err);
	}
	spec.binary = binary;
	rc = cli_distil(&spec, &answer, &err);
	if (rc == 0)
		print_answer(&answer, iw_time_mono_ms() - start, common.json);
	json_decref(answer.deaths);
	return rc == 0 ? CLI_DONE : cli_fail(&err);
}

/* -- replay ------------------------------------------------------------------------- */

static const char replay_help[] =
	"Examples:\n"
	"  ironworks corpus replay ./fuzz_parser ./corpus\n"
	"  ironworks corpus replay ./fuzz_parser_msan --timeout 5s --json corpus "
	"crash-*\n"
	"\n"
	"usage: ironworks corpus replay BINARY PATH... [--jobs N] [--timeout TIME]\n"
	"           [--rss-limit MB] [--no-sandbox] [--json]\n"
	"\n"
	"Runs each file once, many in one process, and says which of them crash, hang, "
	"run\n"
	"out of memory or leak, and how. It goes on with the next file after each. "
	"BINARY is\n"
	"a libFuzzer target; the sanitizer that it was built with is seen and gets the\n"
	"options that a farm uses. A PATH is a file, or a folder with files in it.\n"
	"\n"
	"  --jobs N         processes at once (default: number of cores)\n"
	"  --timeout TIME   of one file (default 10s)\n"
	"  --rss-limit MB   memory of one file, without what a sanitizer adds, and its\n"
	"                   largest allocation (default 2048)\n"
	"  --no-sandbox     run BINARY without bubblewrap\n"
	"  --json           print what was found as one JSON object\n"
	"\n"
	"exit status: 0 all passed, 1 some did not, 2 usage, 4 failed\n";

static const char *take_rss_limit(void *ctx, const char *word)
{
	int64_t *mb = ctx;

	return cli_number(word, 1, 1 << 20, mb) ? NULL
						: "--rss-limit takes a number of MiB";
}

static void show_progress(size_t done, size_t units, size_t died)
{
	fprintf(stderr, "\r%zu of %zu files, %zu died\033[K", done, units, died);
}

static void print_deaths(const json_t *deaths)
{
	struct cli_table *table = cli_table_new("how|what|file");
	json_t *death;
	size_t i;

	json_array_foreach(deaths, i, death)
	{
		bool is_gone = json_is_false(json_object_get(death, "again"));

		cli_table_cell(
			table, "%s", json_string_value(json_object_get(death, "kind")));
		cli_table_cell(table, "%s%s",
			json_string_value(json_object_get(death, "headline")),
			is_gone ? " (not when run again)" : "");
		cli_table_cell(
			table, "%s", json_string_value(json_object_get(death, "path")));
	}
	cli_table_print(table, stdout, 0);
	cli_table_free(table);
}

static void print_replay(
	const struct cli_replay_answer *a, int64_t ms, const struct cli_common *common)
{
	if (common->json) {
		cli_print_json(json_pack("{ss sI sI sI sI sf sf ss sO}", "flavour",
			a->flavour, "units", (json_int_t)a->units, "passed",
			(json_int_t)a->passed, "died", (json_int_t)a->died, "not_run",
			(json_int_t)a->not_run, "seconds", (double)ms / 1000,
			"core_seconds", (double)a->cpu_us / 1000000, "measured_by",
			a->is_fallback ? "libfuzzer" : "driver", "deaths", a->deaths));
		return;
	}
	if (a->died > 0) {
		print_deaths(a->deaths);
		putchar('\n');
	}
	printf("%zu file%s under %s: %zu passed, %zu died", a->units,
		a->units == 1 ? "" : "s", a->flavour, a->passed, a->died);
	if (a->not_run > 0)
		printf(", %zu were not run", a->not_run);
	printf("; %.2f s\n", (double)ms / 1000);
	if (a->is_fallback)
		fprintf(stderr,
			"libFuzzer itself ran them, which finds no leaks: the program is "
			"stripped or static\n");
}

static int cmd_replay(int argc, char **argv)
{
	struct cli_replay_spec spec = {.timeout_ms = 10000, .rss_limit_mb = 2048};
	int64_t jobs = sysconf(_SC_NPROCESSORS_ONLN), start = iw_time_mono_ms();
	const struct cli_option more[] = {{"jobs", .take = take_jobs, .ctx = &jobs},
		{"timeout", .take = take_timeout, .ctx = &spec.timeout_ms},
		{"rss-limit", .take = take_rss_limit, .ctx = &spec.rss_limit_mb}, {0}};
	struct cli_replay_answer answer;
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *binary = NULL;
	struct cli_common common;
	int first, rc = cli_options(argc, argv, replay_help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first < 2)
		return cli_usage("corpus", "replay takes a BINARY and a PATH at least");
	binary = realpath(argv[first], NULL);
	if (!binary) {
		iw_err_errno(&err, errno, "cannot open '%s'", argv[first]);
		return cli_fail(&err);
	}
	spec.binary = binary;
	spec.paths = argv + first + 1;
	spec.path_count = argc - first - 1;
	spec.jobs = jobs_of(jobs);
	spec.no_sandbox = common.no_sandbox;
	if (isatty(STDERR_FILENO))
		spec.progress = show_progress;
	rc = cli_replay(&spec, &answer, &err);
	if (spec.progress)
		fputs("\r\033[K", stderr);
	if (rc == 0)
		print_replay(&answer, iw_time_mono_ms() - start, &common);
	json_decref(answer.deaths);
	if (rc < 0)
		return cli_fail(&err);
	return answer.died > 0 ? CLI_NO : CLI_DONE;
}

int cli_corpus(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	/* The noun is what sentences begin with. */
	if (argc > 1)
		argv[1] = argv[0];
	if (strcmp(verb, "replay") == 0)
		return cmd_replay(argc - 1, argv + 1);
	if (strcmp(verb, "distil") == 0)
		return cmd_distil(argc - 1, argv + 1);
	if (strcmp(verb, "--help") == 0) {
		fputs(help, stdout);
		return CLI_DONE;
	}
	return cli_usage(
		"corpus", argc > 1 ? "there is no such command" : "no command is given");
}
