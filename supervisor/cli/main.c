#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "web/web.h"

#include "base/banned.h"

/* Everyday verbs stand alone, all else is <noun> <verb>. */
const struct cli_command cli_commands[] = {
	{"run", "fuzz adapters in the foreground and report what is new", cli_run},
	{"serve", "the same, always on; engines outlive it", cli_serve},
	{"diff", "which bugs an unreviewed change adds", cli_diff},
	{"build", "build an adapter in its flavours", cli_build},
	{"stop", "end a farm with its engines", cli_stop},
	{"top", "a farm in the terminal, live", cli_top},
	{"status", "what the farm has done so far, per target", cli_status},
	{"target", "list targets, hold and resume them", cli_target},
	{"campaign", "a budget of core time for some targets", cli_campaign},
	{"staged",
		"list and show the pull requests that are fuzzed, what each was tested "
		"with",
		cli_staged},
	{"coverage", "which lines the corpora reach, and which staged ones nothing does",
		cli_coverage},
	{"bug", "list and show bugs, say what becomes of them", cli_bug},
	{"blame", "which pull request brought a bug, and the proof", cli_blame},
	{"crash", "list and show crashes, bring some", cli_crash},
	{"repro", "run the input of a bug or a crash again", cli_repro},
	{"triage", "files that make a program fail: which bugs are they?", cli_triage},
	{"minimize", "make a crashing input small", cli_minimize},
	{"parse", "say what a sanitizer's report means", cli_parse},
	{"doctor", "can this machine do the work? what is missing?", cli_doctor},
	{"token", "make, list and revoke tokens for HTTP", cli_token},
	{"adapter", "check an adapter", cli_adapter},
	{"corpus", "distil a corpus", cli_corpus},
	{"completion", "what bash, zsh and fish complete", cli_completion},
	{"man", "manual pages", cli_man},
	{NULL, NULL, NULL},
};

static void print_help(FILE *out)
{
	const struct cli_command *c;

	fputs("Examples:\n"
	      "  ironworks doctor\n"
	      "  ironworks run demo zstd --for 5m\n"
	      "  ironworks bug list\n"
	      "  ironworks repro 3\n"
	      "\n"
	      "usage: ironworks COMMAND [ARGUMENT…]\n"
	      "\n",
		out);
	for (c = cli_commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fputs("\n'ironworks COMMAND --help' tells more.\n", out);
}

int main(int argc, char **argv)
{
	const struct cli_command *c;

	/* File systems, DNS and our own work share libuv's pool; 4 threads are few. */
	setenv("UV_THREADPOOL_SIZE", "8", 0);
	cli_door = &web_door;
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return CLI_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("ironworks " IRONWORKS_VERSION);
		return CLI_DONE;
	}
	for (c = cli_commands; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0)
			return c->run(argc - 1, argv + 1);
	fprintf(stderr,
		"ironworks: there is no command '%s'; 'ironworks --help' lists all\n",
		argv[1]);
	return CLI_USAGE;
}
