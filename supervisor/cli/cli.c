#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"

#include "base/banned.h"

const struct iw_door *cli_door;

int cli_usage(const char *noun, const char *why)
{
	fprintf(stderr, "ironworks %s: %s; 'ironworks %s --help' shows how\n", noun, why,
		noun);
	return CLI_USAGE;
}

int cli_fail(const struct iw_err *err)
{
	struct iw_buf line = {0};

	/* The sentence may quote a compiler, a report or a file name. */
	iw_text_plain(&line, err->msg);
	fprintf(stderr, "ironworks: %s\n", line.data ? line.data : "failed");
	iw_buf_fini(&line);
	return CLI_FAILED;
}

void cli_print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(json);
}

bool cli_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && !*end && *value >= min && *value <= max;
}

int cli_common_options(
	int argc, char **argv, const char *help, struct cli_common *common, int *first)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"no-sandbox", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	*common = (struct cli_common){0};
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 's':
			common->state = optarg;
			break;
		case 'j':
			common->json = true;
			break;
		case 'n':
			common->no_sandbox = true;
			break;
		case 'h':
			fputs(help, stdout);
			return CLI_DONE;
		default:
			return cli_usage(
				argv[0], "unknown option, or one without its value");
		}
	}
	*first = optind;
	return -1;
}
