#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

const struct iw_door *cli_door;

int cli_usage(const char *noun, const char *why)
{
	size_t len = strlen(why);

	fprintf(stderr, "ironworks %s: %s%s 'ironworks %s --help' shows how\n", noun, why,
		len > 0 && why[len - 1] == '?' ? "" : ";", noun);
	return CLI_USAGE;
}

int cli_refuse(char **argv)
{
	_auto_free_ char *wrong =
		iw_fmt("'%s' is no option of it, or lacks its value", argv[optind - 1]);

	return cli_usage(argv[0], wrong);
}

/* What stands behind an option is the next option: its own value was forgotten. */
static bool is_option(const char *word, const struct option *options)
{
	size_t i, len;

	for (i = 0; strncmp(word, "--", 2) == 0 && options[i].name; i++) {
		len = strlen(options[i].name);
		if (strncmp(word + 2, options[i].name, len) == 0 &&
			(!word[2 + len] || word[2 + len] == '='))
			return true;
	}
	return false;
}

int cli_check_value(char **argv, const struct option *options, const char *earlier)
{
	bool is_apart = optarg && optarg == argv[optind - 1];
	const char *option = argv[optind - 1 - is_apart];
	int len = (int)strcspn(option, "=");
	_auto_free_ char *why = NULL;

	if (!optarg)
		return -1;
	if (!*optarg)
		why = iw_fmt("%.*s wants a value, and it is empty", len, option);
	else if (is_apart && is_option(optarg, options))
		why = iw_fmt("%.*s lacks its value: '%s' is the next option", len, option,
			optarg);
	else if (earlier)
		why = iw_fmt("%.*s is there twice, '%s' and '%s'; which one?", len,
			option, earlier, optarg);
	return why ? cli_usage(argv[0], why) : -1;
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

void cli_print_plain(FILE *to, const char *prefix, const char *text)
{
	struct iw_buf safe = {0};

	iw_text_plain(&safe, text);
	fprintf(to, "%s%s\n", prefix, safe.data ? safe.data : "");
	iw_buf_fini(&safe);
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

#define OPTIONS_MAX 32

enum { OPT_STATE = 1, OPT_JSON, OPT_NO_SANDBOX, OPT_HELP, OPT_MORE };

/* argv[0] is the noun. */
static int take_more(const char *noun, const struct cli_option *option)
{
	const char *wrong = NULL;

	if (option->flag)
		*option->flag = true;
	else if (option->word)
		*option->word = optarg;
	else
		wrong = option->take(option->ctx, optarg);
	return wrong ? cli_usage(noun, wrong) : -1;
}

/* The value that an option of which there is one got before on this line: what stands in
 * its word without that is a default. */
static const char *earlier(int c, const struct cli_option *more,
	const struct cli_common *common, const bool *seen)
{
	if (c == OPT_STATE)
		return common->state;
	return c >= OPT_MORE && c != 'h' && seen[c] && more[c - OPT_MORE].word
		? *more[c - OPT_MORE].word
		: NULL;
}

static int check_value(int c, char **argv, const struct option *options,
	const struct cli_option *more, const char *before)
{
	bool is_more = c >= OPT_MORE && c != 'h';

	if (is_more && more[c - OPT_MORE].may_be_empty && !*optarg && !before)
		return -1;
	return cli_check_value(argv, options, before);
}

static int take(int c, const char *noun, const char *help, const struct cli_option *more,
	struct cli_common *common)
{
	switch (c) {
	case OPT_STATE:
		common->state = optarg;
		return -1;
	case OPT_JSON:
		common->json = true;
		return -1;
	case OPT_NO_SANDBOX:
		common->no_sandbox = true;
		return -1;
	case 'h':
	case OPT_HELP:
		fputs(help, stdout);
		return CLI_DONE;
	default:
		return take_more(noun, &more[c - OPT_MORE]);
	}
}

int cli_options(int argc, char **argv, const char *help, const struct cli_option *more,
	struct cli_common *common, int *first)
{
	struct option options[OPTIONS_MAX] = {
		{"state", required_argument, NULL, OPT_STATE},
		{"json", no_argument, NULL, OPT_JSON},
		{"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
		{"help", no_argument, NULL, OPT_HELP},
	};
	bool seen[OPTIONS_MAX] = {false};
	int i, c, rc = -1;

	for (i = 0; more && more[i].name; i++) {
		assert(OPT_MORE - 1 + i < OPTIONS_MAX - 1);
		options[OPT_MORE - 1 + i] = (struct option){more[i].name,
			more[i].flag ? no_argument : required_argument, NULL,
			OPT_MORE + i};
	}
	*common = (struct cli_common){0};
	opterr = 0;
	optind = 1;
	while (rc < 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == '?')
			return cli_refuse(argv);
		rc = check_value(c, argv, options, more, earlier(c, more, common, seen));
		if (rc < 0)
			rc = take(c, argv[0], help, more, common);
		if (c < OPTIONS_MAX)
			seen[c] = true;
	}
	*first = optind;
	return rc;
}
