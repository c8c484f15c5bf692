/*
 * A program that somebody built and gave to the command line, as triage wants to have it:
 * a build, a target, and a world to run jobs in. No adapter, no daemon, no state folder.
 *
 *	ironworks triage ./crashes --binary ./fuzz
 *	ironworks repro ./input --binary ./tool --args '-x @@'
 *
 * Which sanitizer it has is seen in the program. It is a libFuzzer target, or with --args
 * any program that reads a file or its standard input. Jobs see the folder it lies in, for
 * the libraries beside it; one that holds the user's home or all temporary files is too
 * much to show, and then the program is copied out of it.
 *
 * Thread: the main thread; opening blocks.
 */
#ifndef IW_CLI_PLAIN_H
#define IW_CLI_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/build.h"
#include "cli/cli.h"
#include "cli/local.h"
#include "slots.h"
#include "triage/world.h"

/* What the user said. Zero means default. */
struct cli_plain_spec {
	const char *binary; /* as on the command line */
	const char *args;   /* words behind the program; NULL: a libFuzzer target */
	int64_t jobs;	    /* processes at once; default: a core each */
	int64_t timeout_ms; /* of one input; default 10 s */
	int64_t rss_limit_mb;
	bool no_leaks;
	bool no_sandbox;
};

/* Rows for cli_options() that fill a spec, and what --help says of them. */
#define CLI_PLAIN_OPTIONS(spec)                                                          \
	{"binary", .word = &(spec)->binary},                                             \
		{"args", .word = &(spec)->args, .may_be_empty = true},                   \
		{"jobs", .take = cli_plain_take_jobs, .ctx = &(spec)->jobs},             \
		{"timeout", .take = cli_plain_take_timeout, .ctx = &(spec)->timeout_ms}, \
		{"rss-limit", .take = cli_plain_take_rss_limit,                          \
			.ctx = &(spec)->rss_limit_mb},                                   \
	{                                                                                \
		"no-leaks", .flag = &(spec)->no_leaks                                    \
	}
#define CLI_PLAIN_HELP                                                                   \
	"  --binary FILE    the program: a libFuzzer target, or with --args any other\n" \
	"  --args WORDS     how it takes an input: '@@' stands for the input's path, "   \
	"as\n"                                                                           \
	"                   in '--fast @@'; without one it comes on standard input\n"    \
	"  --jobs N         processes at once (default: number of cores)\n"              \
	"  --timeout TIME   of one input (default 10s)\n"                                \
	"  --rss-limit MB   memory of one input, without what a sanitizer adds\n"        \
	"                   (default 2048)\n"                                            \
	"  --no-leaks       memory that is never freed is no bug (as for every "         \
	"program\n"                                                                      \
	"                   that is run with --args)\n"                                  \
	"  --no-sandbox     run the program without bubblewrap\n"

const char *cli_plain_take_jobs(void *ctx, const char *word);
const char *cli_plain_take_timeout(void *ctx, const char *word);
const char *cli_plain_take_rss_limit(void *ctx, const char *word);

struct cli_plain {
	struct cli_local local;
	struct iw_slots *slots;
	struct iw_build build; /* its closure is the program's SHA-256 */
	struct adapter_target spec;
	struct triage_target target;
	struct triage_world world;  /* jobs and symbolizer; no database */
	char *path;		    /* of the program, absolute, as the user knows it */
	const char *words_of_build; /* "with libFuzzer and ASan" */
	/* below: private */
	char **words;
	char *copy; /* folder of a copy */
};

/* Close it in any case. */
int cli_plain_open(
	struct cli_plain *plain, const struct cli_plain_spec *spec, struct iw_err *err);
/* No job may be left but the symbolizer's. */
void cli_plain_close(struct cli_plain *plain);

#endif
