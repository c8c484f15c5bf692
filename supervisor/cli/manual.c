/* `ironworks man`: manual pages, made of what --help says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/help_page.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks man repro | man -l -\n"
	"  ironworks man --into ~/.local/share/man/man1\n"
	"\n"
	"usage: ironworks man [COMMAND] [--into DIR]\n"
	"\n"
	"The manual page of the program, or of one command, as troff reads it.\n"
	"\n"
	"  --into DIR    write all of them as files there\n"
	"\n"
	"exit status: 0 done, 2 usage, 4 failed\n";

/* -- troff -------------------------------------------------------------------------- */

/* One line: nothing in it is a request or an escape. */
static void add_plain(struct iw_buf *out, const char *text, size_t len)
{
	size_t i;

	if (len > 0 && (*text == '.' || *text == '\''))
		iw_buf_adds(out, "\\&");
	for (i = 0; i < len; i++) {
		if (text[i] == '\\')
			iw_buf_adds(out, "\\e");
		else if (text[i] == '-')
			iw_buf_adds(out, "\\-");
		else
			iw_buf_add(out, text + i, 1);
	}
}

static void add_line(struct iw_buf *out, const char *text, size_t len)
{
	add_plain(out, text, len);
	iw_buf_adds(out, "\n");
}

/* What stands in front of a line's words. */
static size_t indent_of(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[n] == ' ')
		n++;
	return n;
}

/* Lines as they stand, but for the room that `before` took in front of the first. */
static void add_as_is(
	struct iw_buf *out, const char *block, size_t len, const char *before)
{
	const char *at = block + strlen(before), *line;
	size_t n, skip, room = strlen(before);

	iw_buf_adds(out, ".nf\n");
	while (help_line(&at, block + len, &line, &n)) {
		skip = indent_of(line, n < room ? n : room);
		add_line(out, line + skip, n - skip);
	}
	iw_buf_adds(out, ".fi\n");
}

static void add_options(struct iw_buf *out, const char *block, size_t len)
{
	const char *at = block, *line;
	size_t n, head, skip;

	while (help_line(&at, block + len, &line, &n)) {
		head = help_option_head(line, n);
		skip = head ? 2 + head : 0;
		if (head) {
			iw_buf_adds(out, ".TP\n.B ");
			add_line(out, line + 2, head);
		}
		skip += indent_of(line + skip, n - skip);
		if (skip < n)
			add_line(out, line + skip, n - skip);
	}
}

/* -- a page ------------------------------------------------------------------------- */

enum part { SYNOPSIS, DESCRIPTION, OPTIONS, EXAMPLES, EXIT_STATUS, PARTS };

static const char *const titles[PARTS] = {
	[SYNOPSIS] = "SYNOPSIS",
	[DESCRIPTION] = "DESCRIPTION",
	[OPTIONS] = "OPTIONS",
	[EXAMPLES] = "EXAMPLES",
	[EXIT_STATUS] = "EXIT STATUS",
};

static void add_words(struct iw_buf *out, const char *block, size_t len)
{
	const char *at = block, *line;
	size_t n, skip;

	iw_buf_adds(out, ".PP\n");
	while (help_line(&at, block + len, &line, &n)) {
		skip = indent_of(line, n);
		add_line(out, line + skip, n - skip);
	}
}

static void take_block(void *ctx, const char *block, size_t len)
{
	struct iw_buf *parts = ctx;
	const char *first = block, *line;
	size_t n;

	help_line(&first, block + len, &line, &n);
	if (strncmp(block, "Examples:\n", 10) == 0)
		add_as_is(&parts[EXAMPLES], block, len, "Examples:\n");
	else if (strncmp(block, "usage: ", 7) == 0)
		add_as_is(&parts[SYNOPSIS], block, len, "usage: ");
	else if (strncmp(block, "exit status: ", 13) == 0)
		add_words(&parts[EXIT_STATUS], block + 13, len - 13);
	else if (help_option_head(line, n))
		add_options(&parts[OPTIONS], block, len);
	else if (indent_of(line, n) > 0)
		add_as_is(&parts[DESCRIPTION], block, len, "");
	else
		add_words(&parts[DESCRIPTION], block, len);
}

static void add_parts(struct iw_buf *out, const struct help_page *page)
{
	struct iw_buf parts[PARTS] = {{0}};
	size_t i;

	for (i = 0; i < page->text_count; i++)
		help_blocks(page->texts[i], take_block, parts);
	for (i = 0; i < PARTS; i++) {
		if (parts[i].len) {
			iw_buf_addf(out, ".SH %s\n", titles[i]);
			iw_buf_add(out, parts[i].data, parts[i].len);
		}
		iw_buf_fini(&parts[i]);
	}
}

static void add_heading(struct iw_buf *out, const char *name)
{
	iw_buf_addf(out, ".TH %s 1 \"\" \"ironworks\" \"Ironworks\"\n.SH NAME\n", name);
}

static int make_command_page(
	struct iw_buf *out, const struct cli_command *command, struct iw_err *err)
{
	_auto_free_ char *name = iw_fmt("ironworks-%s", command->name);
	struct help_page page;
	int rc = help_page_read(&page, command, err);

	if (rc == 0) {
		add_heading(out, name);
		iw_buf_addf(out, "ironworks\\-%s \\- ", command->name);
		add_line(out, command->summary, strlen(command->summary));
		add_parts(out, &page);
		iw_buf_adds(out, ".SH SEE ALSO\n.BR ironworks (1)\n");
	}
	help_page_fini(&page);
	return rc;
}

static void make_main_page(struct iw_buf *out)
{
	const struct cli_command *c;

	add_heading(out, "ironworks");
	iw_buf_adds(out,
		"ironworks \\- a fuzzing and sanitizer farm\n"
		".SH SYNOPSIS\n.nf\nironworks COMMAND [ARGUMENT…]\n.fi\n"
		".SH DESCRIPTION\nKeeps the cores of a host busy with fuzz engines, runs "
		"what they find under every\nsanitizer, and turns crashes into few, "
		"small bugs.\n.SH COMMANDS\n");
	for (c = cli_commands; c->name; c++) {
		iw_buf_addf(out, ".TP\n.BR ironworks\\-%s (1)\n", c->name);
		add_line(out, c->summary, strlen(c->summary));
	}
	iw_buf_adds(out,
		".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colour, whatever is "
		"written to\n.TP\n.B XDG_STATE_HOME\nwhere the user's state "
		"folder lies\n.TP\n.B XDG_CACHE_HOME\nwhere what is fetched from "
		"other hosts lies\n.TP\n.B IRONWORKS_ADAPTERS\nfolders of "
		"adapters, with colons between them\n.TP\n.B IRONWORKS_TOKEN\n"
		"for a farm on another host\n");
}

/* -- words -------------------------------------------------------------------------- */

static int write_page(
	const char *dir, const char *name, const struct iw_buf *page, struct iw_err *err)
{
	_auto_free_ char *path = iw_fmt("%s/%s.1", dir, name);

	return iw_file_write(path, page->data, page->len, 0644, err);
}

static int write_all(const char *dir, struct iw_err *err)
{
	const struct cli_command *c;
	struct iw_buf page = {0};
	int rc = iw_dir_make(dir, err);

	make_main_page(&page);
	if (rc == 0)
		rc = write_page(dir, "ironworks", &page, err);
	for (c = cli_commands; rc == 0 && c->name; c++) {
		_auto_free_ char *name = iw_fmt("ironworks-%s", c->name);

		iw_buf_clear(&page);
		rc = make_command_page(&page, c, err);
		if (rc == 0)
			rc = write_page(dir, name, &page, err);
	}
	iw_buf_fini(&page);
	return rc;
}

static int print_page(const char *name, struct iw_err *err)
{
	const struct cli_command *c = cli_commands;
	struct iw_buf page = {0};
	int rc = 0;

	while (name && c->name && strcmp(c->name, name) != 0)
		c++;
	if (!name)
		make_main_page(&page);
	else if (c->name)
		rc = make_command_page(&page, c, err);
	else
		rc = iw_err_set(err, IW_ENOENT,
			"there is no command '%s'; 'ironworks --help' lists all", name);
	if (rc == 0)
		fwrite(page.data, 1, page.len, stdout);
	iw_buf_fini(&page);
	return rc;
}

int cli_man(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	const char *into = NULL;
	const struct cli_option more[] = {{"into", .word = &into}, {0}};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first > (into ? 0 : 1))
		return cli_usage("man", "say one command at most, and none with --into");
	rc = into ? write_all(into, &err) : print_page(argv[first], &err);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}
