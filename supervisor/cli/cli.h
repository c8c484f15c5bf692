/*
 * The command line: one file per noun, one table of commands in main.c. A command gets
 * its own argv (argv[0] is the noun), prints data to stdout and talk to stderr, and
 * returns an exit status. Every command has --help, which starts with examples, and
 * --json.
 */
#ifndef IW_CLI_CLI_H
#define IW_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "door.h"
#include "state.h"

enum cli_exit {
	CLI_DONE = 0, /* yes, done */
	CLI_NO = 1,   /* the answer is no: new bugs, did not reproduce */
	CLI_USAGE = 2,
	CLI_DAEMON = 3, /* the daemon cannot be reached */
	CLI_FAILED = 4,
};

struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_commands[];

/* How others look into a farm that a command runs; main.c says, because rooms on one
 * layer do not know each other. NULL: not at all. */
extern const struct iw_door *cli_door;

int cli_adapter(int argc, char **argv);
int cli_blame(int argc, char **argv);
int cli_bug(int argc, char **argv);
int cli_build(int argc, char **argv);
int cli_campaign(int argc, char **argv);
int cli_completion(int argc, char **argv);
int cli_corpus(int argc, char **argv);
int cli_coverage(int argc, char **argv);
int cli_crash(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_man(int argc, char **argv);
int cli_minimize(int argc, char **argv);
int cli_parse(int argc, char **argv);
int cli_repro(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_staged(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_target(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_triage(int argc, char **argv);

/* "ironworks NOUN: why; 'ironworks NOUN --help' shows how". Returns CLI_USAGE. */
int cli_usage(const char *noun, const char *why);
/* The same for the word that getopt_long() has just refused. */
int cli_refuse(char **argv);
struct option;
/* The same for a value that getopt_long() has just read, which is empty, an option itself,
 * or the second one; earlier: the first, or NULL. -1 to go on. */
int cli_check_value(char **argv, const struct option *options, const char *earlier);
/* "ironworks: sentence" on stderr. Returns CLI_FAILED. */
int cli_fail(const struct iw_err *err);
/* A line with foreign words behind a prefix of ours, made safe for a terminal. */
void cli_print_plain(FILE *to, const char *prefix, const char *text);
/* Prints a document and frees it. */
void cli_print_json(json_t *json);

/* Whole positive numbers only; false otherwise. */
bool cli_number(const char *text, int64_t min, int64_t max, int64_t *value);

/* Options that most commands have. */
struct cli_common {
	const char *state; /* --state DIR */
	bool json;	   /* --json */
	bool no_sandbox;   /* --no-sandbox, where jobs may be started */
};

/* One that a command has besides. */
struct cli_option {
	const char *name;
	bool *flag;	   /* set when it is there; or: */
	const char **word; /* gets what stands behind it; or: */
	/* Takes what stands behind it. Returns a sentence that says what is wrong, or
	 * NULL. */
	const char *(*take)(void *ctx, const char *word);
	void *ctx;
	bool may_be_empty; /* '' means something */
};

/*
 * Reads --state DIR, --json, --no-sandbox, --help and more (ends with a zeroed one; or
 * NULL) out of argv; positional words are left in argv[*first …]. Returns -1 to go on, or
 * the exit status (help was printed, or the usage is wrong).
 */
int cli_options(int argc, char **argv, const char *help, const struct cli_option *more,
	struct cli_common *common, int *first);

#endif
