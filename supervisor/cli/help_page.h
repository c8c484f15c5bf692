/*
 * What a command's --help says, taken apart: verbs, options, and the blocks that make a
 * manual page. Completions and manual pages are made of it, so they say what the commands
 * say and nothing else. Thread: any.
 */
#ifndef IW_CLI_HELP_PAGE_H
#define IW_CLI_HELP_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

struct help_option {
	char *name; /* "--why" */
	bool takes; /* a word stands behind it */
};

struct help_page {
	const struct cli_command *command;
	/* Of the command, and of those of its verbs that have more to say. */
	char **texts;
	size_t text_count, text_cap;
	char **verbs;
	size_t verb_count, verb_cap;
	struct help_option *options; /* each once, --help too */
	size_t option_count, option_cap;
};

/* Asks the command itself, as another process. */
int help_page_read(
	struct help_page *page, const struct cli_command *command, struct iw_err *err);
void help_page_fini(struct help_page *page);

/* Calls each with every block of a text: lines between empty ones. */
typedef void (*help_block_cb)(void *ctx, const char *block, size_t len);
void help_blocks(const char *text, help_block_cb each, void *ctx);
/* The line from *at on without its end; *at moves on. False: there is none. */
bool help_line(const char **at, const char *end, const char **line, size_t *len);
/* How much of an option's line, "  --why TEXT    one line", is its head, from the first
 * dash on; 0: it is no such line. */
size_t help_option_head(const char *line, size_t len);

#endif
