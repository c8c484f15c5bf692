/* `ironworks triage`: files and a program, or files that are reports; no farm. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/pile.h"
#include "cli/pile_format.h"
#include "cli/table.h"
#include "cli/triage_reports.h"
#include "triage/severity.h"

#include "base/banned.h"

#define OUT_DEFAULT "ironworks-triage"
#define BUDGET_DEFAULT_MS 60000

static const char help[] =
	"Examples:\n"
	"  ironworks triage ./crashes --binary ./fuzz\n"
	"  ironworks triage afl-out/*/crashes --binary ./tool --args '--fast @@'\n"
	"  ironworks triage crash-* --binary ./fuzz --sarif bugs.sarif --junit bugs.xml\n"
	"  ironworks triage ./reports\n"
	"\n"
	"usage: ironworks triage FILE|DIR… --binary PROGRAM [--args WORDS] [--out DIR] "
	"…\n"
	"       ironworks triage FILE|DIR… [--json]\n"
	"\n"
	"Runs each file in the sandbox, joins those that fail for one cause, finds out "
	"how\n"
	"often each bug reproduces, makes its input small, and writes a folder for "
	"each:\n"
	"README.md with the commands that show it, report.txt, input, original. The "
	"same\n"
	"command again goes on where it was, and takes in files that are new; Ctrl-C "
	"loses\n"
	"nothing. Without --binary the files are reports (a sanitizer's output, "
	"*.casrep),\n"
	"which are read and joined.\n"
	"\n" CLI_PLAIN_HELP "  --out DIR        folder of results (default ./" OUT_DEFAULT
	")\n"
	"  --again          forget what is in that folder and begin anew\n"
	"  --budget TIME    to minimize one bug (default 1m)\n"
	"  --no-minimize    leave inputs as they are\n"
	"  --sarif FILE, --junit FILE, --markdown FILE, --casrep DIR\n"
	"                   write what was found in these forms, too\n"
	"  --json           print it as one JSON object\n"
	"\n"
	"exit status: 0 no bug in the folder of results, 1 bugs, 2 usage, 4 failed or "
	"stopped\n";

struct options {
	struct cli_common common;
	struct cli_plain_spec plain;
	const char *out, *sarif, *junit, *markdown, *casrep;
	bool is_again, no_minimize;
	int64_t budget_ms;
};

/* -- for people --------------------------------------------------------------------- */

static void show_progress(const struct pile *pile)
{
	size_t confirmed = 0, done = 0, progress = pile_progress(pile), i;
	size_t unconfirmed = pile_unconfirmed(pile);
	int64_t s = (iw_time_mono_ms() - pile->start_ms) / 1000;

	for (i = 0; i < pile->bug_count; i++) {
		const struct pile_bug *bug = pile->bugs[i];

		confirmed += pile_bug_is_shown(bug);
		done += bug->state == PILE_BUG_DONE;
	}
	fprintf(stderr, "\r%lld:%02lld  %zu of %zu files", (long long)s / 60,
		(long long)s % 60, progress, pile->spec.files->count);
	if (pile->rounds)
		fputs(", those that pass again for the flaky", stderr);
	fprintf(stderr, "; %zu bug%s", confirmed, confirmed == 1 ? "" : "s");
	if (done < confirmed)
		fprintf(stderr, ", %zu being made smaller", confirmed - done);
	if (unconfirmed)
		fprintf(stderr, ", %zu files to be confirmed", unconfirmed);
	fprintf(stderr, "%s\033[K", pile->is_stopped ? "; stopping" : "");
}

static int terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static void add_row(struct cli_table *table, const struct pile_bug *bug)
{
	struct pile_words words;

	pile_words_init(&words, bug);
	cli_table_number(table, bug->number);
	cli_table_cell(table, "%s", words.headline);
	cli_table_cell(table, "%s", words.place ? iw_path_base(words.place) : "");
	cli_table_cell(table, "%s", triage_severity_brief(words.severity, false));
	cli_table_number(table, (int64_t)pile_bug_files(bug));
	cli_table_cell(table, "%s%s", words.rate, bug->hits < bug->runs ? " flaky" : "");
	cli_table_number(table, (int64_t)bug->original_len);
	cli_table_cell(table, "%zu%s", bug->len, bug->is_minimized ? "" : "*");
	pile_words_fini(&words);
}

static size_t print_table(const struct pile *pile)
{
	struct cli_table *table =
		cli_table_new(">bug|what|where|severity|>files|rate|>bytes|>least");
	int width = terminal_width();
	size_t shown = 0, rough = 0, i;

	for (i = 0; i < pile->bug_count; i++) {
		const struct pile_bug *bug = pile->bugs[i];

		if (!pile_bug_is_shown(bug))
			continue;
		add_row(table, bug);
		shown++;
		rough += !bug->is_minimized;
	}
	if (width)
		cli_table_fit(table, width, "25");
	if (shown)
		cli_table_print(table, stdout, width);
	cli_table_free(table);
	if (rough)
		puts("* nobody has made it smaller yet");
	if (shown)
		putchar('\n');
	return shown;
}

static void print(const struct pile *pile, int64_t ms)
{
	size_t vanished = pile_count(pile, PILE_VANISHED);
	size_t unconfirmed = pile_unconfirmed(pile), bugs = print_table(pile);
	size_t left = pile_count(pile, PILE_UNKNOWN) - unconfirmed;

	printf("%zu file%s %s: %zu pass, %zu fail, %zu bug%s", pile->spec.files->count,
		pile->spec.files->count == 1 ? "" : "s", pile->spec.plain->words_of_build,
		pile_count(pile, PILE_PASSED), pile_count(pile, PILE_FAILED), bugs,
		bugs == 1 ? "" : "s");
	if (vanished)
		printf(", %zu failed among others and not alone", vanished);
	if (unconfirmed)
		printf(", %zu failed and not yet confirmed", unconfirmed);
	if (left)
		printf(", %zu left", left);
	printf("; %.1f s\n", (double)ms / 1000);
	if (pile->known)
		printf("%zu of them were known from an earlier run\n", pile->known);
	printf("%s/README.md has the list, with a folder for each bug\n", pile->spec.out);
}

/* -- files -------------------------------------------------------------------------- */

static int write_text(const char *path, struct iw_buf *text, struct iw_err *err)
{
	int rc = iw_file_replace(path, text->data ? text->data : "", text->len, err);

	iw_buf_fini(text);
	return rc;
}

static int write_json(const char *path, json_t *json, struct iw_err *err)
{
	_auto_free_ char *dump = json_dumps(json, JSON_INDENT(1));
	int rc = iw_file_replace(path, dump, strlen(dump), err);

	json_decref(json);
	return rc;
}

static int write_casreps(const struct pile *pile, const char *dir, struct iw_err *err)
{
	int rc = iw_dir_make(dir, err);
	size_t i;

	for (i = 0; rc == 0 && i < pile->bug_count; i++) {
		const struct pile_bug *bug = pile->bugs[i];
		_auto_free_ char *path = NULL;

		if (!pile_bug_is_shown(bug))
			continue;
		path = iw_fmt("%s/%s.casrep", dir, bug->folder);
		rc = write_json(path, pile_casrep(bug), err);
	}
	return rc;
}

static int write_forms(
	const struct pile *pile, const struct options *o, int64_t ms, struct iw_err *err)
{
	struct iw_buf text = {0};
	int rc = 0;

	if (o->sarif)
		rc = write_json(o->sarif, pile_sarif(pile), err);
	if (rc == 0 && o->junit) {
		pile_junit(pile, ms, &text);
		rc = write_text(o->junit, &text, err);
	}
	if (rc == 0 && o->markdown) {
		pile_markdown(pile, &text);
		rc = write_text(o->markdown, &text, err);
	}
	if (rc == 0 && o->casrep)
		rc = write_casreps(pile, o->casrep, err);
	return rc;
}

/* An hour of work is not to end with a folder that is not there. */
static int check_place(const char *path, struct iw_err *err)
{
	_auto_free_ char *dir = NULL;
	const char *base;
	struct stat st;

	if (!path)
		return 0;
	base = iw_path_base(path);
	dir = base == path ? iw_strdup(".") : iw_strndup(path, (size_t)(base - path));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return iw_err_set(
			err, IW_EINVAL, "cannot write '%s': it is a folder", path);
	if (access(dir, W_OK | X_OK) < 0)
		return iw_err_errno(err, errno, "cannot write '%s'", path);
	return 0;
}

/* -- the command -------------------------------------------------------------------- */

static const char *take_budget(void *ctx, const char *word)
{
	int64_t *ms = ctx;

	*ms = iw_time_parse(word);
	return *ms > 0 ? NULL : "--budget takes a time like 30s or 5m";
}

/* What was found is shown also when it was not all. */
static int work(const struct options *o, struct cli_plain *plain, struct cli_files *files,
	struct iw_err *err)
{
	struct pile_spec spec = {
		.plain = plain,
		.files = files,
		.out = o->out,
		.words = o->plain.args,
		.is_again = o->is_again,
		.budget_ms = o->no_minimize ? 0 : o->budget_ms,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL,
	};
	int64_t start = iw_time_mono_ms(), ms;
	struct pile pile;
	bool has_bugs;
	int rc = pile_run(&pile, &spec, err), forms_rc;

	ms = iw_time_mono_ms() - start;
	if (spec.progress)
		fputs("\r\033[K", stderr);
	if (rc == 0 || rc == IW_ECANCELED) {
		forms_rc = write_forms(&pile, o, ms, rc == 0 ? err : NULL);
		if (o->common.json)
			cli_print_json(pile_json(&pile, ms));
		else
			print(&pile, ms);
		rc = rc == 0 ? forms_rc : rc;
	}
	if (rc == IW_ECANCELED)
		iw_err_set(err, IW_ECANCELED,
			"stopped; the same command again goes on from here");
	has_bugs = pile_count(&pile, PILE_FAILED) > 0;
	pile_fini(&pile);
	return rc < 0 ? rc : has_bugs;
}

static int run(const struct options *o, char **paths, int count)
{
	struct iw_err err = IW_ERR_INIT;
	struct cli_files files;
	struct cli_plain plain = {0};
	int rc = cli_files_find(&files, paths, count, o->out, &err);

	if (rc == 0)
		rc = check_place(o->sarif, &err);
	if (rc == 0)
		rc = check_place(o->junit, &err);
	if (rc == 0)
		rc = check_place(o->markdown, &err);

	if (rc == 0)
		rc = cli_plain_open(&plain, &o->plain, &err);
	if (rc == 0)
		rc = work(o, &plain, &files, &err);
	cli_plain_close(&plain);
	cli_files_fini(&files);
	if (rc < 0)
		return cli_fail(&err);
	return rc ? CLI_NO : CLI_DONE;
}

int cli_triage(int argc, char **argv)
{
	struct options o = {.out = OUT_DEFAULT, .budget_ms = BUDGET_DEFAULT_MS};
	const struct cli_option more[] = {CLI_PLAIN_OPTIONS(&o.plain),
		{"out", .word = &o.out}, {"again", .flag = &o.is_again},
		{"budget", .take = take_budget, .ctx = &o.budget_ms},
		{"no-minimize", .flag = &o.no_minimize}, {"sarif", .word = &o.sarif},
		{"junit", .word = &o.junit}, {"markdown", .word = &o.markdown},
		{"casrep", .word = &o.casrep}, {0}};
	int first, rc = cli_options(argc, argv, help, more, &o.common, &first);

	if (rc >= 0)
		return rc;
	if (first == argc)
		return cli_usage("triage", "which files? name some, or a folder of them");
	o.plain.no_sandbox = o.common.no_sandbox;
	if (!o.plain.binary && (o.sarif || o.junit || o.markdown || o.casrep))
		return cli_usage("triage",
			"--sarif, --junit, --markdown and --casrep need --binary: "
			"reports alone are only joined");
	if (!o.plain.binary)
		return cli_triage_reports(argv + first, argc - first, o.common.json);
	return run(&o, argv + first, argc - first);
}
