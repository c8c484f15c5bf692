/* `ironworks corpus …`: what can be done with units alone. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/distil.h"
#include "corpus/measure.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks corpus distil --binary ./fuzz_parser --out small ./corpus\n"
	"  ironworks corpus distil --binary ./fuzz_parser --out small --jobs 8 \\\n"
	"      --state ~/.cache/ironworks --json corpus-a corpus-b\n"
	"\n"
	"usage: ironworks corpus distil --binary BIN --out DIR [--state DIR] [--jobs N]\n"
	"           [--timeout TIME] [--no-sandbox] [--json] IN...\n"
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
	"exit status: 0 done, 2 usage, 4 failed: one sentence on stderr says why\n";

struct options {
	struct cli_distil_spec spec;
	bool is_json;
};

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

enum {
	OPT_BINARY = 256,
	OPT_OUT,
	OPT_STATE,
	OPT_JOBS,
	OPT_TIMEOUT,
	OPT_BARE,
	OPT_JSON,
	OPT_HELP
};

static const struct option options[] = {
	{"binary", required_argument, NULL, OPT_BINARY},
	{"out", required_argument, NULL, OPT_OUT},
	{"state", required_argument, NULL, OPT_STATE},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"no-sandbox", no_argument, NULL, OPT_BARE},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

/* 0: go on; otherwise the exit status + 1. */
static int take_option(struct options *o, int opt)
{
	char *end;

	switch (opt) {
	case OPT_BINARY:
		o->spec.binary = optarg;
		return 0;
	case OPT_OUT:
		o->spec.out = optarg;
		return 0;
	case OPT_STATE:
		o->spec.state_dir = optarg;
		return 0;
	case OPT_JOBS:
		o->spec.jobs = (int)strtol(optarg, &end, 10);
		if (*end || o->spec.jobs < 1 || o->spec.jobs > CORPUS_MEASURE_SHARDS_MAX)
			return 1 +
				cli_usage("corpus", "--jobs takes a number from 1 to 64");
		return 0;
	case OPT_TIMEOUT:
		o->spec.timeout_ms = iw_time_parse(optarg);
		if (o->spec.timeout_ms <= 0)
			return 1 +
				cli_usage("corpus",
					"--timeout takes a time like 60s or 2m");
		return 0;
	case OPT_BARE:
		o->spec.no_sandbox = true;
		return 0;
	case OPT_JSON:
		o->is_json = true;
		return 0;
	case OPT_HELP:
		fputs(help, stdout);
		return 1 + CLI_DONE;
	default:
		return 1 + cli_usage("corpus", "unknown option");
	}
}

static int cmd_distil(int argc, char **argv)
{
	struct options o = {.spec = {.timeout_ms = 60000,
				    .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN)}};
	int64_t start = iw_time_mono_ms();
	struct cli_distil_answer answer;
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *binary = NULL;
	int opt, rc;

	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		rc = take_option(&o, opt);
		if (rc > 0)
			return rc - 1;
	}
	o.spec.ins = argv + optind;
	o.spec.in_count = argc - optind;
	if (!o.spec.binary || !o.spec.out)
		return cli_usage("corpus", "--binary and --out are needed");
	if (o.spec.in_count == 0)
		return cli_usage("corpus", "no IN folder is given");
	binary = realpath(o.spec.binary, NULL);
	if (!binary) {
		iw_err_errno(&err, errno, "cannot open '%s'", o.spec.binary);
		return cli_fail(&err);
	}
	o.spec.binary = binary;
	rc = cli_distil(&o.spec, &answer, &err);
	if (rc == 0)
		print_answer(&answer, iw_time_mono_ms() - start, o.is_json);
	json_decref(answer.deaths);
	return rc == 0 ? CLI_DONE : cli_fail(&err);
}

int cli_corpus(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "distil") == 0)
		return cmd_distil(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return CLI_DONE;
	}
	return cli_usage(
		"corpus", argc > 1 ? "there is no such command" : "no command is given");
}
