/* `ironworks completion`: what shells offer behind the program's name, made of what --help
 * says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/help_page.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks completion bash > ~/.local/share/bash-completion/completions/"
	"ironworks\n"
	"  ironworks completion zsh > ~/.zfunc/_ironworks\n"
	"  ironworks completion fish > ~/.config/fish/completions/ironworks.fish\n"
	"\n"
	"usage: ironworks completion bash|zsh|fish\n"
	"\n"
	"What a shell reads to complete commands, their verbs and their options.\n"
	"\n"
	"exit status: 0 done, 2 usage, 4 failed\n";

/* "list show --state --json". */
static void add_all(struct iw_buf *out, const struct help_page *p)
{
	size_t i;

	for (i = 0; i < p->verb_count; i++)
		iw_buf_addf(out, "%s ", p->verbs[i]);
	for (i = 0; i < p->option_count; i++)
		iw_buf_addf(out, "%s%s", p->options[i].name,
			i + 1 < p->option_count ? " " : "");
}

static void add_names(struct iw_buf *out)
{
	const struct cli_command *c;

	for (c = cli_commands; c->name; c++)
		iw_buf_addf(out, "%s ", c->name);
	iw_buf_adds(out, "--help --version");
}

/* -- bash and zsh ------------------------------------------------------------------- */

static void begin_bash(struct iw_buf *out)
{
	iw_buf_adds(out,
		"# ironworks                                         -*- shell-script "
		"-*-\n"
		"_ironworks()\n{\n"
		"\tlocal word=${COMP_WORDS[COMP_CWORD]} words\n\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='");
	add_names(out);
	iw_buf_adds(out, "'\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n");
}

static void add_bash(struct iw_buf *out, const struct help_page *p)
{
	iw_buf_addf(out, "\t\t%s) words='", p->command->name);
	add_all(out, p);
	iw_buf_adds(out, "' ;;\n");
}

static void end_bash(struct iw_buf *out)
{
	iw_buf_adds(out,
		"\t\tesac\n\tfi\n"
		"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
		"complete -o default -F _ironworks ironworks\n");
}

static void begin_zsh(struct iw_buf *out)
{
	iw_buf_adds(out,
		"#compdef ironworks\n\nlocal -a words_of\n\n"
		"if (( CURRENT == 2 )); then\n\twords_of=(");
	add_names(out);
	iw_buf_adds(out, ")\nelse\n\tcase $words[2] in\n");
}

static void add_zsh(struct iw_buf *out, const struct help_page *p)
{
	iw_buf_addf(out, "\t%s) words_of=(", p->command->name);
	add_all(out, p);
	iw_buf_adds(out, ") ;;\n");
}

static void end_zsh(struct iw_buf *out)
{
	iw_buf_adds(out,
		"\tesac\nfi\ncompadd -- $words_of\n"
		"(( CURRENT == 2 )) || _files\n");
}

/* -- fish --------------------------------------------------------------------------- */

static void begin_fish(struct iw_buf *out)
{
	iw_buf_adds(out,
		"complete -c ironworks -n __fish_use_subcommand -l help\n"
		"complete -c ironworks -n __fish_use_subcommand -l version\n");
}

static void add_fish(struct iw_buf *out, const struct help_page *p)
{
	const char *name = p->command->name;
	size_t i;

	iw_buf_addf(
		out, "complete -c ironworks -n __fish_use_subcommand -f -a %s -d ", name);
	iw_text_shell(out, p->command->summary);
	iw_buf_adds(out, "\n");
	for (i = 0; i < p->verb_count; i++)
		iw_buf_addf(out,
			"complete -c ironworks -n '__fish_seen_subcommand_from %s' -a "
			"%s\n",
			name, p->verbs[i]);
	for (i = 0; i < p->option_count; i++)
		iw_buf_addf(out,
			"complete -c ironworks -n '__fish_seen_subcommand_from %s' -l "
			"%s%s\n",
			name, p->options[i].name + 2, p->options[i].takes ? " -r" : "");
}

static void end_fish(struct iw_buf *out)
{
	(void)out;
}

/* -- words -------------------------------------------------------------------------- */

static const struct shell {
	const char *name;
	void (*begin)(struct iw_buf *out);
	void (*add)(struct iw_buf *out, const struct help_page *page);
	void (*end)(struct iw_buf *out);
} shells[] = {
	{"bash", begin_bash, add_bash, end_bash},
	{"zsh", begin_zsh, add_zsh, end_zsh},
	{"fish", begin_fish, add_fish, end_fish},
};

static int make(const struct shell *shell, struct iw_err *err)
{
	const struct cli_command *c;
	struct iw_buf out = {0};
	int rc = 0;

	shell->begin(&out);
	for (c = cli_commands; rc == 0 && c->name; c++) {
		struct help_page page;

		rc = help_page_read(&page, c, err);
		if (rc == 0)
			shell->add(&out, &page);
		help_page_fini(&page);
	}
	shell->end(&out);
	if (rc == 0)
		fwrite(out.data, 1, out.len, stdout);
	iw_buf_fini(&out);
	return rc;
}

int cli_completion(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, NULL, &common, &first);
	size_t i;

	if (rc >= 0)
		return rc;
	for (i = 0; argc - first == 1 && i < IW_COUNT(shells); i++)
		if (strcmp(shells[i].name, argv[first]) == 0)
			return make(&shells[i], &err) < 0 ? cli_fail(&err) : CLI_DONE;
	return cli_usage("completion", "say bash, zsh or fish");
}
